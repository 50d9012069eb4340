/*
 * A world in false time for one member of a fleet: the test is the store, the token endpoint and
 * the keeper. What the member sends is recorded; the test says what comes back. The keeper is a
 * token and what was answered: it takes every grant, unless `stalls`.
 *
 * A sealed token is "VALUE|SECONDS|ID|GENERATION" here.
 */
#ifndef TESTS_FLEET_WORLD_H
#define TESTS_FLEET_WORLD_H

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/metrics.h"
#include "token/fleet.h"

#define START ((struct mono_time){.ns = 5000 * SECOND})
/* The store's clock at START, in ms. */
#define STORE_START INT64_C(1700000000000)
#define LEASE (5 * SECOND + 2 * 500 * MILLISECOND + SECOND)
#define ID "0123456789abcdef0123456789abcdef"
#define OTHER_ID "fedcba9876543210fedcba9876543210"

#define REPLY(...) ((struct fleet_reply){__VA_ARGS__})

struct fleet_world {
    struct fleet *fleet;
    struct fleet_settings settings;
    struct mono_time now, wake;
    uint32_t random;

    /* To the store. */
    bool busy;
    struct fleet_command command;
    char sealed[200];
    unsigned commands;
    char followed[FLEET_ID];

    /* To the token endpoint. */
    bool fetching;
    unsigned fetches;
    char guid[100];
    struct mono_time fetched_at; /* when the last one began */

    /* The keeper. */
    struct token *present;
    bool stalls;
    bool flight;
    unsigned answers;
    struct keeper_result answer; /* its grant is void */
    struct mono_time answer_at;
    char value[50]; /* of the last grant that came, answered or offered */
    unsigned offers, leaks, retries;
    size_t shared_which;
    enum token_wish again; /* the keeper wants that at once when it is answered */
    bool wants_again;
};

static inline struct token *make_token(const char *value, int64_t lifetime, struct mono_time from)
{
    const struct token_grant grant = {.type = "Bearer", .value = value, .lifetime = lifetime};
    const struct token_renewal renewal = {.early = lifetime / 5};

    return token_new(&grant, from, &renewal, 0, 1, 1);
}

static inline void world_use(struct fleet_world *world, const struct token_grant *grant,
                             struct mono_time requested)
{
    snprintf(world->value, sizeof(world->value), "%s", grant->value);
    if (world->stalls)
        return;
    token_unref(world->present);
    world->present = make_token(grant->value, grant->lifetime, requested);
}

static inline void port_send(void *arg, const struct fleet_command *command)
{
    struct fleet_world *world = arg;

    ck_assert_msg(!world->busy, "two commands at one time");
    world->busy = true;
    world->commands++;
    world->command = *command;
    world->sealed[0] = '\0';
    if (command->sealed != NULL)
        snprintf(world->sealed, sizeof(world->sealed), "%.*s", (int)command->sealed_len,
                 (const char *)command->sealed);
}

static inline void port_follow(void *arg, const char *id)
{
    struct fleet_world *world = arg;

    snprintf(world->followed, sizeof(world->followed), "%s", id);
}

static inline void port_fetch(void *arg, const char *guid)
{
    struct fleet_world *world = arg;

    ck_assert_msg(!world->fetching, "two token requests at one time");
    world->fetching = true;
    world->fetches++;
    world->fetched_at = world->now;
    snprintf(world->guid, sizeof(world->guid), "%s", guid != NULL ? guid : "");
}

static inline void world_want(struct fleet_world *world, enum token_wish wish)
{
    ck_assert(!world->flight);
    world->flight = true;
    fleet_want(world->fleet, wish, "GUID-1", world->now);
}

static inline void port_answer(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    struct fleet_world *world = arg;

    ck_assert_msg(world->flight, "an answer to nothing");
    world->flight = false;
    world->answers++;
    world->answer = *result;
    world->answer_at = world->now;
    if (result->kind == KEEPER_GRANTED || result->kind == KEEPER_SHARED)
        world_use(world, &result->grant, sent);
    if (world->wants_again) {
        world->wants_again = false;
        world_want(world, world->again);
    }
}

