/* front/history.h: two hours in false time. */
#include "front/history.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "lookup/failover.h"
#include "suite.h"

#define START ((struct mono_time){.ns = 1000 * SECOND})
#define INDEX 3 /* of the upstream in the metrics; in the sources it is the first */

static struct store *store;
static struct exposition sources;
static struct history *history;
static struct mono_time now;

static uint32_t port_random(void *arg)
{
    (void)arg;
    return 0;
}

static void setup(void)
{
    const struct keeper_settings settings = {
        .upstream = "u", .index = INDEX, .store_key = "u", .workers = 1};
    const struct keeper_ports ports = {.random = port_random};

    store = store_new(1);
    sources = (struct exposition){.upstreams = {{.name = "u",
                                                 .index = INDEX,
                                                 .keeper = keeper_new(&settings, &ports, store)}},
                                  .upstream_count = 1};
    now = START;
    history = history_new(now);
    history_use(history, &sources);
}

static void teardown(void)
{
    history_free(history);
    keeper_free(sources.upstreams[0].keeper);
    store_free(store);
}

static void sample(void)
{
    now = mono_add(now, HISTORY_INTERVAL);
    history_sample(history, &sources, now);
}

START_TEST(a_sample_has_what_its_interval_counted)
{
    metric_observe(METRIC_REQUEST_DURATION, 3 * MILLISECOND);
    metric_observe(METRIC_REQUEST_DURATION, 20 * SECOND);
    metric_add(METRIC_REQUESTS, PROBLEM_UNREACHABLE, 2);
    metric_add(METRIC_CONNECTIONS, 0, 7);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 401, 3);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 0, 1);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 304, 1);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 302, 2); /* no answer: upstream_error */
    sample();
    metric_add(METRIC_REQUESTS, PROBLEM_UNREACHABLE, 1);
    metric_add(METRIC_CONNECTIONS, 0, -2);
    sample();
    ck_assert_uint_eq(history_count(history), 2);

    const struct history_sample *before = history_at(history, 1), *last = history_at(history, 0);
    ck_assert_uint_eq(history_durations_count(&before->lookups), 2);
    ck_assert_uint_eq(before->lookups.cells[METRIC_BUCKET_COUNT], 1);
    ck_assert_uint_eq(before->codes[PROBLEM_UNREACHABLE], 2);
    ck_assert_uint_eq(before->connections, 7);
    ck_assert_int_eq(before->length, HISTORY_INTERVAL);
    ck_assert_int_eq(before->at.ns, START.ns + HISTORY_INTERVAL);
    ck_assert_uint_eq(history_durations_count(&last->lookups), 0);
    ck_assert_uint_eq(last->codes[PROBLEM_UNREACHABLE], 1);
    ck_assert_uint_eq(last->connections, 5);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_REFUSED], 3);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_NONE], 1);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_GOOD], 1);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_CLIENT_ERROR], 2);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 0)->classes[HISTORY_REFUSED], 0);
}
END_TEST

static const struct {
    size_t status;
    enum history_class class;
} classes[] = {
    {0, HISTORY_NONE},           {200, HISTORY_GOOD},         {204, HISTORY_GOOD},
    {304, HISTORY_GOOD},         {404, HISTORY_GOOD},         {401, HISTORY_REFUSED},
    {403, HISTORY_REFUSED},      {429, HISTORY_LIMITED},      {400, HISTORY_CLIENT_ERROR},
    {410, HISTORY_CLIENT_ERROR}, {500, HISTORY_SERVER_ERROR}, {503, HISTORY_SERVER_ERROR},
};

START_TEST(calls_are_classed_by_status)
{
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, classes[_i].status, 2);
    sample();
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        ck_assert_uint_eq(history_upstream_at(history, INDEX, 0)->classes[i],
                          i == classes[_i].class ? 2 : 0);
}
END_TEST

