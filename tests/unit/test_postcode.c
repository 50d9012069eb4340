/* Postcodes from raw path segments, queries, and what of them a log line shows. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/check.h"
#include "base/text.h"
#include "lookup/postcode.h"
#include "lookup/postcode_fold.h"
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
    {RAW("%EF%BC%A1"), "A", NULL},
    {RAW("%EF%BC%8F"), NULL, NULL}, /* a full-width slash, dot and percent sign */
    {RAW("%EF%BC%8E%EF%BC%8E"), NULL, NULL},
    {RAW("%EF%BC%852F"), NULL, NULL},
    {RAW("M1%0D%0A"), "M1", NULL},
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
    struct reason reason;
    enum err err = postcode_parse(postcodes[i].raw, postcodes[i].len, normalise, &out, &reason);

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

/* Of all 256 bytes, raw and encoded, only the 64 of the grammar pass between two letters. */
START_TEST(test_every_byte)
{
    bool normalise = _i == 0;
    unsigned raw_taken = 0, encoded_taken = 0;

    for (unsigned c = 0; c < 256; c++) {
        struct postcode out;
        struct reason reason;
        char raw[] = {'A', (char)c, 'B'};
        char triplet[8];
        snprintf(triplet, sizeof(triplet), "A%%%02XB", c);
        raw_taken += postcode_parse(raw, 3, normalise, &out, &reason) == ERR_OK;
        encoded_taken += postcode_parse(triplet, 5, normalise, &out, &reason) == ERR_OK;
    }
    ck_assert_uint_eq(raw_taken, 64);
    ck_assert_uint_eq(encoded_taken, 64);
}
END_TEST

/* What is pasted in place of ASCII: folded by normalising, and refused without. */
START_TEST(test_pasted)
{
    static const struct {
        const char *raw;
        const char *normal;
    } cases[] = {
        {"SW1A%C2%A01AA", "SW1A 1AA"},
        {"SW1A\xc2\xa0"
         "1AA",
         "SW1A 1AA"},
        {"SW1A%E2%80%AF1AA", "SW1A 1AA"},
        {"SW1A%E2%80%80%20%E2%80%8A1AA", "SW1A 1AA"},
        {"%E3%80%80SW1A%E2%81%9F1AA%E3%80%80", "SW1A 1AA"},
        {"100%E2%80%930001", "100-0001"},
        {"100%E2%80%900001", "100-0001"},
        {"100%E2%80%950001", "100-0001"},
        {"100%E2%88%920001", "100-0001"},
        {"100%EF%B9%980001", "100-0001"},
        {"100%EF%B9%A30001", "100-0001"},
        {"100%EF%BC%8D0001", "100-0001"},
        {"100%E3%83%BC0001", "100-0001"},
        {"100%EF%BD%B00001", "100-0001"},
        {"%EF%BC%91%EF%BC%90%EF%BC%99", "109"},
        {"%EF%BC%A1%EF%BC%BA%EF%BD%81%EF%BD%9A", "AZAZ"},
        {"%E3%80%92100-0001", "100-0001"},
        {"%E3%80%92%20100-0001", "100-0001"},
        {"%20%E3%80%A0%E3%80%B6100-0001%E3%80%92", "100-0001"},
        {"%EF%BB%BFSW%E2%80%8B1%C2%ADA%E2%81%A01AA", "SW1A1AA"},
        {"%E2%80%8EM1%E2%80%8F", "M1"},
        {"%E2%80%AA%E2%80%AEM1%D8%9C%E2%81%A6%E2%81%A9", "M1"},
        {"M1%0A", "M1"},
        {"M1%20%0D%0A%20", "M1"},
        {"%09M1%0B%0C", "M1"},
        {"%C2%85M1%E2%80%A8%E2%80%A9", "M1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct postcode out;
        struct reason reason = {""};
        size_t len = strlen(cases[i].raw);
        enum err err = postcode_parse(cases[i].raw, len, true, &out, &reason);
        ck_assert_msg(err == ERR_OK, "\"%s\": %s", cases[i].raw, reason.text);
        ck_assert_str_eq(out.text, cases[i].normal);
        ck_assert_int_eq(postcode_parse(cases[i].raw, len, false, &out, &reason), ERR_INVALID);
    }
}
END_TEST

/* No code point of Unicode becomes anything but a character of the grammar. */
START_TEST(test_every_fold)
{
    unsigned to[128] = {0};
    unsigned dropped = 0, edges = 0;

    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char c = 0;
        enum postcode_fold fold = postcode_fold(code, &c);
        if (fold == FOLD_TO) {
            ck_assert(text_is(c, TEXT_ALNUM | TEXT_SPACE | TEXT_HYPHEN));
            to[(unsigned char)c]++;
        }
        dropped += fold == FOLD_DROP;
        edges += fold == FOLD_EDGE;
    }
    for (unsigned c = 0; c < 128; c++)
        ck_assert(!text_is((char)c, TEXT_ALNUM) || to[c] == 2);
    ck_assert_uint_eq(to[' '], 16);
    ck_assert_uint_eq(to['-'], 13);
    ck_assert_uint_eq(dropped, 18);
    ck_assert_uint_eq(edges, 11);
}
END_TEST

#define RULE "A postcode is 1 to 16 letters, digits, spaces and hyphens; "
#define BROKEN "A postcode is percent-encoded; the % at character "
#define NOT_HEX " is not followed by two hexadecimal digits"

