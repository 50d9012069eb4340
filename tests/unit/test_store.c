/* storage/store.h. The map's tests run in false time; the recycler's turn a real loop. */
#include "storage/store.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/check.h"
#include "base/metrics.h"
#include "base/text.h"
#include "watch_munmap.h"
#include "suite.h"

#define AT(n) ((struct mono_time){.ns = (n)})

static struct store *store;

static void set_up(void)
{
    store = store_new(100);
}

static void tear_down(void)
{
    store_free(store);
}

static enum err put(const char *key, const char *text, struct mono_time expires)
{
    struct secret *value = secret_new(text, strlen(text));
    enum err err = store_put(store, key, value, expires);

    secret_unref(value);
    return err;
}

/* What is loaded under `key` at `now` is `text`; NULL: nothing. */
static void expect(const char *key, struct mono_time now, const char *text)
{
    struct secret *value = store_load(store, key, now);

    if (text == NULL) {
        ck_assert_ptr_null(value);
    } else {
        ck_assert_ptr_nonnull(value);
        ck_assert_str_eq(secret_text(value), text);
    }
    secret_unref(value);
}

START_TEST(test_permanent)
{
    ck_assert_int_eq(put("key", "value", MONO_NEVER), ERR_OK);
    expect("key", AT(0), "value");
    expect("key", AT(INT64_MAX - 1), "value");
    expect("key", MONO_NEVER, "value");
    expect("other", AT(0), NULL);
    expect("", AT(0), NULL);
    ck_assert_uint_eq(store_recycle(store, MONO_NEVER), 0);
    ck_assert_uint_eq(store_count(store), 1);
}
END_TEST

START_TEST(test_key_is_copied)
{
    char key[] = "key";

    put(key, "value", MONO_NEVER);
    key[0] = 'x';
    expect("key", AT(0), "value");
    expect("xey", AT(0), NULL);
}
END_TEST

START_TEST(test_expired_is_never_loaded)
{
    put("key", "value", AT(HOUR));
    expect("key", AT(0), "value");
    expect("key", AT(HOUR - 1), "value");
    expect("key", AT(HOUR), NULL);
    expect("key", AT(HOUR + 1), NULL);
    /* It is still there: nothing but the expiry keeps it back. */
    ck_assert_uint_eq(store_count(store), 1);
    expect("key", AT(HOUR - 1), "value");
    put("past", "value", AT(-5));
    expect("past", AT(0), NULL);
    expect("past", AT(-6), "value");
}
END_TEST

START_TEST(test_replaced)
{
    put("key", "one", AT(5));
    struct secret *held = store_load(store, "key", AT(0));
    ck_assert_int_eq(put("key", "two", AT(10)), ERR_OK);
    expect("key", AT(7), "two");
    ck_assert_uint_eq(store_count(store), 1);
    put("key", "three", MONO_NEVER);
    expect("key", AT(100), "three");
    /* Who had loaded the old one still has it. */
    ck_assert_str_eq(secret_text(held), "one");
    secret_unref(held);
}
END_TEST

START_TEST(test_delete)
{
    ck_assert_int_eq(store_delete(store, "key"), ERR_NOT_FOUND);
    put("key", "value", MONO_NEVER);
    put("other", "value", MONO_NEVER);
    ck_assert_int_eq(store_delete(store, "key"), ERR_OK);
    ck_assert_int_eq(store_delete(store, "key"), ERR_NOT_FOUND);
    expect("key", AT(0), NULL);
    expect("other", AT(0), "value");
    ck_assert_uint_eq(store_count(store), 1);
}
END_TEST

