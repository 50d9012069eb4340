/*
 * What becomes of a call's result: each kind of it, with a stale answer at hand and without; which
 * upstream it came from; and what a forget between the call's beginning and its end changes.
 */
#include "base/check.h"
#include "landing_fixture.h"
#include "suite.h"

/* ---- each kind of result ---- */

enum becomes {
    STORED,  /* it is kept, in the place of what is stale */
    SHARED,  /* it is given and not kept, and what is stale is not true any more */
    TOLD,    /* it is no answer, and what is stale is not true any more */
    FAILURE, /* what is stale stays, and is given if it may */
};

static const struct {
    enum lookup_result_kind kind;
    int status;
    const char *cache_control;
    enum becomes becomes;
} results[] = {
    {LOOKUP_ADDRESS, 200, "public, max-age=60", STORED},
    {LOOKUP_ADDRESS, 200, "no-store", SHARED},
    {LOOKUP_ADDRESS, 200, "private, max-age=60", SHARED},
    {LOOKUP_ADDRESS, 200, NULL, SHARED},
    {LOOKUP_UNKNOWN, 404, NULL, STORED},
    {LOOKUP_UNKNOWN, 204, NULL, STORED},
    {LOOKUP_UNKNOWN, 200, NULL, STORED},
    {LOOKUP_UNKNOWN, 404, "no-store", SHARED},
    {LOOKUP_INVALID, 400, NULL, TOLD},
    {LOOKUP_INVALID, 422, NULL, TOLD},
    {LOOKUP_NOT_MODIFIED, 304, NULL, FAILURE}, /* nobody asked for it */
    {LOOKUP_UPSTREAM_STATUS, 302, NULL, FAILURE},
    {LOOKUP_UPSTREAM_STATUS, 402, NULL, FAILURE},
    {LOOKUP_UPSTREAM_STATUS, 408, NULL, FAILURE},
    {LOOKUP_UPSTREAM_STATUS, 410, NULL, TOLD},
    {LOOKUP_UPSTREAM_STATUS, 451, NULL, TOLD},
    {LOOKUP_UPSTREAM_STATUS, 499, NULL, FAILURE},
    {LOOKUP_UPSTREAM_STATUS, 500, NULL, FAILURE},
    {LOOKUP_UPSTREAM_STATUS, 599, NULL, FAILURE},
    {LOOKUP_BUSY, 503, NULL, FAILURE},
    {LOOKUP_RATE_LIMITED, 429, NULL, FAILURE},
    {LOOKUP_MALFORMED, 200, "public, max-age=60", FAILURE},
    {LOOKUP_FAILED, 0, NULL, FAILURE},
    {LOOKUP_FAILED, 200, NULL, FAILURE}, /* its body broke off */
    {LOOKUP_REJECTED, 401, NULL, FAILURE},
    {LOOKUP_REJECTED, 403, NULL, FAILURE},
    {LOOKUP_NO_TOKEN, 0, NULL, FAILURE},
    {LOOKUP_NO_TURN, 0, NULL, FAILURE},
};

static enum becomes bring_nth(int n)
{
    bring(results[n].kind, results[n].status, results[n].cache_control);
    return results[n].becomes;
}

/* Its own result is what the callers get: an answer, or the kind that tells why there is none. */
static void is_given(int n, bool was_stale)
{
    const bool answers = results[n].becomes == STORED || results[n].becomes == SHARED;
    const bool stored = results[n].becomes == STORED;
    const bool unasked = results[n].kind == LOOKUP_NOT_MODIFIED;

    outcome_is(CACHE_MISS, was_stale, results[n].status);
    ck_assert_int_eq(landing.answer != NULL, answers);
    ck_assert_int_eq(landing.outcome.stored, stored);
    ck_assert_int_eq(landing.outcome.has_answer, stored);
    ck_assert(!landing.outcome.failed);
    ck_assert_int_eq(landing.outcome.age, -1);
    ck_assert_int_eq(landing.result.kind, unasked ? LOOKUP_UPSTREAM_STATUS : results[n].kind);
    ck_assert_int_eq(landing.result.status, results[n].status);
    ck_assert_ptr_eq(landing.result.stats, &stats);
    ck_assert_int_eq(landing.failure, results[n].becomes == FAILURE);
    if (!answers)
        return;
    ck_assert_int_eq(answer_is_unknown(landing.answer), results[n].kind == LOOKUP_UNKNOWN);
    body_is(results[n].kind == LOOKUP_UNKNOWN ? "" : "{\"new\":1}");
}

START_TEST(each_without_a_stale_answer)
{
    const bool stored = bring_nth(_i) == STORED;

    land();
    is_given(_i, false);
    ck_assert(is_kept(A, stored ? landing.answer : NULL));
    ck_assert(is_kept(B, NULL));
}
END_TEST

START_TEST(each_with_one_that_covers_failures)
{
    have_stale(A, STALE_FOR + 1 * SECOND, NULL);
    const enum becomes becomes = bring_nth(_i);

    land();
    ck_assert_int_eq(answer_is_failing(call.stale), becomes == FAILURE);
    if (becomes != FAILURE) {
        is_given(_i, true);
        ck_assert(is_kept(A, becomes == STORED ? landing.answer : NULL));
        return;
    }
    outcome_is(CACHE_STALE, true, results[_i].status);
    ck_assert(landing.failure);
    ck_assert_ptr_eq(landing.answer, call.stale);
    ck_assert(landing.outcome.failed && landing.outcome.has_answer && !landing.outcome.stored);
    ck_assert_int_eq(landing.outcome.age, LIFETIME + STALE_FOR);
    ck_assert_int_eq(landing.outcome.fresh_for, -STALE_FOR);
    ck_assert(is_kept(A, call.stale));
    /* The next try is a second away. */
    ck_assert(!answer_claim(call.stale, LANDING_RETRY, NOW));
    ck_assert(answer_claim(call.stale, LANDING_RETRY, mono_add(NOW, LANDING_RETRY)));
}
END_TEST

