/*
 * The scanner: what it accepts, what it says of everything else, and where pointers lead. Its
 * verdicts are compared with those of a parser that makes a tree, on many small changes to good
 * texts.
 */
#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "suite.h"

#define RAW(s) s, sizeof(s) - 1

/* Of its very size on the heap, so that a sanitizer sees a step too far. */
static enum err scan(const char *text, size_t len, struct reason *reason)
{
    char *exact = malloc(len);

    if (len > 0)
        memcpy(exact, text, len);
    enum err err = json_scan(exact, len, NULL, 0, NULL, reason);
    free(exact);
    return err;
}

/* ---- what is JSON ---- */

static const char *const good[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0e-00",
    "1E+400",
    "-12.50",
    "1e99999999999999999999",
    "123456789012345678901234567890.123456789012345678901234567890e-12345678901234567890",
    "\"\"",
    "[]",
    "{}",
    " \t\r\n[ 1 , \"a\" , { } ] \t\r\n",
    "{\"\":1}",
    "[{\"a\":1},{\"a\":2}]",
    "{\"a\":\"\\u0000\",\"b\":{\"c\":1}}",
    "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
    "{\"a\":1,\"A\":2,\"\\u0041\\u0041\":3}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\ud83d\\ude00\"",
    "\"T\xc5\xb7 \x7f \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbb\xbf\"",
    "\"\\ud83d\\ude00\\uDBFF\\uDFFF\"",
    "{\"n\":1,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"x\":[1,[2,[3]]]},\"s\":\"12345678\"}",
};

START_TEST(test_good)
{
    struct reason reason = {""};

    ck_assert_msg(scan(good[_i], strlen(good[_i]), &reason) == ERR_OK, "%s: %s", good[_i],
                  reason.text);
}
END_TEST

