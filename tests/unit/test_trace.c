/* GUIDs and traces. Random ones are looked at for their form, and for not coming twice. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <uuid/uuid.h>

#include "base/check.h"
#include "runtime/trace.h"
#include "suite.h"

#define RAW(s) s, sizeof(s) - 1
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define ZERO16 "0000000000000000"

START_TEST(test_guid_grammar)
{
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } cases[] = {
        {RAW("a"), true},
        {RAW("azAZ09._:-"), true},
        {RAW("4f8c1f1e-6c5b-4e0a-9d43-2f1f3c1d2b6a"), true},
        {RAW(X64 X64), true},
        {RAW(X64 X64 "x"), false},
        {RAW(""), false},
        {RAW("a b"), false},
        {RAW("a\n"), false},
        {RAW("a\0b"), false},
        {RAW("a/b"), false},
        {RAW("a;b"), false},
        {RAW("a@"), false},
        {RAW("a["), false},
        {RAW("a`"), false},
        {RAW("a{"), false},
        {RAW("\"a\""), false},
        {RAW("a%20"), false},
        {RAW("caf\xc3\xa9"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(guid_is_valid(cases[i].text, cases[i].len) == cases[i].valid, "\"%s\"",
                      cases[i].text);
}
END_TEST

#define MANY 1000

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Over many blocks: none twice, each a version 4 UUID that is a GUID too. */
START_TEST(test_guid_make)
{
    static char guids[MANY][GUID_UUID_TEXT];
    struct guid_source source = {0};

    for (size_t i = 0; i < MANY; i++) {
        uuid_t uuid;
        guid_make(&source, guids[i]);
        ck_assert_uint_eq(strlen(guids[i]), GUID_UUID_TEXT - 1);
        ck_assert(guid_is_valid(guids[i], strlen(guids[i])));
        ck_assert_int_eq(uuid_parse(guids[i], uuid), 0);
        ck_assert_int_eq(uuid_type(uuid), UUID_TYPE_DCE_RANDOM);
        ck_assert_int_eq(uuid_variant(uuid), UUID_VARIANT_DCE);
        ck_assert_uint_eq(strspn(guids[i], "0123456789abcdef-"), GUID_UUID_TEXT - 1);
    }
    qsort(guids, MANY, sizeof(guids[0]), compare);
    for (size_t i = 1; i < MANY; i++)
        ck_assert_str_ne(guids[i - 1], guids[i]);
}
END_TEST

/* All 122 bits move: each is seen as 0 and as 1. */
START_TEST(test_guid_bits)
{
    struct guid_source source = {0};
    uuid_t ever = {0}, always;

    memset(always, 0xff, sizeof(always));
    for (size_t i = 0; i < MANY; i++) {
        char guid[GUID_UUID_TEXT];
        uuid_t uuid;
        guid_make(&source, guid);
        uuid_parse(guid, uuid);
        for (size_t j = 0; j < sizeof(uuid); j++) {
            ever[j] |= uuid[j];
            always[j] &= uuid[j];
        }
    }
    for (size_t j = 0; j < sizeof(ever); j++) {
        unsigned fixed = j == 6 ? 0xf0 : j == 8 ? 0xc0 : 0;
        ck_assert_uint_eq((unsigned)(ever[j] & ~always[j]), 0xff & ~fixed);
    }
}
END_TEST

START_TEST(test_used_bytes_are_gone)
{
    struct guid_source source = {0};
    char guid[GUID_UUID_TEXT];

    for (size_t i = 1; i <= GUID_BLOCK / 16; i++) {
        guid_make(&source, guid);
        ck_assert_uint_eq(source.left, GUID_BLOCK - 16 * i);
        unsigned left = 0;
        for (size_t j = 0; j < 16 * i; j++)
            left |= source.bytes[j];
        ck_assert_uint_eq(left, 0);
    }
}
END_TEST

