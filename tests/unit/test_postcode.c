/* Postcodes from raw path segments, queries, and what of them a log line shows. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/check.h"
#include "lookup/postcode.h"
#include "suite.h"

/* A string with its length, so that it may hold a NUL. */
#define RAW(s) s, sizeof(s) - 1
#define SPACES16 "%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20"

/* What is kept with and without normalising; NULL: refused. */
static const struct {
    const char *raw;
    size_t len;
    const char *normal;
    const char *kept;
} postcodes[] = {
    {RAW("SW1A1AA"), "SW1A1AA", "SW1A1AA"},
    {RAW("sw1a1aa"), "SW1A1AA", "sw1a1aa"},
    {RAW("SW1A%201AA"), "SW1A 1AA", "SW1A 1AA"},
    {RAW("sW1a%20%20%201aA"), "SW1A 1AA", "sW1a   1aA"},
    {RAW("%20SW1A%201AA%20"), "SW1A 1AA", " SW1A 1AA "},
    {RAW("SW1A 1AA"), "SW1A 1AA", "SW1A 1AA"},
    {RAW("SW1A-1AA"), "SW1A-1AA", "SW1A-1AA"},
    {RAW("%53%57%31%41"), "SW1A", "SW1A"},
    {RAW("%73%2d%2D"), "S--", "s--"},
    {RAW("1234%20ab"), "1234 AB", "1234 ab"},
    {RAW("a"), "A", "a"},
    {RAW("7"), "7", "7"},
    {RAW("-"), "-", "-"},
    {RAW("az09AZ"), "AZ09AZ", "az09AZ"},
    /* 16 characters and 17 */
    {RAW("ABCDEFGHIJKLMNOP"), "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP"},
    {RAW("ABCDEFGHIJKLMNOPQ"), NULL, NULL},
    {RAW("ABCDEFGH%20IJKLMNO"), "ABCDEFGH IJKLMNO", "ABCDEFGH IJKLMNO"},
    {RAW("ABCDEFGH%20%20IJKLMNO"), "ABCDEFGH IJKLMNO", NULL},
    {RAW("ABCDEFGHIJKLMNOP%20"), "ABCDEFGHIJKLMNOP", NULL},
    {RAW(SPACES16 "A"), "A", NULL},
    {RAW(SPACES16), NULL, NULL},
    {RAW("%20"), NULL, NULL},
    {RAW(" "), NULL, NULL},
    {RAW(""), NULL, NULL},
    /* what could become another path, or another request */
    {RAW("SW1A%2F1AA"), NULL, NULL},
    {RAW("SW1A%2f1AA"), NULL, NULL},
    {RAW("SW1A/1AA"), NULL, NULL},
    {RAW("SW1A\\1AA"), NULL, NULL},
    {RAW("SW1A%5C1AA"), NULL, NULL},
    {RAW("SW1A%00"), NULL, NULL},
    {RAW("SW1A\0001AA"), NULL, NULL},
    {RAW("."), NULL, NULL},
    {RAW(".."), NULL, NULL},
    {RAW("%2E%2E"), NULL, NULL},
    {RAW("%2e."), NULL, NULL},
    {RAW("SW1A?x=1"), NULL, NULL},
    {RAW("SW1A%3Fx"), NULL, NULL},
    {RAW("SW1A#x"), NULL, NULL},
    {RAW("SW1A%23"), NULL, NULL},
    {RAW("SW1A;x"), NULL, NULL},
    {RAW("SW1A%0D%0AHost"), NULL, NULL},
    {RAW("SW1A\t1AA"), NULL, NULL},
    {RAW("SW1A%091AA"), NULL, NULL},
    /* decoded once, and `+` is no space */
    {RAW("SW1A%25201AA"), NULL, NULL},
    {RAW("SW1A%252F"), NULL, NULL},
    {RAW("SW1A+1AA"), NULL, NULL},
    {RAW("SW1A%2B1AA"), NULL, NULL},
    /* broken triplets */
    {RAW("%"), NULL, NULL},
    {RAW("SW1A%"), NULL, NULL},
    {RAW("SW1A%2"), NULL, NULL},
    {RAW("SW1A%2G"), NULL, NULL},
    {RAW("SW1A%G0"), NULL, NULL},
    {RAW("SW1A%%20"), NULL, NULL},
    {RAW("SW1A% 20"), NULL, NULL},
    {RAW("SW1A%-1"), NULL, NULL},
    {RAW("SW1A%+41"), NULL, NULL},
    {RAW("SW1A%0x41"), NULL, NULL},
    {RAW("SW1A%u0041"), NULL, NULL},
    /* not ASCII */
    {RAW("SW1\xc3\x84"), NULL, NULL},
    {RAW("SW1%C3%84"), NULL, NULL},
    {RAW("SW1%A0"), NULL, NULL},
    {RAW("SW1%FF"), NULL, NULL},
    {RAW("SW1%7F"), NULL, NULL},
    {RAW("%EF%BC%A1"), NULL, NULL},
    /* every other visible character once */
    {RAW("A_"), NULL, NULL},
    {RAW("A~"), NULL, NULL},
    {RAW("A!"), NULL, NULL},
    {RAW("A'"), NULL, NULL},
    {RAW("A\""), NULL, NULL},
    {RAW("A<"), NULL, NULL},
    {RAW("A:"), NULL, NULL},
    {RAW("A@"), NULL, NULL},
    {RAW("A["), NULL, NULL},
    {RAW("A`"), NULL, NULL},
    {RAW("A{"), NULL, NULL},
    {RAW("A&b"), NULL, NULL},
    {RAW("A=b"), NULL, NULL},
    {RAW("A,b"), NULL, NULL},
};

