/*
 * Where a response ends: what leaves that in doubt is an error, for lookups (llhttp reads them) and
 * for token requests and key sets (libcurl does), in the same words. What has no body is not held
 * to it.
 */
#include "client_fixture.h"

#define HEAD_200 "HTTP/1.1 200 OK\r\n"
#define SOUND HEAD_200 "Content-Length: 2\r\n\r\nhi"
#define CHUNKS "2\r\nhi\r\n0\r\n\r\n"

struct sample {
    const char *response;
    const char *fault; /* the detail; "": none is promised */
};

#define NO_NUMBER "Content-Length is no number of bytes"
#define DIFFERENT "two different values of Content-Length"
#define NOT_CHUNKED "Transfer-Encoding is not chunked, once"
#define BESIDE "Content-Length beside Transfer-Encoding"
#define OLD "Transfer-Encoding in HTTP/1.0"

static const struct sample faulty[] = {
    {HEAD_200 "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", DIFFERENT},
    {HEAD_200 "Content-Length: 3\r\nX: y\r\nCONTENT-LENGTH: 2\r\n\r\nhi!", DIFFERENT},
    {HEAD_200 "Content-Length: 2, 3\r\n\r\nhi!", DIFFERENT},
    {HEAD_200 "Content-Length: 2,\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 2 2\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: +2\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: -2\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 0x2\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 2x\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length:\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 9223372036854775808\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 18446744073709551618\r\n\r\nhi", NO_NUMBER},
    {HEAD_200 "Content-Length: 2\r\n 3\r\n\r\nhi", ""},
    {HEAD_200 "Content-Length : 2\r\n\r\nhi", ""},
    {HEAD_200 "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS, NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: gzip\r\n\r\nhi", NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: identity\r\n\r\nhi", NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi", NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding:\r\n\r\nhi", NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: chunked, chunked\r\n\r\n" CHUNKS, NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS,
     NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS, NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: chunked;a=b\r\n\r\n" CHUNKS, NOT_CHUNKED},
    {HEAD_200 "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" CHUNKS, BESIDE},
    {HEAD_200 "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, BESIDE},
    {"HTTP/1.1 404 No\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", DIFFERENT},
    {"HTTP/1.1 100 C\r\n\r\n" HEAD_200 "Content-Length: 2, 3\r\n\r\nhi!", DIFFERENT},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, OLD},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, OLD},
    {"HTTP/1.1 103 E\r\nTransfer-Encoding: gzip\r\n\r\n" SOUND, NOT_CHUNKED},
    {"HTTP/1.1 103 E\r\nContent-Length: 2\r\nTransfer-Encoding: gzip\r\n\r\n" SOUND, NOT_CHUNKED},
    {"HTTP/1.1 103 E\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n" SOUND, DIFFERENT},
};

static void send_sample(struct peer *self)
{
    const struct sample *sample = self->arg;
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_say(fd, sample->response);
    shutdown(fd, SHUT_WR);
    peer_hear_end(fd);
}

static struct call_result *call_for(const struct sample *sample, bool once, bool post)
{
    const struct client_request request = {
        .once = once, .post = post, .target = "/", .max_response = 1000};

    serve(send_sample, (void *)(uintptr_t)sample);
    struct call_result *result = send_request(0, &request);
    await(1);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
    return result;
}

/* llhttp and libcurl look too, and what they see first has words of its own. */
static void ck_faulty(const struct sample *sample, bool once, bool post)
{
    const struct call_result *result = call_for(sample, once, post);

    ck_assert_msg(result->error == CLIENT_FRAMING || result->error == CLIENT_PROTOCOL,
                  "%s: the upstream %s", sample->response, client_error_phrase(result->error));
    ck_assert_str_eq(client_error_proxy_status(result->error), "http_protocol_error");
    ck_assert_int_eq(result->status, 0);
    ck_assert_uint_eq(result->body_len, 0);
    if (result->error == CLIENT_FRAMING && result->detail[0] != '\0' && sample->fault[0] != '\0')
        ck_assert_str_eq(result->detail, sample->fault);
}

START_TEST(test_faulty_lookup)
{
    ck_faulty(&faulty[_i], false, false);
}
END_TEST

START_TEST(test_faulty_token_response)
{
    ck_faulty(&faulty[_i], true, true);
}
END_TEST

START_TEST(test_faulty_key_set)
{
    ck_faulty(&faulty[_i], true, false);
}
END_TEST

