/* front/status_series.h: which sample is in which column, and what of it. */
#include "front/status_series.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "overview_fixture.h"
#include "suite.h"

static struct overview *overview;
static struct series_column columns[SERIES_MAX];
static struct series_upstream_column upstream[SERIES_MAX];

static void begin(int64_t ran)
{
    overview = overview_make(1, ran);
    fixture_samples(overview, ran < HISTORY_SPAN ? ran : HISTORY_SPAN, 20);
}

static void teardown(void)
{
    overview_unmake(overview);
}

static struct history_sample *sample(size_t age)
{
    return (struct history_sample *)(uintptr_t)history_at(overview->history, age);
}

/* Ten minutes, half an hour or two hours, by how long it runs. */
START_TEST(test_span)
{
    static const struct {
        int64_t ran, length, step;
    } spans[] = {{5 * MINUTE, 10 * MINUTE, 10 * SECOND},
                 {11 * MINUTE, 30 * MINUTE, 10 * SECOND},
                 {31 * MINUTE, 2 * HOUR, 40 * SECOND}};

    begin(spans[_i].ran);
    const struct series_span span = series_span_of(overview);
    ck_assert_int_eq(span.length, spans[_i].length);
    ck_assert_int_eq(span.step, spans[_i].step);
    ck_assert_uint_eq(span.columns, (size_t)(span.length / span.step));
    ck_assert_int_eq(series_begin(&span).ns % span.step, 0);
    ck_assert_int_gt(mono_diff(mono_add(series_begin(&span), span.length), overview->now), 0);
}
END_TEST

/* Counts are summed, of gauges the most is kept, and the last column has the newest sample. */
START_TEST(test_columns)
{
    begin(2 * HOUR);
    const struct series_span span = series_span_of(overview);
    const int64_t step = span.step / HISTORY_INTERVAL;
    int64_t codes = 0;
    series_fill(overview, &span, columns);
    size_t age = 0;
    for (; sample(age)->at.ns / span.step == span.now.ns / span.step; age++)
        codes += sample(age)->codes[ENDED_OK];
    ck_assert_uint_gt(age, 0);
    ck_assert_int_eq(columns[span.columns - 1].codes[ENDED_OK], codes);
    ck_assert_int_eq(columns[span.columns - 1].length, (int64_t)age * HISTORY_INTERVAL);
    /* The column before is whole. */
    for (size_t i = age; i < age + (size_t)step; i++)
        sample(i)->in_flight = 3 + (i == age + 1 ? 40 : 0);
    sample(age + 1)->busy_permille = 900;
    series_fill(overview, &span, columns);
    const struct series_column *whole = &columns[span.columns - 2];
    ck_assert_int_eq(whole->length, span.step);
    ck_assert_uint_eq(whole->in_flight, 43);
    ck_assert_uint_eq(whole->busy_permille, 900);
}
END_TEST

START_TEST(test_upstream)
{
    begin(9 * MINUTE);
    const struct series_span span = series_span_of(overview);
    struct history *history = fixture_history(overview);
    struct history_upstream_sample *newest = &history->upstreams[0]->samples[history->taken - 1];
    newest->state = KEEPER_SUSPECT;
    newest->classes[HISTORY_SERVER_ERROR] = 7;
    newest->queue_refused = 8;
    fixture_observe(&newest->queued, 5, 100);
    series_fill_upstream(overview, &span, 0, upstream);
    size_t at = span.columns - 1;
    while (upstream[at].length == 0)
        at--;
    ck_assert(upstream[at].suspect);
    ck_assert(!upstream[at - 1].suspect);
    ck_assert_int_eq(upstream[at].classes[HISTORY_SERVER_ERROR], 7);
    ck_assert_int_eq(upstream[at].queue_refused, 8);
    ck_assert_uint_eq(history_durations_count(&upstream[at].queued), 100);
    struct series_upstream_column sum;
    series_sum_upstream(overview, 0, MINUTE, &sum);
    ck_assert_int_eq(sum.length, MINUTE);
    ck_assert_int_eq(sum.queue_refused, 8);
}
END_TEST

/* A sum is of the time asked for, and of what came since the newest sample. */
START_TEST(test_sum)
{
    begin(30 * MINUTE);
    struct series_column before, after;

    series_sum(overview, MINUTE, &before);
    ck_assert_int_eq(before.length, MINUTE + 3 * SECOND);
    overview->codes[PROBLEM_DEADLINE] += 80;
    series_sum(overview, MINUTE, &after);
    ck_assert_int_eq(after.codes[PROBLEM_DEADLINE], 80);
    ck_assert_int_eq(after.codes[ENDED_OK], before.codes[ENDED_OK]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status_series");
    TCase *all = tcase_create("status_series");

    tcase_add_checked_fixture(all, NULL, teardown);
    tcase_add_loop_test(all, test_span, 0, 3);
    tcase_add_test(all, test_columns);
    tcase_add_test(all, test_upstream);
    tcase_add_test(all, test_sum);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
