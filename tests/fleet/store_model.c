/* The keys, how they come and go; the scripts are in store_model_scripts.c. */
#include "store_model_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct store_model *store_model_new(store_model_publish *publish, void *arg)
{
    struct store_model *model = mem_zalloc(sizeof(*model));

    model->publish = publish;
    model->arg = arg;
    return model;
}

void store_model_drop_token(struct record *record)
{
    mem_free(record->token.sealed);
    record->token.sealed = NULL;
    record->token.until = ABSENT;
}

void store_model_drop_charges(struct record *record)
{
    mem_free(record->charges.items);
    record->charges.items = NULL;
    record->charges.count = 0;
    record->charges.until = ABSENT;
}

static void drop_all(struct record *record)
{
    store_model_drop_token(record);
    store_model_drop_charges(record);
    record->lease.until = record->counter.until = record->failures.until = ABSENT;
    record->guard_until = record->wait_until = ABSENT;
}

void store_model_flush(struct store_model *model)
{
    for (struct record *record = model->records; record != NULL; record = record->next)
        drop_all(record);
}

void store_model_free(struct store_model *model)
{
    store_model_flush(model);
    while (model->records != NULL) {
        struct record *record = model->records;
        model->records = record->next;
        mem_free(record);
    }
    mem_free(model->sealed);
    mem_free(model);
}

void *store_model_bytes(const void *bytes, size_t len)
{
    if (bytes == NULL)
        return NULL;
    void *copy = mem_alloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    return copy;
}

struct store_model *store_model_copy(const struct store_model *model)
{
    struct store_model *copy = store_model_new(model->publish, model->arg);

    for (const struct record *from = model->records; from != NULL; from = from->next) {
        struct record *record = mem_alloc(sizeof(*record));
        *record = *from;
        record->token.sealed = store_model_bytes(from->token.sealed, from->token.len);
        /* As mem_grow has it. */
        record->charges.items = NULL;
        for (size_t i = 0; i < from->charges.count; i++) {
            record->charges.items =
                mem_grow(record->charges.items, i, sizeof(*record->charges.items));
            record->charges.items[i] = from->charges.items[i];
        }
        record->next = copy->records;
        copy->records = record;
    }
    return copy;
}

static struct record *find(struct store_model *model, const char *id)
{
    struct record *record = model->records;

    while (record != NULL && strcmp(record->id, id) != 0)
        record = record->next;
    if (record != NULL)
        return record;
    record = mem_zalloc(sizeof(*record));
    snprintf(record->id, sizeof(record->id), "%s", id);
    drop_all(record);
    record->next = model->records;
    model->records = record;
    return record;
}

void store_model_members(struct store_model *model, const char *id, int64_t members)
{
    find(model, id)->members = members;
}

int64_t store_model_pttl(struct store_model *model, int64_t now, const char *id, char key)
{
    const struct record *record = find(model, id);
    const int64_t until[] = {record->token.until,  record->lease.until, record->counter.until,
                             record->guard_until,  record->wait_until,  record->failures.until,
                             record->charges.until};
    static const char keys[] = FLEET_MODEL_KEYS;
    const char *at = strchr(keys, key);

    MUST(at != NULL && *at != '\0');
    const int64_t last = until[at - keys];
    return last < now ? -2 : last - now;
}

static void expire(struct record *record, int64_t now)
{
    if (record->token.until < now)
        store_model_drop_token(record);
    if (record->charges.until < now)
        store_model_drop_charges(record);
    if (record->lease.until < now)
        record->lease.until = ABSENT;
    if (record->counter.until < now)
        record->counter.until = ABSENT;
    if (record->failures.until < now)
        record->failures.until = ABSENT;
    if (record->guard_until < now)
        record->guard_until = ABSENT;
    if (record->wait_until < now)
        record->wait_until = ABSENT;
}

void store_model_run(struct store_model *model, int64_t now, const struct fleet_command *command,
                     struct fleet_reply *out)
{
    static void (*const scripts[FLEET_VERBS])(const struct run *run) = {
        [FLEET_LOOK] = store_model_look,
        [FLEET_ASK] = store_model_ask,
        [FLEET_PUT] = store_model_put,
        [FLEET_FAIL] = store_model_fail,
    };
    const struct run run = {.model = model,
                            .record = find(model, command->id),
                            .now = now,
                            .command = command,
                            .out = out};

    *out = (struct fleet_reply){.leader = ""};
    expire(run.record, now);
    scripts[command->verb](&run);
}
