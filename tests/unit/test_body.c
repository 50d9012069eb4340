/* What a body means: by the default shape, by the rules of an upstream, and what callers get. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/check.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "lookup/body.h"
#include "suite.h"

#define RAW(s) s, sizeof(s) - 1
#define P "\"postcode\":\"SW1A 1AA\""

/* Without any rule. */
static bool is_address(const char *body, size_t len, struct reason *reason)
{
    static const struct body_rules none = {0};
    struct body_answer answer = {.len = 1};
    enum body_verdict verdict = body_check(&none, body, len, "M1", &answer, reason);

    ck_assert(verdict == BODY_GOOD || verdict == BODY_MALFORMED);
    ck_assert(answer.text == NULL && answer.len == 0);
    return verdict == BODY_GOOD;
}

static const struct {
    const char *body;
    size_t len;
    const char *reason; /* part of it; NULL: an address */
} bodies[] = {
    {RAW("{" P "}"), NULL},
    {RAW("{" P ",\"country\":\"GB\"}"), NULL},
    {RAW(" \t\r\n{" P "} \t\r\n"), NULL},
    {RAW("{\"postcode\":\"\"}"), NULL},
    {RAW("{" P ",\"country\":null}"), NULL},
    {RAW("{" P ",\"country\":\"\"}"), NULL},
    {RAW("{" P ",\"c\\u006funtry\":\"GB\"}"), NULL},
    {RAW("{" P ",\"x\":1e999}"), NULL},
    {RAW("{" P ",\"lines\":[\"10\",{\"a\":{\"b\":[1,-2.5e3,true,false,null]}}]}"), NULL},
    {RAW("{" P ",\"a\":{\"postcode\":1},\"b\":{\"country\":2}}"), NULL},
    {RAW("{" P ",\"uprn\":123456789012345678901234567890}"), NULL},
    {RAW("{" P ",\"x\":\"caf\xc3\xa9 \\u00e9 \\ud83d\\ude00\"}"), NULL},
    {RAW("{\"post\\u0063ode\":\"SW1A 1AA\"}"), NULL},
    {RAW("{" P ",\"x\":\"a\\u0000b\"}"), NULL},
    {RAW("{\"postcode\":\"\\u0000\"}"), NULL},

    {RAW(""), "empty"},
    {RAW(" \n"), "empty"},
    {RAW("{}"), "postcode is missing or not a string"},
    {RAW("{\"Postcode\":\"SW1A 1AA\"}"), "postcode is missing or not a string"},
    {RAW("{\"a\":{" P "}}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":null}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":11}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":[\"SW1A 1AA\"]}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":{}}"), "postcode is missing or not a string"},
    {RAW("{\"postcode\":true}"), "postcode is missing or not a string"},
    {RAW("{" P ",\"country\":false}"), "country is not a string"},
    {RAW("{" P ",\"country\":44}"), "country is not a string"},
    {RAW("{" P ",\"country\":[\"GB\"]}"), "country is not a string"},
    {RAW("{" P ",\"country\":{\"code\":\"GB\"}}"), "country is not a string"},

    {RAW("[]"), "not a JSON object"},
    {RAW("[{" P "}]"), "not a JSON object"},
    {RAW("\"SW1A 1AA\""), "not a JSON object"},
    {RAW("7"), "not a JSON object"},
    {RAW("null"), "not a JSON object"},
    {RAW("<html></html>"), "HTML or XML, not JSON"},

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
    {RAW("{" P "\0}"), "a NUL outside of a string"},
    {RAW("{\"postcode\":\"SW1A\0001AA\"}"), "not valid JSON"},
    {RAW("{" P ",\"a\\u0000\":1}"), "a NUL in a name"},
    {RAW("{" P ",\"nul_behind_a_number\":1\0}"), "a NUL outside"},
    {RAW("{" P ",\"nul_behind_a_literal\":null\0}"), "a NUL outside"},
    {RAW("\xef\xbb\xbf{" P "}"), "a byte-order mark"},

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
    {RAW("{" P ",\"x\":\"a\nb\"}"), "not valid JSON"},
    {RAW("{" P ",\"x\":\"\\x\"}"), "not valid JSON"},
};

START_TEST(test_bodies)
{
    struct reason reason = {"untouched"};
    /* Copied to its exact size, so that a read past its end is seen. */
    char *body = malloc(bodies[_i].len);
    memcpy(body, bodies[_i].body, bodies[_i].len);
    bool good = is_address(body, bodies[_i].len, &reason);
    free(body);

    if (bodies[_i].reason == NULL) {
        ck_assert_msg(good, "%s: %s", bodies[_i].body, reason.text);
        ck_assert_str_eq(reason.text, "untouched");
        return;
    }
    ck_assert_msg(!good, "%s: taken", bodies[_i].body);
    ck_assert_msg(strstr(reason.text, bodies[_i].reason) != NULL, "%s: %s", bodies[_i].body,
                  reason.text);
}
END_TEST

static bool check_nested(size_t depth, struct reason *reason)
{
    static const char head[] = "{" P ",\"x\":";
    size_t head_len = sizeof(head) - 1;
    size_t len = head_len + 2 * depth + 1;
    char *body = mem_alloc(len);

    memcpy(body, head, head_len);
    memset(body + head_len, '[', depth);
    memset(body + head_len + depth, ']', depth);
    body[len - 1] = '}';
    bool good = is_address(body, len, reason);
    mem_free(body);
    return good;
}

START_TEST(test_nesting_is_bounded)
{
    struct reason reason;

    ck_assert(check_nested(JSON_SCAN_DEPTH_MAX - 1, &reason));
    ck_assert(!check_nested(JSON_SCAN_DEPTH_MAX, &reason));
    ck_assert_msg(strstr(reason.text, "nested too deep") != NULL, "%s", reason.text);
    ck_assert(!check_nested(300000, &reason));
}
END_TEST

START_TEST(test_truncation_anywhere)
{
    static const char body[] = "{" P ",\"country\":\"GB\",\"n\":[1.5e1,true,{\"\\u00e9\":null}]}";
    struct reason reason;

    ck_assert(is_address(body, sizeof(body) - 1, &reason));
    for (size_t len = 0; len < sizeof(body) - 1; len++)
        ck_assert(!is_address(body, len, &reason));
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
        ck_assert(!is_address(texts[i], strlen(texts[i]), &reason));
        ck_assert_msg(strstr(reason.text, "sword") == NULL, "%s", reason.text);
    }
    ck_assert(!is_address("{" P "}x", strlen("{" P "}x"), &reason));
    ck_assert_str_eq(reason.text, "bytes follow the end, at byte 24");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body");
    TCase *tcase = tcase_create("body");

    tcase_add_loop_test(tcase, test_bodies, 0, (int)ARRAY_LEN(bodies));
    tcase_add_test(tcase, test_nesting_is_bounded);
    tcase_add_test(tcase, test_truncation_anywhere);
    tcase_add_test(tcase, test_reason_holds_none_of_the_body);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
