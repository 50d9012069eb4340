/*
 * Everything that the status page shows, gathered at one moment: front/status_page writes it as
 * HTML, front/status_json as JSON. Nothing in it is secret.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_OVERVIEW_H
#define FRONT_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/config.h"
#include "front/exposition.h"
#include "front/history.h"
#include "front/lately.h"
#include "front/problem_log.h"
#include "front/readiness.h"
#include "token/keeper.h"

struct admin_ports;

enum condition_level {
    CONDITION_DOWN,    /* lookups fail */
    CONDITION_WARNING, /* they will, or some do */
    CONDITION_NOTE,
};

/* Bytes of "https://host:port"; a longer one is cut. */
#define OVERVIEW_ORIGIN 288

#define CONDITIONS_MAX 16
#define CONDITION_TEXT 320

/* One thing that is wrong: "The token endpoint refuses the client's secret", since when, ... */
struct condition {
    enum condition_level level;
    struct mono_time since; /* {0}: not known */
    /* When it gets worse unless it ends: lookups fail from then on; {0}: at no known time. */
    struct mono_time until;
    const char *upstream; /* NULL: of the process */
    char what[CONDITION_TEXT];
    char why[CONDITION_TEXT];    /* what was seen: an error, a status, figures; "" for none */
    char action[CONDITION_TEXT]; /* what to do; "" for nothing */
};

struct overview_upstream {
    const char *name;
    size_t index;
    struct keeper_status token; /* its strings are borrowed */
    bool in_fleet;              /* it has a member, which is the next */
    struct fleet_status member; /* its strings are borrowed, too */
    struct health_state health; /* of its lookups */
    bool slow;                  /* as conditions_fill finds */
    bool unready;               /* readiness_of_upstream says why */
    bool covered;               /* each of its routes has another one that is ready */
    struct breaker_state breaker;
    struct hold_state hold;
    int64_t eject_after; /* as configured, like the next */
    int64_t rate;        /* ns from one call to the next; 0: there is no limit */
    int64_t rate_queue;  /* lookups that may wait for their turn */
    int64_t rate_waiting;
    /* Whom to ask when it fails: scheme, host and port of where lookups and token requests go. */
    char address[OVERVIEW_ORIGIN];
    char token_endpoint[OVERVIEW_ORIGIN];
    int64_t budget;          /* token requests that auth_budget allows an hour */
    int64_t max_connections; /* of all workers together, as configured */
    int64_t waiters;
    int64_t connections_active, connections_idle;
    int64_t queue_length;
};

/* The cache, as configured and as it is. */
struct overview_cache {
    bool on; /* false: there is none, and all else is 0 */
    bool as_service, honour, per_user;
    int64_t ttl, stale_if_error; /* ns */
    struct table_totals totals;
    int64_t results[CACHE_RESULT_COUNT]; /* lookups since the start */
    int64_t gave_stale;                  /* of those CACHE_STALE, because the lookup failed */
    int64_t evictions;
};

struct overview {
    struct mono_time now;
    struct wall_time wall; /* the same moment */
    struct wall_time started;
    struct mono_time began; /* the same moment; its distance is right where the clock was set */
    const char *version;
    bool ready;
    bool draining;
    struct condition conditions[CONDITIONS_MAX];
    size_t condition_count;
    size_t conditions_left; /* for which there was no room: of the same level or less */
    struct overview_upstream upstreams[CONFIG_UPSTREAMS_MAX]; /* front/overview_routes.h */
    size_t upstream_count;
    int64_t codes[PROBLEM_COUNT]; /* requests since the start */
    int64_t connections, max_connections;
    int64_t in_flight, max_in_flight;
    size_t workers;
    struct reload_status reload;
    struct readiness readiness;     /* why it is not ready; of the routes, too */
    struct mono_time blocked_since; /* a worker's event loop; {0}: none is */
    bool has_store;                 /* there is a fleet, and the next two are of it */
    int64_t fleet_alone;            /* as configured: requests an hour while the store is out */
    struct fleet_link_status store; /* its strings are borrowed */
    struct wall_time tls_expiry;    /* of the certificate that callers see; {0}: there is none */
    int64_t request_timeout;        /* ns */
    struct overview_cache cache;
    struct lately log_dropped; /* lines */
    struct lately refused;     /* connections */
    const struct history *history;
    struct problem_entry problems[PROBLEM_SIDES][PROBLEM_LOG_ENTRIES];
    size_t problem_count[PROBLEM_SIDES];
};

/* A large structure: allocate it. The history and all that is borrowed is good until the main
 * loop's next turn. */
void overview_init(struct overview *overview, const struct exposition *sources,
                   const struct admin_ports *ports, const struct config *config);

#endif
