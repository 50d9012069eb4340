/* A worker's waiters: parking, being told, cancelling, early tokens. */
#include "source_bench.h"
#include "suite.h"

START_TEST(waiters_of_two_workers_share_a_request)
{
    static struct lookup lookups[300];

    start();
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
        get(&lookups[i], sources[i % 2]);
        ck_assert_int_eq(lookups[i].ticket.kind, TOKEN_PARKED);
    }
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 300);
    messages = 0;
    settle();
    ck_assert_uint_eq(fetches, 1);
    ck_assert_uint_eq(messages, 2); /* one from each worker */
    ck_assert_str_eq(fetch_guid, "guid-of-lookup");
    grant("one");
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++)
        ends_with(&lookups[i], 1, TOKEN_READY, "Bearer one");
    /* From now on there is no waiting. */
    get(&lookups[0], sources[1]);
    ends_with(&lookups[0], 0, TOKEN_READY, "Bearer one");
}
END_TEST

/* Lookups that come before the keeper has started wait for it. */
START_TEST(parked_before_the_first_view)
{
    struct lookup lookup = {.told = 0};

    get(&lookup, sources[1]);
    settle();
    ck_assert_uint_eq(fetches, 0);
    start();
    ck_assert_uint_eq(fetches, 1);
    grant("one");
    ends_with(&lookup, 1, TOKEN_READY, "Bearer one");
}
END_TEST

START_TEST(a_failure_is_everybodys)
{
    struct lookup a = {.told = 0}, b = {.told = 0}, c = {.told = 0};

    start();
    get(&a, sources[0]);
    get(&b, sources[1]);
    settle();
    deny();
    ck_assert_int_gt(a.ticket.retry_after, 50 * SECOND);
    ck_assert_int_le(a.ticket.retry_after, 60 * SECOND);
    ends_with(&a, 1, TOKEN_UNAVAILABLE, NULL);
    ends_with(&b, 1, TOKEN_UNAVAILABLE, NULL);
    /* Until it is tried again, at once. */
    get(&c, sources[1]);
    ends_with(&c, 0, TOKEN_UNAVAILABLE, NULL);
    settle();
    ck_assert_uint_eq(fetches, 1);
}
END_TEST

/* Not for as long as no request is made: the store may be back much earlier. */
START_TEST(while_the_fleets_store_is_out_callers_come_back_soon)
{
    const struct mono_time then = {.ns = HOUR};
    const struct token_waiter waiter = {.rejected_generation = 0};
    struct token_view view = {.failed = true,
                              .retry_at = mono_add(then, HOUR),
                              .cause = {.kind = TOKEN_CAUSE_FLEET_ALONE}};
    struct token_ticket ticket = ticket_by_view(&view, &waiter, then);

    ck_assert_int_eq(ticket.kind, TOKEN_UNAVAILABLE);
    ck_assert_int_eq(ticket.retry_after, KEEPER_RETRY_AFTER_ALONE);
    view.cause.kind = TOKEN_CAUSE_FAILED;
    ck_assert_int_eq(ticket_by_view(&view, &waiter, then).retry_after, HOUR);
}
END_TEST

/* Full jitter may let the next request be made at once: those who waited are told all the same. */
START_TEST(a_failure_that_needs_no_wait)
{
    struct lookup a = {.told = 0};

    jitter = 0;
    start();
    get(&a, sources[0]);
    settle();
    fail_with(KEEPER_NO_RESPONSE);
    ck_assert_int_eq(a.ticket.retry_after, 0);
    ends_with(&a, 1, TOKEN_UNAVAILABLE, NULL);
    ck_assert_uint_eq(fetches, 1);
    /* The next lookup asks again. */
    get(&a, sources[0]);
    ck_assert_int_eq(a.ticket.kind, TOKEN_PARKED);
    settle();
    ck_assert_uint_eq(fetches, 2);
    grant("one");
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
}
END_TEST

