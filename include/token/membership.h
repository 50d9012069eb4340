/*
 * A token service's membership in a fleet: the machine (token/fleet.h), its place at the link to
 * the store (token/fleet_link.h), its timer, and the keys that it seals tokens with. It stands
 * between the keeper's wish for a token and the request to the token endpoint.
 *
 * It is made of one configuration; another one needs another membership.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_MEMBERSHIP_H
#define TOKEN_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "config/config.h"
#include "runtime/loop.h"
#include "token/fleet.h"
#include "token/fleet_link.h"
#include "token/keeper.h"
#include "token/token.h"
#include "token/wish.h"

struct membership;

/* As those of struct fleet_ports with these names. */
struct membership_ports {
    void *arg;
    void (*fetch)(void *arg, const char *guid);
    void (*answer)(void *arg, const struct keeper_result *result, struct mono_time sent);
    void (*offer)(void *arg, const struct token_grant *grant, size_t which,
                  struct mono_time requested);
    void (*shared)(void *arg, size_t which);
    void (*leaked)(void *arg);
    void (*retry)(void *arg);
    struct token *(*present)(void *arg);
    /* What its status tells may have changed; the last call of an event. */
    void (*changed)(void *arg);
};

struct membership_settings {
    struct loop *loop;
    struct fleet_link *link;                /* outlives it */
    const char *member;                     /* the daemon's name in the fleet; borrowed, likewise */
    struct config *config;                  /* a reference is taken */
    const struct config_upstream *upstream; /* one of config's; it has a secret */
};

/* No port is called before membership_start. */
struct membership *membership_new(const struct membership_settings *settings,
                                  const struct membership_ports *ports);
/* Takes its place at the link. `preferred`: the secret that last worked. */
void membership_start(struct membership *membership, size_t preferred);
/* Leaves it; what was wanted is not answered. NULL is allowed. */
void membership_free(struct membership *membership);

/* All of the configuration that it is made of, the link excepted: a reload compares it. */
struct digest membership_digest(const struct config *config,
                                const struct config_upstream *upstream);

/* keeper_ports.fetch: fleet_want. */
void membership_want(struct membership *membership, enum token_wish wish, const char *guid);
/* The request that the fetch port began has ended: fleet_fetched. */
void membership_fetched(struct membership *membership, const struct keeper_result *result,
                        size_t which, struct mono_time sent);

/* Borrowed until the next call into it; false: it has not started. */
bool membership_status(const struct membership *membership, struct mono_time now,
                       struct fleet_status *out);

#endif
