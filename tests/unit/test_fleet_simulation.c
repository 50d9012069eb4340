/*
 * What a fleet promises, held by 50 real members in false time (tests/fleet/sim.h); `make simulate`
 * has the figures of 1,000. No token request fails here unless a scenario says so, so that each
 * figure is exact.
 */
#include <check.h>
#include <string.h>

#include "../fleet/scenarios.h"
#include "base/check.h"
#include "suite.h"

#define MEMBERS 50
#define SEEDS 3
/* Renewals of six hours at half of an hour's life: the first of all members begins each. */
#define CALM 12

static struct figures figures;

static void run_members(const char *name, size_t members, double failures, int seed)
{
    const struct scenario *scenario = scenario_find(name);

    ck_assert_ptr_nonnull(scenario);
    scenario_run(scenario, members, failures, (uint64_t)seed, &figures);
}

static void run(const char *name, int seed)
{
    run_members(name, MEMBERS, 0, seed);
}

static void ck_requests(uint64_t least, uint64_t most)
{
    ck_assert_msg(figures.requests >= least && figures.requests <= most, "%llu requests",
                  (unsigned long long)figures.requests);
}

/* And no token is taken to last past its end, not for a ns. */
static void ck_nobody_lacks(void)
{
    ck_assert_msg(figures.lacking == 0, "%.0f lookups without a token", figures.lacking);
    ck_assert_msg(figures.overrun == 0, "%f s past its end", figures.overrun);
}

START_TEST(two_requests_a_lifetime)
{
    run("calm", _i);
    ck_requests(CALM, CALM + 1);
    ck_assert_uint_eq(figures.concurrent, 1);
    ck_assert_uint_eq(figures.puts, figures.requests);
    ck_assert_uint_eq(figures.late, 0);
    ck_nobody_lacks();
    /* 5 a second of 1,000. */
    ck_assert(figures.commands < 0.25);
}
END_TEST

/* The first member that looks puts its token back; the others have it. */
START_TEST(a_flush_costs_nothing)
{
    run("flush", _i);
    ck_requests(CALM, CALM + 1);
    ck_assert_uint_eq(figures.puts, figures.requests + 1);
    ck_nobody_lacks();
}
END_TEST

/* What the rest is measured by: without a fleet each member makes its own. */
START_TEST(as_many_as_members_without_a_fleet)
{
    run("calm-each", _i);
    ck_requests((uint64_t)6 * MEMBERS, (uint64_t)8 * MEMBERS);
    ck_assert_uint_eq(figures.puts, 0);
    run("revoked-each", _i);
    ck_requests(MEMBERS, MEMBERS);
}
END_TEST

START_TEST(some_failures_change_little)
{
    run_members("calm", MEMBERS, 0.1, _i);
    ck_requests(CALM, CALM + 5);
    ck_assert_uint_eq(figures.concurrent, 1);
    ck_nobody_lacks();
}
END_TEST

START_TEST(no_hint_is_needed)
{
    run("calm-deaf", _i);
    ck_requests(CALM, CALM + 1);
    ck_nobody_lacks();
    run("revoked-deaf", _i);
    ck_requests(1, 1);
}
END_TEST

/* No member's clock enters: all figures are the same. */
START_TEST(clocks_play_no_role)
{
    static const char *const pairs[][2] = {{"calm", "clocks"}, {"short", "short-clocks"}};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        run(pairs[i][0], _i);
        const struct figures before = figures;
        run(pairs[i][1], _i);
        ck_assert_mem_eq(&before, &figures, sizeof(figures));
        ck_nobody_lacks();
    }
}
END_TEST

START_TEST(an_outage_below_half_a_lifetime_costs_nothing)
{
    static const char *const names[] = {"out-10",         "out-25",          "errors-25",
                                        "failover-ahead", "failover-behind", "flush"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        run(names[i], _i);
        /* A failover may lose a token that one of two had: then there is one more. */
        ck_assert_msg(figures.requests <= CALM + 1, "%s: %llu requests", names[i],
                      (unsigned long long)figures.requests);
        ck_assert_uint_eq(figures.concurrent, 1);
        ck_nobody_lacks();
    }
}
END_TEST

/* An hour of the outage is without the token of before: about 10 requests in it, for 10 an hour. */
START_TEST(alone_is_a_bound)
{
    struct scenario few = *scenario_find("out-90");

    run("out-90", _i);
    ck_requests(MEMBERS, (uint64_t)3 * MEMBERS);
    ck_nobody_lacks();
    few.alone = 10;
    scenario_run(&few, MEMBERS, 0, (uint64_t)_i, &figures);
    ck_requests(CALM, CALM + 20);
    ck_assert(figures.lacking > 0);
    few.alone = 0;
    scenario_run(&few, MEMBERS, 0, (uint64_t)_i, &figures);
    ck_requests(6, CALM);
}
END_TEST