START_TEST(test_reasons)
{
    static const struct {
        const char *raw;
        const char *reason;
    } cases[] = {
        {"SW1A+1AA", RULE "character 5 is U+002B (\"+\"), which is not a space: write %20"},
        {"SW1A%2B1AA", RULE "character 5 is U+002B (\"+\"), which is not a space: write %20"},
        {"%2e.", RULE "character 1 is U+002E (\".\"), which is not allowed"},
        {"SW1A%25201AA", RULE "character 5 is U+0025 (\"%\"), which is not allowed"},
        {"A\"B", RULE "character 2 is U+0022 (\"\"\"), which is not allowed"},
        {"SW1%C3%84", RULE "character 4 is U+00C4, which is not allowed"},
        {"%C2%A0%F0%9F%8F%A0", RULE "character 2 is U+1F3E0, which is not allowed"},
        {"M1%00", RULE "character 3 is U+0000, which is not allowed"},
        {"M1%7F+", RULE "character 3 is U+007F, which is not allowed"},
        {"M1%0AM2%0AM3", RULE "character 3 is U+000A, which is allowed at the ends only"},
        {"M1%09M2", RULE "character 3 is U+0009, which is allowed at the ends only"},
        {"M1%20%E3%80%92%20M2", RULE "character 4 is U+3012, which is allowed at the ends only"},
        {"SW1%FF", RULE "character 4 is the byte 0xFF, which is not UTF-8"},
        {"SW1A%A01AA", RULE "character 5 is the byte 0xA0, which is not UTF-8"},
        {"%E2%80%8BM1%E2%80", RULE "character 4 is the byte 0xE2, which is not UTF-8"},
        {"%C0%AF", RULE "character 1 is the byte 0xC0, which is not UTF-8"},
        {"SW1A%2", BROKEN "5" NOT_HEX},
        {"%C2%A0A%zz", BROKEN "3" NOT_HEX},
        {"%", BROKEN "1" NOT_HEX},
        {"A+%2", RULE "character 2 is U+002B (\"+\"), which is not a space: write %20"},
        {"A%C2%", RULE "character 2 is the byte 0xC2, which is not UTF-8"},
        {"", RULE "this one is empty"},
        {"%20%C2%A0", RULE "this one is blank"},
        {"%E2%80%8B%0A", RULE "this one is blank"},
        {"ABCDEFGHIJKLMNOPQ", RULE "this one has 17"},
        {"ABCDEFGHIJK%20%20%20LMNOPQRSTU", RULE "this one has 22"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct postcode out;
        struct reason reason = {""};
        enum err err = postcode_parse(cases[i].raw, strlen(cases[i].raw), true, &out, &reason);
        ck_assert_int_eq(err, ERR_INVALID);
        ck_assert_str_eq(reason.text, cases[i].reason);
    }
}
END_TEST

/* What is said does not depend on folding where there is none. */
START_TEST(test_reasons_as_received)
{
    static const struct {
        const char *raw;
        const char *reason;
    } cases[] = {
        {"SW1A%C2%A01AA", RULE "character 5 is U+00A0, which is not allowed"},
        {"M1%0A", RULE "character 3 is U+000A, which is not allowed"},
        {"%EF%BB%BFM1", RULE "character 1 is U+FEFF, which is not allowed"},
        {"ABCDEFGHIJKLMNO%20%20", RULE "this one has 17"},
        {"%20", RULE "this one is blank"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct postcode out;
        struct reason reason = {""};
        enum err err = postcode_parse(cases[i].raw, strlen(cases[i].raw), false, &out, &reason);
        ck_assert_int_eq(err, ERR_INVALID);
        ck_assert_str_eq(reason.text, cases[i].reason);
    }
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
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(postcode_parse(cases[i].raw, strlen(cases[i].raw), true, &out, &reason),
                         ERR_OK);
        ck_assert_str_eq(out.encoded, cases[i].encoded);
    }
    /* The most that encoding can make of 16 characters. */
    ck_assert_int_eq(postcode_parse("A" SPACES16, 46, false, &out, &reason), ERR_OK);
    ck_assert_uint_eq(strlen(out.text), POSTCODE_MAX);
    ck_assert_uint_eq(strlen(out.encoded), 1 + 3 * (POSTCODE_MAX - 1));
}
END_TEST

START_TEST(test_long_input)
{
    char raw[5000];
    struct postcode out;
    struct reason reason;

    memset(raw, ' ', sizeof(raw));
    raw[sizeof(raw) - 1] = 'A';
    ck_assert_int_eq(postcode_parse(raw, sizeof(raw), true, &out, &reason), ERR_INVALID);
    ck_assert_int_eq(postcode_parse(raw + sizeof(raw) - 1024, 1024, true, &out, &reason), ERR_OK);
    ck_assert_str_eq(out.text, "A");
    ck_assert_int_eq(postcode_parse(raw + sizeof(raw) - 1025, 1025, true, &out, &reason),
                     ERR_INVALID);
    ck_assert_str_eq(reason.text, RULE "this one has more than 1024 bytes");
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
        {"SW1A%C2%A01AA", POSTCODES_FULL, "SW1A%C2%A01AA"},
        {"SW1A%C2%A01AA", POSTCODES_OUTWARD, "SW1A%20***"},
        {"100%E2%80%930001%E2%80%8B%0A", POSTCODES_OUTWARD, "100-0***"},
        {"SW1A%0A1AA", POSTCODES_OUTWARD, "***"},
        {"SW1A%C2%A01AA", POSTCODES_OFF, "***"},
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
    tcase_add_loop_test(tcase, test_every_byte, 0, 2);
    tcase_add_test(tcase, test_pasted);
    tcase_add_test(tcase, test_every_fold);
    tcase_add_test(tcase, test_reasons);
    tcase_add_test(tcase, test_reasons_as_received);
    tcase_add_test(tcase, test_encoded);
    tcase_add_test(tcase, test_long_input);
    tcase_add_test(tcase, test_queries);
    tcase_add_test(tcase, test_for_log);
    tcase_add_test(tcase, test_for_log_is_cut);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