static const struct {
    const char *text;
    size_t len;
    const char *reason;
} bad[] = {
    {RAW(""), "empty"},
    {RAW(" \r\n"), "empty"},
    {RAW("<"), "HTML or XML, not JSON"},
    {RAW("\n <!DOCTYPE html>"), "HTML or XML, not JSON"},
    {RAW("\x1f\x8b\x08\0"), "compressed (gzip)"},
    {RAW("\xef\xbb\xbf{}"), "not valid JSON: a byte-order mark, at byte 1"},
    {RAW("\xff\xfe{\0}\0"), "not valid JSON: a value must be here, at byte 1"},
    {RAW("{\0}\0"), "a NUL outside of a string, at byte 2"},
    {RAW("nul"), "ends too early, after byte 3"},
    {RAW("nulL"), "not valid JSON: a value must be here, at byte 1"},
    {RAW("[tru]"), "not valid JSON: a value must be here, at byte 2"},
    {RAW("NaN"), "not valid JSON: a value must be here, at byte 1"},
    {RAW("[1,]"), "not valid JSON: a value must be here, at byte 4"},
    {RAW("[,1]"), "not valid JSON: a value must be here, at byte 2"},
    {RAW("['a']"), "not valid JSON: a value must be here, at byte 2"},
    {RAW("[1 2]"), "not valid JSON: a comma or the end of an array must be here, at byte 4"},
    {RAW("[1}"), "not valid JSON: a comma or the end of an array must be here, at byte 3"},
    {RAW("{\"a\":1]"), "not valid JSON: a comma or the end of an object must be here, at byte 7"},
    {RAW("{\"a\" 1}"), "not valid JSON: a colon must be here, at byte 6"},
    {RAW("{\"a\"}"), "not valid JSON: a colon must be here, at byte 5"},
    {RAW("{\"a\":1,}"), "not valid JSON: a name in double quotes must be here, at byte 8"},
    {RAW("{a:1}"), "not valid JSON: a name in double quotes must be here, at byte 2"},
    {RAW("{1:1}"), "not valid JSON: a name in double quotes must be here, at byte 2"},
    {RAW("{} {}"), "bytes follow the end, at byte 4"},
    {RAW("1\0"), "bytes follow the end, at byte 2"},
    {RAW("01"), "not valid JSON: a number with a zero before it, at byte 1"},
    {RAW("-01"), "not valid JSON: a number with a zero before it, at byte 1"},
    {RAW("-"), "ends too early, after byte 1"},
    {RAW("[-]"), "not valid JSON: a number lacks a digit, at byte 3"},
    {RAW("[1.]"), "not valid JSON: a number lacks a digit, at byte 4"},
    {RAW("[.5]"), "not valid JSON: a value must be here, at byte 2"},
    {RAW("[+1]"), "not valid JSON: a value must be here, at byte 2"},
    {RAW("[1e]"), "not valid JSON: a number lacks a digit, at byte 4"},
    {RAW("[1e+-1]"), "not valid JSON: a number lacks a digit, at byte 5"},
    {RAW("[0x1]"), "not valid JSON: a comma or the end of an array must be here, at byte 3"},
    {RAW("\"a\nb\""), "not valid JSON: a control character in a string, at byte 3"},
    {RAW("\"a\0b\""), "not valid JSON: a control character in a string, at byte 3"},
    {RAW("\"1234567\x1f\""), "not valid JSON: a control character in a string, at byte 9"},
    {RAW("\"12345678\x01\""), "not valid JSON: a control character in a string, at byte 10"},
    {RAW("\"\\x\""), "not valid JSON: an unknown escape, at byte 3"},
    {RAW("\"\\\0\""), "not valid JSON: an unknown escape, at byte 3"},
    {RAW("\"\\u00g0\""), "not valid JSON: not four hexadecimal digits in an escape, at byte 6"},
    {RAW("\"\\u12\""), "not valid JSON: not four hexadecimal digits in an escape, at byte 6"},
    {RAW("\"\\u12"), "ends too early, after byte 5"},
    {RAW("\"\\ude00\""), "not valid JSON: a lone surrogate, at byte 4"},
    {RAW("\"\\ud83d\""), "not valid JSON: a lone surrogate, at byte 8"},
    {RAW("\"\\ud83d\\n\""), "not valid JSON: a lone surrogate, at byte 9"},
    {RAW("\"\\ud83d\\u0041\""), "not valid JSON: a lone surrogate, at byte 10"},
    {RAW("\"\\ud83d\\ud83d\""), "not valid JSON: a lone surrogate, at byte 10"},
    {RAW("\"\xff\""), "invalid UTF-8, at byte 2"},
    {RAW("\"\x80\""), "invalid UTF-8, at byte 2"},
    {RAW("\"1234567\xc3\""), "invalid UTF-8, at byte 9"},
    {RAW("\"\xc0\xaf\""), "invalid UTF-8, at byte 2"},
    {RAW("\"\xed\xa0\x80\""), "invalid UTF-8, at byte 2"},
    {RAW("\"\xf4\x90\x80\x80\""), "invalid UTF-8, at byte 2"},
    {RAW("{\"\\u0000\":1}"), "a NUL in a name, at byte 3"},
    {RAW("{\"a\":1,\"a\":1}"), "an object has a name twice, at byte 9"},
    {RAW("{\"\":1,\"\":1}"), "an object has a name twice, at byte 8"},
    {RAW("[[{\"x\":{\"a\":1,\"b\":2,\"a\":1}}]]"), "an object has a name twice, at byte 22"},
    {RAW("{\"a\":1,\"\\u0061\":1}"), "an object has a name twice, at byte 9"},
    {RAW("{\"\\u0061\":1,\"b\":2,\"a\":1}"), "an object has a name twice, at byte 20"},
    {RAW("{\"\\/\":1,\"\\u002F\":1}"), "an object has a name twice, at byte 10"},
    {RAW("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}"),
     "an object has a name twice, at byte 20"},
    {RAW("{\"\\u20ac\":1,\"\xe2\x82\xac\":1}"), "an object has a name twice, at byte 14"},
    {RAW("{\"\\n\":1,\"\\u000a\":1}"), "an object has a name twice, at byte 10"},
};