static void expect_postcode(size_t i, bool normalise, const char *wanted)
{
    struct postcode out = {.text = "untouched", .encoded = "untouched"};
    enum err err = postcode_parse(postcodes[i].raw, postcodes[i].len, normalise, &out);

    if (wanted == NULL) {
        ck_assert_msg(err == ERR_INVALID, "\"%s\" (%d) taken as \"%s\"", postcodes[i].raw,
                      normalise, out.text);
        ck_assert_str_eq(out.text, "untouched");
        ck_assert_str_eq(out.encoded, "untouched");
        return;
    }
    ck_assert_msg(err == ERR_OK, "\"%s\" (%d) refused", postcodes[i].raw, normalise);
    ck_assert_str_eq(out.text, wanted);
}

START_TEST(test_postcodes)
{
    expect_postcode((size_t)_i, true, postcodes[_i].normal);
    expect_postcode((size_t)_i, false, postcodes[_i].kept);
}
END_TEST

/* Of all 256 bytes, raw and encoded, only the 64 of the grammar pass. */
START_TEST(test_every_byte)
{
    unsigned raw_taken = 0, encoded_taken = 0;

    for (unsigned c = 0; c < 256; c++) {
        struct postcode out;
        char raw[] = {'A', (char)c, 'B'};
        char triplet[8];
        snprintf(triplet, sizeof(triplet), "A%%%02XB", c);
        raw_taken += postcode_parse(raw, 3, true, &out) == ERR_OK;
        encoded_taken += postcode_parse(triplet, 5, true, &out) == ERR_OK;
    }
    ck_assert_uint_eq(raw_taken, 64);
    ck_assert_uint_eq(encoded_taken, 64);
}
END_TEST

START_TEST(test_encoded)
{
    static const struct {
        const char *raw;
        const char *encoded;
    } cases[] = {
        {"sw1a%201aa", "SW1A%201AA"},
        {"sw1a 1aa", "SW1A%201AA"},
        {"%73w1a-1aa", "SW1A-1AA"},
        {"A%20B%20C%20D%20E%20F%20G%20HI", "A%20B%20C%20D%20E%20F%20G%20HI"},
    };
    struct postcode out;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(postcode_parse(cases[i].raw, strlen(cases[i].raw), true, &out), ERR_OK);
        ck_assert_str_eq(out.encoded, cases[i].encoded);
    }
    /* The most that encoding can make of 16 characters. */
    ck_assert_int_eq(postcode_parse("A" SPACES16, 46, false, &out), ERR_OK);
    ck_assert_uint_eq(strlen(out.text), POSTCODE_MAX);
    ck_assert_uint_eq(strlen(out.encoded), 1 + 3 * (POSTCODE_MAX - 1));
}
END_TEST

START_TEST(test_long_input)
{
    char raw[5000];
    struct postcode out;

    memset(raw, ' ', sizeof(raw));
    raw[sizeof(raw) - 1] = 'A';
    ck_assert_int_eq(postcode_parse(raw, sizeof(raw), true, &out), ERR_INVALID);
    ck_assert_int_eq(postcode_parse(raw + sizeof(raw) - 1024, 1024, true, &out), ERR_OK);
    ck_assert_str_eq(out.text, "A");
    ck_assert_int_eq(postcode_parse(raw + sizeof(raw) - 1025, 1025, true, &out), ERR_INVALID);
}
END_TEST

