/* What an assertion says. Time is false. */
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "jose/assertion.h"
#include "jose/base64url.h"
#include "jose/jwt.h"
#include "jose_examples.h"
#include "suite.h"

#define NOW 1700000000

static struct jose_signer *signer;

static void setup(void)
{
    static const char jwk[] = "{" EC_PRIVATE ",\"kid\":\"k1\"}";
    struct reason reason;

    ck_assert_int_eq(jose_signer_new(jwk, strlen(jwk), NULL, &reason, &signer), ERR_OK);
}

static void teardown(void)
{
    jose_signer_free(signer);
}

static const struct jose_claims plain = {
    .iss = "me",
    .sub = "me",
    .aud = "https://auth.example/token",
    .lifetime = JOSE_ASSERTION_LIFETIME,
};

static char *payload_of(const struct jose_claims *claims, int64_t ns)
{
    char *token = jose_assertion(signer, claims, (struct wall_time){.ns = ns});
    const char *body = strchr(token, '.') + 1;
    struct octets payload;

    ck_assert(base64url_decode(body, strcspn(body, "."), &payload));
    char *text = mem_strdup((const char *)payload.bytes);
    octets_fini(&payload);
    wipe_free_text(token);
    return text;
}

/* The claims without their jti, which is checked for its form and left in `jti`. */
static char *claims_of(const struct jose_claims *claims, int64_t ns, char jti[37])
{
    char *text = payload_of(claims, ns);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(json, "jti"));

    ck_assert_ptr_nonnull(id);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef-"), 36);
    memcpy(jti, id, 37);
    json_object_del(json, "jti");
    mem_free(text);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static void says(const struct jose_claims *claims, int64_t ns, const char *expected)
{
    char jti[37];
    char *text = claims_of(claims, ns, jti);

    ck_assert_str_eq(text, expected);
    free(text);
}

#define WHO "{\"iss\":\"me\",\"sub\":\"me\",\"aud\":\"https://auth.example/token\","

/* All claims and no other: no nbf. */
START_TEST(test_claims)
{
    struct jose_claims claims = plain;

    says(&claims, NOW * SECOND, WHO "\"iat\":1700000000,\"exp\":1700000060}");
    says(&claims, NOW * SECOND + SECOND - 1, WHO "\"iat\":1700000000,\"exp\":1700000060}");
    claims.lifetime = 300;
    claims.scope = "lookup else";
    says(&claims, NOW * SECOND,
         WHO "\"scope\":\"lookup else\",\"iat\":1700000000,\"exp\":1700000300}");
}
END_TEST

START_TEST(test_text_is_escaped)
{
    const struct jose_claims claims = {
        .iss = "a\"b\\c\n\x01",
        .sub = "\xc3\xa9",
        .aud = "",
        .lifetime = 60,
    };

    says(&claims, 0,
         "{\"iss\":\"a\\\"b\\\\c\\n\\u0001\",\"sub\":\"\xc3\xa9\",\"aud\":\"\",\"iat\":0,\"exp\":"
         "60}");
}
END_TEST

/* A second one within the same second is another one. */
START_TEST(test_jti_is_fresh)
{
    enum { COUNT = 100 };
    char jti[COUNT][37];

    for (int i = 0; i < COUNT; i++) {
        free(claims_of(&plain, NOW * SECOND, jti[i]));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(jti[i], jti[k]);
    }
}
END_TEST

/* As the token endpoint does it. */
START_TEST(test_verifies)
{
    static const char jwk[] = "{" EC_PUBLIC ",\"kid\":\"k1\"}";
    const struct jwt_rules rules = {.issuer = plain.iss,
                                    .audiences = (const char *const[]){plain.aud, NULL}};
    char *token = jose_assertion(signer, &plain, (struct wall_time){.ns = NOW * SECOND});
    struct reason reason;
    struct jwt_keys *keys;
    char user[JWT_USER_MAX + 1];
    struct wall_time now = {.ns = (NOW + 59) * SECOND}, expires;

    ck_assert_int_eq(jwt_keys_new(jwk, strlen(jwk), &reason, &keys), ERR_OK);
    ck_assert_int_eq(jwt_verify(keys, &rules, token, strlen(token), now, user, &expires), JWT_OK);
    ck_assert_int_eq(expires.ns, (NOW + 60) * SECOND);
    ck_assert_str_eq(user, "me");
    wipe_free_text(token);
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_not_utf8)
{
    struct jose_claims claims = plain;

    claims.sub = "\xff";
    ck_assert_ptr_null(jose_assertion(signer, &claims, (struct wall_time){.ns = NOW * SECOND}));
    claims = plain;
    claims.scope = "\xff";
    ck_assert_ptr_null(jose_assertion(signer, &claims, (struct wall_time){.ns = NOW * SECOND}));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assertion");
    TCase *tcase = tcase_create("assertion");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_claims);
    tcase_add_test(tcase, test_text_is_escaped);
    tcase_add_test(tcase, test_jti_is_fresh);
    tcase_add_test(tcase, test_verifies);
    tcase_add_test(tcase, test_not_utf8);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
