/* What is an address, and everything that is not. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "lookup/address.h"
#include "suite.h"

#define RAW(s) s, sizeof(s) - 1
#define P "\"postcode\":\"SW1A 1AA\""

static const struct {
    const char *body;
    size_t len;
    const char *reason; /* part of it; NULL: an address */
} bodies[] = {
    {RAW("{" P "}"), NULL},
    {RAW("{" P ",\"country\":\"GB\"}"), NULL},
    {RAW(" \t\r\n{" P "} \t\r\n"), NULL},
    {RAW("{\"postcode\":\"\"}"), NULL},
    {RAW("{" P ",\"lines\":[\"10\",{\"a\":{\"b\":[1,-2.5e3,true,false,null]}}]}"), NULL},
    {RAW("{" P ",\"a\":{\"postcode\":1},\"b\":{\"country\":2}}"), NULL},
    {RAW("{" P ",\"uprn\":123456789012345678901234567890}"), NULL},
    {RAW("{" P ",\"x\":\"caf\xc3\xa9 \\u00e9 \\ud83d\\ude00\"}"), NULL},
    {RAW("{\"post\\u0063ode\":\"SW1A 1AA\"}"), NULL},
    {RAW("{" P ",\"x\":\"a\\u0000b\"}"), NULL},
    {RAW("{\"postcode\":\"\\u0000\"}"), NULL},

    {RAW(""), "ends too early"},
    {RAW(" "), "ends too early"},
    {RAW("{}"), "postcode is missing or not a string"},
    {RAW("{\"Postcode\":\"SW1A 1AA\"}"), "postcode is missing or not a string"},
    {RAW("{\"a\":{" P "}}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":null}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":11}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":[\"SW1A 1AA\"]}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":{}}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":true}"), "postcode is missing or not a string"},
    {RAW("{" P ",\"country\":null}"), "country is not a string"},
    {RAW("{" P ",\"country\":44}"), "country is not a string"},
    {RAW("{" P ",\"country\":[\"GB\"]}"), "country is not a string"},
    {RAW("{" P ",\"country\":{\"code\":\"GB\"}}"), "country is not a string"},

    {RAW("[]"), "not a JSON object"},
    {RAW("[{" P "}]"), "not a JSON object"},
    {RAW("\"SW1A 1AA\""), "not valid JSON"},
    {RAW("7"), "not valid JSON"},
    {RAW("null"), "not valid JSON"},
    {RAW("<html></html>"), "not valid JSON"},

    {RAW("{" P "," P "}"), "an object has a name twice"},
    {RAW("{" P ",\"a\":1,\"\\u0061\":2}"), "an object has a name twice"},
    {RAW("{" P ",\"x\":[{\"a\":1,\"a\":1}]}"), "an object has a name twice"},

    {RAW("{" P), "ends too early"},
    {RAW("{\"postcode\":\"SW1A"), "ends too early"},
    {RAW("{\"postcode\":"), "ends too early"},
    {RAW("{" P ","), "ends too early"},
    {RAW("{" P "}x"), "bytes follow the end"},
    {RAW("{" P "}{" P "}"), "bytes follow the end"},
    {RAW("{" P "}\0"), "bytes follow the end"},
    {RAW("{" P "\0}"), "ends too early"},
    {RAW("{\"postcode\":\"SW1A\0001AA\"}"), "not valid JSON"},
    {RAW("{" P ",\"a\\u0000\":1}"), "a NUL in a name"},
    {RAW("{" P ",\"nul_behind_a_number\":1\0}"), "a NUL outside"},
    {RAW("{" P ",\"nul_behind_a_literal\":null\0}"), "a NUL outside"},
    {RAW("\xef\xbb\xbf{" P "}"), "not valid JSON"},

    {RAW("{\"postcode\":\"\xff\"}"), "invalid UTF-8"},
    {RAW("{" P ",\"x\":\"\xc3\"}"), "invalid UTF-8"},
    {RAW("{" P ",\"x\":\"\xc0\xaf\"}"), "invalid UTF-8"},
    {RAW("{" P ",\"x\":\"\xed\xa0\x80\"}"), "invalid UTF-8"},
    {RAW("{" P ",\"x\":\"\xf4\x90\x80\x80\"}"), "invalid UTF-8"},
    {RAW("{" P ",\"\xff\":1}"), "invalid UTF-8"},
    {RAW("{" P ",\"x\":\"\\ud83d\"}"), "not valid JSON"},
    {RAW("{" P ",\"x\":\"\\ude00\"}"), "not valid JSON"},

    {RAW("{" P ",}"), "not valid JSON"},
    {RAW("{'postcode':'SW1A 1AA'}"), "not valid JSON"},
    {RAW("{postcode:\"SW1A 1AA\"}"), "not valid JSON"},
    {RAW("{" P "/**/}"), "not valid JSON"},
    {RAW("{" P ",\"x\":01}"), "not valid JSON"},
    {RAW("{" P ",\"x\":+1}"), "not valid JSON"},
    {RAW("{" P ",\"x\":.5}"), "not valid JSON"},
    {RAW("{" P ",\"x\":NaN}"), "not valid JSON"},
    {RAW("{" P ",\"x\":1e999}"), "a number too large"},
    {RAW("{" P ",\"x\":\"a\nb\"}"), "not valid JSON"},
    {RAW("{" P ",\"x\":\"\\x\"}"), "not valid JSON"},
};

