/*
 * Counters only grow, so a sample is what they are now less what they were at the sample before.
 * Each cell is summed over the threads by itself, at slightly different moments: a difference that
 * comes out below zero is taken for none, and the next sample makes it good.
 */
#include "front/history.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/history_internal.h"

/* The first cell of a histogram, behind its buckets, counts all; here it counts those past them. */
static void read_durations(const int64_t cells[], int64_t before[], struct history_durations *out)
{
    int64_t within = 0;

    for (size_t i = 0; i < METRIC_BUCKET_COUNT; i++) {
        out->cells[i] = history_grown(&before[i], cells[i]);
        within += cells[i];
    }
    out->cells[METRIC_BUCKET_COUNT] =
        history_grown(&before[METRIC_BUCKET_COUNT], cells[METRIC_HISTOGRAM_COUNT] - within);
}

static uint32_t gauge(int64_t value)
{
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void sample_cache(struct history_totals *totals, struct history_cache *out)
{
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        out->results[i] = history_grown(&totals->cache[i], metric_sum(METRIC_CACHE, i));
    out->stale_if_error =
        history_grown(&totals->stale_if_error, metric_sum(METRIC_CACHE_STALE_IF_ERROR, 0));
    out->evictions = history_grown(&totals->evictions, metric_sum(METRIC_CACHE_EVICTIONS, 0));
    out->items = gauge(metric_sum(METRIC_CACHE_ITEMS, 0));
}

static void sample_process(struct history *history, struct mono_time now,
                           struct history_sample *out)
{
    struct history_totals *totals = &history->totals;
    int64_t cells[METRIC_HISTOGRAM_CELLS];

    for (size_t i = 0; i < METRIC_HISTOGRAM_CELLS; i++)
        cells[i] = metric_sum(METRIC_REQUEST_DURATION, i);
    read_durations(cells, totals->lookups, &out->lookups);
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        out->codes[i] = history_grown(&totals->codes[i], metric_sum(METRIC_REQUESTS, i));
    out->at = now;
    out->length = mono_diff(now, history->sampled);
    out->connections = gauge(metric_sum(METRIC_CONNECTIONS, 0));
    out->in_flight = gauge(metric_sum(METRIC_IN_FLIGHT, 0));
    sample_cache(totals, &out->cache);
}

static enum history_class class_of(size_t status)
{
    if (status == 0)
        return HISTORY_NONE;
    if (status == 401 || status == 403)
        return HISTORY_REFUSED;
    if (status == 429)
        return HISTORY_LIMITED;
    if (status >= 500)
        return HISTORY_SERVER_ERROR;
    return status < 300 || status == 304 || status == 404 ? HISTORY_GOOD : HISTORY_CLIENT_ERROR;
}

static void sample_classes(struct history_upstream *upstream, size_t index,
                           struct history_upstream_sample *out)
{
    int64_t classes[HISTORY_CLASSES] = {0};

    for (size_t status = 0; status < METRIC_STATUS_CELLS; status++)
        classes[class_of(status)] += metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, index, status);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        out->classes[i] = history_grown(&upstream->totals.classes[i], classes[i]);
}

static void sample_failovers(struct history_upstream_totals *totals, size_t index,
                             struct history_upstream_sample *out)
{
    int64_t failovers[METRIC_FAILOVER_REASONS] = {0};

    for (size_t cell = 0; cell < METRIC_FAILOVER_CELLS; cell++)
        failovers[cell % METRIC_FAILOVER_REASONS] +=
            metric_upstream_sum(METRIC_FAILOVERS, index, cell);
    for (size_t i = 0; i < METRIC_FAILOVER_REASONS; i++)
        out->failovers[i] = history_grown(&totals->failovers[i], failovers[i]);
}

static void sample_refused(struct history_upstream_totals *totals, size_t index,
                           struct history_upstream_sample *out)
{
    out->queue_refused = history_grown(
        &totals->queue_refused, metric_upstream_sum(METRIC_UPSTREAM_QUEUE_REFUSED, index, 0));
    out->rate_refused =
        history_grown(&totals->rate_refused, metric_upstream_sum(METRIC_RATE_REFUSED, index, 0));
    out->retries_refused = history_grown(
        &totals->retries_refused, metric_upstream_sum(METRIC_RETRY_BUDGET_REFUSED, index, 0));
}