START_TEST(a_sample_has_gauges_queue_and_rejections)
{
    static const double busy[] = {0.25, 0.75, 0.5};

    sources.busy = busy;
    sources.worker_count = ARRAY_LEN(busy);
    metric_add(METRIC_IN_FLIGHT, 0, 6);
    metric_upstream_add(METRIC_TOKEN_WAITERS, INDEX, 0, 5);
    metric_upstream_add(METRIC_UPSTREAM_QUEUE_LENGTH, INDEX, 0, 4);
    metric_upstream_add(METRIC_UPSTREAM_QUEUE_REFUSED, INDEX, 0, 3);
    metric_upstream_add(METRIC_TOKEN_REJECTED, INDEX, 0, 2);
    metric_upstream_observe(METRIC_UPSTREAM_QUEUE_DURATION, INDEX, 30 * SECOND);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, INDEX, 3 * MILLISECOND);
    sample();
    const struct history_upstream_sample *upstream = history_upstream_at(history, INDEX, 0);
    ck_assert_uint_eq(history_at(history, 0)->busy_permille, 750);
    ck_assert_uint_eq(history_at(history, 0)->in_flight, 6);
    ck_assert_uint_eq(history_at(history, 0)->token_waiters, 5);
    ck_assert_uint_eq(upstream->queue_length, 4);
    ck_assert_uint_eq(upstream->queue_refused, 3);
    ck_assert_uint_eq(upstream->rejected, 2);
    ck_assert_int_eq(history_percentile(&upstream->queued, 1), 10 * SECOND);
    ck_assert_int_lt(history_percentile(&upstream->calls, 1), 10 * SECOND);
    ck_assert_int_eq(upstream->state, KEEPER_NONE);
}
END_TEST

START_TEST(a_sample_has_what_was_refused_and_went_on)
{
    metric_upstream_add(METRIC_RATE_REFUSED, INDEX, 0, 3);
    metric_upstream_add(METRIC_RETRY_BUDGET_REFUSED, INDEX, 0, 2);
    failover_count(INDEX, 1, FAILOVER_TIMEOUT);
    failover_count(INDEX, 63, FAILOVER_TIMEOUT);
    failover_count(INDEX, 1, FAILOVER_HELD);
    failover_count(1, INDEX, FAILOVER_NO_TOKEN); /* from another */
    sample();
    sample();
    const struct history_upstream_sample *upstream = history_upstream_at(history, INDEX, 1);
    ck_assert_uint_eq(upstream->rate_refused, 3);
    ck_assert_uint_eq(upstream->retries_refused, 2);
    ck_assert_uint_eq(upstream->failovers[FAILOVER_TIMEOUT], 2);
    ck_assert_uint_eq(upstream->failovers[FAILOVER_HELD], 1);
    ck_assert_uint_eq(upstream->failovers[FAILOVER_NO_TOKEN], 0);
    upstream = history_upstream_at(history, INDEX, 0);
    ck_assert_uint_eq(upstream->rate_refused, 0);
    ck_assert_uint_eq(upstream->retries_refused, 0);
    ck_assert_uint_eq(upstream->failovers[FAILOVER_TIMEOUT], 0);
}
END_TEST

START_TEST(a_sample_has_what_the_cache_did)
{
    metric_add(METRIC_CACHE, CACHE_HIT, 5);
    metric_add(METRIC_CACHE, CACHE_JOINED, 2);
    metric_add(METRIC_CACHE_STALE_IF_ERROR, 0, 1);
    metric_add(METRIC_CACHE_EVICTIONS, 0, 4);
    metric_add(METRIC_CACHE_ITEMS, 0, 9);
    sample();
    sample();
    const struct history_cache *cache = &history_at(history, 1)->cache;
    ck_assert_uint_eq(cache->results[CACHE_HIT], 5);
    ck_assert_uint_eq(cache->results[CACHE_MISS], 0);
    ck_assert_uint_eq(cache->results[CACHE_JOINED], 2);
    ck_assert_uint_eq(cache->stale_if_error, 1);
    ck_assert_uint_eq(cache->evictions, 4);
    ck_assert_uint_eq(cache->items, 9);
    cache = &history_at(history, 0)->cache;
    ck_assert_uint_eq(cache->results[CACHE_HIT], 0);
    ck_assert_uint_eq(cache->evictions, 0);
    ck_assert_uint_eq(cache->items, 9);
}
END_TEST

