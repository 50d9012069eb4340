/* What an operator sees of a body: its shape, and no value of it. */
#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "lookup/body.h"
#include "suite.h"

#define RAW(s) s, sizeof(s) - 1

static const struct {
    const char *body;
    size_t len;
    const char *outline;
} outlines[] = {
    {RAW("{\"header\":{\"a\":1},\"results\":[1,{\"b\":[2,3]},\"]\"],\"status\":\"OK\"}"),
     "header (object), results (array of 3), status (string of 2)"},
    {RAW(" { \"a\" : null , \"b\" : true , \"c\" : false , \"d\" : -1.5e3 , \"e\" : [ ] } "),
     "a (null), b (boolean), c (boolean), d (number), e (array of 0)"},
    {RAW("{\"a\":\"\\\"}\\\\\",\"b\":{\"c\":\"}\\\"{\"},\"d\":\"\xc3\xa9\\u20ac\\ud83d\\ude00\"}"),
     "a (string of 3), b (object), d (string of 3)"},
    {RAW("{\"\":1,\"\\n\xc3\xa9\\u202e\\ud83d\\ude00\x7f\":2}"),
     " (number), \\u000a\\u00e9\\u202e\\u{1f600}\\u007f (number)"},
    {RAW("{\"0123456789012345678901234567890123456789\":1,"
         "\"01234567890123456789012345678901234567890\":1}"),
     "0123456789012345678901234567890123456789 (number), "
     "0123456789012345678901234567890123456789... (number)"},
    {RAW("{}"), "an empty object"},
    {RAW("[{},[1,2],\"a,b\"]"), "an array of 3"},
    {RAW("[]"), "an array of 0"},
    {RAW("\"swordfish\""), "a string of 9"},
    {RAW("12"), "a number"},
    {RAW("true"), "a boolean"},
    {RAW("null"), "null"},
    {RAW(""), "empty"},
    {RAW(" \n"), "empty"},
    {RAW("\n<!DOCTYPE html><p>swordfish"), "an HTML page"},
    {RAW("<HTML>"), "an HTML page"},
    {RAW("<"), "HTML or XML, not JSON"},
    {RAW("<?xml version=\"1.0\"?>"), "HTML or XML, not JSON"},
    {RAW("\x1f\x8b\x08"), "compressed (gzip)"},
    {RAW("{\"swordfish\":1"), "ends too early, after byte 14"},
    {RAW("swordfish"), "not valid JSON: a value must be here, at byte 1"},
};

START_TEST(test_outline)
{
    struct buf out;

    buf_init(&out, BODY_OUTLINE_MAX);
    body_outline(outlines[_i].body, outlines[_i].len, &out);
    ck_assert_str_eq(buf_text(&out), outlines[_i].outline);
    buf_fini(&out);
}
END_TEST

/* Any number of members, with the longest names, lengths and escapes. */
START_TEST(test_bounds)
{
    struct buf body, out;
    const char *more = ", and 984 more";

    buf_init(&body, 1 << 20);
    for (unsigned i = 0; i < 1000; i++)
        buf_printf(&body, "%c\"\\u%04x%080d\":[]", i == 0 ? '{' : ',', 0x1000 + i, 0);
    buf_puts(&body, "}");
    ck_assert_int_eq(body.err, ERR_OK);
    buf_init(&out, BODY_OUTLINE_MAX);
    body_outline(body.data, body.len, &out);
    ck_assert_int_eq(out.err, ERR_OK);
    ck_assert_uint_gt(out.len, 16 * 40);
    ck_assert(text_is_all(out.data, out.len, TEXT_PRINTABLE));
    ck_assert_str_eq(out.data + out.len - strlen(more), more);
    buf_fini(&body);
    buf_fini(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_outline");
    TCase *tcase = tcase_create("body_outline");

    tcase_add_loop_test(tcase, test_outline, 0, ARRAY_LEN(outlines));
    tcase_add_test(tcase, test_bounds);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
