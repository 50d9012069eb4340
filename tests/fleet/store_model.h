/*
 * A fleet's store in false time: what the scripts of token/fleet_scripts.h do, once more in C. The
 * clock is the caller's, in ms since 1970. tests/unit/test_fleet_scripts.c holds the two against
 * each other; the simulation runs on this one.
 *
 * Keys leave when they expire, as soon as a command is run at that time or later: a clock that is
 * put back does not bring them back.
 */
#ifndef TESTS_STORE_MODEL_H
#define TESTS_STORE_MODEL_H

#include <stdint.h>

#include "token/fleet_store.h"

struct store_model;

/* A message of the channel of `id`, within store_model_run. */
typedef void store_model_publish(void *arg, const char *id, const struct fleet_hint *hint);

struct store_model *store_model_new(store_model_publish *publish, void *arg);
void store_model_free(struct store_model *model);
/* Its keys as they are now: what a replica has. */
struct store_model *store_model_copy(const struct store_model *model);
void store_model_flush(struct store_model *model);
/* How many are subscribed to the channel of `id`, from now on. */
void store_model_members(struct store_model *model, const char *id, int64_t members);

/* Runs a command. The reply's pointers last until the next one. */
void store_model_run(struct store_model *model, int64_t now, const struct fleet_command *command,
                     struct fleet_reply *out);

/* PTTL of a key, by the last letter of its name: -2, there is none. */
#define FLEET_MODEL_KEYS "tlgrwfb"
int64_t store_model_pttl(struct store_model *model, int64_t now, const char *id, char key);

#endif
