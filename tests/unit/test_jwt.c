/* Claims, at the borders of what they allow, and identities made here. Time is false. */
#include <stdio.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "jose_examples.h"
#include "jose_forge.h"
#include "jose/jws.h"
#include "suite.h"

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define NOW 1700000000
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SUB "\"sub\":\"alice\""
#define EXP "\"exp\":1700000060"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct jwt_keys *secret_keys;

static void setup(void)
{
    secret_keys = keys_of(SECRET);
}

static void teardown(void)
{
    jwt_keys_unref(secret_keys);
}

static enum jwt_result verify_claims(const char *claims, const struct jwt_rules *rules, double now)
{
    char user[JWT_USER_MAX + 1] = "untouched";
    struct wall_time expires = {.ns = -1};
    char *token = forge(HEADER, claims);
    enum jwt_result result =
        jwt_verify(secret_keys, rules, token, strlen(token), at(now), user, &expires);

    if (result != JWT_OK) {
        ck_assert_str_eq(user, "untouched");
        ck_assert_int_eq(expires.ns, -1);
    }
    mem_free(token);
    return result;
}

static const struct {
    const char *claims;
    double now;
    int leeway; /* seconds */
    enum jwt_result result;
} times[] = {
    /* exp is the first moment that is too late. */
    {"{" SUB ",\"exp\":1700000000}", NOW - 1, 0, JWT_OK},
    {"{" SUB ",\"exp\":1700000000}", NOW - 0.001, 0, JWT_OK},
    {"{" SUB ",\"exp\":1700000000}", NOW, 0, JWT_EXPIRED},
    {"{" SUB ",\"exp\":1700000000}", NOW + 1, 0, JWT_EXPIRED},
    {"{" SUB ",\"exp\":1700000000}", NOW + 29.999, 30, JWT_OK},
    {"{" SUB ",\"exp\":1700000000}", NOW + 30, 30, JWT_EXPIRED},
    {"{" SUB ",\"exp\":1700000000.5}", NOW + 0.499, 0, JWT_OK},
    {"{" SUB ",\"exp\":1700000000.5}", NOW + 0.501, 0, JWT_EXPIRED},
    {"{" SUB ",\"exp\":1.7e9}", NOW - 1, 0, JWT_OK},
    {"{" SUB ",\"exp\":1.7e9}", NOW, 0, JWT_EXPIRED},
    {"{" SUB ",\"exp\":0}", NOW, 30, JWT_EXPIRED},
    {"{" SUB ",\"exp\":-1}", NOW, 30, JWT_EXPIRED},
    {"{" SUB ",\"exp\":-9223372036854775808}", NOW, 30, JWT_EXPIRED},
    {"{" SUB ",\"exp\":-1e300}", NOW, 30, JWT_EXPIRED},
    {"{" SUB ",\"exp\":9223372036854775807}", NOW, 30, JWT_OK},
    {"{" SUB ",\"exp\":1e300}", NOW, 30, JWT_OK},
    {"{" SUB ",\"exp\":1e999}", NOW, 30, JWT_MALFORMED},
    {"{" SUB ",\"exp\":9223372036854775808}", NOW, 30, JWT_MALFORMED},
    {"{" SUB ",\"exp\":\"1700000060\"}", NOW, 0, JWT_MALFORMED},
    {"{" SUB ",\"exp\":null}", NOW, 0, JWT_MALFORMED},
    {"{" SUB ",\"exp\":true}", NOW, 0, JWT_MALFORMED},
    {"{" SUB "}", NOW, 0, JWT_MALFORMED},
    /* nbf is the first moment that is late enough. */
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW, 0, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 0.001, 0, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 30, 30, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 30.001, 30, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":9223372036854775807}", NOW, 30, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":-9223372036854775808}", NOW, 30, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":\"1\"}", NOW, 0, JWT_MALFORMED},
    {"{" SUB "," EXP ",\"nbf\":null}", NOW, 0, JWT_MALFORMED},
    {"{" SUB ",\"exp\":1700000000,\"nbf\":1700000060}", NOW + 30, 0, JWT_EXPIRED},
};