START_TEST(two_hours_are_kept)
{
    for (size_t i = 0; i < HISTORY_SAMPLES + 5; i++) {
        metric_add(METRIC_REQUESTS, ENDED_OK, (int64_t)i);
        sample();
    }
    ck_assert_uint_eq(history_count(history), HISTORY_SAMPLES);
    ck_assert_uint_eq(history_at(history, 0)->codes[ENDED_OK], HISTORY_SAMPLES + 4);
    ck_assert_uint_eq(history_at(history, HISTORY_SAMPLES - 1)->codes[ENDED_OK], 5);
}
END_TEST

/* Where a bucket's count is seen before the whole count, and another thread counts in between. */
START_TEST(a_counter_that_seems_to_shrink_counts_nothing)
{
    metric_add(METRIC_REQUESTS, ENDED_OK, 5);
    sample();
    metric_add(METRIC_REQUESTS, ENDED_OK, -2);
    sample();
    metric_add(METRIC_REQUESTS, ENDED_OK, 3);
    sample();
    ck_assert_uint_eq(history_at(history, 1)->codes[ENDED_OK], 0);
    ck_assert_uint_eq(history_at(history, 0)->codes[ENDED_OK], 3);
}
END_TEST

START_TEST(percentiles)
{
    struct history_durations durations = {{0}};
    int64_t half;

    ck_assert_int_eq(history_percentile(&durations, 0.5), -1);
    for (int i = 0; i < 100; i++)
        metric_observe(METRIC_REQUEST_DURATION, 2 * MILLISECOND);
    sample();
    history_durations_add(&durations, &history_at(history, 0)->lookups);
    half = history_percentile(&durations, 0.5);
    ck_assert_int_gt(half, 1 * MILLISECOND); /* the bucket of 1 to 2.5 ms */
    ck_assert_int_le(half, 2500 * MICROSECOND);
    ck_assert_int_gt(history_percentile(&durations, 0.99), half);
    ck_assert_int_le(history_percentile(&durations, 1), 2500 * MICROSECOND);
}
END_TEST

START_TEST(what_is_longer_than_all_buckets_is_taken_for_the_last_bound)
{
    metric_observe(METRIC_REQUEST_DURATION, 100 * SECOND);
    sample();
    ck_assert_int_eq(history_percentile(&history_at(history, 0)->lookups, 0.99), 10 * SECOND);
}
END_TEST

/* ---- events ---- */

static struct keeper_status granted(uint64_t generation, int64_t expires_in)
{
    return (struct keeper_status){.state = KEEPER_VALID,
                                  .generation = generation,
                                  .fingerprint = "01234567",
                                  .lifetime = HOUR,
                                  .refresh_window = 5 * MINUTE,
                                  .expires_in = expires_in};
}

static void say(struct keeper_status status)
{
    history_token(history, INDEX, &status, now);
}

static const struct history_event *newest(size_t count)
{
    ck_assert_uint_eq(history_event_count(history, INDEX), count);
    return history_event_at(history, INDEX, 0);
}

START_TEST(a_token_is_noted_once)
{
    say(granted(1, HOUR));
    now = mono_add(now, MINUTE);
    say(granted(1, HOUR - MINUTE));
    const struct history_event *event = newest(1);
    ck_assert_int_eq(event->kind, HISTORY_OBTAINED);
    ck_assert_uint_eq(event->generation, 1);
    ck_assert_int_eq(event->expires_at.ns, START.ns + HOUR);
    ck_assert_int_eq(event->renew_at.ns, START.ns + 55 * MINUTE);
    say(granted(2, HOUR));
    ck_assert_uint_eq(newest(2)->generation, 2);
    say(granted(2, 2 * HOUR)); /* the same value, granted again for longer */
    ck_assert_int_eq(newest(3)->expires_at.ns, now.ns + 2 * HOUR);
}
END_TEST

START_TEST(each_failure_is_noted_once)
{
    struct keeper_status status = {.state = KEEPER_BACKOFF, .last_error = "refused"};

    say(status);
    now = mono_add(now, 5 * SECOND);
    status.last_error_age = 5 * SECOND;
    say(status);
    ck_assert_str_eq(newest(1)->reason, "refused");
    ck_assert_int_eq(newest(1)->at.ns, START.ns);
    status.last_error_age = SECOND;
    say(status);
    ck_assert_int_eq(newest(2)->kind, HISTORY_REQUEST_FAILED);
    ck_assert_int_eq(newest(2)->at.ns, now.ns - SECOND);
}
END_TEST

