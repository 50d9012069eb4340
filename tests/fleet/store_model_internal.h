/* What the model of a fleet's store keeps, and what its scripts are run with. */
#ifndef TESTS_STORE_MODEL_INTERNAL_H
#define TESTS_STORE_MODEL_INTERNAL_H

#include <stdbool.h>

#include "store_model.h"

#define ABSENT INT64_MIN

struct charge {
    int64_t at;
    char member[FLEET_MEMBER];
    uint64_t fence;
};

/* The keys of one token. `until` is the last ms at which a key is there. */
struct record {
    char id[FLEET_ID];
    int64_t members;
    struct {
        int64_t until;
        uint64_t generation;
        void *sealed;
        size_t len;
    } token;
    struct {
        int64_t until;
        char member[FLEET_MEMBER];
        uint64_t fence;
    } lease;
    struct {
        int64_t until;
        uint64_t value;
    } counter;
    int64_t guard_until, wait_until;
    struct {
        int64_t until, count;
        bool stalled;
    } failures;
    struct {
        int64_t until;
        struct charge *items; /* by time */
        size_t count;
    } charges;
    struct record *next;
};

struct store_model {
    store_model_publish *publish;
    void *arg;
    struct record *records;
    /* What the last reply points to. */
    void *sealed;
    char leader[FLEET_MEMBER];
};

/* What one command is run with. */
struct run {
    struct store_model *model;
    struct record *record;
    int64_t now;
    const struct fleet_command *command;
    struct fleet_reply *out;
};

/* In store_model.c. */
void store_model_drop_token(struct record *record);
void store_model_drop_charges(struct record *record);
void *store_model_bytes(const void *bytes, size_t len);

/* In store_model_scripts.c. */
void store_model_look(const struct run *run);
void store_model_ask(const struct run *run);
void store_model_put(const struct run *run);
void store_model_fail(const struct run *run);

#endif
