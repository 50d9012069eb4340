/*
 * What a response hands on of the fields that say how long it may be kept: each read byte by byte
 * as a GET's is, and line by line as a POST's.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"
#include "upstream/parse.h"

/* ---- names ---- */

/* Each is known in any case, and what differs in one character is not. */
START_TEST(names)
{
    static const char *const known[] = {
#define NAME(id, name) [id] = (name),
        CLIENT_HEADERS(NAME)
#undef NAME
    };
    char name[32], line[64];
    struct response response;

    for (size_t at = 0; at <= strlen(known[_i]); at++) {
        snprintf(name, sizeof(name), "%s", known[_i]);
        if (at < strlen(name))
            name[at] ^= name[at] == '-' ? 1 : 0x20;
        const bool same = strcasecmp(name, known[_i]) == 0;

        for (int other = 0; other < 2; other++) {
            if (other == 1 && at < strlen(name))
                name[at] = '0';
            response_init(&response, 1000, false, mono_now());
            snprintf(line, sizeof(line), "%s: v\r\n", name);
            ck_assert(response_line(&response, "HTTP/1.1 200 OK\r\n", 17));
            ck_assert(response_line(&response, line, strlen(line)));
            ck_assert_pstr_eq(response_header(&response, (enum client_header_id)_i),
                              same && (other == 0 || at == strlen(name)) ? "v" : NULL);
            response_fini(&response);
        }
    }
}
END_TEST

START_TEST(other_names)
{
    static const char *const other[] = {
        "",     "A",       "Agé",         "Aged",       "Data",   "Varx",      "Xary",
        "Etaq", "Expirex", "Retry-Afteq", "Set-Cookie", "Server", "Connection"};
    char line[64];
    struct response response;

    response_init(&response, 1000, false, mono_now());
    snprintf(line, sizeof(line), "%s: v\r\n", other[_i]);
    ck_assert(response_line(&response, "HTTP/1.1 200 OK\r\n", 17));
    ck_assert(response_line(&response, line, strlen(line)));
    for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
        ck_assert_ptr_null(response_header(&response, (enum client_header_id)id));
    response_fini(&response);
}
END_TEST

/* ---- values ---- */

#define DAY_1 "Sun, 06 Nov 1994 08:49:37 GMT"
#define DAY_2 "Mon, 07 Nov 1994 08:49:37 GMT"

