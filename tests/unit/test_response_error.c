/* What a token endpoint says of an error, in the shapes that servers use. */
#include "token/response_error.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "suite.h"
#include "token/rejection.h"
#include "token/response.h"

static const struct config_upstream no_secrets;

static const struct {
    const char *body;
    const char *code, *text;
    bool named;
} errors[] = {
    /* RFC 6749, section 5.2. */
    {"{\"error\":\"invalid_client\",\"error_description\":\"no such client\"}", "invalid_client",
     "no such client", true},
    {"{\"error\":\"invalid_client\"}", "invalid_client", "", true},
    {"{\"error\":\"invalid_client\",\"error_description\":\"The \\\"us\\\" client is not known\"}",
     "invalid_client", "The \"us\" client is not known", true},
    {"{\"error\":\"x\",\"error_description\":\"first line\\r\\nsecond\\u001b[0m\"}", "x",
     "first line  second [0m", true},
    {"{\"error\":\"not a code\",\"error_description\":\"caf\xc3\xa9\"}", "",
     "not a code; caf\xc3\xa9", true},
    /* Nothing. */
    {"{}", "", "", false},
    {"{\"error\":\"\",\"error_description\":null}", "", "", false},
    {"{\"error\":false,\"message\":\"\"}", "", "", false},
    {"{\"access_token\":\"t0ken\",\"scope\":\"a b\"}", "", "", false},
    /* Objects and arrays. */
    {"{\"error\":17,\"error_description\":[\"x\",\"y\"]}", "", "17; x; y", true},
    {"{\"error\":{\"code\":400,\"error\":\"invalid_client_id\",\"error_description\":\"no\","
     "\"details\":[]}}",
     "invalid_client_id", "400; no", true},
    {"{\"error\":{\"code\":\"401 Unauthorized\",\"message\":\"expired\"}}", "",
     "401 Unauthorized; expired", true},
    {"{\"errors\":[{\"code\":\"E1\",\"title\":\"a\",\"detail\":\"b\"},\"c\"]}", "E1", "a; b; c",
     true},
    {"{\"fault\":{\"faultstring\":\"bad key\",\"detail\":{\"errorcode\":\"o.v.Bad\"}}}", "o.v.Bad",
     "bad key", true},
    {"{\"error\":{\"code\":400,\"message\":\"no\",\"details\":[\"no\",\"no, never\"]}}", "",
     "400; no; no, never", true},
    /* problem+json, and what companies made. */
    {"{\"type\":\"about:blank\",\"title\":\"No\",\"status\":400,\"detail\":\"because\"}", "",
     "No; because", false},
    {"{\"errorCode\":\"E07\",\"errorSummary\":\"No such grant\"}", "E07", "No such grant", true},
    {"{\"ErrorCode\":\"invalid_client\",\"Error\":\"Client is invalid\"}", "invalid_client",
     "Client is invalid", true},
    {"{\"request_id\":\"1\",\"error_code\":\"401-1\",\"message\":\"m\"}", "401-1", "m", true},
    {"{\"causa\":\"A B\",\"msgs\":[\"c d\",\"e\"]}", "", "A B; c d; e", false},
    {"{\"message\":\"m\",\"Message-\":\"n\",\"secretmessage\":\"s\"}", "", "m; n", false},
    /* Deep. */
    {"{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{"
     "\"error\":\"x\"}}}}}}}}}",
     "", "", true},
};

START_TEST(shapes)
{
    struct token_response_error got;

    ck_assert(token_response_error(&got, &no_secrets, errors[_i].body, strlen(errors[_i].body)));
    ck_assert_str_eq(got.code, errors[_i].code);
    ck_assert_str_eq(got.text, errors[_i].text);
    ck_assert_int_eq(got.named, errors[_i].named);
}
END_TEST

static const char *const no_objects[] = {
    "[]", "Forbidden", "", "{\"error\":\"a\",\"error\":\"b\"}", "<html>no</html>",
};

START_TEST(what_is_no_object)
{
    struct token_response_error got;

    ck_assert(!token_response_error(&got, &no_secrets, no_objects[_i], strlen(no_objects[_i])));
    ck_assert_str_eq(got.code, "");
    ck_assert_str_eq(got.text, "");
}
END_TEST

