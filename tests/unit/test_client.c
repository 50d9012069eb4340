/* The HTTP client against scripted peers: what goes out, and what is made of what comes in. */
#include <signal.h>

#include "client_fixture.h"

/* What goes out. */

static void hear_two(struct peer *self)
{
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    peer_serve(fd, "two");
    peer_serve(fd, "three");
    peer_hear_end(fd);
}

START_TEST(test_get_and_keep_alive)
{
    const struct client_header headers[] = {
        {"Authorization", "Bearer abc"}, {"X-Absent", NULL}, {"X-Empty", ""}};
    const struct client_request request = {.target = "/a//b/../%2e%2F?q=%20;&",
                                           .headers = headers,
                                           .header_count = 3,
                                           .max_response = 100};
    char expected[512];

    serve(hear_two, NULL);
    struct mono_time before = mono_now();
    struct call_result *first = send_request(0, &request);
    await(1);
    ck_response(first, "one");
    ck_assert(!mono_before(first->sent, before));
    ck_response(fetch(1, "/two"), "two");
    ck_response(fetch(2, "/three"), "three");
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 200), 3);
    client_unref(client);
    client = NULL;
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 0);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
    snprintf(expected, sizeof(expected),
             "GET /a//b/../%%2e%%2F?q=%%20;& HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "User-Agent: postcoded/" POSTCODED_VERSION
             "\r\nAccept-Encoding: identity\r\nAuthorization: Bearer abc\r\nX-Empty:\r\n\r\n",
             peer.port);
    ck_assert_str_eq(heard, expected);
}
END_TEST

static void hear_posts(struct peer *self)
{
    char body[16];
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_read(fd, body, 5);
    EXPECT(strcmp(body, "a=b&c") == 0);
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_hear_end(fd);
    fd = peer_accept(self);
    EXPECT(peer_read_headers(fd, heard + 2048, 2048));
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_hear_end(fd);
}

START_TEST(test_post)
{
    const struct client_header type = {"Content-Type", "x/y"};
    const struct client_request request = {.once = true,
                                           .post = true,
                                           .target = "/t",
                                           .headers = &type,
                                           .header_count = 1,
                                           .body = "a=b&c",
                                           .body_len = 5,
                                           .max_response = 100};
    const struct client_request empty = {
        .once = true, .post = true, .target = "/e", .max_response = 100};
    char expected[512];

    serve(hear_posts, NULL);
    struct call_result *first = send_request(0, &request);
    await(1);
    ck_response(first, "ok");
    struct call_result *second = send_request(1, &empty);
    await(2);
    ck_response(second, "ok");
    finish();
    snprintf(expected, sizeof(expected),
             "POST /t HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: postcoded/" POSTCODED_VERSION
             "\r\nAccept-Encoding: identity\r\nContent-Type: x/y\r\nContent-Length: 5\r\n\r\n",
             peer.port);
    ck_assert_str_eq(heard, expected);
    snprintf(expected, sizeof(expected),
             "POST /e HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: postcoded/" POSTCODED_VERSION
             "\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
             peer.port);
    ck_assert_str_eq(heard + 2048, expected);
}
END_TEST

START_TEST(test_line_end_in_header_aborts)
{
    const struct client_header header = {"X-A", "b\r\nX-C: d"};
    const struct client_request request = {.target = "/", .headers = &header, .header_count = 1};

    make_client("http://127.0.0.1:9");
    send_request(0, &request);
}
END_TEST

START_TEST(test_space_in_target_aborts)
{
    make_client("http://127.0.0.1:9");
    get(0, "/a HTTP/1.1");
}
END_TEST

/* What comes in: one response, then the connection is closed. */

struct sample {
    const char *name;
    const char *response;
    size_t len; /* 0: strlen */
    enum client_error error;
    int status;
    const char *body;
    const char *etag;
};

#define HEAD_200 "HTTP/1.1 200 OK\r\n"
#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A500 A100 A100 A100 A100 A100

