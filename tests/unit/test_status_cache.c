/* The cache on the status page, in its JSON and among what is wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "front/conditions.h"
#include "front/status_json.h"
#include "front/status_page.h"
#include "overview_fixture.h"
#include "suite.h"

static struct overview *overview;
static struct buf page;

/* Two hours of 60 lookups in each sample, and a cache that has been there all the time. */
static void setup(void)
{
    buf_init(&page, STATUS_PAGE_MAX);
    overview = overview_make(1, 3 * HOUR);
    fixture_samples(overview, HISTORY_SPAN, 0);
    overview->upstreams[0].token.ready = true;
    overview->cache =
        (struct overview_cache){.on = true,
                                .honour = true,
                                .totals = {.items = 12345, .bytes = 5 << 20, .max_size = 64 << 20}};
}

static void teardown(void)
{
    overview_unmake(overview);
    buf_fini(&page);
}

static struct history_sample *sample_at(size_t age)
{
    return &fixture_history(overview)->samples[HISTORY_SAMPLES - 1 - age];
}

static struct history_cache *cache_at(size_t age)
{
    return &sample_at(age)->cache;
}

static const char *draw(void)
{
    buf_reset(&page);
    status_page_write(overview, &page);
    ck_assert_int_eq(page.err, ERR_OK);
    ck_assert_ptr_null(strstr(buf_text(&page), "nan"));
    return buf_text(&page);
}

static void shows(const char *text)
{
    ck_assert_msg(strstr(draw(), text) != NULL, "no %s", text);
}

static void lacks(const char *text)
{
    ck_assert_msg(strstr(draw(), text) == NULL, "%s", text);
}

/* 6 samples are the last minute: 40 of 60 lookups in each needed no call, and none before. */
static void fill(void)
{
    for (size_t age = 0; age < 6; age++) {
        cache_at(age)->results[CACHE_HIT] = 30;
        cache_at(age)->results[CACHE_STALE] = 6;
        cache_at(age)->results[CACHE_JOINED] = 4;
        cache_at(age)->results[CACHE_MISS] = 15;
        cache_at(age)->results[CACHE_REVALIDATED] = 3;
        cache_at(age)->results[CACHE_BYPASS] = 2;
        cache_at(age)->stale_if_error = 1;
    }
    cache_at(0)->evictions = 1234;
    cache_at(719)->results[CACHE_MISS] = 440;
}

START_TEST(test_section)
{
    fill();
    shows("<section id=\"cache\" aria-labelledby=\"h-cache\"><h2 id=\"h-cache\">Cache");
    shows("<dd id=\"cache-share\">67 % <small>in two hours 30 %</small></dd>");
    shows("<dd id=\"cache-joined\">24</dd>");
    shows("<dd id=\"cache-stale\">36 <small>6 because the lookup failed</small></dd>");
    shows("<dd id=\"cache-items\">12,345</dd>");
    shows("<dd id=\"cache-memory\">5 MiB <small>of 64 MiB</small></dd>");
    shows("<dd id=\"cache-evictions\">1,234</dd>");
    shows("<figure class=\"plot\" id=\"plot-cache\"><figcaption><b>Answered without a call</b> "
          "<span class=\"info\">last 40 s: 67 %</span>");
    shows("role=\"img\" aria-label=\"Answered without a call, the last 120 minutes\" "
          "data-unit=\"share\"");
}
END_TEST

/* Of a share that changes with each sample. */
START_TEST(test_size)
{
    for (size_t age = 0; age < HISTORY_SAMPLES; age++) {
        cache_at(age)->results[CACHE_HIT] = (uint32_t)(age * 7919 % 97);
        cache_at(age)->results[CACHE_MISS] = (uint32_t)(age * 31 % 97);
    }
    draw();
    const size_t with = page.len;
    overview->cache.on = false;
    draw();
    ck_assert_uint_lt(with - page.len, 4000);
}
END_TEST

START_TEST(test_nothing_looked_up)
{
    shows("<dd id=\"cache-share\"><small>no lookups</small></dd>");
    shows("<dd id=\"cache-stale\">0</dd>");
    shows("<b>Answered without a call</b> <span class=\"info\">none yet</span>");
}
END_TEST

