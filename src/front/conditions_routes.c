/*
 * What becomes of lookups between several upstreams: to whom they go in whose place, and which are
 * refused before they are sent, by [upstream] rate, retry_budget or [quota]. A route is told with
 * others of the same fate, for one upstream may be of hundreds.
 */
#include "base/check.h"
#include "front/conditions_internal.h"
#include "front/overview_routes.h"
#include "lookup/failover.h"

/* Of refusals by the quota so many, and such a part of all lookups, are told. */
#define QUOTA_LEAST 20
#define QUOTA_SHARE 0.2

/* ---- names ---- */

/* How many routes are named. */
#define ROUTES_NAMED 3

struct names {
    char text[CONDITION_TEXT / 2]; /* "uk, islands, north and 12 more" */
    size_t count;
};

typedef bool fits(const struct overview *overview, const struct config_route *route,
                  const struct overview_upstream *upstream);

static void name_routes(const struct diagnosis *diagnosis, fits *route_fits, struct names *out)
{
    const struct overview *overview = diagnosis->overview;
    const struct config *config = overview->readiness.config;
    struct buf text;

    buf_init(&text, 8 * CONDITION_TEXT);
    out->count = 0;
    for (size_t i = 0; config != NULL && i < config->route_count; i++) {
        if (!route_fits(overview, &config->routes[i], diagnosis->upstream))
            continue;
        if (out->count < ROUTES_NAMED)
            buf_printf(&text, "%s%.40s", out->count == 0 ? "" : ", ", config->routes[i].name);
        out->count++;
    }
    if (out->count > ROUTES_NAMED)
        buf_printf(&text, " and %zu more", out->count - ROUTES_NAMED);
    condition_cut(out->text, sizeof(out->text), buf_text(&text));
    buf_fini(&text);
}

/* ---- an upstream is left out ---- */

/* The upstream that the first of these routes goes to. */
static const struct overview_upstream *stand_in(const struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct config *config = overview->readiness.config;

    for (size_t i = 0; i < config->route_count; i++)
        if (overview_is_stood_in_for(overview, &config->routes[i], diagnosis->upstream))
            return overview_serving(overview, &config->routes[i]);
    return diagnosis->upstream;
}

static struct mono_time left_out_since(const struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;

    if (upstream->breaker.ejected)
        return upstream->breaker.since;
    if (upstream->hold.held || upstream->hold.unsaid)
        return (struct mono_time){0};
    return upstream->token.ready ? upstream->health.since : upstream->token.lacking_since;
}

/* What is the matter with it, in the words of the sentence that the routes begin. */
static const char *matter_of(const struct overview_upstream *upstream)
{
    if (upstream->breaker.ejected)
        return "is left out after failures";
    if (upstream->hold.held || upstream->hold.unsaid)
        return "said 429";
    return upstream->token.ready ? "fails" : "has no usable token";
}

static void put_left_out(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    char when[CONDITION_TIME];

    if (upstream->breaker.ejected) {
        condition_put(
            condition->why,
            "%lld or more lookups in a row failed; one is sent to it as a trial from %s on",
            (long long)upstream->eject_after,
            condition_time(diagnosis, upstream->breaker.until, when));
        condition_put(condition->action, "It is taken back by itself once a trial succeeds. What "
                                         "is wrong with it is told beside this, or in the log.");
    } else if (upstream->hold.held || upstream->hold.unsaid) {
        condition_put(condition->why, "nothing is sent to it until %s%s",
                      condition_time(diagnosis, upstream->hold.until, when),
                      upstream->hold.held ? ", as its Retry-After said" : "");
        condition_put(condition->action, "Set [upstream] rate to what the provider allows, so that "
                                         "it has no reason to refuse.");
    } else {
        condition_put(condition->action, "What is wrong with it is told beside this.");
    }
}

static void find_left_out(struct diagnosis *diagnosis)
{
    struct condition *condition = NULL;
    struct names names;

    if (diagnosis->level != CONDITION_WARNING)
        return; /* hundreds of routes are not looked through for nothing */
    name_routes(diagnosis, overview_is_stood_in_for, &names);
    if (names.count > 0)
        condition = condition_begin(diagnosis, CONDITION_WARNING, left_out_since(diagnosis));
    if (condition == NULL)
        return;
    condition_put(condition->what, "Lookups of route%s %s go to %.64s: %.64s %s",
                  names.count == 1 ? "" : "s", names.text,
                  names.count == 1 ? stand_in(diagnosis)->name : "other upstreams",
                  diagnosis->upstream->name, matter_of(diagnosis->upstream));
    put_left_out(diagnosis, condition);
}

/* Lookups of a route go to it, for all that it is held. */
static bool serves(const struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct config *config = overview->readiness.config;

    if (config == NULL)
        return true;
    for (size_t i = 0; i < config->route_count; i++)
        if (overview_serving(overview, &config->routes[i]) == diagnosis->upstream)
            return true;
    return false;
}

