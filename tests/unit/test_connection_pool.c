/*
 * The connection pool in false time. The connections are this file's: it has all functions of
 * upstream/connection.h that the pool calls, so nothing here touches a socket, and an hour passes
 * at once.
 */
#include "upstream/connection_pool.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/metrics.h"
#include "suite.h"

#define MAX_AGE (10 * MINUTE)
#define POOL_MAX 3

struct connection {
    struct connection_user *user;
    struct mono_time opened;
    enum connection_io probe; /* what the next read meets */
    unsigned probes;          /* reads so far */
    bool closed;
};

static const struct mono_time start = {.ns = 1000 * SECOND};
static struct loop *loop;
static struct connection_pool *pool;
static struct connection_user user; /* of all connections in use */
static struct connection connections[8];
static size_t opened_count;

/* ---- the connections ---- */

struct connection *connection_open(const struct connection_shared *shared,
                                   struct connection_user *opener)
{
    struct connection *connection = &connections[opened_count++];

    ck_assert_uint_le(opened_count, ARRAY_LEN(connections));
    ck_assert_ptr_eq(shared->loop, loop);
    *connection = (struct connection){.user = opener, .opened = start, .probe = CONNECTION_AGAIN};
    return connection;
}

void connection_close(struct connection *connection)
{
    ck_assert(!connection->closed);
    connection->closed = true;
}

void connection_end_resolving(const struct connection_shared *shared)
{
    ck_assert_ptr_eq(shared->loop, loop);
}

void connection_give(struct connection *connection, struct connection_user *to)
{
    ck_assert(!connection->closed);
    connection->user = to;
}

struct mono_time connection_opened(const struct connection *connection)
{
    return connection->opened;
}

enum connection_io connection_recv(struct connection *connection, char *out, size_t size,
                                   size_t *got, bool *more)
{
    ck_assert(!connection->closed);
    connection->probes++;
    *more = false;
    *got = 0;
    if (connection->probe == CONNECTION_DONE) {
        ck_assert_uint_ge(size, 1);
        *out = 'x';
        *got = 1;
    }
    return connection->probe;
}

/* ---- the tests' means ---- */

static void setup(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    const struct connection_pool_settings settings = {.connections.loop = loop,
                                                      .doubt = doubt_shared(0),
                                                      .max = POOL_MAX,
                                                      .max_age = MAX_AGE,
                                                      .counted = true};

    pool = connection_pool_new(&settings);
    opened_count = 0;
}

static void teardown(void)
{
    connection_pool_free(pool);
    loop_drain(loop);
    loop_free(loop);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 0);
}

static struct mono_time at(int64_t after)
{
    return mono_add(start, after);
}

/* Opened at the start, and idle since `after`. */
static struct connection *idle_since(int64_t after)
{
    struct connection *connection = connection_pool_open(pool, &user);

    connection_pool_give(pool, connection, at(after));
    return connection;
}

static struct connection *take(int64_t after)
{
    struct mono_time since;

    return connection_pool_take(pool, &user, at(after), &since);
}

static void ck_counts(int active, int idle)
{
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), active);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), idle);
}

/* ---- limits ---- */

START_TEST(test_idle_limit_on_use)
{
    struct connection *connection = idle_since(0);

    ck_assert_ptr_eq(take(MINUTE - 1), connection);
    connection_pool_give(pool, connection, at(MINUTE - 1));
    ck_assert_ptr_eq(take(2 * MINUTE - 2), connection);
    connection_pool_give(pool, connection, at(2 * MINUTE - 2));
    ck_assert_ptr_null(take(3 * MINUTE - 2));
    ck_assert(connection->closed);
    ck_counts(0, 0);
}
END_TEST

START_TEST(test_idle_limit_without_use)
{
    struct connection *older = idle_since(0);
    struct connection *in_use = connection_pool_open(pool, &user);
    struct connection *younger = idle_since(1);

    connection_pool_sweep(pool, at(MINUTE - 1));
    ck_assert(!older->closed && !younger->closed);
    ck_counts(1, 2);
    connection_pool_sweep(pool, at(MINUTE));
    ck_assert(older->closed && !younger->closed);
    ck_counts(1, 1);
    connection_pool_sweep(pool, at(MINUTE + 1));
    ck_assert(younger->closed && !in_use->closed);
    ck_counts(1, 0);
    connection_pool_drop(pool, in_use);
}
END_TEST

START_TEST(test_age_limit_on_use)
{
    struct connection *connection = idle_since(MAX_AGE - 2);

    ck_assert_ptr_eq(take(MAX_AGE - 1), connection);
    connection_pool_give(pool, connection, at(MAX_AGE - 1));
    ck_assert_ptr_null(take(MAX_AGE));
    ck_assert(connection->closed);
}
END_TEST

START_TEST(test_age_limit_without_use)
{
    struct connection *connection = idle_since(MAX_AGE - 2);

    connection_pool_sweep(pool, at(MAX_AGE - 1));
    ck_assert(!connection->closed);
    connection_pool_sweep(pool, at(MAX_AGE));
    ck_assert(connection->closed);
}
END_TEST

