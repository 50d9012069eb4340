/* What the cache did, in a word and in a Cache-Status (RFC 9211). */
#include "cache/outcome.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "suite.h"

static const struct {
    struct cache_outcome outcome;
    const char *status;
} cases[] = {
    {{.result = CACHE_HIT, .has_answer = true, .fresh_for = 3541 * SECOND},
     "postcoded; hit; ttl=3541"},
    {{.result = CACHE_HIT, .has_answer = true, .fresh_for = 3542 * SECOND - 1},
     "postcoded; hit; ttl=3542"},
    {{.result = CACHE_HIT, .has_answer = true}, "postcoded; hit; ttl=0"},
    {{.result = CACHE_HIT, .has_answer = true, .fresh_for = 1}, "postcoded; hit; ttl=1"},

    /* Stale: a hit where the upstream was not asked. */
    {{.result = CACHE_STALE, .has_answer = true, .fresh_for = -12 * SECOND},
     "postcoded; hit; ttl=-12"},
    {{.result = CACHE_STALE, .has_answer = true, .fresh_for = -11 * SECOND - 1},
     "postcoded; hit; ttl=-12"},
    {{.result = CACHE_STALE, .has_answer = true, .fresh_for = -1}, "postcoded; hit; ttl=-1"},
    {{.result = CACHE_STALE, .was_stale = true, .has_answer = true, .fresh_for = -12 * SECOND},
     "postcoded; fwd=stale; ttl=-12"},
    {{.result = CACHE_STALE,
      .was_stale = true,
      .has_answer = true,
      .status = 503,
      .fresh_for = -12 * SECOND},
     "postcoded; fwd=stale; fwd-status=503; ttl=-12"},

    {{.result = CACHE_MISS,
      .stored = true,
      .has_answer = true,
      .status = 200,
      .fresh_for = 86400 * SECOND},
     "postcoded; fwd=uri-miss; fwd-status=200; stored; ttl=86400"},
    {{.result = CACHE_MISS, .status = 200}, "postcoded; fwd=uri-miss; fwd-status=200"},
    {{.result = CACHE_MISS}, "postcoded; fwd=uri-miss"},
    {{.result = CACHE_MISS, .was_stale = true, .status = 200, .stored = true},
     "postcoded; fwd=stale; fwd-status=200; stored"},
    {{.result = CACHE_REVALIDATED,
      .was_stale = true,
      .stored = true,
      .has_answer = true,
      .status = 304,
      .fresh_for = 60 * SECOND},
     "postcoded; fwd=stale; fwd-status=304; stored; ttl=60"},
    {{.result = CACHE_REVALIDATED, .status = 304}, "postcoded; fwd=stale; fwd-status=304"},
    {{.result = CACHE_JOINED, .status = 200, .flight = "guid"},
     "postcoded; fwd=uri-miss; fwd-status=200; collapsed"},
    {{.result = CACHE_JOINED,
      .was_stale = true,
      .stored = true,
      .has_answer = true,
      .status = 304,
      .fresh_for = 5 * SECOND,
      .flight = "guid"},
     "postcoded; fwd=stale; fwd-status=304; collapsed; stored; ttl=5"},
    {{.result = CACHE_BYPASS}, "postcoded; fwd=bypass"},
    {{.result = CACHE_BYPASS, .status = 404}, "postcoded; fwd=bypass; fwd-status=404"},
};

START_TEST(statuses)
{
    char text[CACHE_STATUS_TEXT];

    memset(text, 'x', sizeof(text));
    cache_status_write(&cases[_i].outcome, text);
    ck_assert_str_eq(text, cases[_i].status);
}
END_TEST

/* Nothing is longer than there is room for. */
START_TEST(longest)
{
    char text[CACHE_STATUS_TEXT];

    for (int result = 0; result < CACHE_RESULT_COUNT; result++) {
        for (int ending = 0; ending < 2; ending++) {
            const struct cache_outcome outcome = {.result = (enum cache_result)result,
                                                  .was_stale = ending == 0,
                                                  .stored = true,
                                                  .has_answer = true,
                                                  .status = 599,
                                                  .fresh_for = ending == 0 ? INT64_MIN : INT64_MAX};
            memset(text, 'x', sizeof(text));
            cache_status_write(&outcome, text);
            ck_assert_ptr_nonnull(memchr(text, '\0', sizeof(text)));
            ck_assert_ptr_nonnull(strstr(text, ending == 0 ? "ttl=-9223372037" : "ttl=9223372037"));
        }
    }
}
END_TEST

START_TEST(words)
{
    static const char *const wanted[] = {"hit", "miss", "stale", "revalidated", "bypass", "joined"};

    ck_assert_uint_eq(ARRAY_LEN(wanted), CACHE_RESULT_COUNT);
    ck_assert_uint_eq(METRIC_CACHE_CELLS, CACHE_RESULT_COUNT);
    for (int i = 0; i < CACHE_RESULT_COUNT; i++)
        ck_assert_str_eq(cache_result_word((enum cache_result)i), wanted[i]);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cache_outcome");
    TCase *tc = tcase_create("cache_outcome");

    tcase_add_loop_test(tc, statuses, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tc, longest);
    tcase_add_test(tc, words);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