START_TEST(test_queries)
{
    static const struct {
        const char *query;
        size_t len;
        bool valid;
    } cases[] = {
        {RAW(""), true},
        {RAW("a=1&b=2"), true},
        {RAW("AZaz09-._~!$&'()*+,;=:@/?"), true},
        {RAW("%20%00%ff%FF"), true},
        {RAW("?/?//"), true},
        {RAW("%"), false},
        {RAW("a=%2"), false},
        {RAW("a=%2g"), false},
        {RAW("a=%%20"), false},
        {RAW("a b"), false},
        {RAW("a#b"), false},
        {RAW("a[]=1"), false},
        {RAW("a|b"), false},
        {RAW("a\\b"), false},
        {RAW("a^b"), false},
        {RAW("a`b"), false},
        {RAW("a{b}"), false},
        {RAW("a\"b"), false},
        {RAW("a<b>"), false},
        {RAW("a\rb"), false},
        {RAW("a\nb"), false},
        {RAW("a\0b"), false},
        {RAW("a\x7f"), false},
        {RAW("a=\xc3\xa9"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(query_is_valid(cases[i].query, cases[i].len) == cases[i].valid, "\"%s\"",
                      cases[i].query);
    ck_assert(query_is_valid(NULL, 0));
}
END_TEST

START_TEST(test_for_log)
{
    static const struct {
        const char *raw;
        enum config_postcodes policy;
        const char *shown;
    } cases[] = {
        {"SW1A%201AA", POSTCODES_FULL, "SW1A%201AA"},
        {"sw1a 1aa", POSTCODES_FULL, "sw1a 1aa"},
        {"../x", POSTCODES_FULL, "../x"},
        {"", POSTCODES_FULL, ""},
        {"SW1A%201AA", POSTCODES_OUTWARD, "SW1A%20***"},
        {"sw1a1aa", POSTCODES_OUTWARD, "SW1A***"},
        {"SW1A%201AA%20%20%20", POSTCODES_OUTWARD, "SW1A%20***"},
        {"%53W1A%20%20%201AA", POSTCODES_OUTWARD, "SW1A%20***"},
        {"ABCD", POSTCODES_OUTWARD, "A***"},
        {"ABC", POSTCODES_OUTWARD, "***"},
        {"A", POSTCODES_OUTWARD, "***"},
        {"SW1A%2F1AA", POSTCODES_OUTWARD, "***"},
        {"SW1A_1AA", POSTCODES_OUTWARD, "***"},
        {"ABCDEFGHIJKLMNOPQ", POSTCODES_OUTWARD, "***"},
        {"10%20Downing%20Street%20London", POSTCODES_OUTWARD, "***"},
        {"", POSTCODES_OUTWARD, ""},
        {"SW1A%201AA", POSTCODES_OFF, "***"},
        {"../x", POSTCODES_OFF, "***"},
        {"", POSTCODES_OFF, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[POSTCODE_LOG_TEXT];
        postcode_for_log(cases[i].raw, strlen(cases[i].raw), cases[i].policy, out, sizeof(out));
        ck_assert_str_eq(out, cases[i].shown);
    }
}
END_TEST

START_TEST(test_for_log_is_cut)
{
    char out[8];

    postcode_for_log("ABCDEFG", 7, POSTCODES_FULL, out, sizeof(out));
    ck_assert_str_eq(out, "ABCDEFG");
    postcode_for_log("ABCDEFGH", 8, POSTCODES_FULL, out, sizeof(out));
    ck_assert_str_eq(out, "ABCD...");
    postcode_for_log("ABCDEFG", 7, POSTCODES_OUTWARD, out, sizeof(out));
    ck_assert_str_eq(out, "ABCD***");
    postcode_for_log("ABCDEFGH", 8, POSTCODES_OUTWARD, out, sizeof(out));
    ck_assert_str_eq(out, "***");
    postcode_for_log("ABCDEFGH", 8, POSTCODES_FULL, out, 4);
    ck_assert_str_eq(out, "...");
    postcode_for_log("ABCDEFGH", 8, POSTCODES_OFF, out, 4);
    ck_assert_str_eq(out, "***");
    /* The longest outward part has room. */
    char room[POSTCODE_LOG_TEXT];
    postcode_for_log("A%20B%20C%20D%20E%20F%20G%20HI", 30, POSTCODES_OUTWARD, room, sizeof(room));
    ck_assert_str_eq(room, "A%20B%20C%20D%20E%20F%20G***");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postcode");
    TCase *tcase = tcase_create("postcode");

    tcase_add_loop_test(tcase, test_postcodes, 0, (int)ARRAY_LEN(postcodes));
    tcase_add_test(tcase, test_every_byte);
    tcase_add_test(tcase, test_encoded);
    tcase_add_test(tcase, test_long_input);
    tcase_add_test(tcase, test_queries);
    tcase_add_test(tcase, test_for_log);
    tcase_add_test(tcase, test_for_log_is_cut);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
