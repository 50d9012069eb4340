/*
 * Whom /metrics and the status page ask for what is not counted: each owner is read by the main
 * loop at the moment it is asked for.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_EXPOSITION_SOURCES_H
#define FRONT_EXPOSITION_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "cache/cache.h"
#include "config/config.h"
#include "front/tls.h"
#include "lookup/upstream_state.h"
#include "storage/store.h"
#include "token/fleet.h"
#include "token/fleet_link.h"
#include "token/keeper.h"
#include "token/service.h"

/* Whom to ask of a fleet: one for all upstreams. */
struct exposition_fleet {
    const struct fleet_link *link;
    /* fleet_link_status: the connections to the store. */
    void (*store)(const struct fleet_link *link, struct fleet_link_status *out);
    /* token_service_fleet_status: the member of an upstream; false: it has none. */
    bool (*member)(const struct token_service *tokens, struct mono_time now,
                   struct fleet_status *out);
};

/* One upstream, with all that is shown of it. */
struct exposition_upstream {
    const char *name;
    size_t index; /* in the metrics */
    struct keeper *keeper;
    struct upstream_state *state;         /* of its lookups; NULL: there are none */
    struct store *store;                  /* where its token lies; NULL: not shown */
    const struct token_service *tokens;   /* for fleet->member */
    const struct exposition_fleet *fleet; /* NULL: there is no fleet */
};

/* The last load of a configuration, that of the start included. */
struct reload_status {
    struct wall_time at;       /* when the present configuration was taken */
    struct wall_time tried_at; /* the last attempt */
    bool failed;               /* the last attempt; the configuration of before is used */
};

/* All borrowed. */
struct exposition {
    struct exposition_upstream upstreams[CONFIG_UPSTREAMS_MAX];
    size_t upstream_count;
    const struct config *config; /* whose routes lookups take; NULL: there are none */
    const struct tls *tls;       /* NULL: there is no certificate */
    const struct reload_status *reload;
    struct cache *cache;                  /* NULL: there is none */
    const struct exposition_fleet *fleet; /* that of the upstreams; NULL: there is none */
    /* Of each worker: the share (0 to 1) of the last interval in which it did not wait. */
    const double *busy;
    size_t worker_count;
};

/* What the upstream's member of the fleet says; false: there is none. */
static inline bool exposition_member(const struct exposition_upstream *upstream,
                                     struct mono_time now, struct fleet_status *out)
{
    return upstream->fleet != NULL && upstream->fleet->member(upstream->tokens, now, out);
}

/* What the connections to the fleet's store say; false: there is none. NULL is allowed. */
static inline bool exposition_store(const struct exposition_fleet *fleet,
                                    struct fleet_link_status *out)
{
    if (fleet == NULL)
        return false;
    fleet->store(fleet->link, out);
    return true;
}

#endif