static const struct {
    const char *fields;
    const char *cache_control, *vary, *age, *date, *expires;
    bool unreadable;
} cases[] = {
    {"", NULL, NULL, NULL, NULL, NULL, false},
    {"Cache-Control: max-age=1\r\nVary: A\r\nAge: 3\r\nDate: " DAY_1 "\r\nExpires: 0\r\n",
     "max-age=1", "A", "3", DAY_1, "0", false},

    /* Lists are joined, whatever stands between. */
    {"Cache-Control: max-age=1\r\nCache-Control: no-store\r\n", "max-age=1, no-store", NULL, NULL,
     NULL, NULL, false},
    {"Cache-Control: max-age=1 \t\r\nX: y\r\nETag: e\r\ncache-control:\t no-store \r\nVary: A\r\n"
     "CACHE-CONTROL:public\r\nVARY:B\r\n",
     "max-age=1, no-store, public", "A, B", NULL, NULL, NULL, false},
    {"Vary: A\r\nVary: A\r\n", NULL, "A, A", NULL, NULL, NULL, false},
    {"Vary: A,\r\nVary: , B\r\n", NULL, "A,, , B", NULL, NULL, NULL, false},

    /* Empty ones add nothing. */
    {"Vary:\r\nVary: *\r\n", NULL, "*", NULL, NULL, NULL, false},
    {"Vary: *\r\nVary: \t\r\nVary:\r\n", NULL, "*", NULL, NULL, NULL, false},
    {"Vary: A\r\nVary:\r\nVary: B\r\n", NULL, "A, B", NULL, NULL, NULL, false},
    {"Cache-Control:\r\nAge:\r\nDate: \r\nExpires:\r\n", NULL, NULL, NULL, NULL, NULL, false},
    {"Age:\r\nAge: 3\r\n", NULL, NULL, "3", NULL, NULL, false},
    {"Age: 3\r\nAge:\r\n", NULL, NULL, "3", NULL, NULL, false},

    /* Of the others two that are equal are one. */
    {"Age: 3\r\nAge: 3 \r\nDate: " DAY_1 "\r\nDATE:" DAY_1 "\r\nExpires: 0\r\nExpires: 0\r\n", NULL,
     NULL, "3", DAY_1, "0", false},
    {"Age: 3\r\nAge: 4\r\n", NULL, NULL, "3", NULL, NULL, true},
    {"Age: 3\r\nAge: 33\r\n", NULL, NULL, "3", NULL, NULL, true},
    {"Age: 33\r\nAge: 3\r\n", NULL, NULL, "33", NULL, NULL, true},
    {"Age: 3\r\nAge: 3\r\nAge: 4\r\n", NULL, NULL, "3", NULL, NULL, true},
    {"Date: " DAY_1 "\r\nDate: " DAY_2 "\r\n", NULL, NULL, NULL, DAY_1, NULL, true},
    {"Expires: " DAY_1 "\r\nX: y\r\nExpires: " DAY_2 "\r\n", NULL, NULL, NULL, NULL, DAY_1, true},

    /* Forbidden bytes, alone and beside others. */
    {"Cache-Control: a\x01z\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Vary: \x7f\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Age: 3\x08\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Date: \x1b\r\nDate: " DAY_1 "\r\n", NULL, NULL, NULL, DAY_1, NULL, true},
    {"Expires: 1\r\nExpires: \x01\r\n", NULL, NULL, NULL, NULL, "1", true},
    {"Cache-Control: max-age=1\r\nCache-Control: no-\x01\r\nCache-Control: public\r\n",
     "max-age=1, public", NULL, NULL, NULL, NULL, true},
    {"Cache-Control: \x01\r\nCache-Control: public\r\n", "public", NULL, NULL, NULL, NULL, true},
    {"ETag: \x01\r\nX: \x01\r\nVary: A\r\n", NULL, "A", NULL, NULL, NULL, false},
    {"Vary: A\tB\xc3\xa9\r\n", NULL, "A\tB\xc3\xa9", NULL, NULL, NULL, false},

    /* Folded lines. */
    {"Cache-Control: max-age=1,\r\n no-store\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Cache-Control: max-age=1\r\nCache-Control: x,\r\n\tno-store\r\nCache-Control: public\r\n",
     "max-age=1, public", NULL, NULL, NULL, NULL, true},
    {"Vary: A\r\n B\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Age: 3\r\n 4\r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"Date: " DAY_1 "\r\nDate: Sun,\r\n 06\r\n", NULL, NULL, NULL, DAY_1, NULL, true},
    {"Expires: 0\r\n \r\n", NULL, NULL, NULL, NULL, NULL, true},
    {"ETag: a\r\n b\r\nX: a\r\n b\r\nVary: A\r\n", NULL, "A", NULL, NULL, NULL, false},
};

static void ck_case(struct response *response, size_t number)
{
    ck_assert_int_eq(response_status(response), 200);
    ck_assert_pstr_eq(response_header(response, CLIENT_CACHE_CONTROL), cases[number].cache_control);
    ck_assert_pstr_eq(response_header(response, CLIENT_VARY), cases[number].vary);
    ck_assert_pstr_eq(response_header(response, CLIENT_AGE), cases[number].age);
    ck_assert_pstr_eq(response_header(response, CLIENT_DATE), cases[number].date);
    ck_assert_pstr_eq(response_header(response, CLIENT_EXPIRES), cases[number].expires);
    ck_assert_pstr_eq(response_header(response, CLIENT_CONTENT_ENCODING), "gzip");
    ck_assert_int_eq(response->unreadable, cases[number].unreadable);
    response_fini(response);
}

/* In a block of its own, so that a sanitizer reports a read in an earlier one. */
static enum parse_state parse_byte(struct parse *parse, char c)
{
    char *byte = malloc(1);
    size_t used;

    *byte = c;
    enum parse_state state = parse_bytes(parse, byte, 1, &used);
    free(byte);
    return state;
}

START_TEST(values)
{
    char text[1024];
    struct response response;
    struct parse parse;
    size_t at = 0;

    /* What is of an interim response, or behind the body, says nothing. */
    snprintf(text, sizeof(text),
             "HTTP/1.1 103 E\r\nCache-Control: no-\x01\r\nVary: *\r\nAge: 1\r\n\r\n"
             "HTTP/1.1 200 OK\r\n%sContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
             "0\r\nCache-Control: \x01\r\nVary: *\r\nAge: 99\r\n\r\n",
             cases[_i].fields);
    response_init(&response, 1000, false, mono_now());
    parse_init(&parse, &response);
    while (text[at] != '\0' && parse_byte(&parse, text[at]) == PARSE_MORE)
        at++;
    ck_assert_uint_eq(at, strlen(text) - 1);
    ck_case(&response, (size_t)_i);

    response_init(&response, 1000, false, mono_now());
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        if (*line != '0')
            ck_assert(response_line(&response, line, strcspn(line, "\n") + 1));
    ck_case(&response, (size_t)_i);
}
END_TEST

/* ---- limits ---- */

/* Many short fields are no reason to fail, and joined ones do not escape the limit. */
START_TEST(many_fields)
{
    struct response response;
    bool accepted = true;
    size_t count = 0;

    response_init(&response, 1000, false, mono_now());
    ck_assert(response_line(&response, "HTTP/1.1 200 OK\r\n", 17));
    for (; accepted && count < 100; count++)
        accepted = response_line(&response, "Vary: Accept\r\n", 14);
    ck_assert(accepted);
    ck_assert_uint_eq(strlen(response_header(&response, CLIENT_VARY)), 100 * 8 - 2);
    for (; accepted && count < 100000; count++)
        accepted = response_line(&response, "Vary: Accept\r\n", 14);
    ck_assert(!accepted);
    ck_assert_int_eq(response.rejected, CLIENT_HEADERS_TOO_LARGE);
    ck_assert_uint_le(response.fields.len, RESPONSE_HEADERS_MAX);
    response_fini(&response);
}
END_TEST

/* ---- the first byte ---- */

START_TEST(answering)
{
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\n\r\n", "H", "garbage"};
    struct response response;
    struct parse parse;
    bool is_answering = true;
    size_t used;

    response_init(&response, 1000, false, mono_now());
    response.answering = &is_answering;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        response_begin(&response, mono_now());
        parse_init(&parse, &response);
        ck_assert(!is_answering);
        (void)parse_bytes(&parse, texts[i], strlen(texts[i]), &used);
        ck_assert(is_answering);
    }
    response_begin(&response, mono_now());
    ck_assert(!is_answering);
    (void)response_line(&response, "HTTP/1.1 200 OK\r\n", 17);
    ck_assert(is_answering);
    response_fini(&response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("response_caching");
    TCase *tcase = tcase_create("response_caching");

    tcase_add_loop_test(tcase, names, 0, CLIENT_HEADER_COUNT);
    tcase_add_loop_test(tcase, other_names, 0, 13);
    tcase_add_loop_test(tcase, values, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, many_fields);
    tcase_add_test(tcase, answering);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
