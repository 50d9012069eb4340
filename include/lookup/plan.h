/*
 * What a worker's lookups begin with: a configuration with its routes, and for each of its
 * upstreams the way there, which is a client and the source of its tokens. A reload makes another
 * plan; lookups keep the one that they began with, whatever becomes of the worker's.
 *
 * Thread: the worker's. The count of references is not atomic.
 */
#ifndef LOOKUP_PLAN_H
#define LOOKUP_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "lookup/turns.h"
#include "lookup/upstream_state.h"
#include "token/source.h"
#include "upstream/client.h"

/*
 * A worker's side of one upstream: the same for as long as there is an upstream of this name, and
 * longer than every lookup that uses it.
 */
struct lookup_upstream {
    struct token_source *tokens;
    struct upstream_state *state; /* borrowed; NULL: nobody asks for it (a probe) */
    struct turns *turns;          /* NULL: no rate is kept (a probe) */
    /* Of the worker's present plan; NULL: the upstream was removed. */
    const struct lookup_way *present;
};

struct lookup_way {
    struct lookup_upstream *side;           /* borrowed */
    const struct config_upstream *upstream; /* one of the plan's configuration */
    struct client *client;                  /* a reference */
    struct token_era era;                   /* which tokens are for it; {0}: all */
};

struct lookup_plan {
    unsigned references;
    struct config *config; /* a reference */
    /* NULL, or called once: nobody has a reference any more, and the plan is about to be freed. */
    void (*freed)(struct lookup_plan *plan);
    size_t way_count; /* in the order of config->upstreams */
    struct lookup_way ways[CONFIG_UPSTREAMS_MAX];
};

/*
 * One reference. Takes one to the configuration; the ways are the caller's to fill in, with
 * references to clients that the plan then has.
 */
struct lookup_plan *lookup_plan_new(struct config *config);
struct lookup_plan *lookup_plan_ref(struct lookup_plan *plan);
void lookup_plan_unref(struct lookup_plan *plan); /* NULL is allowed */

/* The way to the upstream at a place of a route, which is one of the plan's configuration. */
const struct lookup_way *lookup_plan_way(const struct lookup_plan *plan,
                                         const struct config_route *route, size_t place);
/* Charges the upstream's retry_budget, where there is one. False: it is used up, which is counted.
 */
bool lookup_way_charge(const struct lookup_way *way, struct mono_time now);
/* Its rate and queue; in a fleet, a member's share of the rate. For an upstream that has a rate. */
struct turns_limits lookup_way_limits(const struct lookup_way *way);

/* What a worker's lookups share. It outlives every lookup. */
struct lookup_shared {
    struct lookup_plan *plan; /* a reference; the present one */
};

/* For the lookups to come, and for those of before that get a token of a new era: takes the
 * reference to `plan`, and sets `present` of the sides of both. */
void lookup_shared_use(struct lookup_shared *shared, struct lookup_plan *plan);
void lookup_shared_fini(struct lookup_shared *shared);

#endif
