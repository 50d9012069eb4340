/*
 * A lookup's way, as a table of steps: each may settle the request, and the last one finds the
 * address. How a lookup's result becomes a response is a second table, by kind of result.
 */
#include "front/lookups.h"

#include <string.h>

#include "base/check.h"
#include "config/route.h"
#include "exchange/response.h"
#include "front/access.h"
#include "front/admin.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/routes.h"
#include "front/user_quota.h"
#include "middleware/tracker.h"

static struct lookup_app *of(struct server_app *app)
{
    return CONTAINER_OF(app, struct lookup_app, app);
}

/* ---- from a lookup's result to a response ---- */

static void respond_address(struct request *request, const struct lookup_result *result)
{
    const struct response_header headers[] = {
        {"Content-Type", result->headers[CLIENT_CONTENT_TYPE]},
        {"Cache-Control", result->headers[CLIENT_CACHE_CONTROL]},
        {"ETag", result->headers[CLIENT_ETAG]},
        {"Last-Modified", result->headers[CLIENT_LAST_MODIFIED]},
        {NULL, NULL}};
    response_body(request, result->kind == LOOKUP_ADDRESS ? ENDED_OK : ENDED_NOT_MODIFIED,
                  result->body, result->body_len, headers);
}

static void respond_invalid(struct request *request, const struct lookup_result *result)
{
    response_plain_problem(request, PROBLEM_INVALID_POSTCODE,
                           "The upstream does not accept this as a postcode (status %d).",
                           result->status);
}

static void respond_unknown(struct request *request, const struct lookup_result *result)
{
    (void)result;
    response_plain_problem(request, PROBLEM_UNKNOWN_POSTCODE,
                           "The upstream knows no such postcode.");
}

/* Why it ends here although its route has more upstreams: a sentence with a space before it. */
static const char *why_no_other(const struct lookup_result *result)
{
    return result->over_budget ? " Another upstream was not asked, for its retry_budget is used up."
                               : "";
}

/* Its Retry-After is the caller's to heed. */
static void respond_later(struct request *request, const struct lookup_result *result,
                          enum problem_id id, const char *detail)
{
    char wait[RESPONSE_RETRY_AFTER];
    const char *said = result->headers[CLIENT_RETRY_AFTER];
    if (result->retry_after > 0) {
        response_retry_after(result->retry_after, wait);
        said = wait;
    }
    const struct response_header headers[] = {{"Retry-After", said}, {NULL, NULL}};
    response_problem(request, &(struct response_problem){.id = id, .headers = headers}, "%s%s",
                     detail, why_no_other(result));
}

static void respond_rate_limited(struct request *request, const struct lookup_result *result)
{
    const bool held = result->retry_after > 0; /* nobody was called */
    respond_later(request, result, PROBLEM_RATE_LIMITED,
                  held ? "The upstream has said when it allows lookups again, and was not asked "
                         "before that. Ask more slowly."
                       : "The upstream allows no more lookups for now. Ask more slowly.");
}

static void respond_busy(struct request *request, const struct lookup_result *result)
{
    respond_later(request, result, PROBLEM_UPSTREAM_UNAVAILABLE,
                  "The upstream says it is unavailable for now. Try again later.");
}

/* What a status means that a caller cannot know, and an operator should look at. */
static const char *advise_on_status(int status)
{
    switch (status) {
    case 402:
        return "Payment is due, or the quota is used up. The operator should check the account.";
    case 407:
        return "A proxy before it demands a user. Check [upstream] proxy and proxy_password_file.";
    default:
        return "Try again; if it persists, check [upstream] address, lookup_path and "
               "lookup_target.";
    }
}

static void respond_status(struct request *request, const struct lookup_result *result)
{
    response_plain_problem(request, PROBLEM_UPSTREAM_ERROR,
                           "The upstream responded with status %d.%s %s", result->status,
                           why_no_other(result), advise_on_status(result->status));
}

static void respond_malformed(struct request *request, const struct lookup_result *result)
{
    bool too_large = result->error == CLIENT_BODY_TOO_LARGE;
    const char *error = too_large ? client_error_proxy_status(result->error) : NULL;
    response_problem(request,
                     &(struct response_problem){.id = PROBLEM_MALFORMED, .proxy_error = error},
                     "The upstream's response is not an address: %s.",
                     too_large ? "it is larger than [upstream] max_response_size" : result->reason);
}

static void reject_overload(struct request *request, const char *what, const char *key)
{
    const struct response_header headers[] = {{"Retry-After", "1"}, {NULL, NULL}};
    response_problem(request,
                     &(struct response_problem){.id = PROBLEM_OVERLOADED, .headers = headers},
                     "More lookups %s at once than %s allows. Try again in 1 s.", what, key);
}

static void respond_failed(struct request *request, const struct lookup_result *result)
{
    if (result->error == CLIENT_QUEUE_FULL) {
        reject_overload(request, "wait for the upstream", "[upstream] max_connections");
        return;
    }
    const struct response_problem problem = {
        .id = PROBLEM_UNREACHABLE, .proxy_error = client_error_proxy_status(result->error)};
    response_problem(request, &problem, "The upstream %s.%s Try again later.",
                     client_error_phrase(result->error), why_no_other(result));
}