START_TEST(test_full)
{
    char key[16];

    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "%d", i);
        ck_assert_int_eq(put(key, "value", AT(i < 50 ? 10 : 20)), ERR_OK);
    }
    ck_assert_int_eq(put("more", "value", MONO_NEVER), ERR_FULL);
    ck_assert_uint_eq(store_count(store), 100);
    expect("more", AT(0), NULL);
    /* What is there may still be replaced, and what is gone makes room. */
    ck_assert_int_eq(put("7", "new", MONO_NEVER), ERR_OK);
    expect("7", AT(0), "new");
    ck_assert_uint_eq(store_recycle(store, AT(10)), 49);
    ck_assert_int_eq(put("more", "value", MONO_NEVER), ERR_OK);
    expect("more", AT(0), "value");
}
END_TEST

START_TEST(test_recycle_removes_the_expired_alone)
{
    put("never", "value", MONO_NEVER);
    put("early", "value", AT(10));
    put("same", "value", AT(20));
    put("late", "value", AT(30));
    ck_assert_uint_eq(store_recycle(store, AT(9)), 0);
    ck_assert_uint_eq(store_count(store), 4);
    ck_assert_uint_eq(store_recycle(store, AT(20)), 2);
    ck_assert_uint_eq(store_count(store), 2);
    /* Not only hidden: an earlier time does not bring them back. */
    expect("early", AT(0), NULL);
    expect("same", AT(0), NULL);
    expect("late", AT(20), "value");
    expect("never", AT(20), "value");
    ck_assert_uint_eq(store_recycle(store, AT(20)), 0);
}
END_TEST

/* Puts a value of which the store has the only reference, and watches its memory. */
static void put_watched(const char *key, struct mono_time expires)
{
    struct secret *value = secret_new("topsecret", 9);

    watch_munmap(secret_bytes(value));
    ck_assert_int_eq(store_put(store, key, value, expires), ERR_OK);
    secret_unref(value);
    ck_assert(!atomic_load(&watched_unmapped));
}

static void expect_wiped(void)
{
    ck_assert(atomic_load(&watched_unmapped));
    ck_assert(atomic_load(&watched_wiped));
}

START_TEST(test_values_are_wiped)
{
    put_watched("deleted", MONO_NEVER);
    ck_assert_int_eq(store_delete(store, "deleted"), ERR_OK);
    expect_wiped();
    put_watched("replaced", MONO_NEVER);
    put("replaced", "other", MONO_NEVER);
    expect_wiped();
    put_watched("recycled", AT(5));
    store_recycle(store, AT(5));
    expect_wiped();
    put_watched("held", AT(5));
    struct secret *held = store_load(store, "held", AT(0));
    store_recycle(store, AT(5));
    ck_assert(!atomic_load(&watched_unmapped));
    secret_unref(held);
    expect_wiped();
    put_watched("left", MONO_NEVER);
    store_free(store);
    expect_wiped();
    store = store_new(1);
}
END_TEST

/*
 * Many threads at once. A value is "KEY EXPIRY", so whoever loads one can tell that it is the right
 * one and has not expired.
 */
#define THREADS 4
#define ROUNDS 4000
#define KEYS 8

static atomic_int wrong;

static void put_random(const char *key, unsigned *seed, int64_t now)
{
    char text[32];
    int64_t expires = now + rand_r(seed) % 20 - 5;

    snprintf(text, sizeof(text), "%s %lld", key, (long long)expires);
    struct secret *value = secret_new(text, strlen(text));
    if (store_put(store, key, value, AT(expires)) == ERR_FULL)
        atomic_fetch_add(&wrong, 1);
    secret_unref(value);
}

static void load_and_check(const char *key, int64_t now)
{
    struct secret *value = store_load(store, key, AT(now));
    size_t len = strlen(key);

    if (value == NULL)
        return;
    const char *text = secret_text(value);
    if (strncmp(text, key, len) != 0 || text[len] != ' ' || strtoll(text + len, NULL, 10) <= now)
        atomic_fetch_add(&wrong, 1);
    secret_unref(value);
}

