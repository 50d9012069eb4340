/* A worker's lookups that got a 401. */
#include "source_bench.h"
#include "suite.h"

START_TEST(refused_lookups_wait_for_the_successor)
{
    static struct lookup lookups[300];
    struct lookup other = {.told = 0};

    start_with("one");
    struct token *token = present();
    struct mono_time sent = mono_now();
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
        refused_at(&lookups[i], sources[i % 2], token, mono_add(sent, (int64_t)i));
        ck_assert_int_eq(lookups[i].ticket.kind, TOKEN_PARKED);
    }
    settle();
    ck_assert_uint_eq(fetches, 2);
    /* A new lookup does not wait for that. */
    get(&other, sources[0]);
    ends_with(&other, 0, TOKEN_READY, "Bearer one");
    grant("two");
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++)
        ends_with(&lookups[i], 1, TOKEN_READY, "Bearer two");
    /* A late 401 for the old token has its answer at once. */
    refused_at(&other, sources[1], token, sent);
    ends_with(&other, 0, TOKEN_READY, "Bearer two");
    ck_assert_uint_eq(fetches, 2);
    token_unref(token);
}
END_TEST

START_TEST(a_replacement_that_fails)
{
    struct lookup a = {.told = 0}, b = {.told = 0}, other = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    refused_at(&b, sources[1], token, mono_now());
    settle();
    deny();
    ck_assert_int_gt(a.ticket.retry_after, 50 * SECOND);
    ck_assert_int_eq(a.ticket.cause->kind, TOKEN_CAUSE_FAILED);
    ends_with(&a, 1, TOKEN_UNAVAILABLE, NULL);
    ends_with(&b, 1, TOKEN_UNAVAILABLE, NULL);
    get(&other, sources[0]);
    ends_with(&other, 0, TOKEN_READY, "Bearer one");
    /* Within the 30 s: suspect, from then on without asking. */
    refused_at(&a, sources[0], token, mono_now());
    settle();
    ck_assert_int_eq(a.ticket.cause->kind, TOKEN_CAUSE_FAILED);
    ends_with(&a, 1, TOKEN_REJECTED, NULL);
    refused_at(&b, sources[1], token, mono_now());
    ck_assert_int_eq(b.ticket.cause->kind, TOKEN_CAUSE_FAILED);
    ck_assert(!b.ticket.accepted);
    ends_with(&b, 0, TOKEN_REJECTED, NULL);
    token_unref(token);
}
END_TEST

START_TEST(the_same_value_again)
{
    struct lookup a = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    settle();
    grant("one");
    ck_assert_int_eq(a.ticket.cause->kind, TOKEN_CAUSE_SAME);
    ends_with(&a, 1, TOKEN_REJECTED, NULL);
    refused_at(&a, sources[1], token, mono_now());
    ck_assert_int_eq(a.ticket.cause->kind, TOKEN_CAUSE_SAME);
    ck_assert(!a.ticket.accepted);
    ends_with(&a, 0, TOKEN_REJECTED, NULL);
    /* A success ends the doubt, a 401 is judged by the keeper again. */
    token_source_succeeded(sources[0], token, mono_now());
    settle();
    refused_at(&a, sources[1], token, mono_now());
    ck_assert_int_eq(a.ticket.kind, TOKEN_PARKED);
    settle();
    ck_assert(a.ticket.accepted);
    ends_with(&a, 1, TOKEN_REJECTED, NULL);
    ck_assert_uint_eq(fetches, 2);
    token_unref(token);
}
END_TEST

/* A lookup's waiter is used again: what was judged before is forgotten. */
START_TEST(a_waiter_used_twice)
{
    struct lookup a = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    settle();
    grant("one");
    ck_assert_int_eq(a.ticket.kind, TOKEN_REJECTED);
    token_source_succeeded(sources[0], token, mono_now());
    settle();
    refused_at(&a, sources[0], token, mono_add(mono_now(), -SECOND));
    settle();
    ends_with(&a, 2, TOKEN_READY, "Bearer one");
    token_unref(token);
}
END_TEST