START_TEST(test_bad)
{
    struct reason reason = {""};

    ck_assert_int_eq(scan(bad[_i].text, bad[_i].len, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, bad[_i].reason);
}
END_TEST

START_TEST(test_truncation_anywhere)
{
    const char *text =
        "{\"a\":[1.5e1,true,{\"\\u00e9\":null},\"\\ud83d\\ude00 \xe2\x82\xac\"],\"b\":\"\\n\"}";
    struct reason reason;

    ck_assert_int_eq(scan(text, strlen(text), &reason), ERR_OK);
    for (size_t len = 0; len < strlen(text); len++)
        ck_assert_int_eq(scan(text, len, &reason), ERR_INVALID);
}
END_TEST

static enum err scan_nested(const char *open, const char *close, size_t depth,
                            struct reason *reason)
{
    struct buf buf;

    buf_init(&buf, 10 * depth);
    for (size_t i = 0; i < depth; i++)
        buf_puts(&buf, open);
    buf_puts(&buf, "1");
    for (size_t i = 0; i < depth; i++)
        buf_puts(&buf, close);
    ck_assert_int_eq(buf.err, ERR_OK);
    enum err err = scan(buf.data, buf.len, reason);
    buf_fini(&buf);
    return err;
}

START_TEST(test_depth)
{
    struct reason reason;

    ck_assert_int_eq(scan_nested("[", "]", JSON_SCAN_DEPTH_MAX, &reason), ERR_OK);
    ck_assert_int_eq(scan_nested("{\"a\":", "}", JSON_SCAN_DEPTH_MAX, &reason), ERR_OK);
    ck_assert_int_eq(scan_nested("[", "]", JSON_SCAN_DEPTH_MAX + 1, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, "nested too deep, at byte 129");
    ck_assert_int_eq(scan_nested("[", "]", 100000, &reason), ERR_INVALID);
}
END_TEST

/* ---- names ---- */

/* An object of `count` names and one before them; the name number `same` is the last once more. */
static enum err scan_names(size_t count, size_t same, bool escaped, struct reason *reason,
                           size_t *at)
{
    struct buf buf;

    buf_init(&buf, 64 * (count + 2));
    buf_puts(&buf, "{\"first\":{\"name0\":0}");
    for (size_t i = 0; i < count; i++)
        buf_printf(&buf, ",\"name%zu\":{\"name1\":%zu}", i, i);
    *at = buf.len + 3;
    if (same < count)
        buf_printf(&buf, ",\"%s%zu\":1", escaped ? "\\u006eame" : "name", same);
    buf_puts(&buf, "}");
    ck_assert_int_eq(buf.err, ERR_OK);
    enum err err = scan(buf.data, buf.len, reason);
    buf_fini(&buf);
    return err;
}

START_TEST(test_many_names)
{
    static const size_t counts[] = {1, 2, 29, 30, 31, 32, 33, 34, 46, 47, 48, 49, 97, 5000};
    size_t count = counts[_i], at;
    struct reason reason;
    char expected[REASON_MAX];

    ck_assert_int_eq(scan_names(count, count, false, &reason, &at), ERR_OK);
    for (int escaped = 0; escaped < 2; escaped++) {
        for (size_t same = 0; same < count; same += 1 + count / 7) {
            ck_assert_int_eq(scan_names(count, same, escaped, &reason, &at), ERR_INVALID);
            snprintf(expected, sizeof(expected), "an object has a name twice, at byte %zu", at);
            ck_assert_str_eq(reason.text, expected);
        }
    }
}
END_TEST

/* The first one that is there twice, in the order of the text and not of the names. */
START_TEST(test_first_of_many_twice)
{
    struct buf buf;
    struct reason reason;
    char expected[REASON_MAX];

    buf_init(&buf, 4096);
    for (unsigned i = 0; i < 100; i++)
        buf_printf(&buf, "%c\"name%u\":1", i == 0 ? '{' : ',', i);
    snprintf(expected, sizeof(expected), "an object has a name twice, at byte %zu", buf.len + 3);
    buf_puts(&buf, ",\"name7\":1,\"name3\":1,\"name9\":1,\"name7\":1}");
    ck_assert_int_eq(scan(buf.data, buf.len, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, expected);
    buf_fini(&buf);
}
END_TEST

/* An object that is compared pair by pair takes minutes for this; the test has a time limit. */
START_TEST(test_very_many_names)
{
    struct reason reason;
    size_t at;

    ck_assert_int_eq(scan_names(1000000, 1000000, false, &reason, &at), ERR_OK);
    ck_assert_int_eq(scan_names(1000000, 999999, true, &reason, &at), ERR_INVALID);
}
END_TEST

/* ---- pointers ---- */

#define V JSON_SCAN_VALUE
#define M JSON_SCAN_MISSING_MEMBER
#define P JSON_SCAN_PAST_END
#define N JSON_SCAN_NOTHING
#define X JSON_SCAN_MISMATCH

static const struct {
    const char *text;
    const char *pointer;
    enum json_scan_kind kind;
    size_t depth;
    const char *value; /* at that depth; NULL: the whole text */
} ways[] = {
    {"{\"a\":1}", "/a", V, 1, "1"},
    {" { \"b\" : [ 1 ] , \"a\" : { \"x\" : 2 } } ", "/a", V, 1, "{ \"x\" : 2 }"},
    {"{\"a\":{\"b\":[10,11,{\"c\":\"d\"}]}}", "/a/b/2/c", V, 4, "\"d\""},
    {"{\"b\":{\"a\":1},\"a\":2}", "/a", V, 1, "2"},
    {"{\"a\":{\"x\":1},\"b\":{\"b\":3}}", "/b/b", V, 2, "3"},
    {"{\"a\":{\"x\":1},\"x\":3}", "/x", V, 1, "3"},
    {"{\"\":{\"\":5}}", "//", V, 2, "5"},
    {"[10,20,30]", "/2", V, 1, "30"},
    {"[10,20,30]", "/0", V, 1, "10"},
    {"[[1,2],[3,4]]", "/1/0", V, 2, "3"},
    {"{\"0\":1}", "/0", V, 1, "1"},
    {"{\"00\":1}", "/00", V, 1, "1"},
    {"{\"-\":1,\"01\":2}", "/01", V, 1, "2"},
    {"{\"\\u0061\\/b\":1}", "/a~1b", V, 1, "1"},
    {"{\"\\u00e9\":1}", "/\xc3\xa9", V, 1, "1"},
    {"{\"a\":1}", "/b", M, 0, NULL},
    {"{\"a\":{\"b\":1}}", "/b", M, 0, NULL},
    {"{}", "/a/b", M, 0, NULL},
    {"{\"a\":{}}", "/a/b", M, 1, "{}"},
    {"{\"a\":{\"c\":1}}", "/a/b/c", M, 1, "{\"c\":1}"},
    {"{\"A\":1,\"ab\":2,\"\":3}", "/a", M, 0, NULL},
    {"{\"a\":[{\"b\":1},{}]}", "/a/1/b", M, 2, "{}"},
    {"{\"a\":{}}", "/a/0", M, 1, "{}"},
    {"[]", "/0", P, 0, NULL},
    {"[ ]", "/a/b", P, 0, NULL},
    {"{\"a\":[]}", "/a/0/b", P, 1, "[]"},
    {"{\"a\":[ ]}", "/a/b", P, 1, "[ ]"},
    {"{\"a\":[1,2]}", "/a/2", P, 1, "[1,2]"},
    {"{\"a\":[[1],[2]]}", "/a/0/7", P, 2, "[1]"},
    {"[1]", "/9223372036854775807", P, 0, NULL},
    {"{\"a\":null}", "/a/b", N, 1, "null"},
    {"{\"a\":false}", "/a/0", N, 1, "false"},
    {"{\"a\":0.0e9}", "/a/0", N, 1, "0.0e9"},
    {"{\"a\":\"\"}", "/a/b/c", N, 1, "\"\""},
    {"null", "/a", N, 0, NULL},
    {"{\"a\":true}", "/a/b", X, 1, "true"},
    {"{\"a\":7}", "/a/b", X, 1, "7"},
    {"{\"a\":\"x\"}", "/a/0", X, 1, "\"x\""},
    {"{\"a\":[1]}", "/a/b", X, 1, "[1]"},
    {"[[0]]", "/0/00", X, 1, "[0]"},
    {"[1,2]", "/01", X, 0, NULL},
    {"\"a\"", "/a", X, 0, NULL},
};

START_TEST(test_ways)
{
    const char *text = ways[_i].text, *value = ways[_i].value;
    struct json_scan_result result;
    struct json_pointer *pointer;
    struct reason reason;

    ck_assert_int_eq(json_pointer_new(ways[_i].pointer, &reason, &pointer), ERR_OK);
    const struct json_pointer *const pointers[] = {pointer};
    ck_assert_int_eq(json_scan(text, strlen(text), pointers, 1, &result, &reason), ERR_OK);
    ck_assert_int_eq(result.kind, ways[_i].kind);
    ck_assert_uint_eq(result.depth, ways[_i].depth);
    if (value == NULL) {
        ck_assert(result.value.text >= text && result.value.len + 2 >= strlen(text));
    } else {
        ck_assert_uint_eq(result.value.len, strlen(value));
        ck_assert_mem_eq(result.value.text, value, strlen(value));
    }
    json_pointer_free(pointer);
}
END_TEST

/* RFC 6901, section 5. */
START_TEST(test_rfc_6901)
{
    static const char text[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
        "\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const char *const pairs[][2] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
    };
    struct json_scan_result result;
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct json_pointer *pointer;

        ck_assert_int_eq(json_pointer_new(pairs[i][0], &reason, &pointer), ERR_OK);
        const struct json_pointer *const pointers[] = {pointer};
        ck_assert_int_eq(json_scan(text, sizeof(text) - 1, pointers, 1, &result, &reason), ERR_OK);
        ck_assert_int_eq(result.kind, JSON_SCAN_VALUE);
        ck_assert_uint_eq(result.value.len, strlen(pairs[i][1]));
        ck_assert_mem_eq(result.value.text, pairs[i][1], result.value.len);
        json_pointer_free(pointer);
    }
}
END_TEST

/* All in one pass; one of them is on the way of another, two are the same. */
START_TEST(test_several_pointers)
{
    static const char text[] = "{\"a\":{\"b\":[1,2]},\"c\":\"d\",\"e\":null}";
    static const char *const texts[JSON_SCAN_POINTERS_MAX] = {"/a/b/1", "/a/b", "/a", "/a/b/1",
                                                              "/c",     "/e",   "/x", "/a/b/2"};
    static const char *const values[JSON_SCAN_POINTERS_MAX] = {
        "2", "[1,2]", "{\"b\":[1,2]}", "2", "\"d\"", "null", text, "[1,2]"};
    struct json_pointer *pointers[JSON_SCAN_POINTERS_MAX];
    struct json_scan_result results[JSON_SCAN_POINTERS_MAX];
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_int_eq(json_pointer_new(texts[i], &reason, &pointers[i]), ERR_OK);
    ck_assert_int_eq(json_scan(text, sizeof(text) - 1, (const struct json_pointer *const *)pointers,
                               ARRAY_LEN(pointers), results, &reason),
                     ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_uint_eq(results[i].value.len, strlen(values[i]));
        ck_assert_mem_eq(results[i].value.text, values[i], strlen(values[i]));
        json_pointer_free(pointers[i]);
    }
    ck_assert_int_eq(results[6].kind, JSON_SCAN_MISSING_MEMBER);
    ck_assert_int_eq(results[7].kind, JSON_SCAN_PAST_END);
}
END_TEST

static const struct {
    const char *value;
    enum json_value_type type;
    bool something;
} things[] = {
    {"null", JSON_VALUE_NULL, false},       {"false", JSON_VALUE_FALSE, false},
    {"true", JSON_VALUE_TRUE, true},        {"0", JSON_VALUE_NUMBER, false},
    {"-0.0e5", JSON_VALUE_NUMBER, false},   {"0E+99", JSON_VALUE_NUMBER, false},
    {"0.000", JSON_VALUE_NUMBER, false},    {"0.001", JSON_VALUE_NUMBER, true},
    {"10", JSON_VALUE_NUMBER, true},        {"1e-999999", JSON_VALUE_NUMBER, true},
    {"\"\"", JSON_VALUE_STRING, false},     {"\" \"", JSON_VALUE_STRING, true},
    {"\"0\"", JSON_VALUE_STRING, true},     {"[]", JSON_VALUE_ARRAY, false},
    {"[ \n]", JSON_VALUE_ARRAY, false},     {"[null]", JSON_VALUE_ARRAY, true},
    {"{}", JSON_VALUE_OBJECT, false},       {"{ \t}", JSON_VALUE_OBJECT, false},
    {"{\"a\":0}", JSON_VALUE_OBJECT, true},
};

START_TEST(test_something)
{
    static const struct json_pointer whole = {.text = ""};
    static const struct json_pointer *const pointers[] = {&whole};
    struct json_scan_result result;
    struct reason reason;

    ck_assert_int_eq(
        json_scan(things[_i].value, strlen(things[_i].value), pointers, 1, &result, &reason),
        ERR_OK);
    ck_assert_int_eq(result.kind, JSON_SCAN_VALUE);
    ck_assert_int_eq(result.value.type, things[_i].type);
    ck_assert_int_eq(result.value.something, things[_i].something);
}
END_TEST

/* ---- the parser's verdict ---- */

/* A NUL it overlooks in places; what it says of a number beyond a double is not asked. */
static bool is_json(const char *text, size_t len, bool *too_large)
{
    json_error_t where;
    json_t *json = json_loadb(text, len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL |
                                  JSON_DECODE_ANY,
                              &where);
    bool is = json != NULL && memchr(text, '\0', len) == NULL;

    *too_large = json == NULL && json_error_code(&where) == json_error_numeric_overflow;
    json_decref(json);
    return is;
}

static uint32_t state = 1;

/* The same numbers each time (xorshift). */
static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* Overwrites, takes out or doubles a stretch; what is put in is mostly JSON's own. */
static size_t change(char *text, size_t len)
{
    static const char bytes[] = "{}[]\",:\\ntfu0123456789.-eE \x80\xc3\xa9\xed\xa0\x01\x00";
    size_t at = draw((uint32_t)len);
    size_t stretch = 1 + draw(12);

    if (stretch > len - at)
        stretch = len - at;
    switch (draw(3)) {
    case 0:
        text[at] = bytes[draw(sizeof(bytes) - 1)];
        return len;
    case 1:
        memmove(text + at, text + at + stretch, len - at - stretch);
        return len - stretch;
    default:
        memmove(text + at + stretch, text + at, len - at);
        return len + stretch;
    }
}

/* Strings are read eight bytes at a time: each byte in each place of three times eight. */
START_TEST(test_each_byte_of_a_string)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 1; at < 25; at++) {
            char text[27] = "\"abcdefghijklmnopqrstuvwx\"";
            struct reason reason;
            bool too_large;

            text[at] = (char)byte;
            bool is = is_json(text, 26, &too_large);
            ck_assert_msg(is == (scan(text, 26, &reason) == ERR_OK), "%02x at %zu", byte, at);
        }
    }
}
END_TEST