/* A wait without an end is told as one of an hour. */
START_TEST(a_failure_for_good)
{
    struct lookup a = {.told = 0};
    struct keeper_settings none = settings;

    none.budget = 0;
    jitter = 0;
    start();
    keeper_reconfigure(keeper, &none, false, mono_now());
    get(&a, sources[0]);
    settle();
    fail_with(KEEPER_FAILED);
    ends_with(&a, 1, TOKEN_UNAVAILABLE, NULL);
    get(&a, sources[0]);
    settle();
    ck_assert_int_eq(a.ticket.retry_after, HOUR);
    ends_with(&a, 1, TOKEN_UNAVAILABLE, NULL);
    ck_assert_uint_eq(fetches, 1);
}
END_TEST

/* The view changes while the keeper is being asked: it is asked again for the new one. */
START_TEST(asked_for_a_view_that_is_gone)
{
    struct lookup a = {.told = 0};

    start();
    get(&a, sources[0]);
    keeper_reconfigure(keeper, &settings, false, mono_now());
    settle();
    ck_assert_uint_eq(fetches, 1);
    grant("one");
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
}
END_TEST

START_TEST(cancelled_while_parked)
{
    struct lookup a = {.told = 0}, b = {.told = 0};

    start();
    get(&a, sources[0]);
    get(&b, sources[0]);
    settle();
    token_waiter_cancel(&a.waiter);
    token_waiter_cancel(&a.waiter);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 1);
    grant("one");
    ends_with(&a, 0, TOKEN_PARKED, NULL);
    ends_with(&b, 1, TOKEN_READY, "Bearer one");
}
END_TEST

/* The request goes on though nobody waits any more, and its token is stored. */
START_TEST(the_last_waiter_leaves)
{
    struct lookup a = {.told = 0};

    start();
    get(&a, sources[0]);
    settle();
    token_waiter_cancel(&a.waiter);
    grant("one");
    a = (struct lookup){.told = 0};
    get(&a, sources[0]);
    ends_with(&a, 0, TOKEN_READY, "Bearer one");
}
END_TEST

START_TEST(callbacks_cancel_and_park)
{
    struct lookup a = {.told = 0}, b = {.told = 0}, c = {.told = 0}, d = {.told = 0};

    start();
    get(&a, sources[0]);
    get(&b, sources[0]);
    get(&c, sources[0]);
    get(&d, sources[0]);
    a.cancels = &b; /* the next */
    c.cancels = &a; /* already told */
    c.again = sources[0];
    d.cancels = &d; /* itself */
    settle();
    grant("one");
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
    ends_with(&b, 0, TOKEN_PARKED, NULL);
    ends_with(&c, 1, TOKEN_READY, "Bearer one");
    ends_with(&d, 1, TOKEN_READY, "Bearer one");
}
END_TEST

/* A callback parks again, with a source that has not had that view yet, and is told there too. */
START_TEST(a_callback_parks_again)
{
    struct lookup a = {.told = 0}, b = {.told = 0};

    start();
    get(&a, sources[0]);
    get(&b, sources[0]);
    settle();
    a.again = sources[1];
    b.again = sources[1];
    deny();
    ends_with(&a, 2, TOKEN_UNAVAILABLE, NULL);
    ends_with(&b, 2, TOKEN_UNAVAILABLE, NULL);
    keeper_reconfigure(keeper, &settings, true, mono_now()); /* ends the wait */
    settle();
    get(&a, sources[0]);
    get(&b, sources[0]);
    ck_assert_int_eq(a.ticket.kind, TOKEN_PARKED);
    settle();
    ck_assert_uint_eq(fetches, 2);
    a.cancels = &b;
    grant("one");
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
    ends_with(&b, 0, TOKEN_PARKED, NULL);
}
END_TEST