static void sample_upstream(struct history_upstream *upstream, size_t index,
                            enum keeper_state state, struct history_upstream_sample *out)
{
    struct history_upstream_totals *totals = &upstream->totals;
    int64_t cells[METRIC_HISTOGRAM_CELLS];

    for (size_t i = 0; i < METRIC_HISTOGRAM_CELLS; i++)
        cells[i] = metric_upstream_sum(METRIC_UPSTREAM_DURATION, index, i);
    read_durations(cells, totals->calls, &out->calls);
    for (size_t i = 0; i < METRIC_HISTOGRAM_CELLS; i++)
        cells[i] = metric_upstream_sum(METRIC_UPSTREAM_QUEUE_DURATION, index, i);
    read_durations(cells, totals->queued, &out->queued);
    sample_classes(upstream, index, out);
    out->rejected =
        history_grown(&totals->rejected, metric_upstream_sum(METRIC_TOKEN_REJECTED, index, 0));
    out->queue_length = gauge(metric_upstream_sum(METRIC_UPSTREAM_QUEUE_LENGTH, index, 0));
    sample_refused(totals, index, out);
    sample_failovers(totals, index, out);
    out->state = state;
}

static uint16_t busiest(const struct exposition *sources)
{
    double most = 0;

    for (size_t i = 0; i < sources->worker_count; i++)
        most = sources->busy[i] > most ? sources->busy[i] : most;
    return (uint16_t)(most * 1000);
}

void history_sample(struct history *history, const struct exposition *sources, struct mono_time now)
{
    struct history_sample sample = {.busy_permille = busiest(sources)};

    MAGIC_OK(history, HISTORY_MAGIC);
    history_use(history, sources);
    sample_process(history, now, &sample);
    for (size_t i = 0; i < sources->upstream_count; i++) {
        const size_t index = sources->upstreams[i].index;
        struct history_upstream *upstream = history->upstreams[index];
        struct history_upstream_sample own = {0};
        struct keeper_status status;

        keeper_status(sources->upstreams[i].keeper, now, &status);
        history_token(history, index, &status, now);
        sample_upstream(upstream, index, status.state, &own);
        sample.token_waiters += gauge(metric_upstream_sum(METRIC_TOKEN_WAITERS, index, 0));
        upstream->samples[history->taken % HISTORY_SAMPLES] = own;
    }
    history->samples[history->taken % HISTORY_SAMPLES] = sample;
    history->taken++;
    history->sampled = now;
}

/* ---- which upstreams there are ---- */

static void end(struct history *history, size_t index)
{
    struct history_upstream *upstream = history->upstreams[index];

    if (upstream == NULL)
        return;
    mem_free(upstream->name);
    mem_free(upstream);
    history->upstreams[index] = NULL;
}

struct history_upstream *history_begin(struct history *history, size_t index, const char *name)
{
    struct history_upstream *upstream = mem_zalloc(sizeof(*upstream));
    struct history_upstream_sample before = {0};

    MUST(index < METRIC_UPSTREAMS);
    end(history, index);
    if (history->used[index])
        metric_upstream_restart(index);
    history->used[index] = true;
    upstream->name = mem_strdup(name);
    upstream->began = history->taken;
    if (history->taken > 0)
        upstream->since = history->sampled;
    sample_upstream(upstream, index, KEEPER_NONE, &before); /* sets the totals */
    history_token_begin(&upstream->seen, index);
    history->upstreams[index] = upstream;
    return upstream;
}

void history_use(struct history *history, const struct exposition *sources)
{
    bool present[METRIC_UPSTREAMS] = {false};

    MAGIC_OK(history, HISTORY_MAGIC);
    for (size_t i = 0; i < sources->upstream_count; i++) {
        const struct exposition_upstream *source = &sources->upstreams[i];
        const struct history_upstream *known = history->upstreams[source->index];

        if (known == NULL || strcmp(known->name, source->name) != 0)
            history_begin(history, source->index, source->name);
        present[source->index] = true;
    }
    for (size_t i = 0; i < METRIC_UPSTREAMS; i++)
        if (!present[i])
            end(history, i);
}

