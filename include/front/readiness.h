/*
 * Whether lookups would be answered, and if not why and since when: what /readyz, /tokens, the
 * metric postcoded_ready, the status page and the service manager are told, from one place.
 *
 * An upstream has one reason at most: that it has no token, or else that its lookups fail
 * (lookup/health.h).
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_READINESS_H
#define FRONT_READINESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "front/exposition.h"

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

struct readiness {
    struct readiness_reason reasons[READINESS_REASONS];
    size_t count; /* 0: it is ready */
};

void readiness_gather(const struct exposition *sources, const struct admin_ports *ports,
                      struct mono_time now, struct readiness *out);
/* False: lookups of this upstream would not be answered; *out says why. */
bool readiness_of_upstream(const struct exposition_upstream *upstream, struct mono_time now,
                           struct readiness_reason *out);

/* What it decides from: the keeper's status and how lookups ended. */
void readiness_facts(const struct exposition_upstream *upstream, struct mono_time now,
                     struct keeper_status *status, struct health_state *health);

/* "upstream u: no usable token (backing_off) since 2026-01-31T23:59:59Z: ...", a line for each. */
void readiness_write(const struct readiness *readiness, struct mono_time now, struct buf *lines);
/* Both: adds a line for each reason why the daemon is not ready; true: there is none. */
bool readiness_check(const struct exposition *sources, const struct admin_ports *ports,
                     struct mono_time now, struct buf *reasons);

#endif
