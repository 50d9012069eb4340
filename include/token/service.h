/*
 * The token of one upstream, whole: the store it lies in, the keeper that decides, the request to
 * the token endpoint, the alarm that wakes the keeper, the credentials that the token belongs to
 * and the era that a reload ends. Where there is a fleet, its membership too (token/membership.h).
 * The daemon and --probe use it alike. Workers hear of the token by
 * one port, `publish`; what is kept across a restart goes to `keep`.
 *
 *     token_service_new --> _restore (where bytes were kept) --> _start --> ... --> _stop --> _free
 *                                                     _prepare --> _commit, or _discard
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_SERVICE_H
#define TOKEN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"
#include "runtime/loop.h"
#include "storage/store.h"
#include "token/fetch.h"
#include "token/fleet.h"
#include "token/fleet_link.h"
#include "token/keeper.h"
#include "token/sealed_token.h"
#include "token/token.h"
#include "token/view.h"

struct token_service;

/* Each but `publish` may be NULL. All are called in the main loop's thread. */
struct token_service_ports {
    void *arg;
    /* To all workers; the port takes references of its own. Once for each view. */
    void (*publish)(void *arg, struct token_view *view);
    /*
     * The token in a form to be kept across a restart, in place of the one before; borrowed, and
     * as secret as sealed_token.h says. NULL and 0: there is no token to keep.
     */
    void (*keep)(void *arg, const void *bytes, size_t len);
    /* A token request ended; the keeper has not heard of it yet. Both borrowed. */
    void (*responded)(void *arg, const struct keeper_result *result,
                      const struct token_fetch_report *report);
    /* What the keeper's status tells may have changed: a request ended, or the alarm went off. */
    void (*changed)(void *arg);
};

struct token_service_settings {
    struct loop *loop;
    struct config *config;                  /* a reference is taken */
    const struct config_upstream *upstream; /* one of config's; it has a secret */
    size_t workers;                         /* how many sources will be told */
    unsigned char boot[SEALED_TOKEN_BOOT];  /* the id of this boot; zeros where there is none */
    /* For a probe: one token request, with either secret, and no other whatever comes of it. */
    bool one_shot;
    /* The fleet's link, and the daemon's name in it; both outlive the service. NULL: no fleet.
     * Never for a probe. */
    struct fleet_link *link;
    const char *member;
};

/*
 * No port is called before token_service_start. ERR_INVALID: the TLS files of the token endpoint
 * cannot be used; ERR_SYSTEM: no timer, or as client_new.
 */
ERR_CHECKED enum err token_service_new(const struct token_service_settings *settings,
                                       const struct token_service_ports *ports,
                                       struct token_service **out);
/*
 * Between new and start: the bytes that an earlier life gave to `keep`. False with "it is ..." in
 * `reason` when they are of no use; then nothing has changed.
 */
bool token_service_restore(struct token_service *service, const void *bytes, size_t len,
                           struct reason *reason);
/* The sources must be there: publishes the first view, and requests a token where one is due. */
void token_service_start(struct token_service *service);
/*
 * Leaves the fleet: what is requested from now on is nobody else's affair. The link may be freed
 * then.
 */
void token_service_leave(struct token_service *service);
/*
 * Closes what belongs to the loop. Mail of the sources may still come: it asks for nothing, but may
 * still call `publish` and `keep`.
 */
void token_service_stop(struct token_service *service);
/* After _stop, when no source mails any more. NULL is allowed. */
void token_service_free(struct token_service *service);

/* For sources and operators: borrowed, and the same for the service's whole life. */
struct keeper *token_service_keeper(const struct token_service *service);
struct store *token_service_store(const struct token_service *service);
/* Which tokens are for the present configuration. */
struct token_era token_service_era(const struct token_service *service);
/* What its member of the fleet says, borrowed until the next call into it; false: it has none. */
bool token_service_fleet_status(const struct token_service *service, struct mono_time now,
                                struct fleet_status *out);

/*
 * A reload in two steps: what can fail, and what cannot. `upstream` is one of config's, with the
 * same NAME as the service's. A token request under way continues if the new configuration would
 * make the same one, in the same fleet. The token is kept while it is ours (token/owner.h); else
 * another era begins. `link`: that of the new configuration; the service has left the one of before
 * when _commit returns.
 */
struct token_service_change;
/* ERR_INVALID, ERR_SYSTEM: as token_service_new. The change is _commit's or _discard's to free. */
ERR_CHECKED enum err token_service_prepare(struct token_service *service, struct config *config,
                                           const struct config_upstream *upstream,
                                           struct fleet_link *link,
                                           struct token_service_change **out);
void token_service_commit(struct token_service *service, struct token_service_change *change);
void token_service_discard(struct token_service_change *change); /* NULL is allowed */

#endif