/* At the end of its window, to the nanosecond, it is not given any more; but it is not removed. */
START_TEST(each_with_one_that_is_too_old)
{
    have_stale(A, STALE_FOR, NULL);
    const enum becomes becomes = bring_nth(_i);

    land();
    is_given(_i, true);
    ck_assert(!answer_is_failing(call.stale));
    if (becomes == FAILURE)
        ck_assert(is_kept(A, call.stale));
    else
        ck_assert(is_kept(A, becomes == STORED ? landing.answer : NULL));
}
END_TEST

/* It is of the second upstream: what the first one says does not change that. */
START_TEST(each_with_one_of_another_upstream)
{
    have_stale(B, 1 * HOUR, "\"b\"");
    const enum becomes becomes = bring_nth(_i);

    land();
    ck_assert(is_kept(B, call.stale));
    ck_assert(is_kept(A, becomes == STORED ? landing.answer : NULL));
    if (becomes == FAILURE)
        ck_assert_ptr_eq(landing.answer, call.stale);
    else
        is_given(_i, true);
}
END_TEST

/* A reload brought an upstream that has no place in the route: nothing is kept. */
START_TEST(each_of_an_upstream_in_no_place)
{
    have_stale(A, 1 * HOUR, "\"a\"");
    const enum becomes becomes = bring_nth(_i);

    stats.upstream = index_of("c");
    land();
    ck_assert(is_kept(A, call.stale));
    ck_assert(is_kept(B, NULL));
    ck_assert(!landing.outcome.stored);
    ck_assert_int_eq(landing.answer == call.stale, becomes == FAILURE);
}
END_TEST

/* What was under way is given, and not kept; whichever postcode was forgotten. */
START_TEST(each_after_a_forget)
{
    const enum becomes becomes = bring_nth(_i / 2);

    (void)cache_forget(cache, _i % 2 == 0 ? NULL : "M22AA");
    land();
    ck_assert_int_eq(landing.answer != NULL, becomes == STORED || becomes == SHARED);
    ck_assert(!landing.outcome.stored && !landing.outcome.has_answer);
    ck_assert(is_kept(A, NULL));
}
END_TEST

/* ---- what is kept of an answer ---- */

START_TEST(fields_and_terms)
{
    bring(LOOKUP_ADDRESS, 200, "public, max-age=60, stale-if-error=5");
    result.etag = "\"e\"";
    result.last_modified = "Tue, 14 Nov 2023 22:13:20 GMT";
    result.headers[CLIENT_AGE] = "10";
    land();
    ck_assert(is_kept(A, landing.answer));
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_CONTENT_TYPE), "application/json");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_CACHE_CONTROL),
                     "public, max-age=60, stale-if-error=5");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_ETAG), "\"e\"");
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_LAST_MODIFIED),
                     "Tue, 14 Nov 2023 22:13:20 GMT");
    ck_assert(!answer_has_own_body(landing.answer));
    ck_assert_int_eq(landing.outcome.age, 10 * SECOND);
    ck_assert_int_eq(landing.outcome.fresh_for, 50 * SECOND);
    ck_assert_int_eq(answer_terms(landing.answer).stale_if_error, 5 * SECOND);
}
END_TEST

/* answer = address: its validators are of the upstream's body, and kept all the same. */
START_TEST(a_body_that_was_made)
{
    bring(LOOKUP_ADDRESS, 200, "public, max-age=0");
    result.etag = "\"e\"";
    result.made = true;
    land();
    ck_assert(is_kept(A, landing.answer));
    ck_assert(answer_has_own_body(landing.answer));
    ck_assert_str_eq(answer_field(landing.answer, ANSWER_ETAG), "\"e\"");
}
END_TEST

START_TEST(fields_that_cannot_be_read)
{
    bring(LOOKUP_ADDRESS, 200, "public, max-age=60");
    result.unreadable = true;
    land();
    body_is("{\"new\":1}");
    ck_assert(is_kept(A, NULL));
}
END_TEST

/* More than a tenth of a shard: it is shared, and what is stale is removed. */
START_TEST(an_answer_that_is_too_large)
{
    const size_t len = 8 << 20;

    have_stale(A, 1 * HOUR, NULL);
    bring(LOOKUP_ADDRESS, 200, "public, max-age=60");
    free(result.body);
    result.body = malloc(len);
    ck_assert_ptr_nonnull(result.body);
    memset(result.body, 'x', len);
    result.body_len = len;
    land();
    ck_assert_ptr_nonnull(landing.answer);
    ck_assert(!landing.outcome.stored);
    ck_assert(is_kept(A, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache landing");
    TCase *tcase = tcase_create("landing");
    const int count = ARRAY_LEN(results);

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, each_without_a_stale_answer, 0, count);
    tcase_add_loop_test(tcase, each_with_one_that_covers_failures, 0, count);
    tcase_add_loop_test(tcase, each_with_one_that_is_too_old, 0, count);
    tcase_add_loop_test(tcase, each_with_one_of_another_upstream, 0, count);
    tcase_add_loop_test(tcase, each_of_an_upstream_in_no_place, 0, count);
    tcase_add_loop_test(tcase, each_after_a_forget, 0, 2 * count);
    tcase_add_test(tcase, fields_and_terms);
    tcase_add_test(tcase, a_body_that_was_made);
    tcase_add_test(tcase, fields_that_cannot_be_read);
    tcase_add_test(tcase, an_answer_that_is_too_large);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
