/*
 * What becomes of a call's result: each kind of it, with a stale answer at hand and without; which
 * upstream it came from; and what a forget between the call's beginning and its end changes.
 */
#include "cache/landing.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "suite.h"

#define THREE                                                                                      \
    IDENTITY "[upstream a]\naddress = https://a.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[upstream b]\naddress = https://b.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[upstream c]\naddress = https://c.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[route two]\nupstream = a, b\n[route other]\nprefix = /c/\nupstream = c\n"           \
             "[cache]\nnegative_ttl = 30s\nstale_if_error = 1h\n"

#define NOW ((struct mono_time){.ns = 1000 * HOUR})
#define WALL ((struct wall_time){.ns = 1700000000 * SECOND})
#define LIFETIME (60 * SECOND)
#define STALE_FOR (40 * SECOND) /* the stale answer, at NOW */

enum { A, B, PLACES };

static struct config *config;
static struct cache *cache;
static struct cache_key keys[PLACES];
static struct lookup_stats stats;
static struct lookup_result result;
static struct landing_call call;
static struct landing landing;

static struct table *table(void)
{
    return cache_table(cache);
}

static size_t index_of(const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (strcmp(config->upstreams[i].name, name) == 0)
            return config->upstreams[i].index;
    return 99;
}

static const struct config_route *route_named(const char *name)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (strcmp(config->routes[i].name, name) == 0)
            return &config->routes[i];
    ck_abort_msg("no route %s", name);
    return NULL;
}

static void begin(void)
{
    setup();
    config = good(THREE);
    cache = cache_new(config);
    for (size_t i = 0; i < PLACES; i++)
        keys[i] = (struct cache_key){.words = {i + 1, ~i},
                                     .postcode = cache_key_postcode(cache_hash(cache), "M11AA")};
    stats = (struct lookup_stats){.upstream = index_of("a"), .upstream_duration = 1};
    call = (struct landing_call){.cache = cache,
                                 .config = config,
                                 .route = route_named("two"),
                                 .keys = keys,
                                 .since = table_now(table())};
}

static void end(void)
{
    answer_unref(landing.answer);
    answer_unref(call.stale);
    landing.answer = call.stale = NULL;
    cache_unref(cache);
    config_unref(config);
    teardown();
}

/* One of its upstream, stale for STALE_FOR, which failures may be answered with for `covered`. */
static void have_stale(size_t place, int64_t covered, const char *etag)
{
    const struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = "application/json",
                   [ANSWER_CACHE_CONTROL] = "public, max-age=60",
                   [ANSWER_ETAG] = etag},
        .body = "{\"old\":1}",
        .body_len = 9,
        .terms = {.born = {.ns = NOW.ns - LIFETIME - STALE_FOR},
                  .lifetime = LIFETIME,
                  .stale_if_error = covered},
    };

    call.stale = answer_new(&parts);
    call.stale_place = place;
    ck_assert(table_put(table(), &keys[place], call.stale, call.since));
}

/* Is it this one that is kept there? */
static bool is_kept(size_t place, const struct answer *answer)
{
    struct answer *found = table_get(table(), &keys[place]);
    const bool same = found == answer;

    answer_unref(found);
    return same;
}

/* The upstream's result: a 200 has a body, which is the receiver's to free. */
static void bring(enum lookup_result_kind kind, int status, const char *cache_control)
{
    result = (struct lookup_result){
        .kind = kind,
        .status = status,
        .headers = {[CLIENT_CACHE_CONTROL] = cache_control},
        .sent = NOW,
        .stats = &stats,
    };
    if (status != 200)
        return;
    result.body = strdup("{\"new\":1}");
    result.body_len = 9;
    result.headers[CLIENT_CONTENT_TYPE] = "application/json";
}

static void land(void)
{
    landing_judge(&call, &result, NOW, WALL, &landing);
    ck_assert_ptr_null(result.body);
    ck_assert_ptr_null(landing.result.body);
}

static void body_is(const char *expected)
{
    size_t len;

    ck_assert_ptr_nonnull(landing.answer);
    const char *body = answer_body(landing.answer, &len);
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_int_eq(memcmp(body, expected, len), 0);
}

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
    {LOOKUP_NOT_MODIFIED, 304, NULL, TOLD}, /* nobody asked for it */
    {LOOKUP_UPSTREAM_STATUS, 302, NULL, TOLD},
    {LOOKUP_UPSTREAM_STATUS, 410, NULL, TOLD},
    {LOOKUP_UPSTREAM_STATUS, 499, NULL, TOLD},
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

static void outcome_is(enum cache_result expected, bool was_stale, int status)
{
    ck_assert_int_eq(landing.outcome.result, expected);
    ck_assert_int_eq(landing.outcome.was_stale, was_stale);
    ck_assert_int_eq(landing.outcome.status, status);
    ck_assert_ptr_null(landing.outcome.flight);
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
    tcase_add_test(tcase, renewed_without_fields);
    tcase_add_test(tcase, renewed_with_fields);
    tcase_add_loop_test(tcase, renewed_and_not_kept, 0, 3);
    tcase_add_test(tcase, renewed_in_the_second_place);
    tcase_add_test(tcase, out_of_time);
    tcase_add_loop_test(tcase, out_of_time_and_nothing_to_give, 0, 2);
    tcase_add_test(tcase, names_of_upstreams);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
