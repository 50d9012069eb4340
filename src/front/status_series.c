/*
 * A column is a merge of samples: counts and the time that they cover are summed, so that a rate is
 * right also where the machine slept; of gauges the most is kept, for a peak of ten seconds is what
 * is looked for in two hours.
 */
#include "front/status_series.h"

#include <math.h>
#include <string.h>

#include "base/check.h"

#define EVENTS_MAX 16

static int64_t known_for(const struct overview *overview)
{
    const size_t count = history_count(overview->history);

    if (count == 0)
        return 0;
    const struct history_sample *oldest = history_at(overview->history, count - 1);
    return mono_diff(overview->now, oldest->at) + oldest->length;
}

/* The more upstreams share the page, the less is shown of each. */
static size_t sharing(size_t upstreams)
{
    if (upstreams <= 4)
        return upstreams > 0 ? upstreams : 1;
    return upstreams <= 8 ? 6 : 9;
}

struct series_span series_span_of(const struct overview *overview)
{
    static const int64_t lengths[] = {10 * MINUTE, 30 * MINUTE, HISTORY_SPAN};
    const int64_t known = known_for(overview);
    const size_t shares = sharing(overview->upstream_count);
    struct series_span span = {
        .now = overview->now, .step = HISTORY_INTERVAL, .events = EVENTS_MAX / shares};
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(lengths) && lengths[i] < known)
        i++;
    span.length = lengths[i];
    while (span.length / span.step > (int64_t)(SERIES_MAX / shares))
        span.step += HISTORY_INTERVAL;
    span.columns = (size_t)(span.length / span.step);
    return span;
}

struct mono_time series_begin(const struct series_span *span)
{
    const struct mono_time end = {(span->now.ns / span->step + 1) * span->step};

    return mono_add(end, -span->length);
}

size_t series_position(const struct overview *overview, const struct overview_upstream *upstream)
{
    return (size_t)(upstream - overview->upstreams);
}

struct wall_time series_wall(const struct overview *overview, struct mono_time at)
{
    return (struct wall_time){.ns = overview->wall.ns + mono_diff(at, overview->now)};
}

/* SERIES_MAX or more: before the first column. */
static size_t column_of(const struct series_span *span, struct mono_time at)
{
    const int64_t back = span->now.ns / span->step - at.ns / span->step;

    return back < 0
               ? span->columns - 1
               : (back < (int64_t)span->columns ? span->columns - 1 - (size_t)back : SERIES_MAX);
}

static void add_gauge(uint32_t *most, uint32_t value)
{
    *most = value > *most ? value : *most;
}

static void add_cache(struct series_cache *sum, const struct history_cache *more)
{
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        sum->results[i] += more->results[i];
    sum->stale_if_error += more->stale_if_error;
    sum->evictions += more->evictions;
}

/* A call that replaces a stale answer is nobody's own, or has failed. */
bool series_is_without_call(enum cache_result result)
{
    return result == CACHE_HIT || result == CACHE_STALE || result == CACHE_JOINED;
}

double series_without_call(const struct series_cache *cache)
{
    int64_t all = 0, without = 0;

    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++) {
        all += cache->results[i];
        without += series_is_without_call((enum cache_result)i) ? cache->results[i] : 0;
    }
    return all == 0 ? NAN : (double)without / (double)all;
}

static void add_sample(struct series_column *column, const struct history_sample *sample)
{
    column->length += sample->length;
    history_durations_add(&column->lookups, &sample->lookups);
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        column->codes[i] += sample->codes[i];
    add_gauge(&column->connections, sample->connections);
    add_gauge(&column->in_flight, sample->in_flight);
    add_gauge(&column->token_waiters, sample->token_waiters);
    if (sample->busy_permille > column->busy_permille)
        column->busy_permille = sample->busy_permille;
    add_cache(&column->cache, &sample->cache);
}

void series_fill(const struct overview *overview, const struct series_span *span,
                 struct series_column *columns)
{
    const size_t count = history_count(overview->history);

    memset(columns, 0, SERIES_MAX * sizeof(*columns));
    for (size_t age = 0; age < count; age++) {
        const struct history_sample *sample = history_at(overview->history, age);
        const size_t column = column_of(span, sample->at);

        if (column >= SERIES_MAX)
            return;
        add_sample(&columns[column], sample);
    }
}

static void add_upstream_sample(struct series_upstream_column *column,
                                const struct history_upstream_sample *sample, int64_t length)
{
    column->length += length;
    history_durations_add(&column->calls, &sample->calls);
    history_durations_add(&column->queued, &sample->queued);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        column->classes[i] += sample->classes[i];
    column->queue_refused += sample->queue_refused;
    column->rate_refused += sample->rate_refused;
    column->suspect = column->suspect || sample->state == KEEPER_SUSPECT;
}

void series_fill_upstream(const struct overview *overview, const struct series_span *span,
                          size_t index, struct series_upstream_column *columns)
{
    const size_t count = history_upstream_count(overview->history, index);

    memset(columns, 0, SERIES_MAX * sizeof(*columns));
    for (size_t age = 0; age < count; age++) {
        const struct history_sample *times = history_at(overview->history, age);
        const size_t at = column_of(span, times->at);

        if (at >= SERIES_MAX)
            return;
        add_upstream_sample(&columns[at], history_upstream_at(overview->history, index, age),
                            times->length);
    }
}

void series_sum_upstream(const struct overview *overview, size_t index, int64_t time,
                         struct series_upstream_column *sum)
{
    const size_t count = history_upstream_count(overview->history, index);

    memset(sum, 0, sizeof(*sum));
    for (size_t age = 0; age < count; age++) {
        const struct history_sample *times = history_at(overview->history, age);

        if (mono_diff(overview->now, times->at) >= time)
            return;
        add_upstream_sample(sum, history_upstream_at(overview->history, index, age), times->length);
    }
}

static void add_pending(const struct overview *overview, struct series_column *sum)
{
    int64_t pending[PROBLEM_COUNT];

    sum->length +=
        mono_diff(overview->now, history_pending(overview->history, overview->codes, pending));
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        sum->codes[i] += pending[i];
}

void series_sum(const struct overview *overview, int64_t time, struct series_column *sum)
{
    const size_t count = history_count(overview->history);

    memset(sum, 0, sizeof(*sum));
    add_pending(overview, sum);
    for (size_t age = 0; age < count; age++) {
        const struct history_sample *sample = history_at(overview->history, age);

        if (mono_diff(overview->now, sample->at) >= time)
            return;
        add_sample(sum, sample);
    }
}