static inline void port_offer(void *arg, const struct token_grant *grant, size_t which,
                              struct mono_time requested)
{
    struct fleet_world *world = arg;

    world->offers++;
    world->shared_which = which;
    if (world->present == NULL ||
        mono_before(token_expires_at(world->present), mono_add(requested, grant->lifetime)))
        world_use(world, grant, requested);
}

static inline void port_shared(void *arg, size_t which)
{
    struct fleet_world *world = arg;

    world->shared_which = which;
}

static inline void port_leaked(void *arg)
{
    struct fleet_world *world = arg;

    world->leaks++;
    token_unref(world->present);
    world->present = NULL;
}

static inline void port_retry(void *arg)
{
    struct fleet_world *world = arg;

    world->retries++;
}

static inline struct token *port_present(void *arg)
{
    struct fleet_world *world = arg;

    if (world->present == NULL || !token_usable(world->present, world->now))
        return NULL;
    return token_ref(world->present);
}

static inline struct secret *port_seal(void *arg, const struct token *token, size_t which,
                                       const char *id, uint64_t generation)
{
    char text[200];

    (void)arg;
    (void)which;
    const int len = snprintf(text, sizeof(text), "%s|%" PRId64 "|%s|%" PRIu64,
                             token_authorization(token) + strlen("Bearer "),
                             token_lifetime(token) / SECOND, id, generation);
    return secret_new(text, (size_t)len);
}

static inline bool port_open(void *arg, const void *sealed, size_t len, size_t which,
                             const char *id, uint64_t generation, struct sealed_token *out)
{
    char text[200], value[50], of[FLEET_ID];
    int64_t seconds;
    uint64_t number;

    (void)arg;
    (void)which;
    snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)sealed);
    if (sscanf(text, "%49[^|]|%" SCNd64 "|%32[^|]|%" SCNu64, value, &seconds, of, &number) != 4 ||
        strcmp(of, id) != 0 || number != generation)
        return false;
    out->type = secret_new("Bearer", sizeof("Bearer"));
    out->value = secret_new(value, strlen(value) + 1);
    out->grant = (struct token_grant){.type = (const char *)secret_bytes(out->type),
                                      .value = (const char *)secret_bytes(out->value),
                                      .lifetime = seconds * SECOND};
    return true;
}

static inline void port_wake(void *arg, struct mono_time when)
{
    struct fleet_world *world = arg;

    world->wake = when;
}

static inline uint32_t port_random(void *arg)
{
    struct fleet_world *world = arg;

    return world->random;
}

static inline struct fleet_world *world_new(void)
{
    struct fleet_world *world = calloc(1, sizeof(*world));

    world->now = START;
    world->wake = MONO_NEVER;
    world->settings = (struct fleet_settings){
        .upstream = "api",
        .member = "here.1",
        .ids = {ID, OTHER_ID},
        .secrets = 1,
        .auth_timeout = 5 * SECOND,
        .store_timeout = 500 * MILLISECOND,
        .budget = 60,
        .alone = 60,
        .look_interval = 5 * MINUTE,
    };
    return world;
}

/* Due at once, as soon as there is a loop's turn. */
static inline void world_turn(struct fleet_world *world)
{
    while (!mono_before(world->now, world->wake)) {
        world->wake = MONO_NEVER;
        fleet_tick(world->fleet, world->now);
    }
}

static inline void world_start(struct fleet_world *world)
{
    const struct fleet_ports ports = {
        .arg = world,
        .send = port_send,
        .follow = port_follow,
        .fetch = port_fetch,
        .answer = port_answer,
        .offer = port_offer,
        .shared = port_shared,
        .leaked = port_leaked,
        .retry = port_retry,
        .present = port_present,
        .seal = port_seal,
        .open = port_open,
        .wake = port_wake,
        .random = port_random,
    };

    world->fleet = fleet_new(&world->settings, &ports);
    fleet_start(world->fleet, world->now);
    world_turn(world);
}

static inline void world_free(struct fleet_world *world)
{
    fleet_free(world->fleet);
    token_unref(world->present);
    free(world);
}

