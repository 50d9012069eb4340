/*
 * Whether lookups would be answered, and if not why and since when: what /readyz, /tokens, the
 * metric postcoded_ready, the status page and the service manager are told, from one place.
 *
 * An upstream has one reason at most: that it has no token, or else that its lookups fail
 * (lookup/health.h). A route is ready while one of its upstreams is, and the daemon while one of
 * its routes is: where one of several Location APIs is down, a load balancer must not take every
 * instance out. With the built-in route alone all is as if there were no routes.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_READINESS_H
#define FRONT_READINESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/config.h"
#include "front/exposition_sources.h"

struct admin_ports;

enum readiness_cause {
    READINESS_DRAINING,
    READINESS_TOKEN,   /* no token that can be used */
    READINESS_LOOKUPS, /* every lookup fails */
    READINESS_KEYS,    /* the port's, as the next: no keys to verify identities with */
    READINESS_BLOCKED, /* a worker's event loop is blocked */
};

/* A key's URL and what came of it; a token endpoint's words. */
#define READINESS_WHAT 512
#define READINESS_WHY 1280
/* Of the process there are a few, of each upstream one at most. */
#define READINESS_REASONS (CONFIG_UPSTREAMS_MAX + 4)

struct readiness_reason {
    enum readiness_cause cause;
    struct mono_time since;       /* {0}: not known */
    const char *upstream;         /* NULL: of the process; borrowed */
    struct health_failure failed; /* READINESS_LOOKUPS: how the last one failed */
    char what[READINESS_WHAT];    /* "every lookup has failed" */
    char why[READINESS_WHY];      /* "the upstream responded with 503"; "": what says it */
};

/* A large structure: allocate it. What is borrowed is good until the main loop's next turn. */
struct readiness {
    bool ready;
    struct readiness_reason reasons[READINESS_REASONS];
    size_t count; /* of the process and of upstreams, also of those that others stand in for */
    const struct config *config; /* borrowed; NULL: there is no route with a name */
    /* Of each upstream of the configuration: its reason's place and 1; 0: it is ready. */
    unsigned char reason_of[CONFIG_UPSTREAMS_MAX];
};

void readiness_gather(const struct exposition *sources, const struct admin_ports *ports,
                      struct mono_time now, struct readiness *out);
/* False: lookups of this upstream would not be answered; *out says why. */
bool readiness_of_upstream(const struct exposition_upstream *upstream, struct mono_time now,
                           struct readiness_reason *out);

/* What it decides from: the keeper's status and how lookups ended. */
void readiness_facts(const struct exposition_upstream *upstream, struct mono_time now,
                     struct keeper_status *status, struct health_state *health);

/*
 * Is one of the upstreams of this route ready, which is one of readiness->config? Where none is,
 * *since is when the last of them ceased to be; {0}: not known, or one is.
 */
bool readiness_of_route(const struct readiness *readiness, const struct config_route *route,
                        struct mono_time *since);
/* Would lookups of this route be answered? That takes the process, too. */
bool readiness_serves(const struct readiness *readiness, const struct config_route *route);

/*
 * "upstream u: no usable token (backing_off) since 2026-01-31T23:59:59Z: ...", a line for each
 * reason. With routes: "route uk: no upstream is ready (main, spare) since ...", for each that is
 * not ready, and lines of their upstreams alone. `route` alone, if it is not NULL.
 */
void readiness_write(const struct readiness *readiness, const struct config_route *route,
                     struct mono_time now, struct buf *lines);
/* More than all lines of it. */
#define READINESS_LINES_MAX (4 * 1024 * 1024)

#endif