static void *hammer(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int64_t now = 100; now < 100 + ROUNDS; now++) {
        char key[8];

        snprintf(key, sizeof(key), "k%d", rand_r(&seed) % KEYS);
        switch (rand_r(&seed) % 8) {
        case 0:
            ERR_IGNORED(store_delete(store, key)); /* there may be none */
            break;
        case 1:
            store_recycle(store, AT(now));
            break;
        case 2:
        case 3:
        case 4:
            put_random(key, &seed, now);
            break;
        default:
            load_and_check(key, now);
        }
        if (store_count(store) > KEYS)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

START_TEST(test_many_threads)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    store_recycle(store, AT(1000000));
    ck_assert_uint_eq(store_count(store), 0);
}
END_TEST

/* The recycler */

static uv_loop_t uv;
static uv_prepare_t watcher;

static void stop_when_one_is_left(uv_prepare_t *prepare)
{
    if (store_count(store) == 1)
        uv_stop(prepare->loop);
}

static void run_until_one_is_left(void)
{
    uv_prepare_start(&watcher, stop_when_one_is_left);
    uv_run(&uv, UV_RUN_DEFAULT);
    uv_prepare_stop(&watcher);
}

START_TEST(test_recycler)
{
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    uv_prepare_init(&uv, &watcher);
    put("never", "value", MONO_NEVER);
    put("past", "value", mono_now());
    put("soon", "value", mono_add(mono_now(), 5 * MILLISECOND));
    store_recycler_start(store, &uv, HOUR);
    store_recycler_start(store, &uv, 1); /* now every millisecond, the shortest there is */
    run_until_one_is_left();
    expect("never", mono_now(), "value");
    ck_assert_int_eq(metric_sum(METRIC_STORE_RECYCLED, 0), 2);

    /* It goes on. */
    put("past", "value", mono_now());
    run_until_one_is_left();
    ck_assert_int_eq(metric_sum(METRIC_STORE_RECYCLED, 0), 3);
    store_recycler_stop(store);
    uv_close((uv_handle_t *)&watcher, NULL);
    uv_run(&uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
}
END_TEST

static void close_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(test_recycler_ends_when_told)
{
    uv_timer_t timer;

    ck_assert_int_eq(uv_loop_init(&uv), 0);
    store_recycler_stop(store); /* not started: nothing happens */
    store_recycler_start(store, &uv, MILLISECOND);
    put("past", "value", AT(1));
    uv_timer_init(&uv, &timer);
    uv_timer_start(&timer, close_timer, 20, 0);
    store_recycler_stop(store);
    store_recycler_stop(store);
    uv_run(&uv, UV_RUN_DEFAULT); /* ends, so the handle is closed; many intervals later */
    ck_assert_uint_eq(store_count(store), 1);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
}
END_TEST

/* The store may go before the loop has let go of the timer. */
START_TEST(test_store_may_be_freed_once_stopped)
{
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    store_recycler_start(store, &uv, MILLISECOND);
    store_recycler_stop(store);
    store_free(store);
    uv_run(&uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
    store = store_new(1);
}
END_TEST

START_TEST(test_freeing_while_recycled_is_a_bug)
{
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    store_recycler_start(store, &uv, MILLISECOND);
    store_free(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_permanent);
    tcase_add_test(tcase, test_key_is_copied);
    tcase_add_test(tcase, test_expired_is_never_loaded);
    tcase_add_test(tcase, test_replaced);
    tcase_add_test(tcase, test_delete);
    tcase_add_test(tcase, test_full);
    tcase_add_test(tcase, test_recycle_removes_the_expired_alone);
    tcase_add_test(tcase, test_values_are_wiped);
    tcase_add_test(tcase, test_many_threads);
    tcase_add_test(tcase, test_recycler);
    tcase_add_test(tcase, test_recycler_ends_when_told);
    tcase_add_test(tcase, test_store_may_be_freed_once_stopped);
    tcase_add_test_raise_signal(tcase, test_freeing_while_recycled_is_a_bug, SIGABRT);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
