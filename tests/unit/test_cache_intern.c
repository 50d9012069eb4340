/* Strings that are kept once: each has its number, until there are too many of them. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "cache/intern.h"
#include "suite.h"

static struct intern set = INTERN_INIT;

static uint8_t number(const char *text)
{
    return intern_number(&set, text, strlen(text));
}

START_TEST(test_once)
{
    const uint8_t a = number("a");
    const uint8_t b = number("b");

    ck_assert_uint_ne(a, INTERN_NONE);
    ck_assert_uint_ne(b, INTERN_NONE);
    ck_assert_uint_ne(a, b);
    ck_assert_uint_eq(number("a"), a);
    ck_assert_uint_eq(number("b"), b);
    ck_assert_str_eq(intern_text(&set, a), "a");
    ck_assert_str_eq(intern_text(&set, b), "b");
}
END_TEST

START_TEST(test_lengths)
{
    char text[INTERN_LEN + 2];

    memset(text, 'x', sizeof(text));
    ck_assert_uint_ne(number(""), INTERN_NONE);
    ck_assert_uint_ne(number(""), intern_number(&set, "\0", 1));
    ck_assert_uint_ne(intern_number(&set, text, INTERN_LEN), INTERN_NONE);
    ck_assert_uint_eq(intern_number(&set, text, INTERN_LEN + 1), INTERN_NONE);
}
END_TEST

START_TEST(test_full)
{
    char text[16];

    for (unsigned i = 1; i <= INTERN_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        ck_assert_uint_eq(number(text), i);
    }
    ck_assert_uint_eq(number("one more"), INTERN_NONE);
    ck_assert_uint_eq(number("1"), 1);
    ck_assert_uint_eq(number("254"), 254);
}
END_TEST

/* FNV-1a is the same of both, and one begins with the other. */
START_TEST(test_same_sum)
{
    const uint8_t longer = number("publicggSex2");

    ck_assert_uint_ne(number("public"), longer);
    ck_assert_uint_eq(number("publicggSex2"), longer);
}
END_TEST

static atomic_int arrived;
static uint8_t seen[4][INTERN_MAX];

static void *number_all(void *p)
{
    uint8_t *own = p;
    char text[16];

    for (int i = 0; i < INTERN_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        /* Nobody sleeps, so that they go on in the same moment, or nearly. */
        atomic_fetch_add(&arrived, 1);
        while (atomic_load(&arrived) < 4 * (i + 1))
            sched_yield();
        own[i] = number(text);
        if (own[i] == INTERN_NONE || strcmp(intern_text(&set, own[i]), text) != 0)
            own[i] = INTERN_NONE;
    }
    return NULL;
}

/* Each string by all at once, and all get the same number. */
START_TEST(test_threads)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, number_all, seen[i]), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < INTERN_MAX; i++) {
        ck_assert_uint_ne(seen[0][i], INTERN_NONE);
        for (int k = 1; k < 4; k++)
            ck_assert_uint_eq(seen[k][i], seen[0][i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_intern");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, test_once);
    tcase_add_test(tcase, test_lengths);
    tcase_add_test(tcase, test_full);
    tcase_add_test(tcase, test_same_sum);
    tcase_add_test(tcase, test_threads);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
