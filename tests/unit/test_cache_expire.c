/* What is of no use any more, and that it leaves the table though nobody asks for it. */
#include <check.h>

#include "cache/table.h"
#include "cached.h"
#include "suite.h"

#define RENEWABLE (60 * SECOND)

static const struct {
    struct answer_terms terms; /* born at 0 */
    bool validator;
    int64_t until; /* the first moment at which it is of no use, ns */
} uses[] = {
    {{.lifetime = 10 * SECOND}, false, 10 * SECOND},
    {{.lifetime = 10 * SECOND, .stale_if_error = 5 * SECOND}, false, 15 * SECOND},
    {{.lifetime = 10 * SECOND, .stale_while_revalidate = 7 * SECOND}, false, 17 * SECOND},
    {{.lifetime = 10 * SECOND, .stale_if_error = 5 * SECOND, .stale_while_revalidate = 7 * SECOND},
     false,
     17 * SECOND},
    {{.lifetime = 10 * SECOND}, true, 70 * SECOND},
    {{.lifetime = 10 * SECOND, .stale_if_error = 90 * SECOND}, true, 100 * SECOND},
    {{.lifetime = 0}, true, 60 * SECOND},
    {{.lifetime = 0}, false, 0},
};

START_TEST(test_of_use)
{
    const struct answer_parts parts = {
        .fields = {[ANSWER_ETAG] = uses[_i].validator ? "\"a\"" : NULL},
        .body = "x",
        .body_len = 1,
        .terms = uses[_i].terms,
    };
    struct answer *answer = answer_new(&parts);

    if (uses[_i].until > 0)
        ck_assert(answer_is_of_use(answer, RENEWABLE,
                                   (struct mono_time){.ns = uses[_i].until - MILLISECOND}));
    ck_assert(!answer_is_of_use(answer, RENEWABLE, (struct mono_time){.ns = uses[_i].until}));
    answer_unref(answer);
}
END_TEST

static size_t expire_all(struct table *table, int64_t seconds)
{
    const struct mono_time now = {.ns = seconds * SECOND};
    size_t sum = 0;

    for (int i = 0; i < 100; i++)
        sum += table_expire(table, now, RENEWABLE);
    return sum;
}

/* Answer n is fresh for n seconds. */
static void fill(struct table *table, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        const struct cache_key key = cached_key(n);
        const struct answer_parts parts = {
            .body = "x", .body_len = 1, .terms = {.lifetime = (int64_t)n * SECOND}};
        struct answer *answer = answer_new(&parts);

        ck_assert(table_put(table, &key, answer, table_now(table)));
        answer_unref(answer);
    }
}

START_TEST(test_expire)
{
    struct table *table = table_new(4 << 20);

    fill(table, 5000);
    ck_assert_uint_eq(expire_all(table, 0), 1);
    ck_assert_uint_eq(expire_all(table, 1000), 1000);
    ck_assert_uint_eq(table_totals(table).items, 3999);
    ck_assert_uint_eq(expire_all(table, 1000), 0);
    for (uint64_t n = 0; n < 5000; n++) {
        const struct cache_key key = cached_key(n);
        struct answer *answer = table_get(table, &key);

        ck_assert_int_eq(answer != NULL, n > 1000);
        answer_unref(answer);
    }
    ck_assert_uint_eq(expire_all(table, 5000), 3999);
    ck_assert_uint_eq(table_totals(table).items, 0);
    table_free(table);
}
END_TEST

/* One call does not go through a large table; those that follow do. */
START_TEST(test_expire_in_parts)
{
    struct table *table = table_new(64 << 20);
    size_t sum = 0, calls = 0;

    fill(table, 200000);
    while (sum < 200000) {
        const size_t removed = table_expire(table, (struct mono_time){.ns = INT64_MAX / 2}, 0);

        ck_assert_uint_lt(removed, 100000);
        sum += removed;
        ck_assert_uint_lt(++calls, 200);
    }
    ck_assert_uint_eq(table_totals(table).items, 0);
    table_free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_expire");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_of_use, 0, sizeof(uses) / sizeof(*uses));
    tcase_add_test(tcase, test_expire);
    tcase_add_test(tcase, test_expire_in_parts);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
