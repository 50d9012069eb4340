/*
 * Counters are read here, the token from its keeper, and what the daemon alone knows by a port, so
 * that page and JSON show the same of one moment.
 */
#include "front/overview.h"

#include <stdio.h>

#include "base/check.h"
#include "front/admin_ports.h"
#include "front/readiness.h"
#include "upstream/call.h"

static void read_state(struct overview_upstream *out, const struct upstream_state *state,
                       struct mono_time now)
{
    out->breaker = breaker_read(&state->breaker);
    out->hold = hold_read(&state->hold, now);
    out->rate_waiting = atomic_load_explicit(&state->waiting, memory_order_relaxed);
}

static void read_upstream(struct overview_upstream *out, const struct exposition_upstream *source,
                          struct mono_time now)
{
    const size_t index = source->index;

    out->name = source->name;
    out->index = index;
    readiness_facts(source, now, &out->token, &out->health);
    out->in_fleet = exposition_member(source, now, &out->member);
    out->unready = !out->token.ready || out->health.down;
    if (source->state != NULL)
        read_state(out, source->state, now);
    out->queue_length = metric_upstream_sum(METRIC_UPSTREAM_QUEUE_LENGTH, index, 0);
    out->waiters = metric_upstream_sum(METRIC_TOKEN_WAITERS, index, 0);
    out->connections_active = metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, index, 0);
    out->connections_idle = metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, index, 1);
}

/* No more of a URL than that: a path or a query may hold what is nobody's business. */
static void put_origin(char out[OVERVIEW_ORIGIN], const char *url)
{
    snprintf(out, OVERVIEW_ORIGIN, "%.*s", (int)(origin_prefix(url) - url), url);
}

/* The configuration's upstreams may be in another order. */
static void read_settings(struct overview_upstream *out, const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *from = &config->upstreams[i];

        if (from->index != out->index)
            continue;
        out->budget = from->auth_budget;
        out->max_connections = from->max_connections;
        out->eject_after = from->eject_after;
        out->rate = from->rate;
        out->rate_queue = from->queue;
        put_origin(out->address, from->address);
        put_origin(out->token_endpoint, from->auth_url != NULL ? from->auth_url : from->address);
    }
}

static void read_upstreams(struct overview *overview, const struct exposition *sources,
                           const struct config *config)
{
    overview->upstream_count = sources->upstream_count;
    for (size_t i = 0; i < sources->upstream_count; i++) {
        read_upstream(&overview->upstreams[i], &sources->upstreams[i], overview->now);
        read_settings(&overview->upstreams[i], config);
    }
}

static void read_process(struct overview *overview, const struct config *config)
{
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        overview->codes[i] = metric_sum(METRIC_REQUESTS, i);
    overview->connections = metric_sum(METRIC_CONNECTIONS, 0);
    overview->in_flight = metric_sum(METRIC_IN_FLIGHT, 0);
    overview->max_in_flight = config->server_max_in_flight;
    overview->request_timeout = config->server_request_timeout;
    for (size_t side = 0; side < PROBLEM_SIDES; side++)
        overview->problem_count[side] =
            problem_log_read((enum problem_side)side, overview->problems[side]);
}

static void read_cache(struct overview_cache *out, struct cache *cache, const struct config *config)
{
    if (cache == NULL)
        return;
    *out = (struct overview_cache){.on = true,
                                   .as_service = config->cache_as == CACHE_AS_SERVICE,
                                   .honour = config->cache_honour,
                                   .per_user = config->identity_forward_header != NULL,
                                   .ttl = config->cache_ttl,
                                   .stale_if_error = config->cache_stale_if_error,
                                   .totals = cache_totals(cache),
                                   .gave_stale = metric_sum(METRIC_CACHE_STALE_IF_ERROR, 0),
                                   .evictions = metric_sum(METRIC_CACHE_EVICTIONS, 0)};
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        out->results[i] = metric_sum(METRIC_CACHE, i);
}

void overview_init(struct overview *overview, const struct exposition *sources,
                   const struct admin_ports *ports, const struct config *config)
{
    *overview = (struct overview){.now = mono_now(),
                                  .wall = wall_now(),
                                  .version = POSTCODED_VERSION,
                                  .draining = ports->draining(ports->arg)};

    readiness_gather(sources, ports, overview->now, &overview->readiness);
    overview->ready = overview->readiness.ready;
    read_upstreams(overview, sources, config);
    overview->has_store = exposition_store(sources->fleet, &overview->store);
    overview->fleet_alone = config->fleet_alone;
    read_process(overview, config);
    read_cache(&overview->cache, sources->cache, config);
    overview->reload = *sources->reload;
    overview->workers = sources->worker_count;
    if (sources->tls != NULL)
        overview->tls_expiry = tls_expiry(sources->tls);
    ports->describe(ports->arg, overview);
}
