/*
 * What a lookup would do is worked out from the same states that it looks at, and not noted by it:
 * a lookup that is under way may have seen others.
 */
#include "front/overview_routes.h"

const struct overview_upstream *overview_upstream_at(const struct overview *overview, size_t place)
{
    const size_t index = overview->readiness.config->upstreams[place].index;

    for (size_t i = 0; i < overview->upstream_count; i++)
        if (overview->upstreams[i].index == index)
            return &overview->upstreams[i];
    return NULL;
}

bool overview_is_left_out(const struct overview_upstream *upstream)
{
    return upstream->breaker.ejected || upstream->hold.held || upstream->hold.unsaid ||
           upstream->unready;
}

const struct overview_upstream *overview_serving(const struct overview *overview,
                                                 const struct config_route *route)
{
    const struct overview_upstream *last = NULL;

    for (size_t i = 0; i < route->upstream_count; i++) {
        const struct overview_upstream *upstream =
            overview_upstream_at(overview, route->upstreams[i]);

        if (upstream == NULL)
            continue;
        if (!overview_is_left_out(upstream))
            return upstream;
        last = upstream;
    }
    return last;
}

bool overview_is_stood_in_for(const struct overview *overview, const struct config_route *route,
                              const struct overview_upstream *upstream)
{
    const struct overview_upstream *serving =
        overview_is_left_out(upstream) ? overview_serving(overview, route) : NULL;

    if (serving == NULL || serving == upstream || overview_is_left_out(serving))
        return false;
    for (size_t i = 0; i < route->upstream_count; i++) {
        const struct overview_upstream *at = overview_upstream_at(overview, route->upstreams[i]);

        if (at == upstream)
            return true;
        if (at == serving)
            return false;
    }
    return false;
}

static bool has(const struct config_route *route, size_t place)
{
    for (size_t i = 0; i < route->upstream_count; i++)
        if (route->upstreams[i] == place)
            return true;
    return false;
}

/* Is another one of this route ready, though this one is not? */
static bool has_other(const struct readiness *readiness, const struct config_route *route,
                      size_t place)
{
    for (size_t i = 0; i < route->upstream_count; i++)
        if (route->upstreams[i] != place && readiness->reason_of[route->upstreams[i]] == 0)
            return true;
    return false;
}

static bool is_covered(const struct readiness *readiness, size_t place)
{
    const struct config *config = readiness->config;
    bool any = false;

    for (size_t i = 0; i < config->route_count; i++) {
        if (!has(&config->routes[i], place))
            continue;
        if (!has_other(readiness, &config->routes[i], place))
            return false;
        any = true;
    }
    return any;
}

void overview_routes_read(struct overview *overview)
{
    const struct readiness *readiness = &overview->readiness;
    const struct config *config = readiness->config;

    for (size_t place = 0; config != NULL && place < config->upstream_count; place++) {
        for (size_t i = 0; i < overview->upstream_count; i++)
            if (overview->upstreams[i].index == config->upstreams[place].index)
                overview->upstreams[i].covered = is_covered(readiness, place);
    }
}