START_TEST(test_times)
{
    const struct jwt_rules rules = {.leeway = times[_i].leeway * SECOND};
    enum jwt_result result = verify_claims(times[_i].claims, &rules, times[_i].now);

    ck_assert_msg(result == times[_i].result, "%s: %s", times[_i].claims, jwt_result_text(result));
}
END_TEST

#define PARTY(more) "{" SUB "," EXP more "}"

static const struct {
    const char *claims;
    const char *issuer;
    const char *audience;
    enum jwt_result result;
} parties[] = {
    {PARTY(""), NULL, NULL, JWT_OK},
    {PARTY(",\"iss\":\"i\",\"aud\":[7]"), NULL, NULL, JWT_OK},
    {PARTY(",\"iss\":\"i\""), "i", NULL, JWT_OK},
    {PARTY(",\"iss\":\"I\""), "i", NULL, JWT_ISSUER},
    {PARTY(",\"iss\":\"i/\""), "i", NULL, JWT_ISSUER},
    {PARTY(",\"iss\":[\"i\"]"), "i", NULL, JWT_ISSUER},
    {PARTY(""), "i", NULL, JWT_ISSUER},
    {PARTY(",\"aud\":\"a\""), NULL, "a", JWT_OK},
    {PARTY(",\"aud\":[\"a\"]"), NULL, "a", JWT_OK},
    {PARTY(",\"aud\":[\"b\",\"a\"]"), NULL, "a", JWT_OK},
    {PARTY(",\"aud\":[\"b\",\"c\"]"), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"aud\":[[\"a\"]]"), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"aud\":[]"), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"aud\":{\"a\":\"a\"}"), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"aud\":\"ab\""), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"aud\":\"\""), NULL, "a", JWT_AUDIENCE},
    {PARTY(""), NULL, "a", JWT_AUDIENCE},
    {PARTY(",\"iss\":\"i\",\"aud\":\"a\""), "i", "a", JWT_OK},
    {PARTY(",\"iss\":\"a\",\"aud\":\"i\""), "i", "a", JWT_ISSUER},
};

START_TEST(test_parties)
{
    const struct jwt_rules rules = {.issuer = parties[_i].issuer, .audience = parties[_i].audience};
    enum jwt_result result = verify_claims(parties[_i].claims, &rules, NOW);

    ck_assert_msg(result == parties[_i].result, "%s: %s", parties[_i].claims,
                  jwt_result_text(result));
}
END_TEST

static const struct {
    const char *claims;
    enum jwt_result result;
} subjects[] = {
    {"{" EXP ",\"sub\":\"a\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"alice@example.org {~}\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"" X64 X64 "\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"" X64 X64 "x\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"al\\u00eece\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"alice\\r\\nX: y\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"alice\\u007f\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"\\talice\"}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":7}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":[\"alice\"]}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":null}", JWT_SUBJECT},
    {"{" EXP "}", JWT_SUBJECT},
    {"{" EXP ",\"sub\":\"alice\\u0000\"}", JWT_MALFORMED},
    {"{" EXP ",\"sub\":\"alice\",\"sub\":\"bob\"}", JWT_MALFORMED},
    {"{" EXP ",\"sub\":\"alice\",\"x\":{\"y\":1,\"y\":2}}", JWT_MALFORMED},
    {"{" EXP ",\"sub\":\"\xff\"}", JWT_MALFORMED},
    {"[{" EXP ",\"sub\":\"alice\"}]", JWT_MALFORMED},
    {"{" EXP ",\"sub\":\"alice\"} {}", JWT_MALFORMED},
    {"{" EXP ",\"sub\":\"alice\"", JWT_MALFORMED},
    {"alice", JWT_MALFORMED},
    {"", JWT_MALFORMED},
};

START_TEST(test_subjects)
{
    const struct jwt_rules rules = {0};
    enum jwt_result result = verify_claims(subjects[_i].claims, &rules, NOW);

    ck_assert_msg(result == subjects[_i].result, "%s: %s", subjects[_i].claims,
                  jwt_result_text(result));
}
END_TEST

