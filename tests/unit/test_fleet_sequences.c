/* Long random sequences of a fleet's commands, in a real server and in the model of it. */
#include "base/text.h"
#include "store_server.h"

#define TURNS 2000
/* Sequences; each has its number for a seed. FLEET_SEQUENCES: more of them. */
#define SEQUENCES 5

static uint64_t seed;

/* splitmix64 */
static uint64_t draw(void)
{
    uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t one_of(const int64_t *values, size_t count)
{
    return values[draw() % count];
}
#define ONE_OF(...)                                                                                \
    one_of((const int64_t[]){__VA_ARGS__}, ARRAY_LEN(((const int64_t[]){__VA_ARGS__})))

/* What the members know of one token. */
static struct {
    uint64_t generation, fence;
} known[2];

static uint64_t near(uint64_t number)
{
    const int64_t offset = ONE_OF(0, 0, 0, 0, -1, 1);

    if (draw() % 32 == 0)
        return 0;
    return offset < 0 && number == 0 ? 0 : number + (uint64_t)offset;
}

static void fill_put(struct fleet_command *command, unsigned char sealed[SEALED_MAX])
{
    command->sealed = sealed;
    command->sealed_len = 1 + draw() % SEALED_MAX;
    for (size_t i = 0; i < command->sealed_len; i++)
        sealed[i] = (unsigned char)draw();
    command->expire_at =
        now_ms() + ONE_OF(-5000, -1, 0, 1, 2, 1000, 20000, 300000, 3600000, 86400000);
}

static void take_turn(void)
{
    const size_t which = draw() % ARRAY_LEN(ids);
    unsigned char sealed[SEALED_MAX];
    struct fleet_reply reply;
    struct fleet_command command = {
        .verb = (enum fleet_verb)ONE_OF(FLEET_LOOK, FLEET_ASK, FLEET_ASK, FLEET_ASK, FLEET_PUT,
                                        FLEET_FAIL),
        .id = ids[which],
        .member = members[draw() % ARRAY_LEN(members)],
        .have = near(known[which].generation),
        .wish = (enum token_wish)(draw() % 5),
        .lease = ONE_OF(12 * SECOND, 12 * SECOND, 1, 2 * SECOND + 1),
        .limit = ONE_OF(0, 1, 2, 3, 60),
        .fence = near(known[which].fence),
        .failure = (enum fleet_failure)(draw() % 3),
        .floor = ONE_OF(0, 0, 0, 1, 5 * SECOND, HOUR),
        .random = (uint32_t)ONE_OF(0, 1, UINT32_MAX, UINT32_MAX / 2, (uint32_t)draw()),
    };

    if (command.verb == FLEET_PUT && command.fence == 0)
        command.fence = 1;
    if (command.verb == FLEET_PUT)
        fill_put(&command, sealed);
    run(&command, &reply);
    if (reply.answer == FLEET_YOURS)
        known[which].fence = reply.fence;
    if (reply.generation > 0)
        known[which].generation = reply.generation;
    else if (reply.answer == FLEET_STORED)
        known[which].generation = command.fence;
}

/* Mostly a little; now and then what a key lasts, and back. */
static void pass_time(void)
{
    int64_t ms = (int64_t)(draw() % 3000);

    switch (draw() % 24) {
    case 0:
        ms = ONE_OF(0, 0, 1, 30000, 30001, 12000, 11999, 60000, 599999, 600000, 600001);
        break;
    case 1:
        ms = ONE_OF(3599999, 3600000, 3600001, 7200000, -1, -5000, -3600000);
        break;
    case 2:
        if (draw() % 8 == 0)
            ms = ONE_OF(172799999, 172800000, 172800001, -86400000);
        break;
    }
    set_clock(*clock_us + ms * 1000 + (int64_t)(draw() % 1000));
}

START_TEST(say_what_the_model_says)
{
    seed = (uint64_t)_i;
    for (int turn = 0; turn < TURNS; turn++) {
        take_turn();
        if (draw() % 2 == 0)
            pass_time();
        if (draw() % 200 == 0)
            flush();
        /* Where a double cannot count any more. */
        if (draw() % 400 == 0)
            known[draw() % 2].generation = (UINT64_C(1) << 53) + draw() % 16;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_sequences");
    TCase *tcase = tcase_create("sequences");
    const char *more = getenv("FLEET_SEQUENCES");
    uint64_t number = 0;
    const int sequences = more != NULL && text_parse_u64(more, strlen(more), &number) &&
                                  number > 0 && number <= 100000
                              ? (int)number
                              : SEQUENCES;

    if (server_name() == NULL) {
        puts("SKIP: neither redis-server nor valkey-server is here");
        return 77;
    }
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, say_what_the_model_says, 0, sequences);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
