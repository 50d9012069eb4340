/*
 * The same as the page shows, for programs, and with every sample. Samples are columns: an array
 * for each quantity, the oldest first, so that a plot needs no reshaping; "end" says when the last
 * one was taken.
 */
#include "front/status_json.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/status_json_internal.h"
#include "front/status_page_internal.h"
#include "front/token_json.h"

#define HOST_MAX 256

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

    status_json_set(object, "level", json_string(levels[condition->level]));
    status_json_set(object, "upstream", status_json_text(condition->upstream));
    status_json_set(object, "since", status_json_moment(overview, condition->since));
    status_json_set(object, "until", status_json_moment(overview, condition->until));
    status_json_set(object, "what", token_json_text(condition->what));
    status_json_set(object, "why", status_json_text(condition->why));
    status_json_set(object, "action", status_json_text(condition->action));
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

    status_json_set(object, "at", status_json_moment(overview, event->at));
    status_json_set(object, "kind", json_string(kinds[event->kind]));
    status_json_set(object, "generation", json_integer((json_int_t)event->generation));
    status_json_set(object, "renewed_from", status_json_moment(overview, event->renew_at));
    status_json_set(object, "expires_at", status_json_moment(overview, event->expires_at));
    status_json_set(object, "reason", status_json_text(event->reason));
    return object;
}

/* The oldest first, as samples are; of many upstreams the newest alone. */
static json_t *token_events(const struct overview *overview, size_t index)
{
    const size_t count = history_event_count(overview->history, index);
    const size_t most = HISTORY_EVENTS / status_json_merged(overview);
    json_t *all = json_array();

    for (size_t age = count < most ? count : most; age-- > 0;)
        MEM_MUST(json_array_append_new(
                     all, event_json(overview, history_event_at(overview->history, index, age))) ==
                 0);
    return all;
}

/* As in /tokens, and since when. */
static json_t *fleet_json(const struct overview *overview, const struct overview_upstream *upstream)
{
    const struct fleet_link_status *store = overview->has_store ? &overview->store : NULL;
    json_t *fleet = token_json_fleet(&upstream->member, store);

    status_json_set(fleet, "state_since", status_json_moment(overview, upstream->member.since));
    status_json_set(fleet, "store_error_at",
                    store != NULL && store->error != NULL
                        ? status_json_moment(overview, store->failed)
                        : json_null());
    return fleet;
}

static json_t *upstream_json(const struct overview *overview, size_t position)
{
    const struct overview_upstream *upstream = &overview->upstreams[position];
    json_t *object = json_object();
    json_t *token = token_json(&upstream->token);

    status_json_set(token, "budget_per_hour", json_integer(upstream->budget));
    status_json_set(token, "waiters", json_integer(upstream->waiters));
    if (upstream->in_fleet)
        status_json_set(token, "fleet", fleet_json(overview, upstream));
    status_json_set(object, "name", token_json_text(upstream->name));
    status_json_set(object, "address", status_json_text(upstream->address));
    status_json_set(object, "token_endpoint", status_json_text(upstream->token_endpoint));
    status_json_set(object, "token", token);
    status_json_set(object, "token_events", token_events(overview, upstream->index));
    status_json_set(object, "connections_active", json_integer(upstream->connections_active));
    status_json_set(object, "connections_idle", json_integer(upstream->connections_idle));
    status_json_set(object, "queue_length", json_integer(upstream->queue_length));
    status_json_way(object, overview, upstream);
    status_json_set(object, "samples", status_json_upstream(overview, upstream->index));
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

        status_json_set(object, "at", status_json_wall(entry->at));
        status_json_set(object, "guid", token_json_text(entry->guid));
        status_json_set(object, "code", json_string(problem_of(entry->ending)->code));
        status_json_set(object, "status", json_integer(entry->status));
        status_json_set(object, "path", token_json_text(entry->path));
        status_json_set(object, "duration_seconds", status_json_seconds(entry->duration));
        MEM_MUST(json_array_append_new(all, object) == 0);
    }
    return all;
}

static json_t *reload_json(const struct reload_status *reload)
{
    json_t *object = json_object();

    status_json_set(object, "configuration_taken_at", status_json_wall(reload->at));
    status_json_set(object, "last_attempt_at", status_json_wall(reload->tried_at));
    status_json_set(object, "last_attempt_failed", json_boolean(reload->failed));
    return object;
}

static void set_state(json_t *status, const struct overview *overview)
{
    char host[HOST_MAX] = "";

    (void)gethostname(host, sizeof(host) - 1);
    status_json_set(status, "now", status_json_wall(overview->wall));
    status_json_set(status, "version", token_json_text(overview->version));
    status_json_set(status, "host", token_json_text(host));
    status_json_set(status, "started", status_json_wall(overview->started));
    status_json_set(status, "ready", json_boolean(overview->ready));
    status_json_set(status, "draining", json_boolean(overview->draining));
    status_json_set(status, "reasons", reasons(overview));
    status_json_set(status, "conditions", conditions(overview));
    status_json_set(status, "conditions_left", json_integer((json_int_t)overview->conditions_left));
}

json_t *status_json(const struct overview *overview)
{
    json_t *status = json_object();

    set_state(status, overview);
    status_json_set(status, "routes", status_json_routes(overview));
    status_json_set(status, "upstreams", upstreams(overview));
    if (overview->cache.on)
        status_json_set(status, "cache", status_json_cache(overview));
    status_json_set(status, "samples", status_json_process(overview));
    status_json_set(status, "codes", codes(overview));
    status_json_set(status, "problems", problems(overview, PROBLEM_OF_SERVICE));
    status_json_set(status, "caller_problems", problems(overview, PROBLEM_OF_CALLER));
    status_json_set(status, "connections", json_integer(overview->connections));
    status_json_set(status, "max_connections", json_integer(overview->max_connections));
    status_json_set(status, "in_flight", json_integer(overview->in_flight));
    status_json_set(status, "max_in_flight", json_integer(overview->max_in_flight));
    status_json_set(status, "workers", json_integer((json_int_t)overview->workers));
    status_json_set(status, "reload", reload_json(&overview->reload));
    return status;
}
