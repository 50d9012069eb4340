/*
 * A lookup's way, as a table of steps: each may settle the request, and the last one finds the
 * address, at hand in the cache or by a lookup.
 */
#include "front/lookups.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "cache/terms.h"
#include "config/route.h"
#include "exchange/response.h"
#include "front/access.h"
#include "front/admin.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/lookup_response.h"
#include "front/routes.h"
#include "front/user_quota.h"
#include "middleware/tracker.h"

static struct lookup_app *of(struct server_app *app)
{
    return CONTAINER_OF(app, struct lookup_app, app);
}

/* Of the request's own configuration, so that it lives as long as the request. */
static const char *upstream_name(const struct request *request, size_t index)
{
    const struct config *config = request->config;

    for (size_t i = 0; i < config->upstream_count; i++)
        if (config->upstreams[i].index == index)
            return config->upstreams[i].name;
    return NULL;
}

static void found(void *arg, const struct lookup_result *result)
{
    struct request *request = arg;
    request->upstream = upstream_name(request, result->stats->upstream);
    lookup_respond(request, result, NULL);
}

/* ---- the handler ---- */

/* False: there is none; the request is settled. */
static bool take_place(struct lookup_app *lookups, struct request *request)
{
    request->in_flight = lookup_place_take(lookups->places, request->config->server_max_in_flight);
    if (!request->in_flight)
        lookup_respond_overload(request, "are under way", "[server] max_in_flight");
    return request->in_flight;
}

static void leave_place(struct lookup_app *lookups, struct request *request)
{
    if (request->in_flight)
        lookup_place_leave(lookups->places);
    request->in_flight = false;
}

static bool may_have_query(const struct config *config, const struct config_route *route)
{
    for (size_t i = 0; i < route->upstream_count; i++)
        if (config->upstreams[route->upstreams[i]].lookup_target.has_query)
            return false;
    return true;
}

/* False: it has a query that is not valid, or none is allowed; the request is settled. */
static bool accept_query(struct request *request, const struct config *config,
                         const struct config_route *route)
{
    const char *query = request->query;
    const bool valid = query == NULL || query_is_valid(query, strlen(query));

    if (!valid)
        response_plain_problem(request, PROBLEM_BAD_REQUEST,
                               "The query is not valid: a character in it must be percent-encoded, "
                               "or a %% is not followed by two hexadecimal digits.");
    else if (query != NULL && !may_have_query(config, route))
        response_plain_problem(request, PROBLEM_BAD_REQUEST,
                               "[upstream] lookup_target has a query, so a request may not have "
                               "one. Send the request without ? and what follows it.");
    return !request_is_settled(request);
}

static const struct config_route *find_route(struct request *request, const struct config *config,
                                             size_t prefix, const struct postcode *postcode)
{
    const struct config_route *route = route_find(config, request->path, prefix, postcode->text);

    if (route == NULL)
        response_plain_problem(
            request, PROBLEM_NOT_FOUND,
            "No [route] covers this postcode: its prefix fits, and its postcodes "
            "do not.");
    return route;
}

/* The one it waits for now, which may be another than that which it began with. */
static void timed_out(struct request *request)
{
    request->upstream = upstream_name(request, request->stats.upstream);
    response_timed_out(request);
}

static void fill_query(struct request *request, struct lookup_query *query)
{
    query->user = request->user;
    query->query = request->query;
    query->stats = &request->stats;
    query->if_none_match = request_header(request, "If-None-Match");
    query->if_modified_since = request_header(request, "If-Modified-Since");
}

/* It waits for the first upstream of its route, as far as is known. */
static void begin(struct request *request, const struct config_route *route)
{
    request->upstream =
        upstream_name(request, request->config->upstreams[route->upstreams[0]].index);
    request->timed_out = timed_out;
}

static void start(struct lookup_app *lookups, struct request *request,
                  const struct config_route *route, const struct lookup_query *query)
{
    if (!take_place(lookups, request))
        return;
    begin(request, route);
    lookup_start(&lookups->shared, route, request->ctx, query, found, request);
}

/* ---- through the cache ---- */

static void note_outcome(struct request *request, const struct cache_outcome *outcome)
{
    request->cached = cache_result_word(outcome->result);
    request->age = outcome->age;
    if (outcome->flight != NULL && request->flight == NULL)
        request->flight = mem_strdup(outcome->flight);
    cache_status_write(outcome, request->cache_status);
}

static void answered(void *arg, const struct lookup_result *result, struct answer *answer,
                     const struct cache_outcome *outcome)
{
    struct request *request = arg;
    note_outcome(request, outcome);
    request->upstream = upstream_name(request, result->stats->upstream);
    lookup_respond(request, result, answer);
}

static void bypass(struct lookup_app *lookups, struct request *request,
                   const struct config_route *route, const struct lookup_query *query)
{
    metric_add(METRIC_CACHE, CACHE_BYPASS, 1);
    note_outcome(request, &(struct cache_outcome){.result = CACHE_BYPASS, .age = -1});
    start(lookups, request, route, query);
}

/* Neither an answer at hand nor a place for a call: a miss, though no call was made. */
static void note_miss(struct request *request, const struct cache_ask *asked)
{
    note_outcome(request, &(struct cache_outcome){
                              .result = CACHE_MISS, .was_stale = asked->stale != NULL, .age = -1});
}

