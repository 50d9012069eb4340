/* The token: its dates, its text, its comparison, its successes. */
#include "token/token.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/secret.h"
#include "suite.h"

static const struct token_grant grant = {
    .type = "Bearer", .value = "abc.def", .lifetime = 100 * SECOND};
static const struct mono_time start = {.ns = 1000 * SECOND};
static const struct token_renewal early = {.early = 5 * MINUTE}, no_early = {.early = 0};

static const struct {
    int64_t lifetime, configured;
    uint32_t jitter;
    int64_t refresh_window, unusable;
    bool shrunk;
} margins[] = {
    {3600 * SECOND, 300 * SECOND, 0, 300 * SECOND, 10 * SECOND, false},
    {3600 * SECOND, 300 * SECOND, UINT32_MAX, 270 * SECOND, 10 * SECOND, false},
    {1500 * SECOND, 300 * SECOND, 0, 300 * SECOND, 10 * SECOND, false},
    {1499 * SECOND, 300 * SECOND, 0, 299800 * MILLISECOND, 10 * SECOND, true},
    {299 * SECOND, 300 * SECOND, 0, 59800 * MILLISECOND, 10 * SECOND, true},
    {200 * SECOND, 300 * SECOND, 0, 40 * SECOND, 10 * SECOND, true},
    {199 * SECOND, 300 * SECOND, 0, 39800 * MILLISECOND, 9950 * MILLISECOND, true},
    {60 * SECOND, 300 * SECOND, 0, 12 * SECOND, 3 * SECOND, true},
    {60 * SECOND, 300 * SECOND, UINT32_MAX, 10800 * MILLISECOND, 3 * SECOND, true},
    {60 * SECOND, 12 * SECOND, 0, 12 * SECOND, 3 * SECOND, false},
    {1 * SECOND, 300 * SECOND, 0, 200 * MILLISECOND, 50 * MILLISECOND, true},
    {3600 * SECOND, 0, UINT32_MAX, 0, 10 * SECOND, false},
    {TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MAX, 0, TOKEN_LIFETIME_MAX / 5, 10 * SECOND, true},
    {1, 300 * SECOND, UINT32_MAX, 0, 0, true},
};

START_TEST(margins_by_table)
{
    const struct token_renewal renewal = {.early = margins[_i].configured};
    struct token_margins got = token_margins(margins[_i].lifetime, &renewal, margins[_i].jitter);

    ck_assert_int_eq(got.refresh_window, margins[_i].refresh_window);
    ck_assert_int_eq(got.unusable, margins[_i].unusable);
    ck_assert_int_eq(got.shrunk, margins[_i].shrunk);
}
END_TEST

static const struct {
    int64_t lifetime, percent;
    uint32_t jitter;
    int64_t refresh_window, unusable;
} fleet_margins[] = {
    {3600 * SECOND, 50, 0, 1800 * SECOND, 10 * SECOND},
    {3600 * SECOND, 50, UINT32_MAX, 1620 * SECOND, 10 * SECOND},
    {3600 * SECOND, 80, 0, 720 * SECOND, 10 * SECOND},
    {60 * SECOND, 95, 0, 3 * SECOND, 3 * SECOND},
    {60 * SECOND, 95, UINT32_MAX, 3 * SECOND, 3 * SECOND},
    {TOKEN_LIFETIME_MAX, 10, 0, TOKEN_LIFETIME_MAX / 10 * 9, 10 * SECOND},
    {1, 10, UINT32_MAX, 0, 0},
};

/* Whatever early expiry is configured. */
START_TEST(margins_of_a_fleet)
{
    for (int64_t configured = 0; configured <= 24 * HOUR; configured += 6 * HOUR) {
        const struct token_renewal renewal = {.early = configured,
                                              .percent = fleet_margins[_i].percent};
        const struct token_margins got =
            token_margins(fleet_margins[_i].lifetime, &renewal, fleet_margins[_i].jitter);

        ck_assert_int_eq(got.refresh_window, fleet_margins[_i].refresh_window);
        ck_assert_int_eq(got.unusable, fleet_margins[_i].unusable);
        ck_assert(!got.shrunk);
    }
}
END_TEST

START_TEST(jitter_takes_up_to_a_tenth)
{
    int64_t before = INT64_MAX;

    for (uint64_t jitter = 0; jitter <= UINT32_MAX; jitter += UINT32_MAX / 255) {
        int64_t window = token_margins(3600 * SECOND, &early, (uint32_t)jitter).refresh_window;
        ck_assert_int_le(window, 300 * SECOND);
        ck_assert_int_ge(window, 270 * SECOND);
        ck_assert_int_lt(window, before);
        before = window;
    }
    ck_assert_int_eq(
        token_margins(3600 * SECOND, &early, UINT32_MAX / 2 + 1).refresh_window / SECOND, 284);
}
END_TEST

