/* When the set of key_url is fetched, in false time: hours pass at once. */
#include "middleware/key_schedule.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "suite.h"

/* No max-age in the response. */
#define NONE (-1)

static const struct mono_time start = {.ns = 1000 * SECOND};

static struct mono_time at(int64_t after)
{
    return mono_add(start, after);
}

/* How long after `now` the next fetch is due. */
static int64_t due(const struct key_schedule *schedule, struct mono_time now)
{
    return mono_diff(key_schedule_next(schedule), now);
}

/* A schedule whose first fetch succeeded at `start`, without jitter. */
static struct key_schedule fetched(int64_t refresh, int64_t max_age)
{
    struct key_schedule schedule = {.refresh = refresh};

    key_schedule_succeeded(&schedule, start, max_age, 0);
    return schedule;
}

START_TEST(first_fetch_is_due_at_once)
{
    const struct key_schedule schedule = {.refresh = HOUR};

    ck_assert_int_le(due(&schedule, start), 0);
}
END_TEST

/* refresh, max-age (both in s, -1: none), period in s. */
static const struct {
    int64_t refresh;
    int64_t max_age;
    int64_t period;
} periods[] = {
    {0, -1, 3600},         {0, 600, 600},  {0, 59, 60},   {0, 0, 60},    {0, 90000, 86400},
    {0, 86400, 86400},     {300, -1, 300}, {300, 60, 60}, {300, 0, 60},  {300, 3600, 300},
    {86400, 86400, 86400}, {1, -1, 1},     {1, 0, 1},     {30, 600, 30}, {7200, 3600, 3600},
};

START_TEST(smaller_of_bound_and_max_age)
{
    const int64_t max_age = periods[_i].max_age;
    const struct key_schedule schedule =
        fetched(periods[_i].refresh * SECOND, max_age < 0 ? NONE : max_age * SECOND);

    ck_assert_int_eq(due(&schedule, start), periods[_i].period * SECOND);
}
END_TEST

START_TEST(jitter_shortens_by_a_tenth_at_most)
{
    struct key_schedule schedule = {.refresh = HOUR};

    key_schedule_succeeded(&schedule, start, NONE, UINT32_MAX);
    ck_assert_int_eq(due(&schedule, start), 54 * MINUTE);
    key_schedule_succeeded(&schedule, start, NONE, UINT32_MAX / 2);
    ck_assert_int_gt(due(&schedule, start), 56 * MINUTE);
    ck_assert_int_lt(due(&schedule, start), 58 * MINUTE);
}
END_TEST

START_TEST(failures_double_to_a_minute)
{
    static const int64_t most[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct key_schedule schedule = {.refresh = HOUR};
    struct mono_time now = start;

    for (size_t i = 0; i < ARRAY_LEN(most); i++) {
        key_schedule_failed(&schedule, now, i % 2 == 0 ? UINT32_MAX : 0);
        ck_assert_int_eq(due(&schedule, now), most[i] * SECOND / (i % 2 == 0 ? 1 : 2));
        now = key_schedule_next(&schedule);
    }
    key_schedule_succeeded(&schedule, now, NONE, 0);
    ck_assert_int_eq(due(&schedule, now), HOUR);
    key_schedule_failed(&schedule, now, UINT32_MAX);
    ck_assert_int_eq(due(&schedule, now), SECOND);
}
END_TEST

/* With a short period, a failure does not make the set older than it would be anyway. */
START_TEST(retry_is_no_later_than_the_refresh)
{
    struct key_schedule schedule = fetched(2 * SECOND, NONE);
    struct mono_time now = start;

    for (int i = 0; i < 10; i++) {
        now = key_schedule_next(&schedule);
        key_schedule_failed(&schedule, now, UINT32_MAX);
        ck_assert_int_le(due(&schedule, now), 2 * SECOND);
        ck_assert_int_gt(due(&schedule, now), 0);
    }
    ck_assert_int_eq(due(&schedule, now), 2 * SECOND);
}
END_TEST

/* One that fails shortly before the regular fetch does not put that off. */
START_TEST(failed_extra_fetch_keeps_the_refresh)
{
    struct key_schedule schedule = fetched(HOUR, NONE);

    for (int i = 0; i < 5; i++)
        key_schedule_failed(&schedule, at(HOUR - 5 * SECOND), UINT32_MAX);
    ck_assert_int_eq(due(&schedule, start), HOUR);
}
END_TEST

START_TEST(unknown_key_is_limited)
{
    struct key_schedule schedule = {.refresh = HOUR};

    ck_assert(!key_schedule_unknown(&schedule, start));
    schedule = fetched(HOUR, NONE);
    ck_assert(!key_schedule_unknown(&schedule, at(0)));
    ck_assert(!key_schedule_unknown(&schedule, at(30 * SECOND - 1)));
    ck_assert_int_eq(due(&schedule, start), HOUR);
    ck_assert(key_schedule_unknown(&schedule, at(31 * SECOND)));
    ck_assert_int_le(due(&schedule, at(31 * SECOND)), 0);
    /* Once it has ended, however it did, the time begins again. */
    key_schedule_failed(&schedule, at(40 * SECOND), 0);
    ck_assert(!key_schedule_unknown(&schedule, at(69 * SECOND)));
    ck_assert(key_schedule_unknown(&schedule, at(70 * SECOND)));
    key_schedule_succeeded(&schedule, at(71 * SECOND), NONE, 0);
    ck_assert_int_eq(due(&schedule, at(71 * SECOND)), HOUR);
}
END_TEST

START_TEST(another_bound_counts_at_once)
{
    struct key_schedule schedule = fetched(0, 12 * HOUR);

    ck_assert_int_eq(due(&schedule, at(HOUR)), 11 * HOUR);
    key_schedule_refresh(&schedule, 10 * MINUTE);
    ck_assert_int_lt(due(&schedule, at(HOUR)), 0);
    key_schedule_refresh(&schedule, 2 * HOUR);
    ck_assert_int_eq(due(&schedule, at(HOUR)), HOUR);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("key_schedule");
    TCase *tc = tcase_create("key_schedule");

    tcase_add_test(tc, first_fetch_is_due_at_once);
    tcase_add_loop_test(tc, smaller_of_bound_and_max_age, 0, ARRAY_LEN(periods));
    tcase_add_test(tc, jitter_shortens_by_a_tenth_at_most);
    tcase_add_test(tc, failures_double_to_a_minute);
    tcase_add_test(tc, retry_is_no_later_than_the_refresh);
    tcase_add_test(tc, failed_extra_fetch_keeps_the_refresh);
    tcase_add_test(tc, unknown_key_is_limited);
    tcase_add_test(tc, another_bound_counts_at_once);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
