/*
 * The same as the page shows, for programs, and with every sample. Samples are columns: an array
 * for each quantity, the oldest first, so that a plot needs no reshaping; "end" says when the last
 * one was taken.
 */
#include "front/status_json.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/status_page_internal.h"
#include "front/token_json.h"

#define HOST_MAX 256

static void set(json_t *object, const char *name, json_t *value)
{
    MEM_MUST(value != NULL && json_object_set_new(object, name, value) == 0);
}

static json_t *text_or_null(const char *bytes)
{
    return bytes == NULL || bytes[0] == '\0' ? json_null() : token_json_text(bytes);
}

static json_t *wall(struct wall_time at)
{
    char exact[CLOCK_TEXT];

    if (at.ns == 0)
        return json_null();
    wall_format(at, exact);
    return json_string(exact);
}

static json_t *moment(const struct overview *overview, struct mono_time at)
{
    return at.ns == 0 ? json_null() : wall(series_wall(overview, at));
}

/* ---- samples ---- */

/* A quantity of one sample. `upstream` is NULL for the process's own. */
typedef json_t *read_sample(const struct history_sample *sample,
                            const struct history_upstream_sample *upstream, size_t which);

static json_t *per_second(uint32_t count, int64_t length)
{
    return json_real(length > 0 ? (double)count * (double)SECOND / (double)length : 0);
}

/* To the microsecond. */
static json_t *exact_seconds(int64_t duration)
{
    const int64_t microseconds = duration / MICROSECOND;

    return json_real((double)microseconds / 1e6);
}

