/* The table: what it gives back, what it forgets, and that it stays within its bytes. */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "cache/table.h"
#include "cached.h"
#include "suite.h"

enum { MAX_SIZE = 1 << 20 };

static struct table *table;

static void setup(void)
{
    table = table_new(MAX_SIZE);
}

static void teardown(void)
{
    table_free(table);
}

/* With its own reference given back. */
static bool put(uint64_t n, struct answer *answer, uint64_t since)
{
    const struct cache_key key = cached_key(n);
    const bool kept = table_put(table, &key, answer, since);

    answer_unref(answer);
    return kept;
}

static bool put_number(uint64_t n, uint64_t value, size_t len)
{
    return put(n, cached_number(value, len), table_now(table));
}

#define NOTHING UINT64_MAX

static uint64_t value_of(const struct answer *answer)
{
    char text[24] = "";
    size_t len;
    const char *body = answer_body(answer, &len);

    memcpy(text, body, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
    return strtoull(text, NULL, 10);
}

static uint64_t get(uint64_t n)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = table_get(table, &key);
    const uint64_t value = answer != NULL ? value_of(answer) : NOTHING;

    answer_unref(answer);
    return value;
}

START_TEST(test_put_and_get)
{
    ck_assert_uint_eq(get(1), NOTHING);
    ck_assert(put_number(1, 10, 50));
    ck_assert(put_number(2, 20, 50));
    ck_assert_uint_eq(get(1), 10);
    ck_assert_uint_eq(get(2), 20);
    ck_assert(put_number(1, 11, 80));
    ck_assert_uint_eq(get(1), 11);
    ck_assert_uint_eq(table_totals(table).items, 2);
}
END_TEST

/* Keys that agree in one word only are not the same. */
START_TEST(test_half_a_key)
{
    const struct cache_key key = cached_key(1);
    struct cache_key other[] = {key, key};

    other[0].words[0]++;
    other[1].words[1]++;
    ck_assert(put_number(1, 10, 50));
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_null(table_get(table, &other[i]));
}
END_TEST

/* Who has a reference keeps the answer, whatever becomes of it in the table. */
START_TEST(test_references)
{
    const struct cache_key key = cached_key(1);

    ck_assert(put_number(1, 10, 50));
    struct answer *answer = table_get(table, &key);

    ck_assert(put_number(1, 11, 50));
    ck_assert_uint_eq(value_of(answer), 10);
    answer_unref(answer);
    answer = table_get(table, &key);
    table_forget(table, NULL);
    ck_assert_uint_eq(value_of(answer), 11);
    answer_unref(answer);
}
END_TEST

START_TEST(test_remove)
{
    const struct cache_key key = cached_key(1);

    ck_assert(put_number(1, 10, 50));
    struct answer *before = table_get(table, &key);

    ck_assert(put_number(1, 11, 50));
    table_remove(table, &key, before);
    ck_assert_uint_eq(get(1), 11);
    answer_unref(before);
    struct answer *now = table_get(table, &key);

    table_remove(table, &key, now);
    ck_assert_uint_eq(get(1), NOTHING);
    ck_assert_uint_eq(table_totals(table).items, 0);
    table_remove(table, &key, now);
    answer_unref(now);
}
END_TEST

/* A tenth of a shard is 6.5 kB of 1 MB. */
START_TEST(test_too_large)
{
    ck_assert(put_number(1, 10, 50));
    ck_assert(!put_number(1, 11, 6600));
    ck_assert_uint_eq(get(1), 10);
    ck_assert(!put_number(2, 20, 60000));
    ck_assert(put_number(3, 0, 6400));
    ck_assert_uint_eq(table_totals(table).items, 2);
}
END_TEST

START_TEST(test_forget_all)
{
    for (uint64_t n = 0; n < 1000; n++)
        ck_assert(put_number(n, n, 50));
    ck_assert_uint_eq(table_forget(table, NULL), 1000);
    for (uint64_t n = 0; n < 1000; n++)
        ck_assert_uint_eq(get(n), NOTHING);
    ck_assert_uint_eq(table_totals(table).items, 0);
    ck_assert_uint_eq(table_forget(table, NULL), 0);
}
END_TEST