START_TEST(a_suspect_token_was_rejected)
{
    struct keeper_status status = granted(1, HOUR);

    say(status);
    status.state = KEEPER_SUSPECT;
    say(status);
    say(status);
    ck_assert_int_eq(newest(2)->kind, HISTORY_REJECTED);
    ck_assert_uint_eq(newest(2)->generation, 1);
}
END_TEST

START_TEST(so_was_one_that_was_replaced_for_it)
{
    say(granted(1, HOUR));
    metric_upstream_add(METRIC_TOKEN_EVICTIONS, INDEX, EVICTED_REJECTED, 1);
    say(granted(2, HOUR));
    ck_assert_int_eq(newest(3)->kind, HISTORY_OBTAINED);
    ck_assert_int_eq(history_event_at(history, INDEX, 1)->kind, HISTORY_REJECTED);
    ck_assert_uint_eq(history_event_at(history, INDEX, 1)->generation, 1);
}
END_TEST

START_TEST(rejections_close_to_each_other_are_one_event)
{
    const struct mono_time expiry = mono_add(now, HOUR);

    say(granted(1, HOUR));
    for (int i = 0; i < 20; i++) {
        metric_upstream_add(METRIC_TOKEN_REJECTED, INDEX, 0, 5);
        say(granted(1, mono_diff(expiry, now)));
        now = mono_add(now, 10 * SECOND);
    }
    ck_assert_int_eq(newest(2)->kind, HISTORY_REJECTED);
}
END_TEST

START_TEST(another_rejection_is_another_event)
{
    const struct mono_time expiry = mono_add(now, HOUR);

    say(granted(1, HOUR));
    for (uint64_t i = 2; i <= 4; i += 2) {
        metric_upstream_add(METRIC_TOKEN_REJECTED, INDEX, 0, 1);
        say(granted(1, mono_diff(expiry, now)));
        ck_assert_int_eq(newest(i / 2 + 1)->kind, HISTORY_REJECTED);
        now = mono_add(now, MINUTE);
    }
}
END_TEST

START_TEST(one_that_is_gone_for_a_rejection)
{
    say(granted(1, HOUR));
    metric_upstream_add(METRIC_TOKEN_EVICTIONS, INDEX, EVICTED_REJECTED, 1);
    say((struct keeper_status){.generation = 1});
    ck_assert_int_eq(newest(3)->kind, HISTORY_GONE);
    ck_assert_str_eq(newest(3)->reason, "refused");
}
END_TEST

START_TEST(a_token_that_is_gone)
{
    say(granted(1, HOUR));
    metric_upstream_add(METRIC_TOKEN_EVICTIONS, INDEX, EVICTED_FORGOTTEN, 1);
    say((struct keeper_status){.generation = 1});
    ck_assert_int_eq(newest(2)->kind, HISTORY_GONE);
    ck_assert_str_eq(newest(2)->reason, "forgotten");
    say(granted(2, HOUR));
    metric_upstream_add(METRIC_TOKEN_EVICTIONS, INDEX, EVICTED_EXPIRED, 1);
    say((struct keeper_status){.generation = 2});
    ck_assert_str_eq(newest(4)->reason, "expired");
}
END_TEST

START_TEST(the_oldest_events_are_forgotten)
{
    for (uint64_t i = 1; i <= HISTORY_EVENTS + 3; i++)
        say(granted(i, HOUR));
    ck_assert_uint_eq(newest(HISTORY_EVENTS)->generation, HISTORY_EVENTS + 3);
    ck_assert_uint_eq(history_event_at(history, INDEX, HISTORY_EVENTS - 1)->generation, 4);
}
END_TEST

static void be(const char *name, size_t index)
{
    sources.upstreams[0].name = name;
    sources.upstreams[0].index = index;
}

