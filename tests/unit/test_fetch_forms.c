/* The forms of a token request that other APIs want than RFC 6749 has (contract 12). */
#include "token/fetch.h"

#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "fetch_fixture.h"
#include "jose/base64url.h"

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

/* ---- assertions ---- */

/* A new key in a file "key", and its public half. */
static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;

    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(pem, &text);
    scratch_write("key", text, (size_t)len, 0600);
    BIO_free(pem);
    return key;
}

/* The value of a parameter in the body that was heard; mem_free() it. No encoding is expected. */
static char *parameter(const char *name)
{
    char *mark = mem_printf("&%s=", name);
    const char *at = strstr(strstr(heard[0], "\r\n\r\n"), mark);

    ck_assert_msg(at != NULL, "no %s in %s", name, heard[0]);
    at += strlen(mark);
    mem_free(mark);
    return mem_strndup(at, strcspn(at, "&"));
}

/* Its claims, which must be signed with the key. json_decref() them. */
static json_t *claims_of(const char *assertion, EVP_PKEY *key)
{
    const char *payload = strchr(assertion, '.') + 1;
    const char *signature = strchr(payload, '.') + 1;
    struct octets raw, claims;

    ck_assert(base64url_decode(signature, strlen(signature), &raw));
    ck_assert_uint_eq(raw.len, 64);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ck_assert_int_eq(
        ECDSA_SIG_set0(sig, BN_bin2bn(raw.bytes, 32, NULL), BN_bin2bn(raw.bytes + 32, 32, NULL)),
        1);
    unsigned char *der = NULL;
    int der_len = i2d_ECDSA_SIG(sig, &der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_DigestVerify(md, der, (size_t)der_len, (const unsigned char *)assertion,
                                      (size_t)(signature - 1 - assertion)),
                     1);
    ck_assert(base64url_decode(payload, (size_t)(signature - 1 - payload), &claims));
    json_t *json = json_loadb((const char *)claims.bytes, claims.len, 0, NULL);
    ck_assert_ptr_nonnull(json);
    octets_fini(&raw);
    octets_fini(&claims);
    ECDSA_SIG_free(sig);
    OPENSSL_free(der);
    EVP_MD_CTX_free(md);
    return json;
}

static const char *claim(const json_t *claims, const char *name)
{
    const char *text = json_string_value(json_object_get(claims, name));

    return text != NULL ? text : "(none)";
}

/* An assertion of the client takes the place of its secret; the request has no other. */
START_TEST(test_private_key_jwt)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    EVP_PKEY *key = make_key();

    make_fetch("address = %s\nauth_path = /t?x=1\nauth_flow = client_credentials\n"
               "auth_client = private_key_jwt\nauth_key_file = key\nauth_key_id = k1\n"
               "auth_scope = a b\n",
               answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_msg(kind == KEEPER_GRANTED, "%s", problem);
    ck_assert_ptr_null(strstr(heard[0], "Authorization"));
    ck_assert_ptr_nonnull(strstr(heard[0], "\r\n\r\ngrant_type=client_credentials&scope=a+b&"
                                           "client_id=the+id&client_assertion_type=urn%3Aietf%3A"
                                           "params%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"));
    char *assertion = parameter("client_assertion");
    json_t *claims = claims_of(assertion, key);
    char *audience = mem_printf("%s/t", peer.origin);
    ck_assert_str_eq(claim(claims, "iss"), "the id");
    ck_assert_str_eq(claim(claims, "sub"), "the id");
    ck_assert_str_eq(claim(claims, "aud"), audience);
    ck_assert_str_eq(claim(claims, "scope"), "(none)");
    ck_assert_int_eq(json_integer_value(json_object_get(claims, "exp")) -
                         json_integer_value(json_object_get(claims, "iat")),
                     60);
    mem_free(audience);
    json_decref(claims);
    mem_free(assertion);
    EVP_PKEY_free(key);
}
END_TEST

/* The assertion is the grant, alone, with what jwt_bearer has inside. */
START_TEST(test_jwt_bearer)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};
    EVP_PKEY *key = make_key();

    make_fetch("address = %s\nauth_flow = jwt_bearer\nauth_key_file = key\nauth_scope = a b\n"
               "auth_subject = somebody\nauth_audience = urn:x\nauth_param.resource = r\n",
               answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_msg(kind == KEEPER_GRANTED, "%s", problem);
    ck_assert_ptr_null(strstr(heard[0], "Authorization"));
    ck_assert_ptr_null(strstr(heard[0], "client_id"));
    ck_assert_ptr_null(strstr(heard[0], "&scope="));
    ck_assert_ptr_nonnull(strstr(heard[0], "&resource=r"));
    ck_assert_ptr_nonnull(
        strstr(heard[0], "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
    char *assertion = parameter("assertion");
    json_t *claims = claims_of(assertion, key);
    ck_assert_str_eq(claim(claims, "iss"), "the id");
    ck_assert_str_eq(claim(claims, "sub"), "somebody");
    ck_assert_str_eq(claim(claims, "aud"), "urn:x");
    ck_assert_str_eq(claim(claims, "scope"), "a b");
    json_decref(claims);
    mem_free(assertion);
    EVP_PKEY_free(key);
}
END_TEST

/* With auth_client given, the client authenticates beside it. */
START_TEST(test_jwt_bearer_with_a_secret)
{
    static const char *const answers[] = {JSON_200 GRANT, NULL};

    EVP_PKEY_free(make_key());
    make_fetch(ONE_SECRET "auth_flow = jwt_bearer\nauth_key_file = key\nauth_client = post\n",
               answers);
    run(NULL);
    peer_stop(&peer);
    ck_assert_msg(kind == KEEPER_GRANTED, "%s", problem);
    ck_assert_ptr_nonnull(strstr(heard[0], "&assertion="));
    ck_assert_ptr_nonnull(strstr(heard[0], "&client_id=the+id&client_secret=" ODD_ENCODED));
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
    tcase_add_test(tcase, test_private_key_jwt);
    tcase_add_test(tcase, test_jwt_bearer);
    tcase_add_test(tcase, test_jwt_bearer_with_a_secret);
    tcase_add_loop_test(tcase, test_grants, 0, ARRAY_LEN(grants));
    suite_add_tcase(s, tcase);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
