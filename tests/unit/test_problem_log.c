/* front/problem_log.h: which requests are kept, and for how long. */
#include "front/problem_log.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

static struct problem_entry entries[PROBLEM_LOG_ENTRIES];

static void end_with(enum problem_id ending, int status, const char *path)
{
    const struct request request = {.ending = ending, .status = status};

    problem_log_add(&request, path, 3 * MILLISECOND);
}

static void end_as(enum problem_id ending)
{
    end_with(ending, problem_of(ending)->status, "/api/v1/addresses/SW1A1AA");
}

START_TEST(what_ended_well_is_no_problem)
{
    ck_assert(!problem_log_wants(ENDED_OK));
    ck_assert(!problem_log_wants(ENDED_NOT_MODIFIED));
    ck_assert(!problem_log_wants(ENDED_CANCELLED));
    ck_assert(problem_log_wants(PROBLEM_INVALID_POSTCODE));
    ck_assert(problem_log_wants(PROBLEM_DEADLINE));
}
END_TEST

START_TEST(callers_mistakes_do_not_push_out_the_others)
{
    end_as(PROBLEM_UNREACHABLE);
    end_as(PROBLEM_OVERLOADED);
    for (int i = 0; i < 2 * PROBLEM_LOG_ENTRIES; i++)
        end_as(PROBLEM_UNKNOWN_POSTCODE);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_CALLER, entries), PROBLEM_LOG_ENTRIES);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), 2);
    ck_assert_int_eq(entries[0].ending, PROBLEM_OVERLOADED);
    ck_assert_int_eq(entries[0].status, 503);
    ck_assert_int_eq(entries[0].duration, 3 * MILLISECOND);
    ck_assert_int_eq(entries[1].ending, PROBLEM_UNREACHABLE);
}
END_TEST

START_TEST(the_newest_are_kept)
{
    for (int i = 0; i < PROBLEM_LOG_ENTRIES + 3; i++)
        end_with(PROBLEM_UNREACHABLE, 100 + i, "/x");
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), PROBLEM_LOG_ENTRIES);
    for (int i = 0; i < PROBLEM_LOG_ENTRIES; i++)
        ck_assert_int_eq(entries[i].status, 100 + PROBLEM_LOG_ENTRIES + 2 - i);
}
END_TEST

static void *end_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++)
        end_with(PROBLEM_UNREACHABLE, i, "/x");
    return NULL;
}

/* Read while they are written; what is read is whole and in order. */
START_TEST(threads_are_merged_by_time)
{
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, end_many, NULL), 0);
    for (int i = 0; i < 200; i++)
        problem_log_read(PROBLEM_OF_SERVICE, entries);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), PROBLEM_LOG_ENTRIES);
    for (size_t i = 1; i < PROBLEM_LOG_ENTRIES; i++)
        ck_assert(!mono_before(entries[i - 1].ended, entries[i].ended));
    for (size_t i = 0; i < PROBLEM_LOG_ENTRIES; i++)
        ck_assert_str_eq(entries[i].path, "/x");
}
END_TEST

START_TEST(all_are_forgotten_on_demand)
{
    end_as(PROBLEM_UNREACHABLE);
    end_as(PROBLEM_UNKNOWN_POSTCODE);
    problem_log_forget();
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), 0);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_CALLER, entries), 0);
    end_as(PROBLEM_UNREACHABLE);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), 1);
}
END_TEST

START_TEST(a_long_path_is_cut)
{
    char path[1000] = "/";

    memset(path + 1, 'x', sizeof(path) - 2);
    end_with(PROBLEM_UNREACHABLE, 502, path);
    ck_assert_uint_eq(problem_log_read(PROBLEM_OF_SERVICE, entries), 1);
    ck_assert_uint_eq(strlen(entries[0].path), PROBLEM_LOG_PATH - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problem_log");
    TCase *tcase = tcase_create("problem_log");

    tcase_add_test(tcase, what_ended_well_is_no_problem);
    tcase_add_test(tcase, callers_mistakes_do_not_push_out_the_others);
    tcase_add_test(tcase, the_newest_are_kept);
    tcase_add_test(tcase, threads_are_merged_by_time);
    tcase_add_test(tcase, all_are_forgotten_on_demand);
    tcase_add_test(tcase, a_long_path_is_cut);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
