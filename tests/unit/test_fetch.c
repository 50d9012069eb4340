/* The token request against a scripted endpoint: the bytes that go out, and what answers mean. */
#include "token/fetch.h"

#include "fetch_fixture.h"

/* What goes out. */

START_TEST(test_basic_on_the_wire)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    char traceparent[64];
    char expected[1024];

    make_fetch(ONE_SECRET, answers);
    struct mono_time before = mono_now();
    run("a-guid");
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(lifetime, 600 * SECOND);
    ck_assert(!mono_before(sent, before) && mono_before(sent, mono_now()));
    header_of(heard[0], "traceparent", traceparent, sizeof(traceparent));
    ck_assert_uint_eq(strlen(traceparent), TRACEPARENT_LEN);
    /* "the id:" ODD in base64 */
    snprintf(expected, sizeof(expected),
             "POST /auth/v1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "User-Agent: postcoded/" POSTCODED_VERSION "\r\nAccept-Encoding: identity\r\n"
             "Authorization: Basic dGhlIGlkOnAgdzomPSslKi0uX34vw6k=\r\n"
             "Accept: application/json\r\nX-GUID: "
             "a-guid\r\ntraceparent: %s\r\n"
             "Content-Length: 0\r\n\r\n",
             peer.port, traceparent);
    ck_assert_str_eq(heard[0], expected);
    const struct token_fetch_report *report = token_fetch_report(fetch);
    ck_assert_int_eq(report->status, 200);
    ck_assert_uint_eq(report->requests, 1);
    ck_assert_uint_eq(report->secret, 1);
    ck_assert_str_eq(report->type, "Bearer");
    ck_assert_int_eq(report->lifetime_from, LIFETIME_GIVEN);
    ck_assert_int_eq(report->lifetime, 600 * SECOND);
    ck_assert_str_eq(report->guid, "a-guid");
}
END_TEST

START_TEST(test_form_with_basic_on_the_wire)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    char text[1024];

    make_fetch(ONE_SECRET "auth_flow = client_credentials\nauth_scope = a b/c\n"
                          "auth_audience = https://x\nauth_param.resource = r&=\n"
                          "auth_param.x-y = z",
               answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    header_of(heard[0], "Authorization", text, sizeof(text));
    /* "the+id:" ODD_ENCODED in base64 */
    ck_assert_str_eq(text, "Basic dGhlK2lkOnArdyUzQSUyNiUzRCUyQiUyNSotLl8lN0UlMkYlQzMlQTk=");
    header_of(heard[0], "Content-Type", text, sizeof(text));
    ck_assert_str_eq(text, "application/x-www-form-urlencoded");
    ck_assert_str_eq(strstr(heard[0], "\r\n\r\n") + 4,
                     "grant_type=client_credentials&scope=a+b%2Fc&audience=https%3A%2F%2Fx"
                     "&resource=r%26%3D&x-y=z");
    header_of(heard[0], "X-GUID", text, sizeof(text));
    ck_assert_uint_eq(strlen(text), 36);
    ck_assert_str_eq(token_fetch_report(fetch)->guid, text);
}
END_TEST

START_TEST(test_form_with_post_on_the_wire)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};

    make_fetch(ONE_SECRET "auth_flow = client_credentials\nauth_client = post\n", answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_ptr_null(strstr(heard[0], "Authorization"));
    ck_assert_str_eq(strstr(heard[0], "\r\n\r\n") + 4,
                     "grant_type=client_credentials&client_id=the+id&client_secret=" ODD_ENCODED);
}
END_TEST

struct place {
    const char *keys;
    const char *line;
};

static const struct place places[] = {
    {"address = %s/prefix\nauth_path = /t\nclient_secret = x\n", "POST /prefix/t HTTP/1.1\r\n"},
    {"address = http://127.0.0.1:9/no\nauth_url = %s/oauth/token\nclient_secret = x\n",
     "POST /oauth/token HTTP/1.1\r\n"},
    {"address = http://127.0.0.1:9/no\nauth_url = %s\nclient_secret = x\n", "POST / HTTP/1.1\r\n"},
    {"address = http://127.0.0.1:9/no\nproxy = %s\nclient_secret = x\n",
     "POST http://127.0.0.1:9/no/auth/v1 HTTP/1.1\r\n"},
};