START_TEST(test_bodies)
{
    struct reason reason = {"untouched"};
    /* Copied to its exact size, so that a read past its end is seen. */
    char *body = malloc(bodies[_i].len);
    memcpy(body, bodies[_i].body, bodies[_i].len);
    enum err err = address_check(body, bodies[_i].len, &reason);
    free(body);

    if (bodies[_i].reason == NULL) {
        ck_assert_msg(err == ERR_OK, "%s: %s", bodies[_i].body, reason.text);
        ck_assert_str_eq(reason.text, "untouched");
        return;
    }
    ck_assert_msg(err == ERR_INVALID, "%s: taken", bodies[_i].body);
    ck_assert_msg(strstr(reason.text, bodies[_i].reason) != NULL, "%s: %s", bodies[_i].body,
                  reason.text);
}
END_TEST

static size_t allocated;

static void *count_allocation(size_t size)
{
    allocated++;
    return malloc(size);
}

static const struct {
    const char *body;
    bool parsed; /* by jansson */
} costs[] = {
    {"{" P ",\"country\":\"GB\",\"lines\":[\"10\",{\"a\":-2.5}]}", false},
    {"{" P ",\"x\":\"\\u0041\"}", true},
    {"{\"country\":\"GB\"}", true},
};

/* A plain address is accepted without a tree; the parser decides about everything else. */
START_TEST(test_plain_body_makes_no_tree)
{
    struct reason reason;

    allocated = 0;
    json_set_alloc_funcs(count_allocation, free);
    ERR_IGNORED(address_check(costs[_i].body, strlen(costs[_i].body), &reason));
    json_set_alloc_funcs(malloc, free);
    ck_assert_msg((allocated > 0) == costs[_i].parsed, "%zu allocations", allocated);
}
END_TEST

static enum err check_nested(size_t depth, struct reason *reason)
{
    static const char head[] = "{" P ",\"x\":";
    size_t head_len = sizeof(head) - 1;
    size_t len = head_len + 2 * depth + 1;
    char *body = mem_alloc(len);

    memcpy(body, head, head_len);
    memset(body + head_len, '[', depth);
    memset(body + head_len + depth, ']', depth);
    body[len - 1] = '}';
    enum err err = address_check(body, len, reason);
    mem_free(body);
    return err;
}

START_TEST(test_nesting_is_bounded)
{
    struct reason reason;

    ck_assert_int_eq(check_nested(2047, &reason), ERR_OK);
    ck_assert_int_eq(check_nested(2048, &reason), ERR_INVALID);
    ck_assert_msg(strstr(reason.text, "nested too deep") != NULL, "%s", reason.text);
    ck_assert_int_eq(check_nested(300000, &reason), ERR_INVALID);
}
END_TEST

START_TEST(test_truncation_anywhere)
{
    static const char body[] = "{" P ",\"country\":\"GB\",\"n\":[1.5e1,true,{\"\\u00e9\":null}]}";
    struct reason reason;

    ck_assert_int_eq(address_check(body, sizeof(body) - 1, &reason), ERR_OK);
    for (size_t len = 0; len < sizeof(body) - 1; len++)
        ck_assert_int_eq(address_check(body, len, &reason), ERR_INVALID);
}
END_TEST

START_TEST(test_reason_holds_none_of_the_body)
{
    static const char *const texts[] = {
        "swordfish",
        "{\"swordfish\":1,\"swordfish\":2}",
        "{\"postcode\":1,\"swordfish\":2}",
        "{\"swordfish",
    };
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_int_eq(address_check(texts[i], strlen(texts[i]), &reason), ERR_INVALID);
        ck_assert_msg(strstr(reason.text, "sword") == NULL, "%s", reason.text);
    }
    ck_assert_int_eq(address_check("{" P "}x", strlen("{" P "}x"), &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, "bytes follow the end, at byte 24");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");

    tcase_add_loop_test(tcase, test_bodies, 0, (int)ARRAY_LEN(bodies));
    tcase_add_loop_test(tcase, test_plain_body_makes_no_tree, 0, (int)ARRAY_LEN(costs));
    tcase_add_test(tcase, test_nesting_is_bounded);
    tcase_add_test(tcase, test_truncation_anywhere);
    tcase_add_test(tcase, test_reason_holds_none_of_the_body);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
