/* The forms of a token request that other APIs want than RFC 6749 has (contract 12). */
#include "token/fetch.h"

#include "fetch_fixture.h"

/* What goes out: its request line, some header fields, and its body. */
struct form {
    const char *keys;
    const char *line;
    const char *has[2]; /* header fields; NULL: no more */
    const char *body;
    bool basic; /* it has an Authorization header */
};

#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define GRANT_TYPE "grant_type=client_credentials"

static const struct form forms[] = {
    /* auth_body */
    {ONE_QUOTED
     "auth_client = post\n"
     "auth_body = {\"id\":\"{client_id}\",\"s\":\"{client_secret}\",\"x\":{\"{y}\":1}}\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {JSON},
     "{\"id\":\"the id\",\"s\":\"q\\\"\\\\&\",\"x\":{\"{y}\":1}}",
     false},
    {ONE_QUOTED "auth_client = none\nauth_body = [\"{client_secret}\"]\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {JSON},
     "[\"q\\\"\\\\&\"]",
     false},
    {ONE_QUOTED "auth_client = post\nauth_body = a={client_id}&b={client_secret}&c=d e\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {FORM},
     "a=the+id&b=q%22%5C%26&c=d e",
     false},
    /* "the id:q"\&" in base64 */
    {ONE_QUOTED "auth_body = {\"numero\":\"1\"}\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {JSON, "Authorization: Basic dGhlIGlkOnEiXCY=\r\n"},
     "{\"numero\":\"1\"}",
     true},
    /* "the+id:q%22%5C%26" in base64 */
    {ONE_QUOTED "auth_flow = client_credentials\nauth_body = {}\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {JSON, "Authorization: Basic dGhlK2lkOnElMjIlNUMlMjY=\r\n"},
     "{}",
     true},
    /* auth_method */
    {ONE_QUOTED "auth_method = get\nauth_flow = client_credentials\nauth_client = post\n",
     "GET /auth/v1?" GRANT_TYPE "&client_id=the+id&client_secret=q%22%5C%26 HTTP/1.1\r\n",
     {NULL},
     "",
     false},
    {ONE_QUOTED "auth_method = get\nauth_path = /t?v=1\nauth_flow = client_credentials\n",
     "GET /t?v=1&" GRANT_TYPE " HTTP/1.1\r\n",
     {NULL},
     "",
     true},
    {ONE_QUOTED "auth_method = get\n", "GET /auth/v1 HTTP/1.1\r\n", {NULL}, "", true},
    /* A query of the endpoint's. */
    {ONE_QUOTED "auth_path = /token?grant_type=client_credentials\n",
     "POST /token?grant_type=client_credentials HTTP/1.1\r\n",
     {NULL},
     "",
     true},
    {"address = http://127.0.0.1:9\nauth_url = %s/a/?b=c%%20d\nclient_secret = x\n",
     "POST /a/?b=c%20d HTTP/1.1\r\n",
     {NULL},
     "",
     true},
    {"address = http://127.0.0.1:9\nauth_url = %s?b\nclient_secret = x\n",
     "POST /?b HTTP/1.1\r\n",
     {NULL},
     "",
     true},
    {"address = http://127.0.0.1:9\nauth_url = %s/token/\nclient_secret = x\n",
     "POST /token/ HTTP/1.1\r\n",
     {NULL},
     "",
     true},
    /* auth_client */
    {"address = %s\nauth_flow = client_credentials\nauth_client = none\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {FORM},
     GRANT_TYPE "&client_id=the+id",
     false},
    /* header.NAME and header_file.NAME */
    {ONE_QUOTED "header.X-Version = 2 a\nheader_file.X-Key = one\n",
     "POST /auth/v1 HTTP/1.1\r\n",
     {"X-Version: 2 a\r\n", "X-Key: " ODD "\r\n"},
     "",
     true},
};

START_TEST(test_forms)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    const struct form *form = &forms[_i];

    make_fetch(form->keys, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_msg(kind == KEEPER_GRANTED, "%s", problem);
    ck_assert_msg(strncmp(heard[0], form->line, strlen(form->line)) == 0, "%s", heard[0]);
    for (size_t i = 0; i < ARRAY_LEN(form->has) && form->has[i] != NULL; i++)
        ck_assert_msg(strstr(heard[0], form->has[i]) != NULL, "no %s in %s", form->has[i],
                      heard[0]);
    ck_assert_str_eq(strstr(heard[0], "\r\n\r\n") + 4, form->body);
    ck_assert_int_eq(strstr(heard[0], "Authorization") != NULL, form->basic);
    ck_assert_int_eq(strstr(heard[0], "Content-Length") != NULL, heard[0][0] == 'P');
}
END_TEST

/* ---- what comes in ---- */

static const struct {
    const char *keys;
    const char *answer;
    const char *value;
    int64_t lifetime;
} grants[] = {
    {"auth_reply = token\n", "{\"token\":\"t\",\"token_type\":\"jwt\",\"expires_in\":600}", "jwt t",
     600 * SECOND},
    {"auth_reply = token expiraEm\nauth_scheme = Bearer\n",
     "{\"token\":\"t\",\"token_type\":\"jwt\",\"expiraEm\":\"2999-01-01T00:00:00\"}", "Bearer t",
     24 * HOUR},
    {"", "{\"access_token\":\"t\",\"token_type\":null,\"expires_in\":null}", "Bearer t",
     300 * SECOND},
    {"", "{\"access_token\":\"t\",\"expires_in\":0}", "Bearer t", 300 * SECOND},
};

START_TEST(test_grants)
{
    char *answer = mem_printf("%s%s", JSON_200, grants[_i].answer);
    const char *const answers[] = {answer, NULL};
    char *keys = mem_printf("%s%s", ONE_SECRET, grants[_i].keys);

    make_fetch(keys, answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_msg(kind == KEEPER_GRANTED, "%s", problem);
    ck_assert_str_eq(value, grants[_i].value);
    ck_assert_int_eq(lifetime, grants[_i].lifetime);
    mem_free(answer);
    mem_free(keys);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("fetch_forms");
    TCase *tcase = tcase_create("fetch_forms");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_forms, 0, ARRAY_LEN(forms));
    tcase_add_loop_test(tcase, test_grants, 0, ARRAY_LEN(grants));
    suite_add_tcase(s, tcase);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
