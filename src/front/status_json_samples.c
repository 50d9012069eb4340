/*
 * The samples in /status.json, as columns: an array for each quantity, the oldest first, so that a
 * plot needs no reshaping.
 */
#include "base/check.h"
#include "base/mem.h"
#include "front/status_json_internal.h"
#include "front/status_series.h"

/* A quantity of one sample. `upstream` is empty for the process's own. */
typedef json_t *read_sample(const struct history_sample *sample,
                            const struct history_upstream_sample *upstream, size_t which);

static json_t *per_second(uint32_t count, int64_t length)
{
    return json_real(length > 0 ? (double)count * (double)SECOND / (double)length : 0);
}

static json_t *percentile(const struct history_durations *durations, size_t percent)
{
    const int64_t duration = history_percentile(durations, (double)percent / 100);

    return duration < 0 ? json_null() : status_json_seconds(duration);
}

static json_t *read_lookups(const struct history_sample *sample,
                            const struct history_upstream_sample *upstream, size_t percent)
{
    (void)upstream;
    return percentile(&sample->lookups, percent);
}

static json_t *read_requests(const struct history_sample *sample,
                             const struct history_upstream_sample *upstream, size_t which)
{
    uint32_t all = 0;

    (void)upstream;
    (void)which;
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        all += sample->codes[i];
    return per_second(all, sample->length);
}

static json_t *read_code(const struct history_sample *sample,
                         const struct history_upstream_sample *upstream, size_t id)
{
    (void)upstream;
    return per_second(sample->codes[id], sample->length);
}

/* The gauges of the process, in the order of their names. */
static const char *const gauges[] = {"connections", "in_flight", "token_waiters"};

static json_t *read_gauge(const struct history_sample *sample,
                          const struct history_upstream_sample *upstream, size_t which)
{
    const uint32_t values[] = {sample->connections, sample->in_flight, sample->token_waiters};

    (void)upstream;
    return json_integer(values[which]);
}

static json_t *read_busy(const struct history_sample *sample,
                         const struct history_upstream_sample *upstream, size_t which)
{
    (void)upstream;
    (void)which;
    return json_real(sample->busy_permille / 1000.0);
}

static json_t *read_cache_lookups(const struct history_sample *sample,
                                  const struct history_upstream_sample *upstream, size_t which)
{
    uint32_t all = 0;

    (void)upstream;
    (void)which;
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        all += sample->cache.results[i];
    return per_second(all, sample->length);
}

static json_t *read_without_call(const struct history_sample *sample,
                                 const struct history_upstream_sample *upstream, size_t which)
{
    uint32_t without = 0;

    (void)upstream;
    (void)which;
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        without += series_is_without_call((enum cache_result)i) ? sample->cache.results[i] : 0;
    return per_second(without, sample->length);
}

static json_t *read_calls(const struct history_sample *sample,
                          const struct history_upstream_sample *upstream, size_t percent)
{
    (void)sample;
    return percentile(&upstream->calls, percent);
}

static json_t *read_queued(const struct history_sample *sample,
                           const struct history_upstream_sample *upstream, size_t percent)
{
    (void)sample;
    return percentile(&upstream->queued, percent);
}

static json_t *read_class(const struct history_sample *sample,
                          const struct history_upstream_sample *upstream, size_t class)
{
    return per_second(upstream->classes[class], sample->length);
}

static json_t *read_queue_length(const struct history_sample *sample,
                                 const struct history_upstream_sample *upstream, size_t which)
{
    (void)sample;
    (void)which;
    return json_integer(upstream->queue_length);
}

static json_t *read_queue_refused(const struct history_sample *sample,
                                  const struct history_upstream_sample *upstream, size_t which)
{
    (void)which;
    return per_second(upstream->queue_refused, sample->length);
}

static json_t *read_rejected(const struct history_sample *sample,
                             const struct history_upstream_sample *upstream, size_t which)
{
    (void)which;
    return per_second(upstream->rejected, sample->length);
}

static json_t *read_rate_refused(const struct history_sample *sample,
                                 const struct history_upstream_sample *upstream, size_t which)
{
    (void)which;
    return per_second(upstream->rate_refused, sample->length);
}

static json_t *read_retries_refused(const struct history_sample *sample,
                                    const struct history_upstream_sample *upstream, size_t which)
{
    (void)which;
    return per_second(upstream->retries_refused, sample->length);
}

static json_t *read_failovers(const struct history_sample *sample,
                              const struct history_upstream_sample *upstream, size_t which)
{
    uint32_t all = 0;

    (void)which;
    for (size_t i = 0; i < METRIC_FAILOVER_REASONS; i++)
        all += upstream->failovers[i];
    return per_second(all, sample->length);
}

static json_t *read_state(const struct history_sample *sample,
                          const struct history_upstream_sample *upstream, size_t which)
{
    (void)sample;
    (void)which;
    return json_string(keeper_state_name(upstream->state));
}

/* Those that go into columns, the oldest first. */
struct columns {
    const struct overview *overview;
    json_t *object;
    size_t count;
    struct history_sample *samples;           /* of an upstream: their lengths alone */
    struct history_upstream_sample *upstream; /* of the process: empty */
};

static void add_column(const struct columns *columns, const char *name, read_sample *read,
                       size_t which)
{
    json_t *array = json_array();

    for (size_t i = 0; i < columns->count; i++) {
        json_t *value = read(&columns->samples[i], &columns->upstream[i], which);

        MEM_MUST(value != NULL && json_array_append_new(array, value) == 0);
    }
    status_json_set(columns->object, name, array);
}

