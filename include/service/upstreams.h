/*
 * The daemon's upstreams: for each [upstream NAME] its token service, the entry with the service
 * manager, what all workers know of it together, and the side of each worker. An upstream lasts as
 * long as there is one of its name, whatever else a reload changes of it.
 *
 * Its address is the same for its whole life, for the keeper's ports and the workers have it. One
 * that a reload removes is retired: it is shown to nobody any more, and goes on until the last
 * lookup under way with it has ended in every worker (service/side.h).
 *
 * Thread: the main one.
 */
#ifndef SERVICE_UPSTREAMS_H
#define SERVICE_UPSTREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/err.h"
#include "config/config.h"
#include "front/exposition_sources.h"
#include "lookup/upstream_state.h"
#include "runtime/loop.h"
#include "service/side.h"
#include "service/systemd.h"
#include "service/token_fdstore.h"
#include "token/fleet_link.h"
#include "token/service.h"

struct upstreams;

/* The daemon's name in a fleet; behind it a hyphen and a number of 3 digits have room. */
#define UPSTREAMS_MEMBER (FLEET_MEMBER - 4)

struct daemon_upstream {
    unsigned magic;
    struct upstreams *upstreams;
    char *name;
    size_t index;              /* in the metrics */
    char member[FLEET_MEMBER]; /* its name in a fleet: by it a member knows its own lease */
    struct token_service *tokens;
    struct token_fdstore fdstore;
    struct upstream_state state;
    struct side **sides; /* of each worker; side_count of them are made */
    size_t side_count;
    struct digest pool_digest;    /* of its clients */
    bool used;                    /* it is, or was, one of the present ones */
    bool retired;                 /* nothing of it is told any more */
    size_t asked;                 /* sides that have not answered */
    struct daemon_upstream *next; /* among all */
};

/* What the upstreams of a daemon share. */
struct upstreams {
    struct loop *loop; /* the main one */
    unsigned char boot[SYSTEMD_BOOT];
    size_t workers;
    /* The status of one of them may have changed. */
    void (*changed)(void *arg);
    void *arg;
    char member[UPSTREAMS_MEMBER]; /* the daemon's name in a fleet, what theirs begin with */
    bool ending; /* the workers have ended: those that retire are freed with all others */

    struct daemon_upstream **items; /* the present ones, in the order of the configuration */
    size_t count;
    struct daemon_upstream
        *all; /* those of a reload that is not committed, and retired ones, too */
};

/*
 * Its token service, not started, and no sides yet; not one of the present ones. `link`: that of
 * config's fleet. ERR_INVALID, ERR_SYSTEM: token_service_new.
 */
ERR_CHECKED enum err upstream_new(struct upstreams *upstreams, struct config *config,
                                  const struct config_upstream *settings, struct fleet_link *link,
                                  struct daemon_upstream **out);
/* The side of the worker with this loop, the next one that has none. */
void upstream_add_side(struct daemon_upstream *upstream, struct loop *loop, size_t max_waiters);

/*
 * A list of these in place of the present one, which is the caller's to free: those that it has no
 * use for, it retires.
 */
struct daemon_upstream **upstreams_use(struct upstreams *upstreams, struct daemon_upstream **items,
                                       size_t count);
/* NULL: there is none. Retired ones are not found. */
struct daemon_upstream *upstreams_find(const struct upstreams *upstreams, const char *name);

/*
 * It has all its sides, is none of the present ones any more, and gets into no plan. Frees it when
 * no lookup has it, and removes its entry with the service manager. It has left the fleet when this
 * returns.
 */
void upstream_retire(struct daemon_upstream *upstream);

/* At the start: offers each what the service manager kept; what is of no use to any is removed. */
void upstreams_restore(struct upstreams *upstreams, const struct systemd_inherited *inherited);
/* Requests tokens where they are due. */
void upstreams_start(struct upstreams *upstreams);

/* What operators are shown of each; out->fleet is set already. */
void upstreams_expose(const struct upstreams *upstreams, struct exposition *out);

/* Tells the lookups of each how many members of the fleet share its rate; 0 without one. */
void upstreams_count_members(struct upstreams *upstreams);

/*
 * The end: _stop when the workers' threads have ended and their loops are there; _free when no loop
 * is there any more.
 */
void upstreams_stop(struct upstreams *upstreams);
void upstreams_free(struct upstreams *upstreams);

#endif
