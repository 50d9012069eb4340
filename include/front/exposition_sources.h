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
#include "config/config.h"
#include "front/tls.h"
#include "lookup/upstream_state.h"
#include "storage/store.h"
#include "token/keeper.h"

/* One upstream, with all that is shown of it. */
struct exposition_upstream {
    const char *name;
    size_t index; /* in the metrics */
    struct keeper *keeper;
    struct upstream_state *state; /* of its lookups; NULL: there are none */
    struct store *store;          /* where its token lies; NULL: not shown */
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
    /* Of each worker: the share (0 to 1) of the last interval in which it did not wait. */
    const double *busy;
    size_t worker_count;
};

#endif