/* 8 keys have a postcode in common, and lie in several shards. */
START_TEST(test_forget_a_postcode)
{
    const struct cache_key key = cached_key(80);

    for (uint64_t n = 0; n < 1000; n++)
        ck_assert(put_number(n, n, 50));
    ck_assert_uint_eq(table_forget(table, &key.postcode), 8);
    for (uint64_t n = 0; n < 1000; n++)
        ck_assert_uint_eq(get(n), n / 8 == 10 ? NOTHING : n);
    ck_assert_uint_eq(table_totals(table).items, 992);
    ck_assert_uint_eq(table_forget(table, &key.postcode), 0);
}
END_TEST

/* What began before does not come in after it; of whatever postcode it is. */
START_TEST(test_forget_what_is_under_way)
{
    const struct cache_key key = cached_key(80);
    const uint64_t before = table_now(table);

    ck_assert(put(1, cached_number(10, 50), before));
    ck_assert_uint_eq(table_forget(table, &key.postcode), 0);
    ck_assert(!put(80, cached_number(11, 50), before));
    ck_assert(!put(1, cached_number(11, 50), before));
    ck_assert_uint_eq(get(80), NOTHING);
    ck_assert_uint_eq(get(1), 10);
    ck_assert(put(80, cached_number(12, 50), table_now(table)));
    ck_assert_uint_eq(get(80), 12);
}
END_TEST

/* ---- many at random, against a map that keeps all ---- */

enum { KEYS = 20000, OPERATIONS = 400000 };

struct model {
    struct cached_random random;
    uint64_t *values; /* what was put last; NOTHING: to be found no more */
    size_t removed;   /* by remove and forget */
    size_t added;     /* puts of keys that were not there */
};

static void model_put(struct model *model, uint64_t n, uint64_t value)
{
    const bool there = get(n) != NOTHING;
    const size_t len = cached_below(&model->random, 400);

    if (cached_below(&model->random, 50) == 0) { /* too large, or of before a forget */
        ck_assert(!put_number(n, value, 7000));
        ck_assert(!put(n, cached_number(value, 24), table_now(table) - 1));
        return;
    }
    ck_assert(put_number(n, value, len + 24));
    ck_assert_uint_eq(get(n), value);
    model->values[n] = value;
    model->added += !there;
}

static void model_remove(struct model *model, uint64_t n)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = table_get(table, &key);

    if (answer != NULL)
        table_remove(table, &key, answer);
    model->removed += answer != NULL;
    model->values[n] = NOTHING;
    answer_unref(answer);
}

static void model_forget(struct model *model, uint64_t n)
{
    const struct cache_key key = cached_key(n);
    const bool all = n == 0;

    model->removed += table_forget(table, all ? NULL : &key.postcode);
    for (uint64_t i = all ? 0 : n / 8 * 8; i < (all ? KEYS : n / 8 * 8 + 8); i++)
        model->values[i] = NOTHING;
}

static void model_step(struct model *model, uint64_t step)
{
    /* Some keys are asked for more often. */
    const uint64_t bound = cached_below(&model->random, 2) == 0 ? KEYS : KEYS / 20;
    const uint64_t n = cached_below(&model->random, bound);
    const uint64_t what = cached_below(&model->random, 1000);

    if (what < 500) {
        const uint64_t value = get(n);

        ck_assert(value == NOTHING || value == model->values[n]);
    } else if (what < 950) {
        model_put(model, n, step);
    } else if (what < 990) {
        model_remove(model, n);
    } else {
        model_forget(model, n);
    }
}

static void model_totals(const struct model *model)
{
    const struct table_totals totals = table_totals(table);

    ck_assert_uint_le(totals.bytes, MAX_SIZE);
    ck_assert_uint_eq(totals.max_size, MAX_SIZE);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), (int64_t)totals.items);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0), (int64_t)totals.bytes);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_EVICTIONS, 0),
                     (int64_t)(model->added - model->removed - totals.items));
}