static const struct sample samples[] = {
    {"length", HEAD_200 "ETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi", 0, CLIENT_OK, 200, "hi",
     "\"x\""},
    {"to the end", HEAD_200 "\r\nhi", 0, CLIENT_OK, 200, "hi", NULL},
    {"chunked",
     HEAD_200 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n yo\r\n0\r\nETag: t\r\n\r\n",
     0, CLIENT_OK, 200, "hi yo", NULL},
    {"empty body", HEAD_200 "Content-Length: 0\r\n\r\n", 0, CLIENT_OK, 200, NULL, NULL},
    {"no content", "HTTP/1.1 204 No\r\nETag: \"n\"\r\n\r\nxx", 0, CLIENT_OK, 204, NULL, "\"n\""},
    {"not modified", "HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n", 0, CLIENT_OK, 304, NULL,
     NULL},
    {"redirect", "HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_OK, 302,
     NULL, NULL},
    {"old", "HTTP/1.0 404 No\r\n\r\nno", 0, CLIENT_OK, 404, "no", NULL},
    {"interim",
     "HTTP/1.1 103 E\r\nETag: early\r\n\r\nHTTP/1.1 100 C\r\n\r\n" HEAD_200
     "Content-Length: 2\r\n\r\nhi",
     0, CLIENT_OK, 200, "hi", NULL},
    {"compressed all the same", HEAD_200 "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", 0,
     CLIENT_OK, 200, "hi", NULL},
    {"first of two", HEAD_200 "eTAG:\t one \r\nETag: two\r\nContent-Length: 0\r\n\r\n", 0,
     CLIENT_OK, 200, NULL, "one"},
    {"longer name", HEAD_200 "ETags: no\r\nXETag: no\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_OK,
     200, NULL, NULL},
    {"obs-text", HEAD_200 "ETag: \xc3\xa9\t.\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_OK, 200, NULL,
     "\xc3\xa9\t."},
    {"control in value", HEAD_200 "ETag: a\x01z\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_OK, 200,
     NULL, NULL},
    {"bare CR in value", HEAD_200 "ETag: a\rX: z\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_PROTOCOL,
     0, NULL, NULL},
    {"folded value", HEAD_200 "ETag: a\r\n b\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_OK, 200, NULL,
     NULL},
    {"body at its bound", HEAD_200 "\r\n" A500 A500, 0, CLIENT_OK, 200, A500 A500, NULL},
    {"body over its bound", HEAD_200 "\r\n" A500 A500 "b", 0, CLIENT_BODY_TOO_LARGE, 200, NULL,
     NULL},
    {"chunks too large",
     HEAD_200 "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" A500 "\r\n1f4\r\n" A500
              "\r\n1\r\nb\r\n0\r\n\r\n",
     0, CLIENT_BODY_TOO_LARGE, 200, NULL, NULL},
    {"nothing", "", 0, CLIENT_CLOSED, 0, NULL, NULL},
    {"half a header section", HEAD_200 "ETag: a\r\n", 0, CLIENT_CLOSED, 0, NULL, NULL},
    {"short body", HEAD_200 "Content-Length: 3\r\n\r\nhi", 0, CLIENT_CLOSED, 200, NULL, NULL},
    {"short chunks", HEAD_200 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0, CLIENT_CLOSED,
     200, NULL, NULL},
    {"broken chunk", HEAD_200 "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 0, CLIENT_PROTOCOL, 200,
     NULL, NULL},
    {"HTTP/0.9", "<html>hello</html>", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"other protocol", "SSH-2.0-OpenSSH_9\r\n", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"HTTP/2", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"status 600", "HTTP/1.1 600 No\r\n\r\n", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"status 099", "HTTP/1.1 099 No\r\n\r\n", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"switching", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", 0, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"NUL in header section", HEAD_200 "ETag: a\0b\r\n\r\n",
     sizeof(HEAD_200 "ETag: a\0b\r\n\r\n") - 1, CLIENT_PROTOCOL, 0, NULL, NULL},
    {"bad length", HEAD_200 "Content-Length: x\r\n\r\n", 0, CLIENT_FRAMING, 0, NULL, NULL},
};

static void send_sample(struct peer *self)
{
    const struct sample *sample = self->arg;
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_send(fd, sample->response, sample->len > 0 ? sample->len : strlen(sample->response));
    shutdown(fd, SHUT_WR);
    peer_hear_end(fd);
}

START_TEST(test_responses)
{
    struct sample sample = samples[_i];

    serve(send_sample, &sample);
    struct call_result *result = fetch(0, "/");

    ck_assert_msg(result->error == sample.error, "%s: the upstream %s", sample.name,
                  client_error_phrase(result->error));
    ck_assert_msg(result->status == sample.status, "%s: %d", sample.name, result->status);
    ck_assert_pstr_eq(result->body, sample.body);
    ck_assert_pstr_eq(result->headers[CLIENT_ETAG], sample.etag);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, (size_t)sample.status), 1);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* Header sections without end. */
#define FLOOD_MAX ((size_t)16 * 1024 * 1024)

struct flood {
    const char *first;
    const char *piece;
};

static void send_flood(struct peer *self)
{
    const struct flood *flood = self->arg;
    int fd = peer_accept(self);
    size_t sent = 0;

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_say(fd, flood->first);
    for (; sent < FLOOD_MAX; sent += strlen(flood->piece))
        if (send(fd, flood->piece, strlen(flood->piece), MSG_NOSIGNAL) < 0)
            break;
    EXPECT(sent < FLOOD_MAX);
    close(fd);
}

static const struct flood floods[] = {
    {"", "HTTP/1.1 100 Continue\r\nX-Filler: " A500 "\r\n\r\n"},
    {HEAD_200, "X-Filler: " A500 "\r\n"},
    {HEAD_200 "X-Filler: ", A500},
    {HEAD_200 "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-Trailer: " A500 "\r\n"},
};

START_TEST(test_header_section_limit)
{
    struct flood flood = floods[_i];

    serve(send_flood, &flood);
    ck_assert_str_eq(client_error_phrase(fetch(0, "/")->error),
                     client_error_phrase(CLIENT_HEADERS_TOO_LARGE));
    finish();
}
END_TEST

START_TEST(test_errors_have_words)
{
    ck_assert_str_eq(client_error_proxy_status(CLIENT_DNS), "dns_error");
    ck_assert_str_eq(client_error_proxy_status(CLIENT_OK), "");
    for (int error = CLIENT_OK; error <= CLIENT_INTERNAL; error++)
        ck_assert_ptr_nonnull(client_error_phrase((enum client_error)error));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tcase = tcase_create("messages");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_get_and_keep_alive);
    tcase_add_test(tcase, test_post);
    tcase_add_test_raise_signal(tcase, test_line_end_in_header_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_space_in_target_aborts, SIGABRT);
    tcase_add_loop_test(tcase, test_responses, 0, ARRAY_LEN(samples));
    tcase_add_loop_test(tcase, test_header_section_limit, 0, ARRAY_LEN(floods));
    tcase_add_test(tcase, test_errors_have_words);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
