/* Routes in /status.json, and what becomes of lookups on the way to an upstream. */
#include "base/mem.h"
#include "front/overview_routes.h"
#include "front/status_json_internal.h"
#include "front/token_json.h"

static json_t *names_of(const struct overview *overview, const struct config_route *route)
{
    const struct config *config = overview->readiness.config;
    json_t *names = json_array();

    for (size_t i = 0; i < route->upstream_count; i++)
        MEM_MUST(json_array_append_new(
                     names, token_json_text(config->upstreams[route->upstreams[i]].name)) == 0);
    return names;
}

static json_t *postcodes_of(const struct config_route *route)
{
    json_t *postcodes = json_array();

    for (size_t i = 0; i < route->postcodes.count; i++)
        MEM_MUST(json_array_append_new(postcodes, token_json_text(route->postcodes.items[i])) == 0);
    return postcodes;
}

static json_t *route_json(const struct overview *overview, const struct config_route *route)
{
    const struct overview_upstream *serving = overview_serving(overview, route);
    struct mono_time since;
    const bool ready = readiness_of_route(&overview->readiness, route, &since);
    json_t *object = json_object();

    status_json_set(object, "name", token_json_text(route->name));
    status_json_set(object, "prefix", status_json_text(route->prefix));
    status_json_set(object, "postcodes", postcodes_of(route));
    status_json_set(object, "upstreams", names_of(overview, route));
    status_json_set(object, "ready", json_boolean(ready));
    status_json_set(object, "unready_since", status_json_moment(overview, since));
    status_json_set(object, "serving",
                    ready && serving != NULL ? token_json_text(serving->name) : json_null());
    return object;
}

json_t *status_json_routes(const struct overview *overview)
{
    const struct config *config = overview->readiness.config;
    json_t *routes = json_array();

    for (size_t i = 0; config != NULL && i < config->route_count; i++)
        MEM_MUST(json_array_append_new(routes, route_json(overview, &config->routes[i])) == 0);
    return routes;
}

void status_json_way(json_t *object, const struct overview *overview,
                     const struct overview_upstream *upstream)
{
    const struct breaker_state *breaker = &upstream->breaker;
    const bool held = upstream->hold.held || upstream->hold.unsaid;
    const double rate = upstream->rate > 0 ? (double)SECOND / (double)upstream->rate : 0;

    status_json_set(object, "ready", json_boolean(!upstream->unready));
    status_json_set(object, "ejected", json_boolean(breaker->ejected));
    status_json_set(object, "ejected_since",
                    breaker->ejected ? status_json_moment(overview, breaker->since) : json_null());
    status_json_set(object, "next_trial_at",
                    breaker->ejected ? status_json_moment(overview, breaker->until) : json_null());
    status_json_set(object, "held_until",
                    held ? status_json_moment(overview, upstream->hold.until) : json_null());
    status_json_set(object, "rate_per_second", rate > 0 ? json_real(rate) : json_null());
    status_json_set(object, "rate_waiting", json_integer(upstream->rate_waiting));
    status_json_set(object, "rate_queue", json_integer(upstream->rate_queue));
}