/* What was counted before a reload took the cache away is not shown. */
START_TEST(test_no_cache)
{
    fill();
    overview->cache = (struct overview_cache){.on = false};
    lacks("id=\"cache");
    lacks("plot-cache");
    json_t *status = status_json(overview);
    ck_assert_ptr_null(json_object_get(status, "cache"));
    ck_assert_ptr_null(
        json_object_get(json_object_get(status, "samples"), "cache_lookups_per_second"));
    json_decref(status);
}
END_TEST

static void ck_number(const json_t *object, const char *name, double want)
{
    const json_t *value = json_object_get(object, name);

    ck_assert_msg(value != NULL, "no %s", name);
    ck_assert_double_eq_tol(json_number_value(value), want, 1e-9);
}

START_TEST(test_json)
{
    fill();
    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        overview->cache.results[i] = 100 + (int64_t)i;
    overview->cache.evictions = 99;
    overview->cache.gave_stale = 7;
    json_t *status = status_json(overview);
    json_t *cache = json_object_get(status, "cache");
    ck_number(cache, "items", 12345);
    ck_number(cache, "bytes", 5 << 20);
    ck_number(cache, "max_bytes", 64 << 20);
    ck_number(cache, "evictions", 99);
    ck_number(cache, "stale_if_error", 7);
    json_t *results = json_object_get(cache, "results");
    ck_number(results, "hit", 100);
    ck_number(results, "miss", 101);
    ck_number(results, "stale", 102);
    ck_number(results, "revalidated", 103);
    ck_number(results, "bypass", 104);
    ck_number(results, "joined", 105);
    json_t *ratio = json_object_get(cache, "without_call_ratio");
    ck_number(ratio, "last_minute", 2.0 / 3);
    ck_number(ratio, "last_5_minutes", 2.0 / 3);
    ck_number(ratio, "last_2_hours", 0.3);
    json_t *samples = json_object_get(status, "samples");
    json_t *all = json_object_get(samples, "cache_lookups_per_second");
    json_t *without = json_object_get(samples, "cache_without_call_per_second");
    ck_assert_uint_eq(json_array_size(all), HISTORY_SAMPLES);
    ck_assert_double_eq_tol(json_number_value(json_array_get(all, 719)), 6, 1e-9);
    ck_assert_double_eq_tol(json_number_value(json_array_get(without, 719)), 4, 1e-9);
    ck_assert_double_eq_tol(json_number_value(json_array_get(all, 0)), 44, 1e-9);
    ck_assert_double_eq_tol(json_number_value(json_array_get(without, 0)), 0, 1e-9);
    json_decref(status);
}
END_TEST

START_TEST(test_json_of_nothing)
{
    json_t *status = status_json(overview);
    json_t *ratio = json_object_get(json_object_get(status, "cache"), "without_call_ratio");

    ck_assert_uint_eq(json_object_size(ratio), 3);
    ck_assert(json_is_null(json_object_get(ratio, "last_minute")));
    ck_assert(json_is_null(json_object_get(ratio, "last_2_hours")));
    json_decref(status);
}
END_TEST

/* ---- what is wrong ---- */

static const struct condition *find(const char *what)
{
    conditions_fill(overview);
    for (size_t i = 0; i < overview->condition_count; i++)
        if (strcmp(overview->conditions[i].what, what) == 0)
            return &overview->conditions[i];
    return NULL;
}

static const struct condition *keeps_nothing(void)
{
    return find("The cache keeps no answer");
}

static const struct condition *gives_stale(void)
{
    return find("Lookups that fail are answered with stale answers");
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in \"%s\"", part, text);
}

/* For five minutes and a sample each lookup has been a miss, and got an address. */
static void keep_nothing(void)
{
    overview->cache.totals.items = 0;
    for (size_t age = 0; age < 31; age++) {
        cache_at(age)->results[CACHE_MISS] = 1;
        sample_at(age)->codes[ENDED_OK] = 1;
    }
}

START_TEST(test_keeps_nothing)
{
    keep_nothing();
    const struct condition *found = keeps_nothing();
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->level, CONDITION_NOTE);
    ck_assert_int_eq(found->since.ns, FIXTURE_NOW - 3 * SECOND - 31 * HISTORY_INTERVAL);
    ck_assert_str_eq(found->why, "the upstream gave 31 answers since then, and none was kept");
    has(found->action, "as = service allows private too");
    overview->cache.per_user = true; /* then it may not be set */
    has(keeps_nothing()->action, "a shared cache needs public");
    ck_assert_ptr_null(strstr(keeps_nothing()->action, "as = service"));
    overview->cache.as_service = true;
    has(keeps_nothing()->action, "it says no-store, or gives neither");
    overview->cache.ttl = HOUR;
    has(keeps_nothing()->action, "With honour = off neither is");
    overview->cache.honour = false;
    has(keeps_nothing()->action, "raise that");
}
END_TEST