/* What was counted for the one before it, or before it came, is not the new one's. */
START_TEST(another_upstream_at_the_same_index)
{
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 500, 4);
    metric_upstream_add(METRIC_TOKEN_REJECTED, INDEX, 0, 2);
    say(granted(7, HOUR));
    sample();
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 500, 3);
    metric_upstream_add(METRIC_TOKEN_REJECTED, INDEX, 0, 2);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, INDEX, MILLISECOND);
    be("v", INDEX);
    history_use(history, &sources);
    ck_assert_uint_eq(history_upstream_count(history, INDEX), 0);
    ck_assert_uint_eq(history_event_count(history, INDEX), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, INDEX, 500), 0);
    ck_assert_int_eq(history_upstream_since(history, INDEX).ns, now.ns);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 500, 1);
    sample();
    ck_assert_uint_eq(history_count(history), 2);
    ck_assert_uint_eq(history_upstream_count(history, INDEX), 1);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 0)->classes[HISTORY_SERVER_ERROR], 1);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_SERVER_ERROR], 0);
    ck_assert_uint_eq(history_durations_count(&history_upstream_at(history, INDEX, 0)->calls), 0);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 0)->rejected, 0);
    ck_assert_uint_eq(history_event_count(history, INDEX), 0);
}
END_TEST

START_TEST(an_upstream_that_stays_keeps_its_samples)
{
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 200, 4);
    sample();
    sources.upstreams[1] = sources.upstreams[0];
    be("first", INDEX + 1); /* it stands before the other now */
    sources.upstream_count = 2;
    sample();
    ck_assert_uint_eq(history_upstream_count(history, INDEX), 2);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_GOOD], 4);
    ck_assert_uint_eq(history_upstream_count(history, INDEX + 1), 1);
    ck_assert_int_eq(history_upstream_since(history, INDEX).ns, 0);
    ck_assert_int_eq(history_upstream_since(history, INDEX + 1).ns, START.ns + HISTORY_INTERVAL);
}
END_TEST

START_TEST(an_upstream_that_comes_back_begins_anew)
{
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, INDEX, 200, 4);
    sample();
    sources.upstream_count = 0;
    sample();
    ck_assert_uint_eq(history_upstream_count(history, INDEX), 0);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 1)->classes[HISTORY_GOOD], 0);
    sources.upstream_count = 1;
    sample();
    ck_assert_uint_eq(history_upstream_count(history, INDEX), 1);
    ck_assert_uint_eq(history_upstream_at(history, INDEX, 0)->classes[HISTORY_GOOD], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *samples = tcase_create("samples"), *events = tcase_create("events");
    TCase *upstreams = tcase_create("upstreams");

    tcase_add_checked_fixture(samples, setup, teardown);
    tcase_add_test(samples, a_sample_has_what_its_interval_counted);
    tcase_add_loop_test(samples, calls_are_classed_by_status, 0, ARRAY_LEN(classes));
    tcase_add_test(samples, a_sample_has_gauges_queue_and_rejections);
    tcase_add_test(samples, a_sample_has_what_was_refused_and_went_on);
    tcase_add_test(samples, a_sample_has_what_the_cache_did);
    tcase_add_test(samples, two_hours_are_kept);
    tcase_add_test(samples, a_counter_that_seems_to_shrink_counts_nothing);
    tcase_add_test(samples, percentiles);
    tcase_add_test(samples, what_is_longer_than_all_buckets_is_taken_for_the_last_bound);
    suite_add_tcase(suite, samples);
    tcase_add_checked_fixture(events, setup, teardown);
    tcase_add_test(events, a_token_is_noted_once);
    tcase_add_test(events, each_failure_is_noted_once);
    tcase_add_test(events, a_suspect_token_was_rejected);
    tcase_add_test(events, so_was_one_that_was_replaced_for_it);
    tcase_add_test(events, rejections_close_to_each_other_are_one_event);
    tcase_add_test(events, another_rejection_is_another_event);
    tcase_add_test(events, one_that_is_gone_for_a_rejection);
    tcase_add_test(events, a_token_that_is_gone);
    tcase_add_test(events, the_oldest_events_are_forgotten);
    suite_add_tcase(suite, events);
    tcase_add_checked_fixture(upstreams, setup, teardown);
    tcase_add_test(upstreams, another_upstream_at_the_same_index);
    tcase_add_test(upstreams, an_upstream_that_stays_keeps_its_samples);
    tcase_add_test(upstreams, an_upstream_that_comes_back_begins_anew);
    suite_add_tcase(suite, upstreams);
    return run_suite(suite);
}
