/*
 * Owns the keys of one [identity] key_url: fetches the set when it is due, one fetch at a time,
 * keeps the last good one, and passes on what changed.
 *
 * Thread: the main loop's.
 */
#ifndef MIDDLEWARE_KEY_KEEPER_H
#define MIDDLEWARE_KEY_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "config/config.h"
#include "middleware/key_view.h"
#include "runtime/loop.h"

struct key_keeper;

struct key_keeper_ports {
    void *arg;
    /* What workers are to know from now on; borrowed. Not called for a set that is the same. */
    void (*publish)(void *arg, const struct key_view *view);
    /* A fetch has ended: what key_keeper_view and key_keeper_failure say may be another. */
    void (*changed)(void *arg);
};

/*
 * For a configuration in mode jwt with a key_url; it is not kept. Nothing is fetched yet.
 * ERR_INVALID: key_ca_file cannot be used; ERR_SYSTEM: the system provides no timer, or libcurl
 * cannot be set up.
 */
ERR_CHECKED enum err key_keeper_new(struct loop *loop, const struct config *config,
                                    const struct key_keeper_ports *ports, struct key_keeper **out);
/* A fetch under way is dropped. NULL is allowed. */
void key_keeper_free(struct key_keeper *keeper);

/*
 * Fetches once, before key_keeper_start: `tried` is called in a later turn, with NULL when there
 * are keys now, else with the reason, borrowed; it may free the keeper.
 */
void key_keeper_try(struct key_keeper *keeper, void (*tried)(void *arg, const char *reason),
                    void *arg);

/* From now on the set is fetched when it is due: at once, unless it was tried. */
void key_keeper_start(struct key_keeper *keeper);

/* Another key_refresh, in ns; 0: none. Counts for the next fetch. */
void key_keeper_refresh(struct key_keeper *keeper, int64_t refresh);

/* An operator asks: fetches at once. */
void key_keeper_fetch(struct key_keeper *keeper);

/* A token names a key that is not in the set: fetches, unless it did lately. */
void key_keeper_unknown(struct key_keeper *keeper);

/* Borrowed, until the next turn. */
const struct key_view *key_keeper_view(const struct key_keeper *keeper);
/* Why the last fetch failed; NULL: it did not. Borrowed, until the next turn. */
const char *key_keeper_failure(const struct key_keeper *keeper);
/* The URL without its query. Borrowed. */
const char *key_keeper_url(const struct key_keeper *keeper);

/* All that a keeper's fetch is made of: with the same, it can stay at a reload. */
struct digest key_keeper_digest(const struct config *config);

#endif