START_TEST(test_random)
{
    struct model model = {.random.at = 17};

    model.values = malloc(KEYS * sizeof(*model.values));
    for (size_t i = 0; i < KEYS; i++)
        model.values[i] = NOTHING;
    for (uint64_t step = 0; step < OPERATIONS; step++) {
        model_step(&model, step);
        if (step % 16 == 0)
            model_totals(&model);
    }
    ck_assert_int_gt(metric_sum(METRIC_CACHE_EVICTIONS, 0), OPERATIONS / 20);
    free(model.values);
}
END_TEST

/* Never above the limit, after whichever put: answers of all sizes in a full table. */
START_TEST(test_bytes_after_every_put)
{
    struct cached_random random = {.at = 3};

    for (uint64_t n = 0; n < 30000; n++) {
        (void)put_number(n, n, cached_below(&random, n % 3 == 0 ? 6500 : 300));
        ck_assert_uint_le(table_totals(table).bytes, MAX_SIZE);
    }
    ck_assert_uint_ge(table_totals(table).bytes, MAX_SIZE * 9 / 10);
}
END_TEST

/* Many small ones, then large ones: what entries took is not free, and there is room all the same.
 */
START_TEST(test_large_after_small)
{
    for (uint64_t n = 0; n < 30000; n++)
        ck_assert(put(n, answer_new(&(struct answer_parts){.unknown = true}), table_now(table)));
    ck_assert_uint_ge(table_totals(table).items, 10000);
    for (uint64_t n = 0; n < 1000; n++) {
        ck_assert(put_number(n, n, 6400));
        ck_assert_uint_le(table_totals(table).bytes, MAX_SIZE);
    }
    ck_assert_uint_ge(table_totals(table).items, 16 * 3);
}
END_TEST

/* Two tables count together, and a table that ends takes its own with it. */
START_TEST(test_metrics)
{
    const int64_t bytes = metric_sum(METRIC_CACHE_BYTES, 0);
    struct table *second = table_new(2 * MAX_SIZE);
    const struct cache_key key = cached_key(1);
    struct answer *answer = cached_usual(1);

    ck_assert(put_number(1, 10, 50));
    ck_assert(table_put(second, &key, answer, table_now(second)));
    answer_unref(answer);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), 2);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0),
                     (int64_t)(table_totals(table).bytes + table_totals(second).bytes));
    table_free(second);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), 1);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0), (int64_t)table_totals(table).bytes);
    ck_assert_int_ge(metric_sum(METRIC_CACHE_BYTES, 0), bytes);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_EVICTIONS, 0), 0);
}
END_TEST

/* The allocator's own count (0 under a sanitizer, which has its own): no answer is left behind. */
START_TEST(test_no_answer_is_left)
{
    const size_t before = mallinfo2().uordblks;
    struct table *own = table_new(4 * MAX_SIZE);

    for (uint64_t n = 0; n < 100000; n++) {
        const struct cache_key key = cached_key(n % 40000);
        struct answer *answer = cached_usual(n);

        ck_assert(table_put(own, &key, answer, table_now(own)));
        answer_unref(answer);
        answer_unref(table_get(own, &key));
        if (n % 20000 == 0)
            table_forget(own, NULL);
    }
    table_free(own);
    ck_assert_uint_le(mallinfo2().uordblks, before + 256 * 1024);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_table");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_put_and_get);
    tcase_add_test(tcase, test_half_a_key);
    tcase_add_test(tcase, test_references);
    tcase_add_test(tcase, test_remove);
    tcase_add_test(tcase, test_too_large);
    tcase_add_test(tcase, test_forget_all);
    tcase_add_test(tcase, test_forget_a_postcode);
    tcase_add_test(tcase, test_forget_what_is_under_way);
    tcase_add_test(tcase, test_random);
    tcase_add_test(tcase, test_bytes_after_every_put);
    tcase_add_test(tcase, test_large_after_small);
    tcase_add_test(tcase, test_metrics);
    tcase_add_test(tcase, test_no_answer_is_left);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