static const struct sample sound[] = {
    {SOUND, ""},
    {HEAD_200 "Content-Length: 002 \r\n\r\nhi", ""},
    {HEAD_200 "Transfer-Encoding: CHUNKED\r\n\r\n" CHUNKS, ""},
    {HEAD_200 "\r\nhi", ""},
    {"HTTP/1.1 103 E\r\nContent-Length: 2\r\n\r\n" SOUND, ""},
};

/* Fields of framing behind the body, where they mean nothing. */
static const struct sample trailing = {
    HEAD_200 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\n"
             "Transfer-Encoding: gzip\r\n\r\n",
    ""};

static void ck_sound(const struct sample *sample, bool once, bool post)
{
    ck_response(call_for(sample, once, post), "hi");
}

START_TEST(test_sound_lookup)
{
    ck_sound(&sound[_i], false, false);
}
END_TEST

START_TEST(test_sound_token_response)
{
    ck_sound(&sound[_i], true, true);
}
END_TEST

/* llhttp 9 rejects it. */
START_TEST(test_trailing_fields_of_a_lookup)
{
    const struct call_result *result = call_for(&trailing, false, false);

    if (result->error != CLIENT_FRAMING)
        ck_response(result, "hi");
}
END_TEST

START_TEST(test_trailing_fields)
{
    ck_sound(&trailing, true, true);
}
END_TEST

/* What libcurl takes, and llhttp does not: one length, said more than once. */
static const struct sample repeated[] = {
    {HEAD_200 "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", ""},
    {HEAD_200 "Content-Length: 2, 2\r\n\r\nhi", ""},
};

START_TEST(test_repeated_length)
{
    ck_sound(&repeated[_i], true, true);
}
END_TEST

START_TEST(test_repeated_length_of_a_lookup)
{
    ck_faulty(&repeated[_i], false, false);
}
END_TEST

/* libcurl 7.88 appended a folded first line to a field of the handle's transfer before. */
static void fold_second(struct peer *self)
{
    for (int i = 0; i < 2; i++) {
        int fd = peer_accept(self);

        EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
        peer_say(fd, i == 0 ? HEAD_200 "Content-Length: 2\r\n\r\nhi"
                            : HEAD_200 "\tX: 2\r\nContent-Length: 2\r\n\r\nhi");
        shutdown(fd, SHUT_WR);
        peer_hear_end(fd);
    }
}

START_TEST(test_folded_first_line)
{
    const struct client_request request = {.once = true, .target = "/", .max_response = 1000};

    serve(fold_second, NULL);
    struct call_result *first = send_request(0, &request);
    await(1);
    ck_response(first, "hi");
    send_request(1, &request);
    await(2);
    finish();
    ck_assert(results[1].error == CLIENT_OK || results[1].error == CLIENT_PROTOCOL);
}
END_TEST

static const struct sample bodiless[] = {
    {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", ""},
    {"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", ""},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
};

/* llhttp takes a fold for a blank, as RFC 9112, section 5.2, allows; libcurl does not see the
 * value. */
static const struct sample folded = {HEAD_200 "Transfer-Encoding:\r\n chunked\r\n\r\n" CHUNKS,
                                     NOT_CHUNKED};

START_TEST(test_folded_coding)
{
    ck_faulty(&folded, true, true);
}
END_TEST

START_TEST(test_no_body)
{
    const struct call_result *result = call_for(&bodiless[_i / 2], _i % 2 != 0, false);

    ck_assert_str_eq(client_error_phrase(result->error), client_error_phrase(CLIENT_OK));
    ck_assert_uint_eq(result->body_len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_framing");
    TCase *tcase = tcase_create("framing");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_faulty_lookup, 0, ARRAY_LEN(faulty));
    tcase_add_loop_test(tcase, test_faulty_token_response, 0, ARRAY_LEN(faulty));
    tcase_add_loop_test(tcase, test_faulty_key_set, 0, ARRAY_LEN(faulty));
    tcase_add_loop_test(tcase, test_sound_lookup, 0, ARRAY_LEN(sound));
    tcase_add_loop_test(tcase, test_sound_token_response, 0, ARRAY_LEN(sound));
    tcase_add_test(tcase, test_trailing_fields_of_a_lookup);
    tcase_add_test(tcase, test_trailing_fields);
    tcase_add_loop_test(tcase, test_repeated_length, 0, ARRAY_LEN(repeated));
    tcase_add_loop_test(tcase, test_repeated_length_of_a_lookup, 0, ARRAY_LEN(repeated));
    tcase_add_test(tcase, test_folded_coding);
    tcase_add_test(tcase, test_folded_first_line);
    tcase_add_loop_test(tcase, test_no_body, 0, 2 * ARRAY_LEN(bodiless));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