START_TEST(test_place)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};

    make_fetch(places[_i].keys, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_int_eq(strncmp(heard[0], places[_i].line, strlen(places[_i].line)), 0);
}
END_TEST

/* The proxy's own response: it is named, and not the token endpoint. */
START_TEST(test_proxy_rejects)
{
    static const char *const answers[] = {"HTTP/1.1 407 No\r\n\r\n", NULL};

    make_fetch("address = http://127.0.0.1:9/no\nproxy = %s\nclient_secret = x\n", answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_FAILED);
    ck_assert_str_eq(problem, "the token endpoint is behind a proxy that demands credentials other "
                              "than those of [upstream] proxy and proxy_password_file");
    ck_assert_int_eq(token_fetch_report(fetch)->failure, CLIENT_PROXY_AUTH);
}
END_TEST

/* What comes in, with one secret. */

struct sample {
    const char *answer;
    enum keeper_result_kind kind;
    const char *problem; /* how it begins */
    int64_t retry_after;
};

static const struct sample samples[] = {
    {"HTTP/1.1 201 Created\r\n\r\n" GRANT, KEEPER_GRANTED, "", 0},
    {JSON_200 "{\"access_token\":7}", KEEPER_FAILED,
     "the token endpoint's response cannot be used: access_token", 0},
    {"HTTP/1.1 200 OK\r\nRetry-After: 5\r\n\r\n<html>", KEEPER_FAILED,
     "the token endpoint's response cannot be used: ", 0},
    {"HTTP/1.1 202 Later\r\n\r\n" GRANT, KEEPER_FAILED, "the token endpoint responded with 202", 0},
    {"HTTP/1.1 302 F\r\nLocation: /x\r\n\r\n", KEEPER_FAILED,
     "the token endpoint responded with 302", 0},
    {"HTTP/1.1 429 No\r\nRetry-After: 7\r\n\r\n", KEEPER_FAILED,
     "the token endpoint responded with 429", 7 * SECOND},
    {"HTTP/1.1 503 No\r\nRetry-After: soon\r\n\r\n", KEEPER_FAILED,
     "the token endpoint responded with 503", 0},
    {"HTTP/1.1 401 No\r\nRetry-After: 9\r\n\r\n{\"error\":\"invalid_client\","
     "\"error_description\":\"who are you\"}",
     KEEPER_REJECTED, "the token endpoint responded with 401: invalid_client (who are you)",
     9 * SECOND},
    {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_scope\"}", KEEPER_REJECTED,
     "the token endpoint responded with 400: invalid_scope", 0},
    {"HTTP/1.1 403 No\r\n\r\n<html>no</html>", KEEPER_REJECTED,
     "the token endpoint responded with 403", 0},
    {"HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n{\"err", KEEPER_REJECTED,
     "the token endpoint responded with 401", 0},
    {"HTTP/1.1 401 No\r\n\r\n{\"error\":\"x\",\"error_description\":\"not this-is-secret\"}",
     KEEPER_REJECTED, "the token endpoint responded with 401: x (not ***)", 0},
    {JSON_200 "{\"error\":\"invalid_client\",\"error_description\":\"The \\\"us\\\" client\"}",
     KEEPER_REJECTED, "the token endpoint responded with 200: invalid_client (The \"us\" client)",
     0},
    {JSON_200 "{\"error\":{\"code\":400,\"message\":\"no\"}}", KEEPER_REJECTED,
     "the token endpoint responded with 200: 400; no", 0},
    {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nxxx", KEEPER_FAILED,
     "the token endpoint's response is compressed (br), although identity was asked for", 0},
    {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n" GRANT, KEEPER_GRANTED, "", 0},
    {JSON_200 "\x1f\x8b\x08", KEEPER_FAILED,
     "the token endpoint's response cannot be used: the response is compressed (gzip)", 0},
    {JSON_200 "{\"error\":\"temporarily_unavailable\"}", KEEPER_FAILED,
     "the token endpoint responded with 200: temporarily_unavailable", 0},
    {JSON_200 "{\"token\":\"t\",\"message\":\"this-is-secret\"}", KEEPER_FAILED,
     "the token endpoint's response cannot be used: access_token: missing; the response has token, "
     "message; auth_reply names the member",
     0},
    {"HTTP/1.1 400 No\r\n\r\n{\"errorCode\":\"E07\",\"errorSummary\":\"No such grant\"}",
     KEEPER_REJECTED, "the token endpoint responded with 400: E07 (No such grant)", 0},
    {JSON_200 "{\"this-is-secret\":1}", KEEPER_FAILED,
     "the token endpoint's response cannot be used: access_token: missing; the response has ***",
     0},
    {JSON_200 "", KEEPER_FAILED, "the token endpoint's response cannot be used: ", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", KEEPER_FAILED,
     "the token endpoint closed the connection before its response was complete", 0},
    {"not HTTP at all", KEEPER_FAILED, "the token endpoint did not respond in HTTP/1.1", 0},
    {SILENCE, KEEPER_NO_RESPONSE, "the token endpoint did not respond within 200ms", 0},
};

START_TEST(test_answers)
{
    const struct sample *sample = &samples[_i];
    const char *const answers[] = {sample->answer, NULL};
    bool silence = sample->answer == SILENCE;
    const char *keys = silence ? "address = %s\nauth_timeout = 200ms\nclient_secret = x\n"
                               : "address = %s\nclient_secret = this-is-secret\n";

    make_fetch(keys, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, sample->kind);
    ck_assert_msg(strncmp(problem, sample->problem, strlen(sample->problem)) == 0, "%s", problem);
    ck_assert_ptr_null(strstr(problem, "this-is-secret"));
    ck_assert_int_eq(retry_after, sample->retry_after);
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* What callers are told of it: no word of the server's but a code. */
static const struct {
    const char *answer, *cause;
} causes[] = {
    {"HTTP/1.1 503 No\r\n\r\n{\"message\":\"idp.example.com is down\"}",
     "the token endpoint answered 503"},
    {"HTTP/1.1 429 No\r\n\r\n{\"error\":\"slow_down\"}",
     "the token endpoint answered 429 (slow_down)"},
    {"HTTP/1.1 401 No\r\n\r\n{\"error\":\"invalid_client\",\"error_description\":\"who\"}",
     "the token endpoint refused the client's credentials (invalid_client)"},
    {"HTTP/1.1 401 No\r\n\r\n", "the token endpoint refused the client's credentials (status 401)"},
    {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"unauthorized_client\"}",
     "the token endpoint refused the client's credentials (unauthorized_client)"},
    {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_scope\"}",
     "the token endpoint refused the token request (invalid_scope)"},
    {"HTTP/1.1 403 No\r\n\r\n<html>no</html>",
     "the token endpoint refused the token request (status 403)"},
    {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"temporarily_unavailable\"}",
     "the token endpoint answered 400 (temporarily_unavailable)"},
    {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"ask this-is-secret\"}",
     "the token endpoint refused the token request (status 400)"},
    {JSON_200 "{\"token\":\"t\"}",
     "the token endpoint gave an answer in which there is no usable token"},
    {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nxxx",
     "the token endpoint gave an answer in which there is no usable token"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
     "the token endpoint closed the connection before its response was complete"},
    {SILENCE, "the token endpoint did not answer in time"},
};

START_TEST(test_causes)
{
    const char *const answers[] = {causes[_i].answer, NULL};
    const char *keys = causes[_i].answer == SILENCE
                           ? "address = %s\nauth_timeout = 200ms\nclient_secret = x\n"
                           : "address = %s\nclient_secret = this-is-secret\n";

    make_fetch(keys, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_str_eq(cause, causes[_i].cause);
}
END_TEST

/*
 * What a server repeats of the secrets, in any form in which a request carries them, and what is
 * left of it: its words around it. The configuration knows both secrets; the first was sent.
 */
#define ODD_BASIC "dGhlIGlkOnAgdzomPSslKi0uX34vw6k"                                 /* the id:ODD */
#define ODD_ENCODED_BASIC "dGhlK2lkOnArdyUzQSUyNiUzRCUyQiUyNSotLl8lN0UlMkYlQzMlQTk" /* encoded */
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define WIDE FIFTY FIFTY FIFTY FIFTY FIFTY /* 250 of the 800 that are kept */

static const struct {
    const char *error, *description; /* within JSON's quotes */
    const char *problem;             /* after the status */
} echoes[] = {
    {"x", "no client the id", ": x (no client the id)"},
    {"x", "no: " ODD "!", ": x (no: ***!)"},
    {"x", "no: " ODD_ENCODED "!", ": x (no: ***!)"},
    {"x", "client_id=the+id&client_secret=" ODD_ENCODED "&a=b",
     ": x (client_id=the+id&client_secret=***&a=b)"},
    {"x", "Authorization: Basic " ODD_BASIC "=, no", ": x (Authorization: Basic ***, no)"},
    {"x", "Authorization: Basic " ODD_BASIC " no", ": x (Authorization: Basic *** no)"},
    {"x", "Basic " ODD_ENCODED_BASIC "=", ": x (Basic ***)"},
    {"x", "neither second nor " ODD ", " ODD_BASIC "=", ": x (neither *** nor ***, ***)"},
    {"x", "Basic dGhlIGlkOnNlY29uZA==", ": x (Basic ***)"}, /* the id:second */
    {"x", "escaped: s\\u0065cond", ": x (escaped: ***)"},
    {"x", "before " ODD " and \xc3\xa9", ": x (before *** and \xc3\xa9)"},
    {"x", "secondsecond", ": x (***)"},
    {"x", WIDE ODD, ": x (" WIDE "***)"},
    {"x", WIDE WIDE WIDE FIFTY "second",
     ": x (" WIDE WIDE WIDE "01234567890123456789012345678901234567890123456...)"},
    {ODD, "who", ": *** (who)"},
    {"no_" ODD_ENCODED, "who", ": no_*** (who)"},
};

START_TEST(test_echoed_secrets)
{
    char *answer =
        mem_printf("HTTP/1.1 403 No\r\n\r\n{\"error\":\"%s\",\"error_description\":\"%s\"}",
                   echoes[_i].error, echoes[_i].description);
    const char *const answers[] = {answer, NULL};
    char *expected = mem_printf("the token endpoint responded with 403%s", echoes[_i].problem);

    make_fetch(TWO_SECRETS, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_str_eq(problem, expected);
    ck_assert_ptr_null(strstr(token_fetch_report(fetch)->error, ODD_ENCODED));
    ck_assert_ptr_null(strstr(token_fetch_report(fetch)->error, ODD));
    mem_free(answer);
    mem_free(expected);
}
END_TEST

START_TEST(test_answer_too_large)
{
    char *answer = mem_zalloc(TOKEN_RESPONSE_MAX + 100);
    const char *const answers[] = {answer, NULL};

    memset(answer, ' ', TOKEN_RESPONSE_MAX + 99);
    memcpy(answer, JSON_200, strlen(JSON_200));
    make_fetch(ONE_SECRET, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_FAILED);
    ck_assert_str_eq(problem, "the token endpoint sent a body that is too large");
    mem_free(answer);
}
END_TEST

START_TEST(test_nobody_listens)
{
    static const char *const answers[] = {NULL};
    char keys[128];
    int port;
    int fd = peer_bind(&port);

    snprintf(keys, sizeof(keys), "address = http://127.0.0.1:%d\nclient_secret = x\n", port);
    make_fetch(keys, answers);
    run(NULL);
    ck_assert_int_eq(kind, KEEPER_NO_RESPONSE);
    ck_assert_ptr_eq(strstr(problem, "the token endpoint refused the connection"), problem);
    ck_assert_str_eq(cause, "the token endpoint refused the connection");
    ck_assert_int_eq(token_fetch_report(fetch)->status, 0);
    close(fd);
    peer_stop(&peer);
}
END_TEST

/* Two secrets. */

#define REFUSED_401 "HTTP/1.1 401 No\r\n\r\n"
#define REFUSED_CLIENT "HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_client\"}"
/* An error that repeats the secret may have meant the secret. */
#define REFUSED_ECHO "HTTP/1.1 400 No\r\n\r\n{\"error\":\"no_" ODD_ENCODED "\"}"
#define REFUSED_SCOPE "HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_scope\"}"
#define BASIC_TWO "Basic dGhlIGlkOnNlY29uZA==" /* the id:second */

START_TEST(test_other_secret_at_once_and_first_next_time)
{
    static const char *const first[] = {REFUSED_401, REFUSED_CLIENT, REFUSED_ECHO};
    const char *const answers[] = {first[_i], JSON_200 GRANT, JSON_200 GRANT, NULL};
    char sent_with[3][128];

    make_fetch(TWO_SECRETS, answers);
    run("g");
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_uint_eq(token_fetch_report(fetch)->requests, 2);
    ck_assert_uint_eq(token_fetch_report(fetch)->secret, 2);
    run("h");
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_uint_eq(token_fetch_report(fetch)->requests, 1);
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 3);
    for (size_t i = 0; i < 3; i++)
        header_of(heard[i], "Authorization", sent_with[i], sizeof(sent_with[i]));
    ck_assert_str_ne(sent_with[0], BASIC_TWO);
    ck_assert_str_eq(sent_with[1], BASIC_TWO);
    ck_assert_str_eq(sent_with[2], BASIC_TWO);
    ck_assert_ptr_nonnull(strstr(heard[1], "\r\nX-GUID: g\r\n"));
}
END_TEST

/* What another process, or another configuration, found out. */
START_TEST(test_preferred_secret_first)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    char sent_with[128];

    make_fetch(TWO_SECRETS, answers);
    token_fetch_prefer(fetch, 1);
    run("g");
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 1);
    header_of(heard[0], "Authorization", sent_with, sizeof(sent_with));
    ck_assert_str_eq(sent_with, BASIC_TWO);
}
END_TEST

START_TEST(test_both_secrets_refused)
{
    static const char *const answers[] = {REFUSED_401, REFUSED_CLIENT, NULL};

    make_fetch(TWO_SECRETS, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_REJECTED);
    ck_assert_str_eq(problem, "the token endpoint responded with 400: invalid_client");
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

START_TEST(test_other_secret_only_when_the_secret_is_blamed)
{
    static const char *const first[] = {REFUSED_SCOPE, "HTTP/1.1 403 No\r\n\r\n",
                                        "HTTP/1.1 500 No\r\n\r\n"};
    const char *const answers[] = {first[_i], NULL};

    make_fetch(TWO_SECRETS, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_ne(kind, KEEPER_GRANTED);
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

static bool never(void *arg, const char *guid)
{
    ck_assert_ptr_eq(arg, &ended);
    ck_assert_str_eq(guid, "g");
    return false;
}

START_TEST(test_other_secret_only_when_allowed)
{
    static const char *const answers[] = {REFUSED_401, NULL};

    may_repeat = never;
    make_fetch(TWO_SECRETS, answers);
    run("g");
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_REJECTED);
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

START_TEST(test_one_deadline_for_both)
{
    static const char *const answers[] = {REFUSED_401, SILENCE, NULL};

    make_fetch(TWO_SECRETS "auth_timeout = 200ms\n", answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_NO_RESPONSE);
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

/* The end. */

static void stop_when_heard(struct peer *self)
{
    int fd = peer_accept(self);

    read_request(fd, heard[0], sizeof(heard[0]));
    loop_stop(loop);
    peer_hear_end(fd);
    EXPECT(peer_accept(self) == -1);
}

START_TEST(test_free_under_way)
{
    make_fetch_with(ONE_SECRET, stop_when_heard, NULL);
    token_fetch_start(fetch, NULL);
    loop_run(loop);
    token_fetch_free(fetch);
    fetch = NULL;
    peer_stop(&peer);
    ck_assert_uint_eq(ended, 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, test_basic_on_the_wire);
    tcase_add_test(tcase, test_form_with_basic_on_the_wire);
    tcase_add_test(tcase, test_form_with_post_on_the_wire);
    tcase_add_test(tcase, test_proxy_rejects);
    tcase_add_loop_test(tcase, test_place, 0, ARRAY_LEN(places));
    tcase_add_loop_test(tcase, test_answers, 0, ARRAY_LEN(samples));
    tcase_add_loop_test(tcase, test_causes, 0, ARRAY_LEN(causes));
    tcase_add_loop_test(tcase, test_echoed_secrets, 0, ARRAY_LEN(echoes));
    tcase_add_test(tcase, test_answer_too_large);
    tcase_add_test(tcase, test_nobody_listens);
    tcase_add_loop_test(tcase, test_other_secret_at_once_and_first_next_time, 0, 3);
    tcase_add_test(tcase, test_preferred_secret_first);
    tcase_add_test(tcase, test_both_secrets_refused);
    tcase_add_loop_test(tcase, test_other_secret_only_when_the_secret_is_blamed, 0, 3);
    tcase_add_test(tcase, test_other_secret_only_when_allowed);
    tcase_add_test(tcase, test_one_deadline_for_both);
    tcase_add_test(tcase, test_free_under_way);
}

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *tcase = tcase_create("fetch");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