/* The pool looks by itself, at the time that it is. */
START_TEST(test_sweeps_by_itself)
{
    struct connection *connection = connection_pool_open(pool, &user);

    connection->opened = mono_now();
    connection_pool_give(pool, connection, (struct mono_time){.ns = mono_now().ns - MINUTE});
    while (!connection->closed)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
}
END_TEST

START_TEST(test_oldest_idle_makes_room)
{
    struct connection *oldest = idle_since(0);
    struct connection *newest = idle_since(1);
    struct connection *third = connection_pool_open(pool, &user);

    ck_assert(!oldest->closed);
    struct connection *fourth = connection_pool_open(pool, &user);
    ck_assert(oldest->closed && !newest->closed);
    ck_counts(2, 1);
    connection_pool_drop(pool, third);
    connection_pool_drop(pool, fourth);
}
END_TEST

START_TEST(test_last_used_is_taken_first)
{
    struct connection *first = idle_since(0);
    struct connection *second = idle_since(1);

    ck_assert_ptr_eq(take(2), second);
    ck_assert_ptr_eq(take(2), first);
    ck_assert_ptr_null(take(2));
    ck_assert_ptr_eq(first->user, &user);
    connection_pool_drop(pool, first);
    connection_pool_drop(pool, second);
}
END_TEST

/* ---- the probe ---- */

START_TEST(test_fresh_connection_is_not_probed)
{
    struct connection *connection = idle_since(0);

    ck_assert_ptr_eq(take(SECOND - 1), connection);
    ck_assert_uint_eq(connection->probes, 0);
    connection_pool_drop(pool, connection);
}
END_TEST

START_TEST(test_stale_connection_is_probed)
{
    struct connection *connection = idle_since(0);

    ck_assert_ptr_eq(take(SECOND), connection);
    ck_assert_uint_eq(connection->probes, 1);
    ck_assert_ptr_eq(connection->user, &user);
    connection_pool_drop(pool, connection);
}
END_TEST

static const enum connection_io spoiled[] = {CONNECTION_END, CONNECTION_BROKEN, CONNECTION_DONE};

/* Closed by the server, broken, or with bytes that would be taken for the next response. */
START_TEST(test_spoiled_connection_is_not_used)
{
    struct connection *good = idle_since(0);
    struct connection *bad = idle_since(1);

    bad->probe = spoiled[_i];
    ck_assert_ptr_eq(take(SECOND + 1), good);
    ck_assert(bad->closed);
    ck_counts(1, 0);
    connection_pool_drop(pool, good);
}
END_TEST

/* What the loop reports about an idle connection is its end, unless TLS alone had something. */
START_TEST(test_event_on_idle_connection)
{
    struct connection *connection = idle_since(0);

    connection->user->ready(connection->user);
    ck_assert(!connection->closed);
    connection->probe = spoiled[_i];
    connection->user->ready(connection->user);
    ck_assert(connection->closed);
    ck_counts(0, 0);
}
END_TEST

/* ---- mute connections ---- */

START_TEST(test_those_of_the_age_of_a_mute_one)
{
    struct connection *older = idle_since(0);
    struct connection *mute = idle_since(1);
    ck_assert_ptr_eq(take(2), mute);
    struct connection *heard = idle_since(3); /* after the mute one was taken */

    connection_pool_drop(pool, mute);
    connection_pool_doubt(pool, at(2), at(4));
    ck_assert(older->closed && !heard->closed);
    ck_counts(0, 1);
    ck_assert_ptr_eq(take(5), heard);
    connection_pool_give(pool, heard, at(6));
    ck_assert_ptr_eq(take(7), heard);
    connection_pool_drop(pool, heard);
}
END_TEST

/* Another worker's pool met it. */
START_TEST(test_mute_one_elsewhere)
{
    struct connection *older = idle_since(0);
    struct connection *same = idle_since(2);

    doubt_connections(doubt_shared(0), at(2));
    doubt_connections(doubt_shared(0), at(1)); /* it does not go back */
    ck_assert_ptr_eq(take(3), same);
    ck_assert_ptr_null(take(3));
    ck_assert(older->closed && !same->closed);
    connection_pool_drop(pool, same);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connection_pool");
    TCase *tcase = tcase_create("pool");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_idle_limit_on_use);
    tcase_add_test(tcase, test_idle_limit_without_use);
    tcase_add_test(tcase, test_age_limit_on_use);
    tcase_add_test(tcase, test_age_limit_without_use);
    tcase_add_test(tcase, test_sweeps_by_itself);
    tcase_add_test(tcase, test_oldest_idle_makes_room);
    tcase_add_test(tcase, test_last_used_is_taken_first);
    tcase_add_test(tcase, test_fresh_connection_is_not_probed);
    tcase_add_test(tcase, test_stale_connection_is_probed);
    tcase_add_loop_test(tcase, test_spoiled_connection_is_not_used, 0, ARRAY_LEN(spoiled));
    tcase_add_loop_test(tcase, test_event_on_idle_connection, 0, ARRAY_LEN(spoiled));
    tcase_add_test(tcase, test_those_of_the_age_of_a_mute_one);
    tcase_add_test(tcase, test_mute_one_elsewhere);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
