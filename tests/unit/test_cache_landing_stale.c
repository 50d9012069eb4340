/*
 * What becomes of a stale answer when the upstream says that it is still good, and when nothing
 * comes in time.
 */
#include "landing_fixture.h"
#include "suite.h"

/* ---- a 304 for ours ---- */

START_TEST(renewed_without_fields)
{
    have_stale(A, 1 * HOUR, "\"e\"");
    bring(LOOKUP_NOT_MODIFIED, 304, NULL);
    land();
    outcome_is(CACHE_REVALIDATED, true, 304);
    ck_assert(landing.outcome.stored && landing.outcome.has_answer);
    ck_assert_int_eq(landing.outcome.age, 0);
    ck_assert_int_eq(landing.outcome.fresh_for, LIFETIME);
    ck_assert(landing.answer != call.stale && is_kept(A, landing.answer));
    body_is("{\"old\":1}");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_ETAG), "\"e\"");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_CONTENT_TYPE), "application/json");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_CACHE_CONTROL), "public, max-age=60");
    ck_assert(!answer_is_failing(landing.answer));
}
END_TEST

START_TEST(renewed_with_fields)
{
    have_stale(A, 1 * HOUR, "\"e\"");
    bring(LOOKUP_NOT_MODIFIED, 304, "public, max-age=120");
    result.last_modified = "Tue, 14 Nov 2023 22:13:20 GMT";
    result.headers[CLIENT_AGE] = "20";
    land();
    ck_assert_int_eq(landing.outcome.age, 20 * SECOND);
    ck_assert_int_eq(landing.outcome.fresh_for, 100 * SECOND);
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_CACHE_CONTROL), "public, max-age=120");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_LAST_MODIFIED),
                     "Tue, 14 Nov 2023 22:13:20 GMT");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_ETAG), "\"e\"");
    body_is("{\"old\":1}");
}
END_TEST

/* It is still good for those who wait. */
START_TEST(renewed_and_not_kept)
{
    have_stale(A, 1 * HOUR, "\"e\"");
    if (_i == 0)
        (void)cache_forget(cache, NULL);
    bring(LOOKUP_NOT_MODIFIED, 304, _i == 1 ? "no-store" : NULL);
    result.unreadable = _i == 2;
    land();
    outcome_is(CACHE_REVALIDATED, true, 304);
    ck_assert(!landing.outcome.stored);
    body_is("{\"old\":1}");
    ck_assert(is_kept(A, NULL));
}
END_TEST

/* W/ does not make it another one. */
START_TEST(renewed_with_a_weak_tag)
{
    have_stale(A, 1 * HOUR, "\"e\"");
    bring(LOOKUP_NOT_MODIFIED, 304, NULL);
    result.etag = "W/\"e\"";
    land();
    ck_assert(landing.outcome.stored && is_kept(A, landing.answer));
}
END_TEST

/* With another tag than ours it says nothing of the one that is kept: given once, and no more. */
START_TEST(renewed_with_another_tag)
{
    have_stale(A, 1 * HOUR, "\"e\"");
    bring(LOOKUP_NOT_MODIFIED, 304, "public, max-age=120");
    result.etag = _i == 0 ? "\"f\"" : "W/\"ee\"";
    land();
    outcome_is(CACHE_REVALIDATED, true, 304);
    ck_assert(!landing.outcome.stored && !landing.outcome.has_answer);
    ck_assert_int_eq(landing.outcome.age, LIFETIME + STALE_FOR);
    ck_assert_ptr_eq(landing.answer, call.stale);
    ck_assert(is_kept(A, NULL));
}
END_TEST

START_TEST(renewed_in_the_second_place)
{
    have_stale(B, 1 * HOUR, "\"e\"");
    bring(LOOKUP_NOT_MODIFIED, 304, NULL);
    stats.upstream = index_of("b");
    land();
    outcome_is(CACHE_REVALIDATED, true, 304);
    ck_assert(is_kept(B, landing.answer));
    ck_assert(is_kept(A, NULL));
}
END_TEST

/* ---- no result in time ---- */

START_TEST(out_of_time)
{
    have_stale(A, STALE_FOR + 1, NULL);
    ck_assert(landing_covers_failure(call.stale, NOW));
    ck_assert(landing_give_stale(&call, NOW, &landing));
    outcome_is(CACHE_STALE, true, 0);
    ck_assert(landing.outcome.failed && landing.outcome.has_answer && !landing.outcome.stored);
    ck_assert_int_eq(landing.outcome.age, LIFETIME + STALE_FOR);
    ck_assert_int_eq(landing.outcome.fresh_for, -STALE_FOR);
    ck_assert_ptr_eq(landing.answer, call.stale);
    ck_assert(answer_is_failing(call.stale));
    ck_assert(!answer_claim(call.stale, LANDING_RETRY, NOW));
    ck_assert(is_kept(A, call.stale));
}
END_TEST

START_TEST(out_of_time_and_nothing_to_give)
{
    ck_assert(!landing_give_stale(&call, NOW, &landing));
    have_stale(A, _i == 0 ? 0 : STALE_FOR, NULL);
    ck_assert(!landing_give_stale(&call, NOW, &landing));
    ck_assert(!landing_covers_failure(call.stale, NOW));
    ck_assert(!answer_is_failing(call.stale));
}
END_TEST

START_TEST(names_of_upstreams)
{
    ck_assert_str_eq(landing_upstream(&call, index_of("a")), "a");
    ck_assert_str_eq(landing_upstream(&call, index_of("b")), "b");
    ck_assert_ptr_null(landing_upstream(&call, index_of("c")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache landing stale");
    TCase *tcase = tcase_create("landing");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, renewed_without_fields);
    tcase_add_test(tcase, renewed_with_fields);
    tcase_add_loop_test(tcase, renewed_and_not_kept, 0, 3);
    tcase_add_test(tcase, renewed_with_a_weak_tag);
    tcase_add_loop_test(tcase, renewed_with_another_tag, 0, 2);
    tcase_add_test(tcase, renewed_in_the_second_place);
    tcase_add_test(tcase, out_of_time);
    tcase_add_loop_test(tcase, out_of_time_and_nothing_to_give, 0, 2);
    tcase_add_test(tcase, names_of_upstreams);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