static json_t *percentile(const struct history_durations *durations, size_t percent)
{
    const int64_t duration = history_percentile(durations, (double)percent / 100);

    return duration < 0 ? json_null() : exact_seconds(duration);
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

static json_t *read_state(const struct history_sample *sample,
                          const struct history_upstream_sample *upstream, size_t which)
{
    (void)sample;
    (void)which;
    return json_string(keeper_state_name(upstream->state));
}

/* Which samples: of the process, or of the upstream of this index. */
struct columns {
    const struct overview *overview;
    bool of_upstream;
    size_t index; /* in the metrics */
    json_t *object;
};

static void add_column(const struct columns *columns, const char *name, read_sample *read,
                       size_t which)
{
    const struct history *history = columns->overview->history;
    json_t *array = json_array();

    for (size_t age = history_count(history); age-- > 0;) {
        const struct history_upstream_sample *upstream =
            columns->of_upstream ? history_upstream_at(history, columns->index, age) : NULL;
        json_t *value = read(history_at(history, age), upstream, which);

        MEM_MUST(value != NULL && json_array_append_new(array, value) == 0);
    }
    set(columns->object, name, array);
}

static struct columns columns_begin(const struct overview *overview)
{
    struct columns columns = {.overview = overview, .object = json_object()};
    const bool any = history_count(overview->history) > 0;

    set(columns.object, "interval_seconds", json_integer(HISTORY_INTERVAL / SECOND));
    set(columns.object, "end",
        any ? moment(overview, history_at(overview->history, 0)->at) : json_null());
    return columns;
}

/* Codes that did not occur in two hours are left out. Several statuses of one code have a column
 * each. */
static json_t *codes_per_second(const struct overview *overview, const struct series_column *sum)
{
    const struct columns columns = {.overview = overview, .object = json_object()};

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

static json_t *process_samples(const struct overview *overview)
{
    const struct columns columns = columns_begin(overview);
    struct series_column sum;

    series_sum(overview, HISTORY_SPAN, &sum);
    add_column(&columns, "requests_per_second", read_requests, 0);
    add_column(&columns, "request_p50_seconds", read_lookups, 50);
    add_column(&columns, "request_p99_seconds", read_lookups, 99);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        add_column(&columns, gauges[i], read_gauge, i);
    add_column(&columns, "worker_busy_ratio", read_busy, 0);
    set(columns.object, "codes_per_second", codes_per_second(overview, &sum));
    return columns.object;
}

static json_t *upstream_samples(const struct overview *overview, size_t index)
{
    static const char *const classes[] = {
        [HISTORY_NONE] = "calls_without_response_per_second",
        [HISTORY_GOOD] = "calls_answered_per_second",
        [HISTORY_REFUSED] = "calls_refused_per_second",
        [HISTORY_LIMITED] = "calls_rate_limited_per_second",
        [HISTORY_CLIENT_ERROR] = "calls_client_error_per_second",
        [HISTORY_SERVER_ERROR] = "calls_server_error_per_second",
    };
    struct columns columns = columns_begin(overview);

    columns.of_upstream = true;
    columns.index = index;
    add_column(&columns, "call_p50_seconds", read_calls, 50);
    add_column(&columns, "call_p99_seconds", read_calls, 99);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        add_column(&columns, classes[i], read_class, i);
    add_column(&columns, "queue_p99_seconds", read_queued, 99);
    add_column(&columns, "queue_length", read_queue_length, 0);
    add_column(&columns, "queue_refused_per_second", read_queue_refused, 0);
    add_column(&columns, "token_rejections_per_second", read_rejected, 0);
    add_column(&columns, "token_state", read_state, 0);
    return columns.object;
}

/* ---- the rest ---- */

/* The lines of /readyz. */
static json_t *reasons(const struct overview *overview)
{
    json_t *all = json_array();
    struct buf lines;

    buf_init(&lines, READINESS_LINES_MAX);
    readiness_write(&overview->readiness, NULL, overview->now, &lines);
    for (const char *line = buf_text(&lines); *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        char *one = mem_strndup(line, len);

        MEM_MUST(json_array_append_new(all, token_json_text(one)) == 0);
        mem_free(one);
        line += len + (line[len] == '\n');
    }
    buf_fini(&lines);
    return all;
}

static json_t *condition_json(const struct overview *overview, const struct condition *condition)
{
    static const char *const levels[] = {
        [CONDITION_DOWN] = "down",
        [CONDITION_WARNING] = "warning",
        [CONDITION_NOTE] = "note",
    };
    json_t *object = json_object();

    set(object, "level", json_string(levels[condition->level]));
    set(object, "upstream", text_or_null(condition->upstream));
    set(object, "since", moment(overview, condition->since));
    set(object, "until", moment(overview, condition->until));
    set(object, "what", token_json_text(condition->what));
    set(object, "why", text_or_null(condition->why));
    set(object, "action", text_or_null(condition->action));
    return object;
}

static json_t *conditions(const struct overview *overview)
{
    json_t *all = json_array();

    for (size_t i = 0; i < overview->condition_count; i++)
        MEM_MUST(json_array_append_new(all, condition_json(overview, &overview->conditions[i])) ==
                 0);
    return all;
}

static json_t *event_json(const struct overview *overview, const struct history_event *event)
{
    static const char *const kinds[] = {
        [HISTORY_OBTAINED] = "obtained",
        [HISTORY_REQUEST_FAILED] = "request_failed",
        [HISTORY_REJECTED] = "rejected",
        [HISTORY_GONE] = "gone",
    };
    json_t *object = json_object();

    set(object, "at", moment(overview, event->at));
    set(object, "kind", json_string(kinds[event->kind]));
    set(object, "generation", json_integer((json_int_t)event->generation));
    set(object, "renewed_from", moment(overview, event->renew_at));
    set(object, "expires_at", moment(overview, event->expires_at));
    set(object, "reason", text_or_null(event->reason));
    return object;
}

/* The oldest first, as samples are. */
static json_t *token_events(const struct overview *overview, size_t index)
{
    json_t *all = json_array();

    for (size_t age = history_event_count(overview->history, index); age-- > 0;)
        MEM_MUST(json_array_append_new(
                     all, event_json(overview, history_event_at(overview->history, index, age))) ==
                 0);
    return all;
}

static json_t *upstream_json(const struct overview *overview, size_t position)
{
    const struct overview_upstream *upstream = &overview->upstreams[position];
    json_t *object = json_object();
    json_t *token = token_json(&upstream->token);

    set(token, "budget_per_hour", json_integer(upstream->budget));
    set(token, "waiters", json_integer(upstream->waiters));
    set(object, "name", token_json_text(upstream->name));
    set(object, "address", text_or_null(upstream->address));
    set(object, "token_endpoint", text_or_null(upstream->token_endpoint));
    set(object, "token", token);
    set(object, "token_events", token_events(overview, upstream->index));
    set(object, "connections_active", json_integer(upstream->connections_active));
    set(object, "connections_idle", json_integer(upstream->connections_idle));
    set(object, "queue_length", json_integer(upstream->queue_length));
    set(object, "samples", upstream_samples(overview, upstream->index));
    return object;
}

static json_t *upstreams(const struct overview *overview)
{
    json_t *all = json_array();

    for (size_t i = 0; i < overview->upstream_count; i++)
        MEM_MUST(json_array_append_new(all, upstream_json(overview, i)) == 0);
    return all;
}

/* Those that occurred since the start. */
static json_t *codes(const struct overview *overview)
{
    struct series_column minutes, hours;
    json_t *all = json_array();

    series_sum(overview, 5 * MINUTE, &minutes);
    series_sum(overview, HISTORY_SPAN, &hours);
    for (size_t id = 0; id < PROBLEM_COUNT; id++) {
        const struct problem *problem = problem_of((enum problem_id)id);

        if (overview->codes[id] == 0)
            continue;
        json_t *object =
            json_pack("{s:s, s:i, s:s, s:b, s:I, s:I, s:I}", "code", problem->code, "status",
                      problem->status, "title", problem->title, "of_service",
                      (int)status_is_service_error((enum problem_id)id), "last_5_minutes",
                      (json_int_t)minutes.codes[id], "last_2_hours", (json_int_t)hours.codes[id],
                      "since_start", (json_int_t)overview->codes[id]);
        MEM_MUST(object != NULL && json_array_append_new(all, object) == 0);
    }
    return all;
}

static json_t *problems(const struct overview *overview, enum problem_side side)
{
    json_t *all = json_array();

    for (size_t i = 0; i < overview->problem_count[side]; i++) {
        const struct problem_entry *entry = &overview->problems[side][i];
        json_t *object = json_object();

        set(object, "at", wall(entry->at));
        set(object, "guid", token_json_text(entry->guid));
        set(object, "code", json_string(problem_of(entry->ending)->code));
        set(object, "status", json_integer(entry->status));
        set(object, "path", token_json_text(entry->path));
        set(object, "duration_seconds", exact_seconds(entry->duration));
        MEM_MUST(json_array_append_new(all, object) == 0);
    }
    return all;
}

static json_t *reload_json(const struct reload_status *reload)
{
    json_t *object = json_object();

    set(object, "configuration_taken_at", wall(reload->at));
    set(object, "last_attempt_at", wall(reload->tried_at));
    set(object, "last_attempt_failed", json_boolean(reload->failed));
    return object;
}

static void set_state(json_t *status, const struct overview *overview)
{
    char host[HOST_MAX] = "";

    (void)gethostname(host, sizeof(host) - 1);
    set(status, "now", wall(overview->wall));
    set(status, "version", token_json_text(overview->version));
    set(status, "host", token_json_text(host));
    set(status, "started", wall(overview->started));
    set(status, "ready", json_boolean(overview->ready));
    set(status, "draining", json_boolean(overview->draining));
    set(status, "reasons", reasons(overview));
    set(status, "conditions", conditions(overview));
}

json_t *status_json(const struct overview *overview)
{
    json_t *status = json_object();

    set_state(status, overview);
    set(status, "upstreams", upstreams(overview));
    set(status, "samples", process_samples(overview));
    set(status, "codes", codes(overview));
    set(status, "problems", problems(overview, PROBLEM_OF_SERVICE));
    set(status, "caller_problems", problems(overview, PROBLEM_OF_CALLER));
    set(status, "connections", json_integer(overview->connections));
    set(status, "max_connections", json_integer(overview->max_connections));
    set(status, "in_flight", json_integer(overview->in_flight));
    set(status, "max_in_flight", json_integer(overview->max_in_flight));
    set(status, "workers", json_integer((json_int_t)overview->workers));
    set(status, "reload", reload_json(&overview->reload));
    return status;
}