/* Time passes, with all that is due on the way. */
static inline void world_pass(struct fleet_world *world, int64_t duration)
{
    const struct mono_time until = mono_add(world->now, duration);

    while (!mono_before(until, world->wake)) {
        if (mono_before(world->now, world->wake))
            world->now = world->wake;
        world->wake = MONO_NEVER;
        fleet_tick(world->fleet, world->now);
    }
    world->now = until;
}

/* Time passes as far as the member has it planned; how long that was. */
static inline int64_t world_until_wake(struct fleet_world *world)
{
    const struct mono_time before = world->now;

    ck_assert_msg(world->wake.ns != MONO_NEVER.ns, "nothing is planned");
    if (mono_before(world->now, world->wake))
        world->now = world->wake;
    world_turn(world);
    return mono_diff(world->now, before);
}

/* The store's clock. */
static inline int64_t world_store(const struct fleet_world *world)
{
    return STORE_START + mono_diff(world->now, START) / MILLISECOND;
}

static inline void world_reply(struct fleet_world *world, struct fleet_reply reply)
{
    ck_assert_msg(world->busy, "a reply to nothing");
    world->busy = false;
    if (reply.now == 0)
        reply.now = world_store(world);
    if (reply.sealed != NULL)
        reply.sealed_len = strlen(reply.sealed);
    if (reply.leader == NULL)
        reply.leader = "";
    fleet_replied(world->fleet, &reply, world->now);
    world_turn(world);
}

static inline void world_hint(struct fleet_world *world, enum fleet_hint_kind kind,
                              uint64_t generation, int64_t wait)
{
    const struct fleet_hint hint = {.kind = kind, .generation = generation, .wait = wait};

    fleet_hinted(world->fleet, &hint, world->now);
    world_turn(world);
}

/* The store is there; what the first look finds is the test's to say. */
static inline void world_connect(struct fleet_world *world)
{
    fleet_connected(world->fleet, world->now);
    world_turn(world);
    ck_assert(world->busy);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
}

static inline void world_disconnect(struct fleet_world *world)
{
    world->busy = false;
    fleet_disconnected(world->fleet, world->now);
    world_turn(world);
}

/* The token endpoint answers `result`. */
static inline void world_fetched(struct fleet_world *world, struct keeper_result result,
                                 size_t which)
{
    ck_assert_msg(world->fetching, "a response to nothing");
    world->fetching = false;
    fleet_fetched(world->fleet, &result, which, world->fetched_at, world->now);
    world_turn(world);
}

/* Obtained with secret `which`. */
static inline void world_granted_for(struct fleet_world *world, size_t which, const char *value,
                                     int64_t lifetime)
{
    world_fetched(
        world,
        (struct keeper_result){.kind = KEEPER_GRANTED,
                               .grant = {.type = "Bearer", .value = value, .lifetime = lifetime}},
        which);
}

static inline void world_granted(struct fleet_world *world, const char *value, int64_t lifetime)
{
    world_granted_for(world, 0, value, lifetime);
}

static inline struct fleet_status world_status(const struct fleet_world *world)
{
    struct fleet_status status;

    fleet_status(world->fleet, world->now, &status);
    return status;
}

/* Following, with the token `value` of this generation, an hour long, just obtained. */
static inline struct fleet_world *world_following(const char *value, uint64_t generation)
{
    struct fleet_world *world = world_new();
    char sealed[200];

    snprintf(sealed, sizeof(sealed), "%s|3600|" ID "|%" PRIu64, value, generation);
    world_start(world);
    world_connect(world);
    world_reply(world, (struct fleet_reply){.answer = FLEET_LOOKED,
                                            .generation = generation,
                                            .counter = generation,
                                            .lasts = HOUR,
                                            .sealed = sealed,
                                            .members = 10});
    ck_assert_uint_eq(world_status(world).generation, generation);
    world->offers = 0;
    return world;
}

static inline int64_t fleet_count(enum metric id, size_t cell)
{
    return metric_upstream_sum(id, 0, cell);
}

#endif