/* What a child takes over; NULL: it is the root of a new trace. */
static const struct {
    const char *incoming;
    size_t len;
    const char *flags;
} parents[] = {
    {RAW("00-" TRACE "-" PARENT "-01"), "01"},
    {RAW("00-" TRACE "-" PARENT "-00"), "00"},
    {RAW("00-" TRACE "-" PARENT "-03"), "03"},
    {RAW("00-" TRACE "-" PARENT "-ff"), "03"},
    {RAW("00-" TRACE "-" PARENT "-f8"), "00"},
    {RAW(" \t00-" TRACE "-" PARENT "-01\t "), "01"},
    /* later versions: what version 00 knows, and a dash before anything more */
    {RAW("01-" TRACE "-" PARENT "-01"), "01"},
    {RAW("cc-" TRACE "-" PARENT "-01-what-comes"), "01"},
    {RAW("cc-" TRACE "-" PARENT "-01-"), "01"},
    {RAW("fe-" TRACE "-" PARENT "-00"), "00"},
    {RAW("cc-" TRACE "-" PARENT "-01.what"), NULL},
    {RAW("cc-" TRACE "-" PARENT "-011"), NULL},
    {RAW("cc-" TRACE "-" PARENT "-0"), NULL},
    {RAW("ff-" TRACE "-" PARENT "-01"), NULL},
    /* version 00 to the byte */
    {RAW("00-" TRACE "-" PARENT "-01-"), NULL},
    {RAW("00-" TRACE "-" PARENT "-01-x"), NULL},
    {RAW("00-" TRACE "-" PARENT "-1"), NULL},
    {RAW("00-" TRACE "-" PARENT "-0x"), NULL},
    {RAW("00-" TRACE "-" PARENT "-0A"), NULL},
    {RAW("00-" TRACE "-" PARENT), NULL},
    {RAW("00-" ZERO16 ZERO16 "-" PARENT "-01"), NULL},
    {RAW("00-" TRACE "-" ZERO16 "-01"), NULL},
    {RAW("00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01"), NULL},
    {RAW("00-" TRACE "-00F067AA0BA902B7-01"), NULL},
    {RAW("00-" TRACE "-00f067aa0ba902bg-01"), NULL},
    {RAW("00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-011"), NULL},
    {RAW("00_" TRACE "-" PARENT "-01"), NULL},
    {RAW("00-" TRACE "_" PARENT "-01"), NULL},
    {RAW("00-" TRACE "-" PARENT "_01"), NULL},
    {RAW("0-" TRACE "-" PARENT "-01x"), NULL},
    {RAW("0x-" TRACE "-" PARENT "-01"), NULL},
    {RAW("00-" TRACE "-" PARENT "-01, 00-" TRACE "-" PARENT "-01"), NULL},
    {RAW("00-" TRACE "-" PARENT "-\0001"), NULL},
    {RAW("00-4bf92f35 7b34da6a3ce929d0e0e4736-" PARENT "-01"), NULL},
    {RAW(""), NULL},
    {RAW("  "), NULL},
    {NULL, 0, NULL},
};

START_TEST(test_trace_continue)
{
    struct guid_source source = {0};
    char out[TRACEPARENT_TEXT], again[TRACEPARENT_TEXT];
    const char *flags = parents[_i].flags;
    const char *incoming = parents[_i].incoming;
    bool child = trace_continue(&source, incoming, parents[_i].len, out);

    ck_assert_msg(child == (flags != NULL), "\"%s\"", incoming != NULL ? incoming : "nothing");
    ck_assert_uint_eq(strlen(out), TRACEPARENT_LEN);
    ck_assert_int_eq(strncmp(out, "00-", 3), 0);
    ck_assert_str_eq(out + 53, child ? flags : "01");
    ck_assert_int_eq(strncmp(out + 3, TRACE, 32) == 0, child);
    ck_assert_int_ne(strncmp(out + 36, PARENT, 16), 0);
    /* What we made is a parent to the next in line. */
    ck_assert(trace_continue(&source, out, strlen(out), again));
    ck_assert_int_eq(strncmp(out, again, 36), 0);
    ck_assert_int_ne(strncmp(out + 36, again + 36, 16), 0);
    ck_assert_str_eq(out + 52, again + 52);
}
END_TEST

/* A source that would give an id of zeros is asked again. */
START_TEST(test_ids_are_never_zero)
{
    struct guid_source source = {.left = GUID_BLOCK};
    char out[TRACEPARENT_TEXT];

    ck_assert(!trace_continue(&source, NULL, 0, out));
    ck_assert_int_ne(strncmp(out + 3, ZERO16 ZERO16, 32), 0);
    ck_assert_int_ne(strncmp(out + 36, ZERO16, 16), 0);
}
END_TEST

#define M8 "a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8"

START_TEST(test_tracestate)
{
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } cases[] = {
        {RAW("congo=t61rcWkgMzE"), true},
        {RAW("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"), true},
        {RAW("a=1 ,\t b=2, ,"), true},
        {RAW("t@v=a=b"), true},
        {RAW("a=with space"), true},
        {RAW(M8 "," M8 "," M8 "," M8), true},
        {RAW(M8 "," M8 "," M8 "," M8 ",i=9"), false},
        {RAW("a=" X64 X64 X64 X64 X64 X64 X64 X64), false},
        {RAW("a=" X64 X64 X64 X64 X64 X64 X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), true},
        {RAW(""), false},
        {RAW(" "), false},
        {RAW(",,"), false},
        {RAW("a"), false},
        {RAW("a="), false},
        {RAW("=1"), false},
        {RAW("a=1,b"), false},
        {RAW("a=1\r\nX: y"), false},
        {RAW("a=\0"), false},
        {RAW("a=\x7f"), false},
        {RAW("a=caf\xc3\xa9"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(tracestate_is_valid(cases[i].text, cases[i].len) == cases[i].valid, "\"%s\"",
                      cases[i].text);
    char longest[TRACESTATE_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    longest[1] = '=';
    ck_assert(tracestate_is_valid(longest, TRACESTATE_MAX));
    ck_assert(!tracestate_is_valid(longest, TRACESTATE_MAX + 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = tcase_create("trace");

    tcase_add_test(tcase, test_guid_grammar);
    tcase_add_test(tcase, test_guid_make);
    tcase_add_test(tcase, test_guid_bits);
    tcase_add_test(tcase, test_used_bytes_are_gone);
    tcase_add_loop_test(tcase, test_trace_continue, 0, (int)ARRAY_LEN(parents));
    tcase_add_test(tcase, test_ids_are_never_zero);
    tcase_add_test(tcase, test_tracestate);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