/* ---- its life ---- */

struct history *history_new(struct mono_time now)
{
    struct history *history = mem_zalloc(sizeof(*history));

    MAGIC_SET(history, HISTORY_MAGIC);
    history->sampled = now;
    return history;
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    MAGIC_OK(history, HISTORY_MAGIC);
    for (size_t i = 0; i < METRIC_UPSTREAMS; i++)
        end(history, i);
    MAGIC_CLEAR(history);
    mem_free(history);
}

/* ---- reading it ---- */

size_t history_count(const struct history *history)
{
    MAGIC_OK(history, HISTORY_MAGIC);
    return history->taken < HISTORY_SAMPLES ? (size_t)history->taken : HISTORY_SAMPLES;
}

struct mono_time history_pending(const struct history *history, const int64_t codes[PROBLEM_COUNT],
                                 int64_t pending[PROBLEM_COUNT])
{
    MAGIC_OK(history, HISTORY_MAGIC);
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        pending[i] = codes[i] - history->totals.codes[i];
    return history->sampled;
}

static size_t place(const struct history *history, size_t age)
{
    MUST(age < history_count(history));
    return (size_t)((history->taken - 1 - age) % HISTORY_SAMPLES);
}

const struct history_sample *history_at(const struct history *history, size_t age)
{
    return &history->samples[place(history, age)];
}

size_t history_upstream_count(const struct history *history, size_t index)
{
    MAGIC_OK(history, HISTORY_MAGIC);
    MUST(index < METRIC_UPSTREAMS);
    if (history->upstreams[index] == NULL)
        return 0;
    const uint64_t taken = history->taken - history->upstreams[index]->began;

    return taken < HISTORY_SAMPLES ? (size_t)taken : HISTORY_SAMPLES;
}

struct mono_time history_upstream_since(const struct history *history, size_t index)
{
    MAGIC_OK(history, HISTORY_MAGIC);
    MUST(index < METRIC_UPSTREAMS);
    const struct history_upstream *upstream = history->upstreams[index];

    return upstream != NULL ? upstream->since : history->sampled;
}

const struct history_upstream_sample *history_upstream_at(const struct history *history,
                                                          size_t index, size_t age)
{
    static const struct history_upstream_sample unknown;

    if (age >= history_upstream_count(history, index))
        return &unknown;
    return &history->upstreams[index]->samples[place(history, age)];
}

void history_durations_add(struct history_durations *sum, const struct history_durations *more)
{
    for (size_t i = 0; i < ARRAY_LEN(sum->cells); i++)
        sum->cells[i] += more->cells[i];
}

uint64_t history_durations_count(const struct history_durations *durations)
{
    uint64_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(durations->cells); i++)
        count += durations->cells[i];
    return count;
}

uint64_t history_durations_over(const struct history_durations *durations, int64_t least)
{
    static const double bounds[METRIC_BUCKET_COUNT] = METRIC_BUCKETS;
    uint64_t count = 0;

    for (size_t i = 1; i < ARRAY_LEN(durations->cells); i++)
        if (bounds[i - 1] * (double)SECOND >= (double)least)
            count += durations->cells[i];
    return count;
}

/* Within a bucket durations are taken to lie evenly; past the last bound they are taken for it. */
int64_t history_percentile(const struct history_durations *durations, double share)
{
    static const double bounds[METRIC_BUCKET_COUNT] = METRIC_BUCKETS;
    const double wanted = (double)history_durations_count(durations) * share;
    double below = 0;

    if (history_durations_count(durations) == 0)
        return -1;
    for (size_t i = 0; i < METRIC_BUCKET_COUNT; i++) {
        const double first = i == 0 ? 0 : bounds[i - 1];
        const double count = (double)durations->cells[i];

        if (count > 0 && below + count >= wanted)
            return (int64_t)((first + (bounds[i] - first) * (wanted - below) / count) *
                             (double)SECOND);
        below += count;
    }
    return (int64_t)(bounds[METRIC_BUCKET_COUNT - 1] * (double)SECOND);
}
