/*
 * The quick look at a body: it must know the plain ones, or it is of no use, and it must never be
 * sure of what a parser refuses, or it is a hole. The second is looked for with many small changes
 * to good bodies; the parser has the last word.
 */
#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "lookup/address.h"
#include "lookup/address_members.h"
#include "lookup/plain_address.h"
#include "suite.h"

#define P "\"postcode\":\"SW1A 1AA\""

/* Bodies of which it has to be sure. */
static const char *const plain[] = {
    "{" P "}",
    "{" P ",\"country\":\"England\",\"region\":\"London\",\"town\":\"London\"}",
    " \t\r\n{ " P " , \"n\" : -12.50 ,\"t\":true,\"f\":false,\"z\":null, \"o\":0 } \r\n",
    "{" P ",\"lines\":[\"10\",[],{},{\"a\":{\"postcode\":1,\"country\":2}}],\"a\":1}",
    "{\"a\":[1,2,{\"a\":{\"a\":\"a\"}}],\"b\":{\"a\":1,\"b\":2}," P "}",
    "{" P ",\"x\":\"T\xc5\xb7 \\\"a\\\\b\\/\\b\\f\\n\\r\\t \x7f \xf0\x9f\x98\x80\"}",
};

START_TEST(test_plain)
{
    ck_assert(plain_address(plain[_i], strlen(plain[_i])));
}
END_TEST

/* Bodies that are good, but not for it to say. */
static const char *const unsure[] = {
    "{" P ",\"x\":\"\\u0041\"}",
    "{" P ",\"x\\n\":1}",
    "{" P ",\"x\":1e3}",
    "{" P ",\"x\":123456789012345678901234567890}",
    "{" P ",\"x\":[[[[[[[[1]]]]]]]]}",
};

START_TEST(test_unsure)
{
    ck_assert(!plain_address(unsure[_i], strlen(unsure[_i])));
}
END_TEST

/* A body with every known member a string; `odd` is left out, or has another value. */
static void put_members(char body[256], size_t odd, const char *value)
{
    size_t len = (size_t)snprintf(body, 256, "{\"x\":1");

    for (size_t i = 0; i < ARRAY_LEN(address_members); i++) {
        const char *name = address_members[i].name;

        if (i != odd || value != NULL)
            len += (size_t)snprintf(body + len, 256 - len, ",\"%s\":%s", name,
                                    i == odd ? value : "\"s\"");
    }
    snprintf(body + len, 256 - len, "}");
}

/* Both checkers judge each member by the one description. */
START_TEST(test_members)
{
    const struct address_member *member = &address_members[_i];
    char body[256], expected[REASON_MAX];
    struct reason reason;

    put_members(body, ARRAY_LEN(address_members), NULL);
    ck_assert(plain_address(body, strlen(body)));

    put_members(body, (size_t)_i, NULL);
    ck_assert(plain_address(body, strlen(body)) == !member->required);
    ck_assert((address_check(body, strlen(body), &reason) == ERR_OK) == !member->required);

    put_members(body, (size_t)_i, "null");
    ck_assert(!plain_address(body, strlen(body)));
    ck_assert_int_eq(address_check(body, strlen(body), &reason), ERR_INVALID);
    snprintf(expected, sizeof(expected), "%s is %snot a string", member->name,
             member->required ? "missing or " : "");
    ck_assert_str_eq(reason.text, expected);
}
END_TEST

/* What a parser says; a NUL it overlooks in places (lookup/address.c). */
static bool is_address(const char *body, size_t len)
{
    json_t *json = json_loadb(
        body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    json_t *country = json_object_get(json, "country");
    bool good = json_is_object(json) && json_is_string(json_object_get(json, "postcode")) &&
                (country == NULL || json_is_string(country)) && memchr(body, '\0', len) == NULL;

    json_decref(json);
    return good;
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
static size_t change(char *body, size_t len)
{
    static const char bytes[] = "{}[]\",:\\ntfu0123456789.-eE \x80\xc3\xa9\xed\xa0\x01\x00";
    size_t at = draw((uint32_t)len);
    size_t stretch = 1 + draw(12);

    if (stretch > len - at)
        stretch = len - at;
    switch (draw(3)) {
    case 0:
        body[at] = bytes[draw(sizeof(bytes) - 1)];
        return len;
    case 1:
        memmove(body + at, body + at + stretch, len - at - stretch);
        return len - stretch;
    default:
        memmove(body + at + stretch, body + at, len - at);
        return len + stretch;
    }
}

START_TEST(test_never_sure_of_what_is_wrong)
{
    char body[1024];
    unsigned sure = 0;

    for (unsigned round = 0; round < 300000; round++) {
        const char *from = plain[draw(ARRAY_LEN(plain))];
        size_t len = strlen(from);

        memcpy(body, from, len);
        for (uint32_t changes = 1 + draw(4); changes > 0 && len > 0; changes--)
            len = change(body, len);
        if (!plain_address(body, len))
            continue;
        sure++;
        ck_assert_msg(is_address(body, len), "%.*s", (int)len, body);
    }
    ck_assert_uint_gt(sure, 1000); /* it was asked in earnest */
}
END_TEST

START_TEST(test_ends_anywhere)
{
    for (size_t len = 0; len < strlen(plain[_i]); len++) {
        /* On the heap, so that a sanitizer sees a step too far. */
        char *part = malloc(len + (len == 0));

        memcpy(part, plain[_i], len);
        ck_assert(!plain_address(part, len) || is_address(part, len));
        free(part);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plain_address");
    TCase *tcase = tcase_create("plain_address");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_plain, 0, ARRAY_LEN(plain));
    tcase_add_loop_test(tcase, test_unsure, 0, ARRAY_LEN(unsure));
    tcase_add_loop_test(tcase, test_members, 0, ARRAY_LEN(address_members));
    tcase_add_test(tcase, test_never_sure_of_what_is_wrong);
    tcase_add_loop_test(tcase, test_ends_anywhere, 0, ARRAY_LEN(plain));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
