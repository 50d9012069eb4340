/* What the cache is worth: how many answers it holds, and which of them it keeps. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "cache/table.h"
#include "cached.h"
#include "suite.h"

static struct table *table;

static void put(uint64_t n, struct answer *answer)
{
    const struct cache_key key = cached_key(n);

    ck_assert(table_put(table, &key, answer, table_now(table)));
    answer_unref(answer);
}

static bool use(uint64_t n)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = table_get(table, &key);

    answer_unref(answer);
    return answer != NULL;
}

/* A lookup: from the table, or put there. */
static bool look_up(uint64_t n)
{
    const bool hit = use(n);

    if (!hit)
        put(n, cached_usual(n));
    return hit;
}

/* 300,000 lookups are said to find room in 64M. */
START_TEST(test_how_many)
{
    table = table_new(64 * 1024 * 1024);
    for (uint64_t n = 0; n < 400000; n++)
        put(n, cached_usual(n));
    const struct table_totals totals = table_totals(table);

    ck_assert_uint_ge(totals.items, 300000);
    ck_assert_uint_le(totals.bytes, 67108864);
    table_free(table);
}
END_TEST

/* A working set that is asked for again and again, and ten times the table that is not. */
START_TEST(test_a_scan)
{
    enum { POPULAR = 1000, SCAN = 60000 };
    size_t found = 0;

    table = table_new(1 << 20);
    for (int round = 0; round < 3; round++)
        for (uint64_t n = 0; n < POPULAR; n++)
            (void)look_up(n);
    for (uint64_t n = 0; n < SCAN; n++)
        ck_assert(!look_up(POPULAR + n));
    ck_assert_uint_ge(SCAN, 10 * table_totals(table).items);
    for (uint64_t n = 0; n < POPULAR; n++)
        found += use(n);
    ck_assert_uint_ge(found, POPULAR * 95 / 100);
    table_free(table);
}
END_TEST

/* What comes back soon after it was evicted stays longer than what came once. */
START_TEST(test_it_comes_back)
{
    enum { RETURNING = 100, SCAN = 20000 };
    size_t found = 0;

    table = table_new(1 << 20);
    for (uint64_t n = 0; n < 10000; n++)
        (void)look_up(n);
    /* The latest are in the table; some of before are remembered, and not there. */
    const uint64_t first = 10000 - table_totals(table).items - 1000;

    for (uint64_t n = first; n < first + RETURNING; n++)
        ck_assert(!look_up(n));
    for (uint64_t n = 10000; n < 10000 + SCAN; n++)
        (void)look_up(n);
    for (uint64_t n = first; n < first + RETURNING; n++)
        found += use(n);
    ck_assert_uint_ge(found, RETURNING * 9 / 10);
    table_free(table);
}
END_TEST

/* ---- Zipf, against first in, first out ---- */

enum { UNIVERSE = 20000, LOOKUPS = 300000 };

struct zipf {
    struct cached_random random;
    double below[UNIVERSE]; /* the share of all lookups that those up to this one have */
};

static void zipf_init(struct zipf *zipf, double exponent)
{
    double sum = 0;

    zipf->random.at = 5;
    for (int i = 0; i < UNIVERSE; i++)
        zipf->below[i] = sum += pow(i + 1, -exponent);
    for (int i = 0; i < UNIVERSE; i++)
        zipf->below[i] /= sum;
}

static uint64_t zipf_next(struct zipf *zipf)
{
    const double at = (double)(cached_next(&zipf->random) >> 11) / (double)(UINT64_C(1) << 53);
    size_t low = 0, high = UNIVERSE - 1;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (zipf->below[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many of the lookups a queue of `size` answers serves. */
static size_t hits_of_fifo(struct zipf *zipf, size_t size)
{
    size_t *since = calloc(UNIVERSE, sizeof(*since)); /* when it was put, counted in puts; from 1 */
    size_t puts = 0, hits = 0;

    for (int i = 0; i < LOOKUPS; i++) {
        const uint64_t n = zipf_next(zipf);

        if (since[n] > 0 && puts - since[n] < size)
            hits++;
        else
            since[n] = ++puts;
    }
    free(since);
    return hits;
}

START_TEST(test_zipf)
{
    static struct zipf zipf;
    size_t hits = 0;

    table = table_new(1 << 20);
    zipf_init(&zipf, 0.9);
    for (int i = 0; i < LOOKUPS; i++)
        hits += look_up(zipf_next(&zipf));
    const size_t size = table_totals(table).items;

    zipf_init(&zipf, 0.9);
    const size_t fifo = hits_of_fifo(&zipf, size);

    ck_assert_uint_gt(size, 4000);
    ck_assert_uint_gt(hits, fifo + LOOKUPS / 20);
    table_free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_policy");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_how_many);
    tcase_add_test(tcase, test_a_scan);
    tcase_add_test(tcase, test_it_comes_back);
    tcase_add_test(tcase, test_zipf);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
