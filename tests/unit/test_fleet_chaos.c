/*
 * Whatever happened to a fleet, in any order: when it is over, all members have one token, by as
 * many requests as a calm fleet makes; and at no time is there a storm. Real keepers and members,
 * in false time (tests/fleet/sim.h); each seed is a story of its own.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/sim.h"
#include "base/check.h"
#include "base/text.h"
#include "suite.h"

#define MEMBERS 8
#define LIFETIME (20 * MINUTE)
/* Stories. FLEET_STORIES: more of them. */
#define STORIES 40
#define EVENTS 200
#define BETWEEN (30 * SECOND)
/* A dead token for which the budget has no replacement goes with the next renewal. */
#define RECOVERY (LIFETIME / 2 + 2 * MINUTE)
#define CALM (2 * HOUR)

static struct member *any(struct sim *sim)
{
    return &sim->members[chance_next(&sim->chance) % MEMBERS];
}

static bool is_there(const struct member *member)
{
    return member->keeper != NULL;
}

/* ---- what happens ---- */

static void store_out(struct sim *sim)
{
    if (!sim->store.out)
        store_go_out(sim);
}

static void store_back(struct sim *sim)
{
    store_come_back(sim);
    sim->store.failing = false;
}

static void store_failing(struct sim *sim)
{
    sim->store.failing = true;
}

static void store_flushed(struct sim *sim)
{
    store_model_flush(sim->store.model);
}

static void store_copied(struct sim *sim)
{
    if (sim->store.replica != NULL)
        store_model_free(sim->store.replica);
    sim->store.replica = store_model_copy(sim->store.model);
}

/* To a replica that is older by any time. */
static void store_failed_over(struct sim *sim)
{
    if (sim->store.replica == NULL)
        return;
    store_model_free(sim->store.model);
    sim->store.model = sim->store.replica;
    sim->store.replica = NULL;
    store_out(sim);
    sim_at(sim, 2 * SECOND, store_come_back);
}

static void endpoint_down(struct sim *sim)
{
    sim->issuer.down = true;
}

static void endpoint_up(struct sim *sim)
{
    sim->issuer.down = false;
}

static void token_revoked(struct sim *sim)
{
    if (sim->issuer.serial > 0)
        issuer_revoke(sim);
}

static void token_forgotten(struct sim *sim)
{
    struct member *member = any(sim);

    if (is_there(member))
        keeper_forget(member->keeper, member_now(member));
}

static void token_refreshed(struct sim *sim)
{
    struct member *member = any(sim);

    if (is_there(member))
        (void)keeper_refresh(member->keeper, member_now(member));
}

static void member_cut(struct sim *sim)
{
    any(sim)->link.cut = true;
}

static void members_uncut(struct sim *sim)
{
    for (size_t i = 0; i < MEMBERS; i++)
        sim->members[i].link.cut = false;
}

static void member_stands_still(struct sim *sim)
{
    any(sim)->paused_until = sim->now + chance_upto(&sim->chance, 2 * MINUTE);
}

static void member_restarted(struct sim *sim)
{
    struct member *member = any(sim);

    if (is_there(member))
        member_restart(member);
}

static void member_reloaded(struct sim *sim)
{
    member_reload(any(sim));
}

static void member_misguided(struct sim *sim)
{
    struct member *member = any(sim);

    member->misguided = true;
    if (is_there(member))
        lookups_check(member);
}

static void members_guided(struct sim *sim)
{
    for (size_t i = 0; i < MEMBERS; i++)
        sim->members[i].misguided = false;
}

static void hints_lost(struct sim *sim)
{
    sim->settings.hint_loss = 1;
}

static void hints_arrive(struct sim *sim)
{
    sim->settings.hint_loss = 0;
}

static void (*const happenings[])(struct sim *sim) = {
    store_out,       store_back,      store_back,          store_failing,    store_flushed,
    store_copied,    store_copied,    store_failed_over,   endpoint_down,    endpoint_up,
    endpoint_up,     token_revoked,   token_forgotten,     token_refreshed,  member_cut,
    members_uncut,   members_uncut,   member_stands_still, member_restarted, member_misguided,
    members_guided,  members_guided,  hints_lost,          hints_arrive,     member_reloaded,
    member_reloaded, member_reloaded, member_reloaded,
};

static void recover(struct sim *sim)
{
    store_back(sim);
    endpoint_up(sim);
    members_uncut(sim);
    members_guided(sim);
    hints_arrive(sim);
}

/* ---- a story ---- */

static struct sim *sim;

static void tell_story(int seed)
{
    const struct sim_settings settings = {
        .seed = (uint64_t)seed,
        .members = MEMBERS,
        .lifetime = LIFETIME,
        .renew = 50,
        .early = 5 * MINUTE,
        .alone = 60,
        .look_interval = 5 * MINUTE,
        .skew = MINUTE,
    };

    sim = sim_new(&settings);
    sim_start(sim);
    for (int i = 0; i < EVENTS; i++) {
        sim_run(sim, chance_upto(&sim->chance, 2 * BETWEEN));
        happenings[chance_next(&sim->chance) % ARRAY_LEN(happenings)](sim);
    }
    recover(sim);
}

static void ck_no_storm(int seed)
{
    const double seconds = (double)(sim->now - sim->count.since) / (double)SECOND;
    const double commands = (double)sim->count.commands / seconds / MEMBERS;

    sim_sum(sim);
    ck_assert_msg(sim->count.overrun == 0, "%d: %f s past its end", seed,
                  (double)sim->count.overrun / (double)SECOND);
    ck_assert_msg(commands < 0.5, "%d: %f commands a second of each", seed, commands);
    ck_assert_msg(sim->count.minute <= 9 * MEMBERS, "%d: %llu requests in a minute", seed,
                  (unsigned long long)sim->count.minute);
}

static void ck_calm(int seed)
{
    const uint64_t renewals = CALM / (LIFETIME / 2);

    sim_sum(sim);
    ck_assert_msg(sim->count.lacking == 0, "%d: %f s without a token", seed, sim->count.lacking);
    ck_assert_msg(sim->count.requests <= renewals + 1, "%d: %llu requests", seed,
                  (unsigned long long)sim->count.requests);
    ck_assert_msg(sim->count.concurrent == 1, "%d: %llu at one time", seed,
                  (unsigned long long)sim->count.concurrent);
    ck_assert_msg(sim->count.refused == 0, "%d: %llu 401s", seed,
                  (unsigned long long)sim->count.refused);
    ck_assert_msg(sim->count.overrun == 0, "%d: past its end", seed);
}

static bool are_alike(void)
{
    bool alike = true;

    for (size_t i = 1; i < MEMBERS; i++)
        alike = alike && sim->members[i].serial == sim->members[0].serial;
    return alike;
}

START_TEST(all_is_well_when_it_is_over)
{
    tell_story(_i);
    ck_no_storm(_i);
    sim_run(sim, RECOVERY);
    sim_measure(sim);
    sim_run(sim, CALM + LIFETIME / 4);
    ck_calm(_i);
    if (!are_alike()) /* in the middle of a renewal */
        sim_run(sim, 2 * SECOND);
    ck_assert_msg(are_alike(), "%d: tokens differ", _i);
    sim_free(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet, chaos");
    TCase *tcase = tcase_create("stories");
    const char *more = getenv("FLEET_STORIES");
    uint64_t number = 0;
    const int stories = more != NULL && text_parse_u64(more, strlen(more), &number) && number > 0 &&
                                number <= 100000
                            ? (int)number
                            : STORIES;

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, all_is_well_when_it_is_over, 1, 1 + stories);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