static void respond_no_turn(struct request *request, const struct lookup_result *result)
{
    char wait[RESPONSE_RETRY_AFTER];
    response_retry_after(result->retry_after, wait);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    response_problem(
        request, &(struct response_problem){.id = PROBLEM_OVERLOADED, .headers = headers},
        "More lookups wait than [upstream] rate and queue allow within the time that a "
        "lookup has. Try again in %s s.",
        wait);
}

/* What follows "status 200". */
static const char *where_rejected(const struct lookup_result *result)
{
    return result->status == 200 ? ", with an error where lookup_failed leads" : "";
}

/* It is the token endpoint's affair, and not the client's rights. */
static void respond_unreplaced(struct request *request, const struct lookup_result *result)
{
    char cause[TOKEN_CAUSE_TEXT];
    token_cause_text(result->cause, cause);
    response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                           "The upstream rejected the token (status %d%s), and no other was "
                           "obtained: %s. Try again later; the log tells more.",
                           result->status, where_rejected(result), cause);
}

/* Revoked, and not yet replaced: it was the token after all. */
static void respond_paced(struct request *request, const struct lookup_result *result)
{
    char wait[RESPONSE_RETRY_AFTER];
    response_retry_after(result->retry_after, wait);
    response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                           "The upstream rejected the token (status %d%s), which it had accepted. "
                           "Another one is requested in %s s if it is still rejected then.",
                           result->status, where_rejected(result), wait);
}

static void respond_rejected(struct request *request, const struct lookup_result *result)
{
    if (result->cause != NULL && result->cause->kind == TOKEN_CAUSE_PACED)
        respond_paced(request, result);
    else if (result->cause != NULL)
        respond_unreplaced(request, result);
    else if (result->status == 403)
        response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                               "The upstream responded with 403: the client has no right to this, "
                               "its quota is used up, or the token is not accepted. The operator "
                               "should check these.");
    else
        response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                               "The upstream rejected the token%s (status %d%s). The operator "
                               "should check the client's rights.",
                               result->alone ? ", which it accepts for other lookups"
                                             : ", and the one that replaced it",
                               result->status, where_rejected(result));
}

static void respond_no_token(struct request *request, const struct lookup_result *result)
{
    const bool rejected = result->status != 0; /* there was a token */
    char wait[RESPONSE_RETRY_AFTER], cause[TOKEN_CAUSE_TEXT];
    /* The budget of another upstream has room again long before there is a token. */
    response_retry_after(result->over_budget ? SECOND : result->retry_after, wait);
    token_cause_text(result->cause, cause);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    response_problem(
        request, &(struct response_problem){.id = PROBLEM_TOKEN_UNAVAILABLE, .headers = headers},
        "%s available: %s.%s Try again in %s s; the log tells more.",
        rejected ? "The upstream rejected the token, and no other is" : "No token is", cause,
        why_no_other(result), wait);
}

static void (*const responses[])(struct request *, const struct lookup_result *) = {
    [LOOKUP_ADDRESS] = respond_address,
    [LOOKUP_NOT_MODIFIED] = respond_address,
    [LOOKUP_INVALID] = respond_invalid,
    [LOOKUP_UNKNOWN] = respond_unknown,
    [LOOKUP_RATE_LIMITED] = respond_rate_limited,
    [LOOKUP_BUSY] = respond_busy,
    [LOOKUP_UPSTREAM_STATUS] = respond_status,
    [LOOKUP_MALFORMED] = respond_malformed,
    [LOOKUP_FAILED] = respond_failed,
    [LOOKUP_REJECTED] = respond_rejected,
    [LOOKUP_NO_TOKEN] = respond_no_token,
    [LOOKUP_NO_TURN] = respond_no_turn,
};

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
    responses[result->kind](request, result);
}

/* ---- the handler ---- */

static bool take_place(struct lookup_app *lookups, struct request *request)
{
    int64_t taken = atomic_fetch_add_explicit(&lookups->places->taken, 1, memory_order_relaxed);
    request->in_flight = true;
    return taken < request->config->server_max_in_flight;
}

static void leave_place(struct lookup_app *lookups, struct request *request)
{
    if (request->in_flight)
        atomic_fetch_sub_explicit(&lookups->places->taken, 1, memory_order_relaxed);
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

static void start(struct lookup_app *lookups, struct request *request,
                  const struct config_route *route, struct lookup_query *query)
{
    query->user = request->user;
    query->query = request->query;
    query->stats = &request->stats;
    query->if_none_match = request_header(request, "If-None-Match");
    query->if_modified_since = request_header(request, "If-Modified-Since");
    request->upstream =
        upstream_name(request, request->config->upstreams[route->upstreams[0]].index);
    request->timed_out = timed_out;
    lookup_start(&lookups->shared, route, request->ctx, query, found, request);
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
    if (route == NULL || !accept_query(request, config, route) ||
        !user_quota_take(lookups->quota, request))
        return;
    if (!take_place(lookups, request)) {
        leave_place(lookups, request);
        reject_overload(request, "are under way", "[server] max_in_flight");
        return;
    }
    start(lookups, request, route, &query);
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
                    const struct key_view *view)
{
    struct config *before = lookups->app.config;
    lookups->app.config = config_ref(config);
    config_unref(before);
    identity_worker_use(&lookups->identity, identity, view);
}