/* Of so many samples each one is made. */
static struct columns columns_begin(const struct overview *overview, size_t merged)
{
    struct columns columns = {.overview = overview, .object = json_object()};
    const bool any = history_count(overview->history) > 0;

    columns.samples = mem_zalloc(HISTORY_SAMPLES * sizeof(*columns.samples));
    columns.upstream = mem_zalloc(HISTORY_SAMPLES * sizeof(*columns.upstream));
    status_json_set(columns.object, "interval_seconds",
                    json_integer((json_int_t)merged * (HISTORY_INTERVAL / SECOND)));
    status_json_set(columns.object, "end",
                    any ? status_json_moment(overview, history_at(overview->history, 0)->at)
                        : json_null());
    return columns;
}

static json_t *columns_end(struct columns *columns)
{
    mem_free(columns->samples);
    mem_free(columns->upstream);
    return columns->object;
}

/* Codes that did not occur in two hours are left out. Several statuses of one code have a column
 * each. */
static json_t *codes_per_second(const struct columns *of, const struct series_column *sum)
{
    struct columns columns = *of;

    columns.object = json_object();

    for (size_t id = 0; id < PROBLEM_COUNT; id++) {
        const struct problem *problem = problem_of((enum problem_id)id);

        if (sum->codes[id] == 0)
            continue;
        char *name = mem_printf("%s_%d", problem->code, problem->status);
        add_column(&columns, name, read_code, id);
        mem_free(name);
    }
    return columns.object;
}

json_t *status_json_process(const struct overview *overview)
{
    struct columns columns = columns_begin(overview, 1);
    struct series_column sum;

    series_sum(overview, HISTORY_SPAN, &sum);
    columns.count = history_count(overview->history);
    for (size_t i = 0; i < columns.count; i++)
        columns.samples[i] = *history_at(overview->history, columns.count - 1 - i);
    add_column(&columns, "requests_per_second", read_requests, 0);
    add_column(&columns, "request_p50_seconds", read_lookups, 50);
    add_column(&columns, "request_p99_seconds", read_lookups, 99);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        add_column(&columns, gauges[i], read_gauge, i);
    add_column(&columns, "worker_busy_ratio", read_busy, 0);
    if (overview->cache.on) {
        add_column(&columns, "cache_lookups_per_second", read_cache_lookups, 0);
        add_column(&columns, "cache_without_call_per_second", read_without_call, 0);
    }
    status_json_set(columns.object, "codes_per_second", codes_per_second(&columns, &sum));
    return columns_end(&columns);
}

/* Counts are summed; of a gauge the most is kept, of the state the last. */
static void merge(struct history_upstream_sample *sum, const struct history_upstream_sample *more)
{
    history_durations_add(&sum->calls, &more->calls);
    history_durations_add(&sum->queued, &more->queued);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        sum->classes[i] += more->classes[i];
    for (size_t i = 0; i < METRIC_FAILOVER_REASONS; i++)
        sum->failovers[i] += more->failovers[i];
    sum->rejected += more->rejected;
    sum->queue_refused += more->queue_refused;
    sum->rate_refused += more->rate_refused;
    sum->retries_refused += more->retries_refused;
    if (more->queue_length > sum->queue_length)
        sum->queue_length = more->queue_length;
    sum->state = more->state;
}

static void fill_upstream(struct columns *columns, size_t index, size_t merged)
{
    const struct history *history = columns->overview->history;
    const size_t known = history_upstream_count(history, index);

    columns->count = (known + merged - 1) / merged;
    for (size_t age = known; age-- > 0;) {
        const size_t at = columns->count - 1 - age / merged;

        columns->samples[at].length += history_at(history, age)->length;
        merge(&columns->upstream[at], history_upstream_at(history, index, age));
    }
}

json_t *status_json_upstream(const struct overview *overview, size_t index)
{
    static const char *const classes[] = {
        [HISTORY_NONE] = "calls_without_response_per_second",
        [HISTORY_GOOD] = "calls_answered_per_second",
        [HISTORY_REFUSED] = "calls_refused_per_second",
        [HISTORY_LIMITED] = "calls_rate_limited_per_second",
        [HISTORY_CLIENT_ERROR] = "calls_client_error_per_second",
        [HISTORY_SERVER_ERROR] = "calls_server_error_per_second",
    };
    const size_t merged = status_json_merged(overview);
    struct columns columns = columns_begin(overview, merged);

    fill_upstream(&columns, index, merged);
    add_column(&columns, "call_p50_seconds", read_calls, 50);
    add_column(&columns, "call_p99_seconds", read_calls, 99);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        add_column(&columns, classes[i], read_class, i);
    add_column(&columns, "queue_p99_seconds", read_queued, 99);
    add_column(&columns, "queue_length", read_queue_length, 0);
    add_column(&columns, "queue_refused_per_second", read_queue_refused, 0);
    add_column(&columns, "token_rejections_per_second", read_rejected, 0);
    add_column(&columns, "rate_refused_per_second", read_rate_refused, 0);
    add_column(&columns, "retries_refused_per_second", read_retries_refused, 0);
    add_column(&columns, "failovers_per_second", read_failovers, 0);
    add_column(&columns, "token_state", read_state, 0);
    return columns_end(&columns);
}