/* `many` characters of two bytes each. */
static char *long_text(size_t many)
{
    char *text = mem_alloc(2 * many + 1);

    for (size_t i = 0; i < many; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[2 * many] = '\0';
    return text;
}

START_TEST(long_texts)
{
    struct token_response_error got;
    char *text = long_text(500);
    char *body = mem_printf("{\"error\":\"%s\",\"message\":\"%s\"}", text, text);

    ck_assert(token_response_error(&got, &no_secrets, body, strlen(body)));
    ck_assert_str_eq(got.code, "");
    ck_assert_uint_le(strlen(got.text), TOKEN_ERROR_TEXT_MAX);
    ck_assert_uint_ge(strlen(got.text), TOKEN_ERROR_TEXT_MAX - 3);
    ck_assert_str_eq(got.text + strlen(got.text) - 5, "\xc3\xa9...");
    mem_free(body);
    mem_free(text);
}
END_TEST

/* ---- what is masked ---- */

#define QUOTED "s3\"cret&"

static const char *const echoes[] = {
    "{\"error\":\"x\",\"error_description\":\"got s3\\\"cret&\"}",
    "{\"error\":\"x\",\"error_description\":\"got s3%22cret%26\"}",
    "{\"error\":\"x\",\"error_description\":\"got {s3\\\\\\\"cret&\"}",
    /* Other spellings than ours. */
    "{\"error\":\"x\",\"error_description\":\"got s3%22cret%26\"}",
    "{\"error\":\"x\",\"error_description\":\"got %733%22c%72et&\"}",
    "{\"error\":\"x\",\"error_description\":\"got {s3\\\\u0022cret\\\\u0026\"}",
    "{\"error\":\"x\",\"error_description\":\"got a%2fb%3D+c\"}",
    "{\"error\":\"x\",\"error_description\":\"got a\\\\/b=%20c\"}",
    "{\"error\":\"x\",\"error_description\":\"got a%2Fb%3d c\"}",
    /* us:s3"cret& in base64 */
    "{\"error\":\"x\",\"error_description\":\"got dXM6czMiY3JldCY\"}",
    "{\"error\":\"x\",\"error_description\":\"got eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln\"}",
    "{\"error\":\"x\",\"error_description\":\"got api-key-1\"}",
};

START_TEST(secrets_are_masked)
{
    struct token_response_error got;
    struct config_header_file field = {.name = (char *)(uintptr_t) "X-Key",
                                       .file = {.bytes = secret_new("api-key-1", 9)}};
    struct config_upstream upstream = {
        .client_id = (char *)(uintptr_t) "us",
        .client_secrets = {secret_new(QUOTED, strlen(QUOTED)), secret_new("a/b= c", 6)},
        .client_secret_count = 2,
        .header_file = {.items = &field, .count = 1}};

    ck_assert(token_response_error(&got, &upstream, echoes[_i], strlen(echoes[_i])));
    ck_assert_ptr_nonnull(strstr(got.text, "got "));
    ck_assert_ptr_nonnull(strstr(got.text, "***"));
    ck_assert_uint_le(strlen(got.text), strlen("got {***"));
    secret_unref(upstream.client_secrets[0]);
    secret_unref(upstream.client_secrets[1]);
    secret_unref(field.file.bytes);
}
END_TEST

/* ---- what a code means ---- */

#define CREDENTIALS "the token endpoint rejected the client's credentials"

static const struct {
    const char *code;
    const char *event;
    bool temporary;
} codes[] = {
    {"invalid_client", CREDENTIALS, false},
    {"Invalid_Client", CREDENTIALS, false},
    {"unauthorized_client", CREDENTIALS, false},
    {"invalid_client_id", "the token endpoint rejected the request", false},
    {"invalid_scope", "the token endpoint rejected the scope", false},
    {"invalid_grant", "the token endpoint rejected the grant", false},
    {"", "the token endpoint rejected the request", false},
    {"E07", "the token endpoint rejected the request", false},
    {"temporarily_unavailable", "the token endpoint is in trouble", true},
};

START_TEST(meanings)
{
    ck_assert_str_eq(rejection_event(codes[_i].code), codes[_i].event);
    ck_assert_int_eq(rejection_is_temporary(codes[_i].code), codes[_i].temporary);
}
END_TEST

START_TEST(another_secret)
{
    ck_assert(rejection_may_be_the_secret(401, "whatever"));
    ck_assert(rejection_may_be_the_secret(400, ""));
    ck_assert(rejection_may_be_the_secret(400, "invalid_client"));
    ck_assert(rejection_may_be_the_secret(200, "invalid_client_id"));
    ck_assert(rejection_may_be_the_secret(400, "bad***"));
    ck_assert(!rejection_may_be_the_secret(400, "invalid_scope"));
    ck_assert(!rejection_may_be_the_secret(403, ""));
    ck_assert(!rejection_may_be_the_secret(403, "bad***"));
    ck_assert(rejection_may_be_the_secret(403, "invalid_client"));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("response_error");
    TCase *tc = tcase_create("response_error");

    tcase_add_loop_test(tc, shapes, 0, (int)ARRAY_LEN(errors));
    tcase_add_loop_test(tc, what_is_no_object, 0, (int)ARRAY_LEN(no_objects));
    tcase_add_test(tc, long_texts);
    tcase_add_loop_test(tc, secrets_are_masked, 0, (int)ARRAY_LEN(echoes));
    tcase_add_loop_test(tc, meanings, 0, (int)ARRAY_LEN(codes));
    tcase_add_test(tc, another_secret);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    token_response_setup();
    return run_suite(suite());
}
