/*
 * A member in false time to which anything is said in any order: by its keeper, by the token
 * endpoint, by a store of which nothing is certain but the form of its replies, and by whoever may
 * publish. Each seed is a sequence of its own. What must hold at each step is looked at here and in
 * the ports (tests/unit/fleet_world.h); at the end all is well again, and what is wanted then is
 * answered.
 */
#include "fleet_world.h"

#include "base/log.h"
#include "base/text.h"
#include "suite.h"

#define STEPS 1500
/* Sequences. FLEET_SEQUENCES: more of them. */
#define SEQUENCES 20
#define VALUES 6

static struct fleet_world *world;
static bool connected;
static bool refused[VALUES]; /* by the upstream, and not granted again since */
static uint64_t seed;

/* splitmix64 */
static uint64_t draw(uint64_t below)
{
    uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static bool rarely(void)
{
    return draw(20) == 0;
}

/* ---- values ---- */

static const char *value_of(size_t number)
{
    static const char *const values[VALUES] = {"v0", "v1", "v2", "v3", "v4", "v5"};

    return values[number];
}

/* Of the present token; VALUES: there is none. */
static size_t present_number(void)
{
    return world->present != NULL ? (size_t)(token_authorization(world->present)[8] - '0') : VALUES;
}

static void note_refused(void)
{
    if (present_number() < VALUES)
        refused[present_number()] = true;
}

/* ---- what must hold ---- */

static void check_command(void)
{
    const struct fleet_command *command = &world->command;
    struct fleet_words words;

    fleet_words_make(&words, "pc", command, true);
    if (command->verb != FLEET_PUT)
        return;
    ck_assert_msg(world->sealed[0] == 'v' && !refused[world->sealed[1] - '0'], "%s is put",
                  world->sealed);
    ck_assert_int_le(command->expire_at, world_store(world) + 24 * HOUR / MILLISECOND);
    ck_assert_uint_gt(command->fence, 0);
}

static void check(void)
{
    const struct fleet_status status = world_status(world);
    const bool leads = world->fetching && status.state == FLEET_LEADING;

    ck_assert(!world->busy || connected);
    ck_assert(!world->fetching || world->flight);
    ck_assert(!leads || connected);
    ck_assert(world->present == NULL ||
              mono_diff(token_expires_at(world->present), world->now) <= 24 * HOUR);
    /* Nothing waits for nothing. */
    ck_assert(!world->flight || world->fetching || world->busy || world->wake.ns != MONO_NEVER.ns);
}

/* ---- the store ---- */

static uint64_t any_generation(void)
{
    const uint64_t near = world->command.have + draw(5);

    if (rarely())
        return draw(2) == 0 ? FLEET_GENERATION_MAX - draw(3) : 1 + draw(3);
    return near > FLEET_GENERATION_MAX ? FLEET_GENERATION_MAX : near;
}

static int64_t any_duration(void)
{
    static const int64_t durations[] = {MILLISECOND, SECOND, MINUTE, 20 * MINUTE, HOUR};

    return durations[draw(ARRAY_LEN(durations))];
}

static void put_token(struct fleet_reply *reply, bool always)
{
    static char sealed[200];

    reply->generation = any_generation();
    if (reply->generation == 0 && always)
        reply->generation = 1;
    reply->lasts = reply->generation == 0 ? 0 : any_duration();
    if (reply->generation == 0 || (!always && draw(2) == 0))
        return;
    snprintf(sealed, sizeof(sealed), "%s|%d|%s|%" PRIu64, value_of(draw(VALUES)),
             draw(2) == 0 ? 3600 : 86400, rarely() ? "another" : world->command.id,
             reply->generation);
    reply->sealed = sealed;
}

static struct fleet_reply any_reply(enum fleet_verb verb)
{
    static const enum fleet_answer answers[] = {FLEET_NEWER, FLEET_HELD,   FLEET_RECENT,
                                                FLEET_WAIT,  FLEET_BUDGET, FLEET_YOURS};
    struct fleet_reply reply = {.now = world_store(world)};

    if (verb == FLEET_LOOK) {
        reply.answer = FLEET_LOOKED;
        put_token(&reply, false);
        reply.counter = any_generation();
        reply.lease = draw(2) == 0 ? 0 : any_duration();
        reply.leader = reply.lease > 0 ? "there.2" : "";
        reply.members = (int64_t)draw(20);
    } else if (verb == FLEET_ASK) {
        reply.answer = answers[draw(ARRAY_LEN(answers))];
        reply.wait = any_duration();
        reply.fence = world->command.have + 1 + draw(3);
        if (reply.answer == FLEET_NEWER)
            put_token(&reply, true);
    } else if (verb == FLEET_PUT && draw(2) == 0) {
        reply.answer = FLEET_LATE;
        put_token(&reply, true);
    } else {
        reply.answer = verb == FLEET_PUT ? FLEET_STORED : FLEET_NOTED;
        reply.wait = any_duration();
    }
    return reply;
}

/* What it gave may be a token that was refused: then it is its, and not ours, to be put. */
static void note_given(void)
{
    if (present_number() < VALUES && strcmp(world->value, value_of(present_number())) == 0)
        refused[present_number()] = false;
}

static void store_replies(void)
{
    if (!world->busy)
        return;
    if (rarely()) {
        world->busy = false;
        fleet_lost(world->fleet, world->now);
        world_turn(world);
        return;
    }
    world->value[0] = '\0';
    world_reply(world, any_reply(world->command.verb));
    note_given();
}

static void store_connects(void)
{
    connected = true;
    fleet_connected(world->fleet, world->now);
    world_turn(world);
}

static void store_disconnects(void)
{
    if (!connected)
        return;
    connected = false;
    world_disconnect(world);
}

static void somebody_publishes(void)
{
    const uint64_t present = world_status(world).generation;
    const enum fleet_hint_kind kind = (enum fleet_hint_kind)draw(4);

    if (!connected)
        return;
    const uint64_t generation = draw(3) == 0 ? 1 + draw(9) : present + draw(2);
    if (kind == FLEET_HINT_GONE && generation == present && present > 0)
        note_refused();
    world_hint(world, kind, generation, any_duration());
}

/* ---- the others ---- */

static void keeper_wants(void)
{
    const enum token_wish wish = (enum token_wish)draw(5);

    if (world->flight)
        return;
    if (wish == TOKEN_WISH_REFUSED || wish == TOKEN_WISH_FORGOTTEN)
        note_refused();
    if (wish == TOKEN_WISH_FORGOTTEN && world->present != NULL) {
        token_unref(world->present);
        world->present = NULL;
    }
    world_want(world, wish);
    world_turn(world);
}

static void endpoint_grants(void)
{
    const size_t number = draw(VALUES);

    world->stalls = rarely();
    if (!world->stalls)
        refused[number] = false;
    world_granted_for(world, draw(world->settings.secrets), value_of(number),
                      draw(2) == 0 ? HOUR : 24 * HOUR);
    world->stalls = false;
}

static void endpoint_responds(void)
{
    static const enum keeper_result_kind kinds[] = {KEEPER_FAILED, KEEPER_REJECTED,
                                                    KEEPER_NO_RESPONSE};

    if (!world->fetching)
        return;
    world->wants_again = rarely();
    world->again = TOKEN_WISH_SCHEDULE;
    if (draw(2) == 0)
        endpoint_grants();
    else
        world_fetched(world,
                      (struct keeper_result){.kind = kinds[draw(ARRAY_LEN(kinds))],
                                             .retry_after = draw(2) == 0 ? 0 : 24 * HOUR},
                      0);
    world->wants_again = false;
}

static void time_passes(void)
{
    static const int64_t most[] = {MILLISECOND, SECOND, 10 * SECOND, 10 * MINUTE};

    world->random = (uint32_t)draw((uint64_t)UINT32_MAX + 1);
    world_pass(world, (int64_t)draw((uint64_t)most[draw(ARRAY_LEN(most))]));
}

/* A silent store is what the link ends. */
static void the_link_times_out(void)
{
    if (world->busy && draw(4) == 0)
        store_disconnects();
}

static void (*const steps[])(void) = {
    store_replies,      store_replies, store_replies,      store_connects,    store_disconnects,
    somebody_publishes, keeper_wants,  keeper_wants,       endpoint_responds, endpoint_responds,
    time_passes,        time_passes,   the_link_times_out,
};

/* ---- and then all is well ---- */

static uint64_t stored; /* the store has that generation now */

static void well_for(int64_t duration)
{
    const struct mono_time until = mono_add(world->now, duration);

    while (mono_before(world->now, until)) {
        if (world->busy && world->command.verb == FLEET_PUT)
            stored = world->command.fence;
        if (world->busy && world->command.verb == FLEET_LOOK)
            world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = stored,
                                     .lasts = stored > 0 ? HOUR : 0, .counter = stored));
        else if (world->busy && world->command.verb == FLEET_ASK)
            world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = world->command.have + 1));
        else if (world->busy && world->command.verb == FLEET_PUT)
            world_reply(world, REPLY(.answer = FLEET_STORED));
        else if (world->busy)
            world_reply(world, REPLY(.answer = FLEET_NOTED, .wait = SECOND));
        else if (world->fetching)
            world_granted(world, "v0", 24 * HOUR);
        else
            world_pass(world, SECOND);
        check();
    }
}