/* Nor in any other scenario: also not where a failover turns the store's clock. */
START_TEST(no_token_is_taken_to_last_longer)
{
    for (size_t i = 0; i < scenario_count; i++) {
        scenario_run(&scenarios[i], 10, 0.1, (uint64_t)_i, &figures);
        ck_assert_msg(figures.overrun == 0, "%s: %f s", scenarios[i].name, figures.overrun);
    }
}
END_TEST

START_TEST(one_request_after_a_revocation)
{
    run("revoked", _i);
    ck_requests(1, 1);
    ck_assert(figures.cured > 0 && figures.cured < 1);
    ck_assert_uint_lt(figures.refused, (uint64_t)MEMBERS * SIM_LOOKUPS);
    ck_nobody_lacks();
    run("forgotten", _i);
    ck_requests(1, 1);
    ck_assert(figures.cured > 0 && figures.cured < 1);
}
END_TEST

START_TEST(a_revocation_while_the_store_is_out)
{
    run("revoked-out", _i);
    ck_requests(MEMBERS, MEMBERS);
    ck_assert(figures.cured < 10);
    /* Who fails tries again soon. */
    run_members("revoked-out", MEMBERS, 0.2, _i);
    ck_assert(figures.cured < 30);
}
END_TEST

/* As one daemon alone makes, and not more than its budget. */
START_TEST(a_dead_token_endpoint_is_asked_as_by_one)
{
    run_members("endpoint-each", 1, 0, _i);
    const uint64_t one = figures.requests;
    ck_assert_uint_ge(one, 20);
    run("endpoint", _i);
    ck_requests(20, 60);
    ck_assert_uint_eq(figures.concurrent, 1);
    ck_assert_uint_lt(figures.requests, 2 * one);
    ck_nobody_lacks();
}
END_TEST

START_TEST(a_leader_that_stands_still)
{
    run("calm-late", _i);
    const uint64_t calm = figures.requests;
    run("pause-late", _i);
    ck_requests(calm, calm); /* its lease is found spent */
    ck_nobody_lacks();
    run("pause-token-late", _i);
    ck_requests(calm + 1, calm + 1);
    ck_assert_uint_eq(figures.late, 1);
    ck_nobody_lacks();
}
END_TEST

START_TEST(an_issuer_of_one_token)
{
    run("single", _i);
    ck_requests(2, 3);
    ck_nobody_lacks();
}
END_TEST

START_TEST(starts)
{
    run("start", _i);
    ck_requests(1, 1);
    run("start-out", _i);
    ck_requests(MEMBERS, MEMBERS);
    run("restarts", _i);
    ck_requests(0, 1); /* a renewal falls into it */
}
END_TEST

/* Not more than auth_budget in an hour, and renewals. */
START_TEST(a_misguided_member_is_bounded)
{
    run("misguided", _i);
    ck_requests(60, 125);
    ck_assert_uint_eq(figures.concurrent, 1);
    ck_nobody_lacks();
}
END_TEST

START_TEST(a_seed_says_all)
{
    run_members("revoked-out", MEMBERS, 0.1, _i);
    const struct figures before = figures;
    run_members("revoked-out", MEMBERS, 0.1, _i);
    ck_assert_mem_eq(&before, &figures, sizeof(figures));
    run_members("revoked-out", MEMBERS, 0.1, _i + 1);
    ck_assert_mem_ne(&before, &figures, sizeof(figures));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_simulation");
    TCase *tcase = tcase_create("promises");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, two_requests_a_lifetime, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_flush_costs_nothing, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, as_many_as_members_without_a_fleet, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, some_failures_change_little, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, no_hint_is_needed, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, clocks_play_no_role, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, an_outage_below_half_a_lifetime_costs_nothing, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, alone_is_a_bound, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, no_token_is_taken_to_last_longer, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, one_request_after_a_revocation, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_revocation_while_the_store_is_out, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_dead_token_endpoint_is_asked_as_by_one, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_leader_that_stands_still, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, an_issuer_of_one_token, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, starts, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_misguided_member_is_bounded, 1, 1 + SEEDS);
    tcase_add_loop_test(tcase, a_seed_says_all, 1, 1 + SEEDS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