/* It has nobody to stand in for it; and that its lookups fail for just this is not told yet. */
static void find_held(struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    const struct health_state *health = &upstream->health;
    const bool told = health->down && health->failure.reason == HEALTH_RATE_LIMITED;
    char when[CONDITION_TIME];
    struct condition *condition = NULL;

    if (upstream->hold.held && !told && serves(diagnosis))
        condition = condition_begin(diagnosis, CONDITION_WARNING, (struct mono_time){0});
    if (condition == NULL)
        return;
    condition_put(condition->what, "Lookups get 429, for the upstream said so");
    condition_put(condition->why, "nothing is sent to it until %s, as its Retry-After said",
                  condition_time(diagnosis, upstream->hold.until, when));
    condition_put(condition->action, "Set [upstream] rate to what the provider allows, ask it for "
                                     "a larger quota, or add an upstream to the route.");
}

/* ---- refused before they were sent ---- */

static bool has_rate(const struct diagnosis *diagnosis, size_t age)
{
    return history_upstream_at(diagnosis->overview->history, diagnosis->upstream->index, age)
               ->rate_refused > 0;
}

static bool has_retries(const struct diagnosis *diagnosis, size_t age)
{
    return history_upstream_at(diagnosis->overview->history, diagnosis->upstream->index, age)
               ->retries_refused > 0;
}

static void find_rate(struct diagnosis *diagnosis)
{
    const uint64_t refused = diagnosis->trend->rate_refused;
    const uint64_t moved = diagnosis->trend->failovers[FAILOVER_RATE];
    struct condition *condition = NULL;

    if (refused > 0)
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has_rate));
    if (condition == NULL)
        return;
    condition_put(condition->what, "More lookups come than [upstream] rate allows");
    condition_put(
        condition->why,
        "%llu lookups had no turn in time in the last minute, %llu of them went to "
        "another upstream; %lld wait now, and %lld may",
        (unsigned long long)refused, (unsigned long long)(moved < refused ? moved : refused),
        (long long)diagnosis->upstream->rate_waiting, (long long)diagnosis->upstream->rate_queue);
    condition_put(condition->action,
                  "Raise rate if the provider allows more, add an upstream to the route, or reduce "
                  "the callers' rate.");
}

static void find_retries(struct diagnosis *diagnosis)
{
    const uint64_t refused = diagnosis->trend->retries_refused;
    struct condition *condition = NULL;

    if (refused > 0)
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has_retries));
    if (condition == NULL)
        return;
    condition_put(condition->what, "More lookups have to be sent again than retry_budget allows");
    condition_put(condition->why,
                  "%llu retries and failovers to this upstream were not made in the last minute",
                  (unsigned long long)refused);
    condition_put(condition->action,
                  "Look for what fails: this upstream's connections, or the upstreams before it. "
                  "Raise [upstream] retry_budget if this one can take more.");
}

void conditions_way(struct diagnosis *diagnosis)
{
    find_left_out(diagnosis);
    find_held(diagnosis);
    find_rate(diagnosis);
    find_retries(diagnosis);
}

/* ---- routes ---- */

static bool is_unready(const struct overview *overview, const struct config_route *route,
                       const struct overview_upstream *upstream)
{
    struct mono_time since;

    (void)upstream;
    return !readiness_of_route(&overview->readiness, route, &since);
}

/* The first of them. */
static struct mono_time unready_since(const struct overview *overview)
{
    const struct config *config = overview->readiness.config;
    struct mono_time first = MONO_NEVER, since;

    for (size_t i = 0; i < config->route_count; i++)
        if (!readiness_of_route(&overview->readiness, &config->routes[i], &since))
            first = mono_min(first, since);
    return first.ns == MONO_NEVER.ns ? (struct mono_time){0} : first;
}

static void find_routes(struct diagnosis *diagnosis)
{
    struct condition *condition = NULL;
    struct names names;

    name_routes(diagnosis, is_unready, &names);
    if (names.count > 0)
        condition = condition_begin(diagnosis, CONDITION_DOWN, unready_since(diagnosis->overview));
    if (condition == NULL)
        return;
    condition_put(condition->what, "No lookup of route%s %s is answered",
                  names.count == 1 ? "" : "s", names.text);
    condition_put(condition->why, "none of %s upstreams is ready",
                  names.count == 1 ? "its" : "their");
    condition_put(condition->action, "What is wrong with each upstream is told beside this.");
}

static bool has_quota(const struct diagnosis *diagnosis, size_t age)
{
    return history_at(diagnosis->overview->history, age)->codes[PROBLEM_QUOTA_EXCEEDED] > 0;
}

static void find_quota(struct diagnosis *diagnosis)
{
    const uint64_t refused = diagnosis->codes[PROBLEM_QUOTA_EXCEEDED];
    struct condition *condition = NULL;
    uint64_t all = 0;

    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        all += diagnosis->codes[i];
    if (refused >= QUOTA_LEAST && (double)refused >= QUOTA_SHARE * (double)all)
        condition =
            condition_begin(diagnosis, CONDITION_NOTE, condition_since(diagnosis, has_quota));
    if (condition == NULL)
        return;
    condition_put(condition->what, "Many lookups are over their user's quota");
    condition_put(condition->why, "%llu of %llu in the last minute (429 quota_exceeded)",
                  (unsigned long long)refused, (unsigned long long)all);
    condition_put(condition->action, "The access log says whose they are. Raise [quota] per_user "
                                     "if that is how they work.");
}

void conditions_routes(struct diagnosis *diagnosis)
{
    find_routes(diagnosis);
    find_quota(diagnosis);
}