START_TEST(test_user_and_expiry_come_out)
{
    const struct jwt_rules rules = {.leeway = 30 * SECOND};
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    char *token = forge(HEADER, "{\"sub\":\"" X64 X64 "\",\"exp\":1700000060}");

    ck_assert_int_eq(jwt_verify(secret_keys, &rules, token, strlen(token), at(NOW), user, &expires),
                     JWT_OK);
    ck_assert_str_eq(user, X64 X64);
    ck_assert_int_eq(expires.ns, 1700000090 * SECOND);
    mem_free(token);
}
END_TEST

START_TEST(test_forever_does_not_wrap)
{
    const struct jwt_rules rules = {.leeway = HOUR};
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    char *token = forge(HEADER, "{" SUB ",\"exp\":9223372036}");

    ck_assert_int_eq(jwt_verify(secret_keys, &rules, token, strlen(token), at(NOW), user, &expires),
                     JWT_OK);
    ck_assert_int_eq(expires.ns, INT64_MAX);
    mem_free(token);
}
END_TEST

START_TEST(test_users)
{
    ck_assert(user_is_valid("alice", 5));
    ck_assert(user_is_valid(" ~", 2));
    ck_assert(user_is_valid(X64 X64, 128));
    ck_assert(!user_is_valid(X64 X64 "x", 129));
    ck_assert(!user_is_valid("", 0));
    ck_assert(!user_is_valid("a\0b", 3));
    ck_assert(!user_is_valid("a\n", 2));
    ck_assert(!user_is_valid("\x7f", 1));
    ck_assert(!user_is_valid("\xc3\xa9", 2));
}
END_TEST

START_TEST(test_phrases)
{
    ck_assert_str_eq(jwt_result_text(JWT_OK), "verified");
    ck_assert_str_eq(jwt_result_text(JWT_EXPIRED), "expired");
}
END_TEST

/* The header of a token, parsed. */
static json_t *header_of(const char *token)
{
    struct octets bytes;

    ck_assert(base64url_decode(token, strcspn(token, "."), &bytes));
    json_t *json = json_loadb((const char *)bytes.bytes, bytes.len, 0, NULL);
    ck_assert_ptr_nonnull(json);
    octets_fini(&bytes);
    return json;
}

static const struct {
    const char *file;
    const char *alg; /* NULL: nothing in it signs */
    const char *kid;
} minters[] = {
    {SECRET, "HS256", NULL},
    {"{" RSA_PRIVATE ",\"kid\":\"r\"}", "RS256", "r"},
    {"{" RSA_PRIVATE ",\"alg\":\"PS256\"}", "PS256", NULL},
    {"{" EC_PRIVATE ",\"kid\":\"e\"}", "ES256", "e"},
    {"{\"kty\":\"oct\",\"k\":\"" A1_K "\",\"alg\":\"HS512\"}", "HS512", NULL},
    {"{" RSA_PRIVATE ",\"alg\":\"RS384\"}", "RS384", NULL},
    {"{" RSA_PRIVATE ",\"alg\":\"PS512\"}", "PS512", NULL},
    {"{" P521_PRIVATE "}", "ES512", NULL},
    {"{" ED_PRIVATE ",\"kid\":\"d\"}", "EdDSA", "d"},
    {"{\"keys\":[{" RSA_PRIVATE ",\"alg\":\"RSA-OAEP\"},{" ED_PRIVATE "}]}", "EdDSA", NULL},
    {"{\"keys\":[{" RSA_PUBLIC "},{" EC_PRIVATE ",\"kid\":\"e\"},{" RSA_PRIVATE "}]}", "ES256",
     "e"},
    {"{\"keys\":[{" EC_PRIVATE ",\"key_ops\":[\"sign\"]},{" EC_PUBLIC
     ",\"key_ops\":[\"verify\"]}]}",
     "ES256", NULL},
    {"{" EC_PUBLIC "}", NULL, NULL},
    {"{" EC_PRIVATE ",\"key_ops\":[\"verify\"]}", NULL, NULL},
};