/* Each of these is a reason to say nothing. */
static void it_keeps_some(void)
{
    overview->cache.totals.items = 1;
}
static void it_kept_some(void)
{
    cache_at(3)->items = 1;
}
static void some_were_found(void)
{
    cache_at(12)->results[CACHE_HIT] = 1;
}
static void they_are_few(void)
{
    for (size_t age = 0; age < 31; age += 2)
        cache_at(age)->results[CACHE_MISS] = 0;
}
static void they_got_no_address(void)
{
    for (size_t age = 0; age < 31; age++)
        sample_at(age)->codes[ENDED_OK] = 0;
}
static void others_got_the_addresses(void)
{
    for (size_t age = 0; age < 31; age++)
        cache_at(age)->results[CACHE_BYPASS] = 1;
}
static void it_began_lately(void)
{
    for (size_t age = 0; age < 31; age++)
        cache_at(age)->results[CACHE_MISS] = sample_at(age)->codes[ENDED_OK] = age < 2 ? 500 : 0;
}
static void it_is_long_ago(void)
{
    for (size_t age = 0; age < 31; age++) {
        cache_at(age + 60)->results[CACHE_MISS] = cache_at(age)->results[CACHE_MISS];
        sample_at(age + 60)->codes[ENDED_OK] = 1;
        cache_at(age)->results[CACHE_MISS] = 0;
    }
}
static void it_was_another_configuration(void)
{
    overview->reload.at.ns = overview->wall.ns - 4 * MINUTE;
}
static void there_is_no_cache(void)
{
    overview->cache.on = false;
}

static void (*const excuses[])(void) = {
    it_keeps_some,
    it_kept_some,
    some_were_found,
    they_are_few,
    it_began_lately,
    they_got_no_address,
    it_is_long_ago,
    there_is_no_cache,
    others_got_the_addresses,
    it_was_another_configuration,
};

START_TEST(test_keeps_some)
{
    keep_nothing();
    ck_assert_ptr_nonnull(keeps_nothing());
    excuses[_i]();
    ck_assert_ptr_null(keeps_nothing());
}
END_TEST

START_TEST(test_gives_stale)
{
    overview->cache.stale_if_error = HOUR;
    ck_assert_ptr_null(gives_stale());
    for (size_t age = 0; age < 9; age++)
        cache_at(age)->results[CACHE_STALE] = 100;
    ck_assert_ptr_null(gives_stale()); /* by stale_while_revalidate */
    for (size_t age = 2; age < 9; age++)
        cache_at(age)->stale_if_error = 3;
    const struct condition *found = gives_stale();
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->level, CONDITION_WARNING);
    ck_assert_ptr_null(found->upstream);
    ck_assert_int_eq(found->since.ns, FIXTURE_NOW - 3 * SECOND - 9 * HISTORY_INTERVAL);
    ck_assert_str_eq(found->why, "12 in the last minute; an answer is given for 1h past its "
                                 "lifetime at the most ([cache] stale_if_error)");
    overview->cache.stale_if_error = 0; /* since a reload */
    ck_assert_ptr_null(gives_stale());
    overview->cache.stale_if_error = HOUR;
    for (size_t age = 0; age < 6; age++)
        cache_at(age)->stale_if_error = 0;
    ck_assert_ptr_null(gives_stale()); /* no longer */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status_cache");
    TCase *all = tcase_create("status_cache");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, test_section);
    tcase_add_test(all, test_size);
    tcase_add_test(all, test_nothing_looked_up);
    tcase_add_test(all, test_no_cache);
    tcase_add_test(all, test_json);
    tcase_add_test(all, test_json_of_nothing);
    tcase_add_test(all, test_keeps_nothing);
    tcase_add_loop_test(all, test_keeps_some, 0, ARRAY_LEN(excuses));
    tcase_add_test(all, test_gives_stale);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
