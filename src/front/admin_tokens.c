/*
 * Tokens are told and changed here because the main loop owns every keeper. A token is shown by
 * eight digits of its digest.
 */
#include "front/admin_tokens.h"

#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "exchange/response.h"
#include "front/admin_respond.h"
#include "front/readiness.h"
#include "front/token_json.h"

/* "2026-01-31T23:59:59Z" */
static json_t *time_of_day(struct mono_time then, struct mono_time now)
{
    char text[CLOCK_TEXT];

    wall_format_seconds((struct wall_time){wall_now().ns - mono_diff(now, then)}, text);
    return json_string(text);
}

/* What /readyz says of the upstream. */
static void add_readiness(json_t *token, const struct exposition_upstream *upstream)
{
    const struct mono_time now = mono_now();
    struct readiness_reason reason;
    const bool ready = readiness_of_upstream(upstream, now, &reason);
    const bool timed = !ready && reason.since.ns != 0;

    json_object_set_new(token, "ready", json_boolean(ready));
    json_object_set_new(
        token, "unready_reason",
        ready ? json_null()
              : json_sprintf("%s%s%s", reason.what, reason.why[0] ? ": " : "", reason.why));
    json_object_set_new(token, "unready_since",
                        timed ? time_of_day(reason.since, now) : json_null());
}

/* Without a fleet there is no such member. */
static void add_fleet(json_t *token, const struct exposition_upstream *upstream,
                      struct mono_time now)
{
    struct fleet_status member;
    struct fleet_link_status store;

    if (exposition_member(upstream, now, &member) && exposition_store(upstream->fleet, &store))
        json_object_set_new(token, "fleet", token_json_fleet(&member, &store));
}

static json_t *upstream_token(const struct exposition_upstream *upstream)
{
    const struct mono_time now = mono_now();
    struct keeper_status status;

    keeper_status(upstream->keeper, now, &status);
    json_t *token = token_json(&status);
    json_object_set_new(
        token, "waiters",
        json_integer(metric_upstream_sum(METRIC_TOKEN_WAITERS, upstream->index, 0)));
    add_readiness(token, upstream);
    add_fleet(token, upstream, now);
    return token;
}

void admin_tokens(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    const struct exposition *sources = &admin_of(app)->sources;
    json_t *all = json_object();
    (void)rest;
    (void)len;
    for (size_t i = 0; i < sources->upstream_count; i++)
        json_object_set_new(all, sources->upstreams[i].name,
                            upstream_token(&sources->upstreams[i]));
    admin_respond_json(request, all);
}

static void refresh(const struct exposition_upstream *upstream, struct request *request)
{
    if (keeper_refresh(upstream->keeper, mono_now())) {
        log_write_fields(LOG_LEVEL_NOTICE, request_guid(request),
                         &LOG_TEXT("upstream", upstream->name), 1,
                         "token of %s: refresh requested by hand", upstream->name);
        admin_respond_text(request, 202, "a new token is being requested\n");
        return;
    }
    admin_respond_text(
        request, 429,
        "the budget for token requests ([upstream] auth_budget) is used up; the present "
        "token stays\n");
}

static void forget(const struct exposition_upstream *upstream, struct request *request)
{
    keeper_forget(upstream->keeper, mono_now());
    response_operator(request, 204, NULL, NULL, NULL, 0);
}

static bool is_rest(const char *rest, size_t len, const char *upstream, const char *action)
{
    size_t name = strlen(upstream);
    return len == name + strlen(action) && memcmp(rest, upstream, name) == 0 &&
           memcmp(rest + name, action, strlen(action)) == 0;
}

/* Paths that a 404 offers. */
#define OFFERED_MAX 4096

static void reject_token_path(struct request *request, const struct exposition *sources)
{
    struct buf names;

    buf_init(&names, OFFERED_MAX);
    for (size_t i = 0; i < sources->upstream_count; i++)
        buf_printf(&names, "%s/tokens/%s/refresh, /tokens/%s/forget", i == 0 ? "" : ", ",
                   sources->upstreams[i].name, sources->upstreams[i].name);
    response_plain_problem(request, PROBLEM_NOT_FOUND, "There are %s%s.", buf_text(&names),
                           names.err == ERR_OK ? "" : " and more");
    buf_fini(&names);
}

void admin_token_action(struct server_app *app, struct request *request, const char *rest,
                        size_t len)
{
    const struct exposition *sources = &admin_of(app)->sources;
    for (size_t i = 0; i < sources->upstream_count; i++) {
        const struct exposition_upstream *upstream = &sources->upstreams[i];
        if (is_rest(rest, len, upstream->name, "/refresh")) {
            refresh(upstream, request);
            return;
        }
        if (is_rest(rest, len, upstream->name, "/forget")) {
            forget(upstream, request);
            return;
        }
    }
    reject_token_path(request, sources);
}