START_TEST(dates_count_from_the_request)
{
    struct token *token = token_new(&grant, start, &early, 0, 7, 1);

    ck_assert_int_eq(token_requested(token).ns, start.ns);
    ck_assert_int_eq(token_lifetime(token), 100 * SECOND);
    ck_assert_int_eq(token_expires_at(token).ns, 1100 * SECOND);
    ck_assert_int_eq(token_renew_at(token).ns, 1080 * SECOND);
    ck_assert_int_eq(token_unusable_at(token).ns, 1095 * SECOND);
    ck_assert_uint_eq(token_generation(token), 7);
    ck_assert_str_eq(token_authorization(token), "Bearer abc.def");
    ck_assert(token_usable(token, start));
    ck_assert(token_usable(token, (struct mono_time){.ns = 1095 * SECOND - 1}));
    ck_assert(!token_usable(token, (struct mono_time){.ns = 1095 * SECOND}));
    token_unref(token);
}
END_TEST

START_TEST(renewed_when_unusable_at_the_latest)
{
    struct token *token = token_new(&grant, start, &no_early, 0, 1, 1);

    ck_assert_int_eq(token_renew_at(token).ns, token_unusable_at(token).ns);
    token_unref(token);
}
END_TEST

static const struct {
    const char *type, *value;
    bool same;
} others[] = {
    {"Bearer", "abc.def", true},   {"Bearer", "abc.deg", false}, {"Bearer", "abc.de", false},
    {"Bearer", "abc.deff", false}, {"bearer", "abc.def", false}, {"Bearers", "abc.def", false},
    {"MAC", "abc.def", false},     {"Bea", "abc.def", false},
};

START_TEST(same_is_type_and_value)
{
    struct token *token = token_new(&grant, start, &no_early, 0, 1, 1);
    struct token_grant other = {
        .type = others[_i].type, .value = others[_i].value, .lifetime = SECOND};

    ck_assert_int_eq(token_same(token, &other), others[_i].same);
    token_unref(token);
}
END_TEST

START_TEST(fingerprint_is_of_the_value)
{
    struct token_grant mac = {.type = "MAC", .value = "abc", .lifetime = SECOND};
    struct token *token = token_new(&mac, start, &no_early, 0, 1, 1);
    char text[TOKEN_FINGERPRINT];

    token_fingerprint(token, text);
    ck_assert_str_eq(text, "ba7816bf"); /* SHA-256 of "abc", FIPS 180-4's example */
    token_unref(token);
}
END_TEST

START_TEST(latest_success_of_all_workers)
{
    struct token *token = token_new(&grant, start, &no_early, 0, 1, 3);

    ck_assert_int_eq(token_last_success(token).ns, 0);
    token_succeeded(token, 2, (struct mono_time){.ns = 30});
    ck_assert_int_eq(token_last_success(token).ns, 30);
    token_succeeded(token, 0, (struct mono_time){.ns = 50});
    token_succeeded(token, 0, (struct mono_time){.ns = 40});
    token_succeeded(token, 1, (struct mono_time){.ns = 45});
    ck_assert_int_eq(token_last_success(token).ns, 50);
    ck_assert_str_eq(token_authorization(token), "Bearer abc.def");
    token_unref(token);
}
END_TEST

START_TEST(a_token_is_its_secret)
{
    struct token *token = token_new(&grant, start, &no_early, 0, 9, 1);
    struct secret *secret = secret_ref(token_secret(token));

    ck_assert_ptr_eq(token_from(secret), token);
    token_unref(token);
    /* The store's reference alone keeps it. */
    ck_assert_uint_eq(token_generation(token_from(secret)), 9);
    secret_unref(secret);
    token_unref(NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("token");
    TCase *tc = tcase_create("token");

    tcase_add_loop_test(tc, margins_by_table, 0, (int)ARRAY_LEN(margins));
    tcase_add_loop_test(tc, margins_of_a_fleet, 0, (int)ARRAY_LEN(fleet_margins));
    tcase_add_test(tc, jitter_takes_up_to_a_tenth);
    tcase_add_test(tc, dates_count_from_the_request);
    tcase_add_test(tc, renewed_when_unusable_at_the_latest);
    tcase_add_loop_test(tc, same_is_type_and_value, 0, (int)ARRAY_LEN(others));
    tcase_add_test(tc, fingerprint_is_of_the_value);
    tcase_add_test(tc, latest_success_of_all_workers);
    tcase_add_test(tc, a_token_is_its_secret);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