START_TEST(test_mint)
{
    const struct jwt_rules rules = {.issuer = "i", .audience = "a \"quoted\""};
    struct reason reason;
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    struct jwt_keys *keys = keys_of(minters[_i].file);
    char *token = jwt_mint(keys, &rules, "alice", HOUR, at(NOW + 0.75), &reason);

    if (minters[_i].alg == NULL) {
        ck_assert_ptr_null(token);
        ck_assert_msg(strstr(reason.text, "no key in the file can sign") != NULL, "%s",
                      reason.text);
        jwt_keys_unref(keys);
        return;
    }
    ck_assert_msg(token != NULL, "%s", reason.text);
    json_t *header = header_of(token);
    const char *kid = json_string_value(json_object_get(header, "kid"));
    ck_assert_str_eq(json_string_value(json_object_get(header, "alg")), minters[_i].alg);
    ck_assert(minters[_i].kid == NULL ? kid == NULL : strcmp(kid, minters[_i].kid) == 0);
    ck_assert_int_eq(jwt_verify(keys, &rules, token, strlen(token), at(NOW + 0.75), user, &expires),
                     JWT_OK);
    ck_assert_str_eq(user, "alice");
    ck_assert_int_eq(expires.ns, (NOW + 3600) * SECOND);
    json_decref(header);
    mem_free(token);
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_minted_claims)
{
    const struct jwt_rules none = {0}, both = {.issuer = "i", .audience = "a"};
    struct reason reason;
    struct octets payload;
    char *token = jwt_mint(secret_keys, &none, "alice", MINUTE, at(NOW), &reason);

    ck_assert_int_eq(jws_open(secret_keys, token, strlen(token), &payload), JWT_OK);
    ck_assert_str_eq((const char *)payload.bytes,
                     "{\"sub\":\"alice\",\"iat\":" TEXT(NOW) ",\"exp\":1700000060}");
    octets_fini(&payload);
    mem_free(token);
    token = jwt_mint(secret_keys, &both, "alice", MINUTE, at(NOW), &reason);
    ck_assert_int_eq(jws_open(secret_keys, token, strlen(token), &payload), JWT_OK);
    ck_assert_str_eq((const char *)payload.bytes,
                     "{\"sub\":\"alice\",\"iat\":" TEXT(NOW) ",\"exp\":1700000060,"
                                                             "\"iss\":\"i\",\"aud\":\"a\"}");
    octets_fini(&payload);
    mem_free(token);
}
END_TEST

START_TEST(test_mint_refuses)
{
    char *long_name = mem_zalloc(JWT_TOKEN_MAX + 1);
    memset(long_name, 'i', JWT_TOKEN_MAX);
    const struct {
        const char *user;
        int64_t ttl;
        const char *issuer;
        const char *reason;
    } cases[] = {
        {"", HOUR, NULL, "printable"},          {"a\nb", HOUR, NULL, "printable"},
        {X64 X64 "x", HOUR, NULL, "printable"}, {"alice", SECOND - 1, NULL, "one second"},
        {"alice", -HOUR, NULL, "one second"},   {"alice", HOUR, "\xff", "UTF-8"},
        {"alice", HOUR, long_name, "8 KiB"},
    };
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct jwt_rules rules = {.issuer = cases[i].issuer};
        ck_assert_ptr_null(
            jwt_mint(secret_keys, &rules, cases[i].user, cases[i].ttl, at(NOW), &reason));
        ck_assert_msg(strstr(reason.text, cases[i].reason) != NULL, "%s", reason.text);
    }
    mem_free(long_name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwt");
    TCase *tcase = tcase_create("claims");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_times, 0, (int)ARRAY_LEN(times));
    tcase_add_loop_test(tcase, test_parties, 0, (int)ARRAY_LEN(parties));
    tcase_add_loop_test(tcase, test_subjects, 0, (int)ARRAY_LEN(subjects));
    tcase_add_test(tcase, test_user_and_expiry_come_out);
    tcase_add_test(tcase, test_forever_does_not_wrap);
    tcase_add_test(tcase, test_users);
    tcase_add_test(tcase, test_phrases);
    tcase_add_loop_test(tcase, test_mint, 0, (int)ARRAY_LEN(minters));
    tcase_add_test(tcase, test_minted_claims);
    tcase_add_test(tcase, test_mint_refuses);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