START_TEST(no_more_than_so_many_wait)
{
    static struct lookup lookups[CAP + 1];

    start();
    for (size_t i = 0; i < CAP; i++) {
        get(&lookups[i], sources[0]);
        ck_assert_int_eq(lookups[i].ticket.kind, TOKEN_PARKED);
    }
    get(&lookups[CAP], sources[0]);
    ck_assert_int_eq(lookups[CAP].ticket.retry_after, SECOND);
    ck_assert_int_eq(lookups[CAP].ticket.cause->kind, TOKEN_CAUSE_WAITERS);
    ends_with(&lookups[CAP], 0, TOKEN_UNAVAILABLE, NULL);
    token_waiter_cancel(&lookups[7].waiter);
    get(&lookups[CAP], sources[0]);
    ck_assert_int_eq(lookups[CAP].ticket.kind, TOKEN_PARKED);

    /* Another limit, by a reload: who waits already stays. */
    token_waiter_cancel(&lookups[7].waiter);
    token_source_limit(sources[0], CAP / 2);
    get(&lookups[7], sources[0]);
    ends_with(&lookups[7], 0, TOKEN_UNAVAILABLE, NULL);
    token_source_limit(sources[0], CAP + 1);
    get(&lookups[7], sources[0]);
    ck_assert_int_eq(lookups[7].ticket.kind, TOKEN_PARKED);
    for (size_t i = 0; i <= CAP; i++)
        token_waiter_cancel(&lookups[i].waiter);
}
END_TEST

/* With prefetch off, who gives out an early token has it renewed, once for the view. */
START_TEST(a_good_token_is_not_renewed)
{
    struct lookup a = {.told = 0};

    start_with("one");
    messages = 0;
    get(&a, sources[0]);
    token_source_succeeded(sources[0], a.ticket.token, mono_now());
    ends_with(&a, 0, TOKEN_READY, "Bearer one");
    settle();
    ck_assert_uint_eq(messages, 0);
    keeper_tick(keeper, mono_add(mono_now(), 56 * MINUTE));
    ck_assert_uint_eq(fetches, 1);
}
END_TEST

START_TEST(an_early_token_is_renewed)
{
    struct lookup a = {.told = 0};

    start();
    get(&a, sources[0]);
    settle();
    /* Asked for so long ago that it is early. */
    fetched_at = mono_add(fetched_at, -56 * MINUTE);
    grant("old");
    ends_with(&a, 1, TOKEN_READY, "Bearer old");
    for (int i = 0; i < 10; i++) {
        get(&a, sources[i % 2]);
        ends_with(&a, 0, TOKEN_READY, "Bearer old");
    }
    settle();
    /* The keeper leaves a second between a grant and the next request; then it asks. */
    ck_assert_uint_eq(fetches, 1);
    keeper_tick(keeper, mono_add(mono_now(), SECOND));
    ck_assert_uint_eq(fetches, 2);
    get(&a, sources[0]);
    ends_with(&a, 0, TOKEN_READY, "Bearer old");
    grant("new");
    get(&a, sources[0]);
    ends_with(&a, 0, TOKEN_READY, "Bearer new");
}
END_TEST

static void add_tests(Suite *s)
{
    TCase *tc = tcase_create("source");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, waiters_of_two_workers_share_a_request);
    tcase_add_test(tc, parked_before_the_first_view);
    tcase_add_test(tc, a_failure_is_everybodys);
    tcase_add_test(tc, while_the_fleets_store_is_out_callers_come_back_soon);
    tcase_add_test(tc, a_failure_that_needs_no_wait);
    tcase_add_test(tc, a_failure_for_good);
    tcase_add_test(tc, asked_for_a_view_that_is_gone);
    tcase_add_test(tc, cancelled_while_parked);
    tcase_add_test(tc, the_last_waiter_leaves);
    tcase_add_test(tc, callbacks_cancel_and_park);
    tcase_add_test(tc, a_callback_parks_again);
    tcase_add_test(tc, no_more_than_so_many_wait);
    tcase_add_test(tc, a_good_token_is_not_renewed);
    tcase_add_test(tc, an_early_token_is_renewed);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("source");

    add_tests(s);
    return run_suite(s);
}