/* An answer that is at hand needs no place. */
static void ask(struct lookup_app *lookups, struct request *request,
                const struct config_route *route, const struct lookup_query *query)
{
    struct cache_ask asked;
    struct cache_outcome outcome;

    asked.worker = &lookups->cache;
    asked.route = route;
    asked.query = query;
    if (cache_ask(&asked, request->ctx, answered, request))
        return;
    note_miss(request, &asked);
    if (!take_place(lookups, request)) {
        metric_add(METRIC_CACHE, CACHE_MISS, 1);
        cache_ask_end(&asked);
        return;
    }
    begin(request, route);
    cache_lookup(&asked, request->ctx, answered, request, &outcome);
    if (!request_is_settled(request))
        note_outcome(request, &outcome);
}

/* ---- the last step ---- */

static void look_up(struct lookup_app *lookups, struct request *request,
                    const struct config_route *route, struct lookup_query *query)
{
    fill_query(request, query);
    if (lookups->cache.cache == NULL)
        start(lookups, request, route, query);
    else if (request_header_any(request, "Cache-Control", terms_caller_bypasses))
        bypass(lookups, request, route, query);
    else
        ask(lookups, request, route, query);
}

/* Behind the `prefix` first bytes of the path stands the postcode. */
static void find(struct lookup_app *lookups, struct request *request, size_t prefix)
{
    const struct config *config = lookups->shared.plan->config;
    struct lookup_query query = {.user = NULL};
    struct reason reason;
    if (postcode_parse(request->path + prefix, request->path_len - prefix, config->lookup_normalise,
                       &query.postcode, &reason) != ERR_OK) {
        response_plain_problem(request, PROBLEM_INVALID_POSTCODE, "%s.", reason.text);
        return;
    }
    const struct config_route *route = find_route(request, config, prefix, &query.postcode);
    if (route != NULL && accept_query(request, config, route) &&
        user_quota_take(lookups->quota, request))
        look_up(lookups, request, route, &query);
}

/* ---- the steps ---- */

static void track(struct lookup_app *lookups, struct request *request)
{
    tracker_run(request, &lookups->guids);
}

static void guard(struct lookup_app *lookups, struct request *request)
{
    (void)lookups;
    header_limit_check(request);
    if (!request_is_settled(request))
        guard_check(request);
}

/* Before the identity: a probe or a scraper that asks the wrong listener has none. */
static void direct(struct lookup_app *lookups, struct request *request)
{
    admin_reject_elsewhere(request, lookups->shared.plan->config->routes[0].prefix);
}

static void identify(struct lookup_app *lookups, struct request *request)
{
    identity_run(request, &lookups->identity);
}

/* With what there is instead: each prefix once. */
static void reject_path(struct request *request, const struct config *config)
{
    struct buf paths;
    buf_init(&paths, 4096);
    enum err err = ERR_OK; /* not ERR_OK: there is no room for more */
    for (size_t i = 0; i < config->route_count && err == ERR_OK; i++) {
        bool again = false;
        for (size_t j = 0; j < i && !again; j++)
            again = strcmp(config->routes[j].prefix, config->routes[i].prefix) == 0;
        if (!again)
            err = buf_printf(&paths, "%s%s...", i == 0 ? "" : ", ", config->routes[i].prefix);
    }
    response_plain_problem(request, PROBLEM_NOT_FOUND, "Unknown path. Available paths: %s",
                           buf_text(&paths));
    buf_fini(&paths);
}

static void route(struct lookup_app *lookups, struct request *request)
{
    const struct config *config = lookups->shared.plan->config;
    const size_t prefix = route_find_prefix(config, request->path, request->path_len);

    if (prefix == 0)
        reject_path(request, config);
    else if (routes_accept_read(request))
        find(lookups, request, prefix);
}

static const struct {
    const char *name;
    void (*run)(struct lookup_app *lookups, struct request *request);
} steps[] = {
    {"track", track},       {"guard", guard}, {"direct", direct},
    {"identify", identify}, {"route", route},
};

static void serve(struct server_app *app, struct request *request)
{
    for (size_t i = 0; i < ARRAY_LEN(steps) && !request_is_settled(request); i++) {
        log_debug(request_guid(request), "step: %s", steps[i].name);
        steps[i].run(of(app), request);
    }
}

static void ended(struct server_app *app, struct request *request)
{
    leave_place(of(app), request);
    if (request->upstream != NULL)
        request->upstream = upstream_name(request, request->stats.upstream);
    access_account(request);
}

/* ---- life ---- */

void lookup_app_init(struct lookup_app *lookups, struct config *config, struct identity *identity)
{
    lookups->app.config = config_ref(config);
    lookups->app.counted = 1;
    lookups->app.guids = &lookups->guids;
    lookups->app.serve = serve;
    lookups->app.ended = ended;
    identity_worker_init(&lookups->identity, identity);
}

void lookup_app_fini(struct lookup_app *lookups)
{
    config_unref(lookups->app.config);
    identity_worker_fini(&lookups->identity);
}

void lookup_app_use(struct lookup_app *lookups, struct config *config, struct identity *identity,
                    const struct key_view *view, struct cache *cache)
{
    struct config *before = lookups->app.config;
    lookups->app.config = config_ref(config);
    config_unref(before);
    identity_worker_use(&lookups->identity, identity, view);
    cache_worker_use(&lookups->cache, cache, config);
}