/* A token whose value was granted again, for longer: successes with the old one count for it. */
START_TEST(a_success_with_the_same_value)
{
    struct lookup a = {.told = 0};

    start_with("one");
    struct token *token = present();
    ck_assert(keeper_refresh(keeper, mono_now()));
    grant_for("one", 2 * HOUR);
    struct token *longer = present();
    ck_assert_ptr_ne(longer, token);
    struct mono_time success = mono_now();
    token_source_succeeded(sources[1], token, success);
    refused_at(&a, sources[0], longer, mono_add(success, -1));
    settle();
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
    ck_assert_uint_eq(fetches, 2);
    token_unref(token);
    token_unref(longer);
}
END_TEST

/* Lookups sent before the latest success repeat with the token; one sent after has it replaced. */
START_TEST(verdicts_by_the_time_of_sending)
{
    struct lookup before = {.told = 0}, after = {.told = 0}, alone = {.told = 0};

    start_with("one");
    struct token *token = present();
    struct mono_time success = mono_now();
    token_source_succeeded(sources[1], token, success);

    refused_at(&alone, sources[0], token, mono_add(success, -1));
    settle();
    ends_with(&alone, 1, TOKEN_READY, "Bearer one");
    ck_assert_uint_eq(fetches, 1);

    refused_at(&before, sources[0], token, mono_add(success, -1));
    refused_at(&after, sources[0], token, mono_add(success, 1));
    settle();
    ends_with(&before, 1, TOKEN_READY, "Bearer one");
    ck_assert_int_eq(after.ticket.kind, TOKEN_PARKED);
    ck_assert_uint_eq(fetches, 2);
    grant("two");
    ends_with(&after, 1, TOKEN_READY, "Bearer two");
    token_unref(token);
}
END_TEST

/* Views that come while a replacement is under way do not end the waiting for it. */
START_TEST(another_view_meanwhile)
{
    struct lookup a = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    settle();
    keeper_reconfigure(keeper, &settings, false, mono_now()); /* publishes, and asks again */
    settle();
    ck_assert_uint_eq(a.told, 0);
    grant("two");
    ends_with(&a, 1, TOKEN_READY, "Bearer two");
    token_unref(token);
}
END_TEST

START_TEST(forgotten_while_waiting)
{
    struct lookup a = {.told = 0}, b = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    settle();
    keeper_forget(keeper, mono_now());
    get(&b, sources[1]); /* before the view has come */
    ends_with(&b, 0, TOKEN_READY, "Bearer one");
    settle();
    get(&b, sources[1]);
    ck_assert_int_eq(b.ticket.kind, TOKEN_PARKED);
    settle();
    grant("one");
    ends_with(&a, 1, TOKEN_READY, "Bearer one");
    ends_with(&b, 1, TOKEN_READY, "Bearer one");
    ck_assert_uint_eq(fetches, 2);
    token_unref(token);
}
END_TEST

START_TEST(a_refused_lookup_is_cancelled)
{
    struct lookup a = {.told = 0};

    start_with("one");
    struct token *token = present();
    refused_at(&a, sources[0], token, mono_now());
    token_waiter_cancel(&a.waiter); /* its question is on the way */
    settle();
    ck_assert_uint_eq(fetches, 2);
    grant("two");
    ends_with(&a, 0, TOKEN_PARKED, NULL);
    token_unref(token);
}
END_TEST

static void add_tests(Suite *s)
{
    TCase *tc = tcase_create("source refused");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, refused_lookups_wait_for_the_successor);
    tcase_add_test(tc, a_replacement_that_fails);
    tcase_add_test(tc, the_same_value_again);
    tcase_add_test(tc, a_waiter_used_twice);
    tcase_add_test(tc, a_success_with_the_same_value);
    tcase_add_test(tc, verdicts_by_the_time_of_sending);
    tcase_add_test(tc, another_view_meanwhile);
    tcase_add_test(tc, forgotten_while_waiting);
    tcase_add_test(tc, a_refused_lookup_is_cancelled);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("source refused");

    add_tests(s);
    return run_suite(s);
}
