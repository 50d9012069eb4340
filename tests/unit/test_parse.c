/*
 * llhttp behind response.h, without sockets: each response is read whole, and then once for each
 * place where its bytes could arrive in two parts, and once byte by byte; what comes of it is the
 * same.
 */
#include "upstream/parse.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define HEAD_200 "HTTP/1.1 200 OK\r\n"

struct sample {
    const char *text;
    size_t len; /* 0: strlen */
    enum parse_state state;
    int status;
    const char *body;
    const char *etag;
    bool keeps;
    size_t behind; /* bytes that do not belong to the response */
};

static const struct sample samples[] = {
    {HEAD_200 "ETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi", 0, PARSE_COMPLETE, 200, "hi", "\"x\"",
     true, 0},
    {HEAD_200 "Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n", 0, PARSE_COMPLETE, 200, "hi", NULL,
     true, 17},
    {HEAD_200 "ETAG:\t\"a b\" \t\r\nETag: two\r\nX-A-Very-Long-Name-Indeed: a\r\n"
              "Content-Length: 0\r\n\r\n",
     0, PARSE_COMPLETE, 200, "", "\"a b\"", true, 0},
    {HEAD_200 "Content-Length: 2\r\nConnection: close\r\n\r\nhi", 0, PARSE_COMPLETE, 200, "hi",
     NULL, false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0, PARSE_COMPLETE, 200, "hi", NULL, false,
     0},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", 0, PARSE_COMPLETE,
     200, "hi", NULL, true, 0},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", NULL, true, 0},
    {"HTTP/1.1 103 E\r\nETag: early\r\n\r\nHTTP/1.1 100 C\r\n\r\n" HEAD_200
     "Content-Length: 2\r\n\r\nhi",
     0, PARSE_COMPLETE, 200, "hi", NULL, true, 0},
    {"HTTP/1.1 204 No\r\nETag: n\r\n\r\nxx", 0, PARSE_COMPLETE, 204, "", "n", true, 2},
    {"HTTP/1.1 304 Not\r\nContent-Length: 9\r\nETag: n\r\n\r\n", 0, PARSE_COMPLETE, 304, "", "n",
     true, 0},
    {HEAD_200 "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n3\r\n yo\r\n0\r\nETag: t\r\n\r\nx",
     0, PARSE_COMPLETE, 200, "hi yo", NULL, true, 1},
    {HEAD_200 "ETag: a\r\n b\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", NULL, true,
     0},
    {HEAD_200 "X: a\r\n b\r\nETag: e\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", "e",
     true, 0},
    {HEAD_200 "ETag: a\x01z\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", NULL, true,
     0},
    {HEAD_200 "ETag:\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", NULL, true, 0},