static void ends_well(void)
{
    refused[0] = false;
    store_connects();
    well_for(2 * HOUR);
    ck_assert_msg(!world->flight, "what was wanted is not answered");
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    well_for(10 * SECOND);
    ck_assert_msg(!world->flight, "what is wanted is not answered");
    ck_assert_int_eq(world->answer.kind, KEEPER_GRANTED);
    const unsigned commands = world->commands;
    well_for(10 * HOUR);
    ck_assert_uint_le(world->commands - commands, 10 * 60 / 4 + 1);
}

START_TEST(any_order)
{
    seed = (uint64_t)_i;
    connected = false;
    memset(refused, 0, sizeof(refused));
    world = world_new();
    world->settings.secrets = 1 + draw(2);
    world->settings.alone = (int64_t)draw(2) * 60;
    world_start(world);
    for (int i = 0; i < STEPS; i++) {
        const unsigned commands = world->commands;
        world->now.ns++; /* no two of them come in one moment */
        steps[draw(ARRAY_LEN(steps))]();
        if (world->commands != commands && world->busy)
            check_command();
        check();
    }
    ends_well();
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet, random");
    TCase *tcase = tcase_create("sequences");
    const char *more = getenv("FLEET_SEQUENCES");
    uint64_t number = 0;
    const int sequences = more != NULL && text_parse_u64(more, strlen(more), &number) &&
                                  number > 0 && number <= 100000
                              ? (int)number
                              : SEQUENCES;

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, any_order, 0, sequences);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