START_TEST(test_as_a_parser_says)
{
    char text[1024];
    unsigned accepted = 0;

    for (unsigned round = 0; round < 300000; round++) {
        const char *from = good[draw(ARRAY_LEN(good))];
        size_t len = strlen(from);
        struct reason reason;
        bool too_large;

        memcpy(text, from, len);
        for (uint32_t changes = 1 + draw(4); changes > 0 && len > 0; changes--)
            len = change(text, len);
        bool is = is_json(text, len, &too_large);
        enum err err = json_scan(text, len, NULL, 0, NULL, &reason);
        accepted += err == ERR_OK;
        ck_assert_msg(too_large || is == (err == ERR_OK), "%.*s", (int)len, text);
    }
    ck_assert_uint_gt(accepted, 1000); /* it was asked in earnest */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_scan");
    TCase *tcase = tcase_create("json_scan");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_good, 0, ARRAY_LEN(good));
    tcase_add_loop_test(tcase, test_bad, 0, ARRAY_LEN(bad));
    tcase_add_test(tcase, test_truncation_anywhere);
    tcase_add_test(tcase, test_depth);
    tcase_add_loop_test(tcase, test_many_names, 0, 14);
    tcase_add_test(tcase, test_first_of_many_twice);
    tcase_add_test(tcase, test_very_many_names);
    tcase_add_loop_test(tcase, test_ways, 0, ARRAY_LEN(ways));
    tcase_add_test(tcase, test_rfc_6901);
    tcase_add_test(tcase, test_several_pointers);
    tcase_add_loop_test(tcase, test_something, 0, ARRAY_LEN(things));
    tcase_add_test(tcase, test_each_byte_of_a_string);
    tcase_add_test(tcase, test_as_a_parser_says);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