/* A blank before the colon: llhttp 9 rejects it, older ones pass the name with it. */
#if LLHTTP_VERSION_MAJOR >= 9
    {HEAD_200 "etag :no\r\nContent-Length: 0\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
#else
    {HEAD_200 "etag :no\r\nETag: a\r\nContent-Length: 0\r\n\r\n", 0, PARSE_COMPLETE, 200, "", "a",
     true, 0},
#endif

    {HEAD_200 "\r\nhi", 0, PARSE_MORE, 200, "hi", NULL, false, 0},
    {HEAD_200 "Content-Length: 3\r\n\r\nhi", 0, PARSE_MORE, 200, "hi", NULL, false, 0},
    {HEAD_200 "ETag: a\r\n", 0, PARSE_MORE, 0, "", NULL, false, 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0, PARSE_MORE, 0, "", NULL, false, 0},

    {HEAD_200 "ETag: a\0b\r\n\r\n", sizeof(HEAD_200 "ETag: a\0b\r\n\r\n") - 1, PARSE_REJECTED, 0,
     "", NULL, false, 0},
    {HEAD_200 "X-Other: a\0b\r\n\r\n", sizeof(HEAD_200 "X-Other: a\0b\r\n\r\n") - 1, PARSE_REJECTED,
     0, "", NULL, false, 0},
    {HEAD_200 "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 0, PARSE_REJECTED, 0, "", NULL,
     false, 0},
    {HEAD_200 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, PARSE_REJECTED,
     0, "", NULL, false, 0},
    {HEAD_200 "Content-Length: -1\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {HEAD_200 "Content-Length: 99999999999999999999\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false,
     0},
    {HEAD_200 "Content-Length: 9223372036854775808\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false,
     0},
    {HEAD_200 "Content-Length : 1\r\n\r\na", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {HEAD_200 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL,
     false, 0},
    {HEAD_200 "transfer-encoding: identity\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {"HTTP/1.1 103 E\r\nTransfer-Encoding: gzip\r\n\r\n" HEAD_200 "Content-Length: 2\r\n\r\nhi", 0,
     PARSE_REJECTED, 0, "", NULL, false, 0},
    {"HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", 0, PARSE_COMPLETE, 204, "", NULL, false, 0},
    {"HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked\r\n\r\n", 0, PARSE_COMPLETE, 304, "", NULL,
     false, 0},
    {HEAD_200 "no colon\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {HEAD_200 "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 0, PARSE_REJECTED, 200, "", NULL, false,
     0},
    {"HTTP/2.0 200 OK\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {"HTTP/0.9 200 OK\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL,
     false, 0},
    {"HTTP/1.1 600 No\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
    {"GET / HTTP/1.1\r\n\r\n", 0, PARSE_REJECTED, 0, "", NULL, false, 0},
};

struct reading {
    struct response response;
    struct parse parse;
    enum parse_state state;
    size_t used; /* of all */
};

static void begin(struct reading *reading)
{
    response_init(&reading->response, 1000, false, mono_now());
    parse_init(&reading->parse, &reading->response);
    reading->state = PARSE_MORE;
    reading->used = 0;
}

/* From a block of its own, so that a sanitizer reports a read in an earlier one. */
static void feed(struct reading *reading, const char *text, size_t len)
{
    size_t used;

    if (reading->state != PARSE_MORE || len == 0)
        return;
    char *block = malloc(len);
    memcpy(block, text, len);
    reading->state = parse_bytes(&reading->parse, block, len, &used);
    reading->used += used;
    free(block);
}

static void ck_reading(struct reading *reading, const struct sample *sample, size_t len)
{
    const struct response *response = &reading->response;

    ck_assert_int_eq(reading->state, sample->state);
    ck_assert_int_eq(response_status(response), sample->status);
    ck_assert_str_eq(buf_text(&response->body), sample->body);
    if (sample->state != PARSE_REJECTED)
        ck_assert_pstr_eq(response_header(response, CLIENT_ETAG), sample->etag);
    else
        ck_assert_str_eq(client_error_proxy_status(response->rejected), "http_protocol_error");
    if (sample->state == PARSE_COMPLETE) {
        ck_assert_int_eq(reading->parse.keep_alive, sample->keeps);
        ck_assert_uint_eq(len - reading->used, sample->behind);
    }
    response_fini(&reading->response);
}

START_TEST(test_any_split)
{
    const struct sample *sample = &samples[_i];
    size_t len = sample->len > 0 ? sample->len : strlen(sample->text);
    struct reading reading;

    for (size_t split = 0; split < len; split++) {
        begin(&reading);
        feed(&reading, sample->text, split);
        feed(&reading, sample->text + split, len - split);
        ck_reading(&reading, sample, len);
    }
    begin(&reading);
    for (size_t at = 0; at < len; at++)
        feed(&reading, sample->text + at, 1);
    ck_reading(&reading, sample, len);
}
END_TEST

START_TEST(test_end_of_connection)
{
    struct reading reading;

    begin(&reading);
    feed(&reading, HEAD_200 "\r\nhi", strlen(HEAD_200 "\r\nhi"));
    ck_assert_int_eq(parse_end(&reading.parse), PARSE_COMPLETE);
    ck_assert(!reading.parse.keep_alive);
    response_fini(&reading.response);
    begin(&reading);
    feed(&reading, HEAD_200 "Content-Length: 3\r\n\r\nhi",
         strlen(HEAD_200 "Content-Length: 3\r\n\r\nhi"));
    ck_assert_int_eq(parse_end(&reading.parse), PARSE_MORE);
    response_fini(&reading.response);
    begin(&reading);
    ck_assert_int_eq(parse_end(&reading.parse), PARSE_MORE);
    response_fini(&reading.response);
}
END_TEST

/* As many chunks of one byte as a body may have bytes are no flood; what pads them is. */
START_TEST(test_frames_of_chunks)
{
    struct reading reading;
    char padded[4096];

    begin(&reading);
    feed(&reading, HEAD_200 "Transfer-Encoding: chunked\r\n\r\n",
         strlen(HEAD_200 "Transfer-Encoding: chunked\r\n\r\n"));
    for (size_t i = 0; i < 1000; i++)
        feed(&reading, "1\r\na\r\n", 6);
    ck_assert_int_eq(reading.state, PARSE_MORE);
    memset(padded, 'x', sizeof(padded));
    feed(&reading, "1;", 2);
    for (size_t i = 0; i < RESPONSE_HEADERS_MAX / sizeof(padded) + 1; i++)
        feed(&reading, padded, sizeof(padded));
    ck_assert_int_eq(reading.state, PARSE_REJECTED);
    ck_assert_int_eq(reading.response.rejected, CLIENT_HEADERS_TOO_LARGE);
    response_fini(&reading.response);
}
END_TEST

/* Of several challenges, each in a field of its own, the bearer's is kept. */
static const struct {
    const char *fields;
    const char *value;
} challenges[] = {
    {"WWW-Authenticate: Basic\r\n", "Basic"},
    {"WWW-Authenticate: Bearer a=1\r\nWWW-Authenticate: Basic\r\n", "Bearer a=1"},
    {"WWW-Authenticate: Bearer a=1\r\nWWW-Authenticate: Bearer a=2\r\n", "Bearer a=1"},
    {"WWW-Authenticate: Basic\r\nwww-authenticate: Digest a=1\r\nWWW-AUTHENTICATE: bearer a=1\r\n",
     "bearer a=1"},
    {"WWW-Authenticate: Basic, Bearer a=1\r\nWWW-Authenticate: Bearer a=2\r\n",
     "Basic, Bearer a=1"},
    {"WWW-Authenticate: Basic\r\nWWW-Authenticate: Negotiate\r\n", "Negotiate"},
    {"WWW-Authenticate: Bearer a\x01=1\r\nWWW-Authenticate: Bearer a=2\r\n", "Bearer a=2"},
    {"WWW-Authenticate:\r\nWWW-Authenticate: Bearer a=2\r\n", "Bearer a=2"},
    {"ETag: x\r\n", NULL},
};

static void ck_challenge(struct response *response, const char *value)
{
    ck_assert_pstr_eq(response_header(response, CLIENT_WWW_AUTHENTICATE), value);
    ck_assert_str_eq(response_header(response, CLIENT_CONTENT_ENCODING), "gzip");
    response_fini(response);
}

START_TEST(test_challenges)
{
    char text[512];
    struct reading reading;

    snprintf(text, sizeof(text),
             "HTTP/1.1 401 No\r\n%sContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
             challenges[_i].fields);
    begin(&reading);
    for (size_t at = 0; text[at] != '\0'; at++)
        feed(&reading, text + at, 1);
    ck_assert_int_eq(reading.state, PARSE_COMPLETE);
    ck_challenge(&reading.response, challenges[_i].value);
    /* Line by line, as libcurl reads it. */
    begin(&reading);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        ck_assert(response_line(&reading.response, line, strcspn(line, "\n") + 1));
    ck_challenge(&reading.response, challenges[_i].value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse");
    TCase *tcase = tcase_create("parse");

    tcase_add_loop_test(tcase, test_any_split, 0, ARRAY_LEN(samples));
    tcase_add_test(tcase, test_end_of_connection);
    tcase_add_test(tcase, test_frames_of_chunks);
    tcase_add_loop_test(tcase, test_challenges, 0, ARRAY_LEN(challenges));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
