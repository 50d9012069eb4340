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

    if (result == JWT_FORBIDDEN)
        ck_assert_str_eq(user, "alice");
    else if (result != JWT_OK)
        ck_assert_str_eq(user, "untouched");
    if (result != JWT_OK)
        ck_assert_int_eq(expires.ns, -1);
    mem_free(token);
    return result;
}

/* A claim as the configuration makes it. */
static struct jwt_claim claim(const char *name, struct json_pointer **pointer)
{
    struct reason reason;

    *pointer = NULL;
    if (*name == '/')
        ck_assert_msg(json_pointer_new(name, &reason, pointer) == ERR_OK, "%s", reason.text);
    return (struct jwt_claim){.name = name, .pointer = *pointer};
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
    {"{" SUB ",\"exp\":1e999}", NOW, 30, JWT_DATE},
    {"{" SUB ",\"exp\":9223372036854775808}", NOW, 30, JWT_DATE},
    {"{" SUB ",\"exp\":\"1700000060\"}", NOW, 0, JWT_DATE},
    {"{" SUB ",\"exp\":null}", NOW, 0, JWT_DATE},
    {"{" SUB ",\"exp\":true}", NOW, 0, JWT_DATE},
    {"{" SUB "}", NOW, 0, JWT_DATE},
    /* nbf is the first moment that is late enough. */
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW, 0, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 0.001, 0, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 30, 30, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":1700000000}", NOW - 30.001, 30, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":9223372036854775807}", NOW, 30, JWT_NOT_YET},
    {"{" SUB "," EXP ",\"nbf\":-9223372036854775808}", NOW, 30, JWT_OK},
    {"{" SUB "," EXP ",\"nbf\":\"1\"}", NOW, 0, JWT_DATE},
    {"{" SUB "," EXP ",\"nbf\":null}", NOW, 0, JWT_DATE},
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
    const char *const audiences[] = {parties[_i].audience, NULL};
    const struct jwt_rules rules = {.issuer = parties[_i].issuer,
                                    .audiences = audiences[0] != NULL ? audiences : NULL};
    enum jwt_result result = verify_claims(parties[_i].claims, &rules, NOW);

    ck_assert_msg(result == parties[_i].result, "%s: %s", parties[_i].claims,
                  jwt_result_text(result));
}
END_TEST

static const char *const two_audiences[] = {"api", "api2", NULL};

static const struct {
    const char *aud;
    enum jwt_result result;
} audiences[] = {
    {"\"api\"", JWT_OK},
    {"\"api2\"", JWT_OK},
    {"[\"x\",\"api2\"]", JWT_OK},
    {"[\"api\",\"api2\"]", JWT_OK},
    {"\"api, api2\"", JWT_AUDIENCE},
    {"\"api3\"", JWT_AUDIENCE},
    {"\"ap\"", JWT_AUDIENCE},
    {"[]", JWT_AUDIENCE},
};

START_TEST(test_one_audience_of_several_fits)
{
    const struct jwt_rules rules = {.audiences = two_audiences};
    char *claims = mem_printf(PARTY(",\"aud\":%s"), audiences[_i].aud);
    enum jwt_result result = verify_claims(claims, &rules, NOW);

    ck_assert_msg(result == audiences[_i].result, "%s: %s", claims, jwt_result_text(result));
    mem_free(claims);
}
END_TEST

static const struct {
    const char *claim;
    const char *value;
    const char *member; /* of the claims */
    enum jwt_result result;
} requirements[] = {
    /* A string is compared whole, by case. */
    {"role", "lookup", "\"role\":\"lookup\"", JWT_OK},
    {"role", "lookup", "\"role\":\"Lookup\"", JWT_FORBIDDEN},
    {"role", "lookup", "\"Role\":\"lookup\"", JWT_FORBIDDEN},
    {"role", "lookup", "\"role\":\"lookup admin\"", JWT_FORBIDDEN},
    {"role", "lookup", "\"role\":\"\"", JWT_FORBIDDEN},
    {"role", "lookup", "\"x\":1", JWT_FORBIDDEN},
    {"role", "lookup", "\"role\":{\"lookup\":\"lookup\"}", JWT_FORBIDDEN},
    /* An array contains it. */
    {"role", "lookup", "\"role\":[\"a\",\"lookup\"]", JWT_OK},
    {"role", "lookup", "\"role\":[\"lookup a\"]", JWT_FORBIDDEN},
    {"role", "lookup", "\"role\":[[\"lookup\"]]", JWT_FORBIDDEN},
    {"role", "lookup", "\"role\":[]", JWT_FORBIDDEN},
    /* scope and scp are lists with spaces. */
    {"scope", "read", "\"scope\":\"write read\"", JWT_OK},
    {"scope", "read", "\"scope\":\"  read \"", JWT_OK},
    {"scope", "read", "\"scope\":\"read:all\"", JWT_FORBIDDEN},
    {"scope", "read", "\"scope\":\"reads rea\"", JWT_FORBIDDEN},
    {"scope", "read", "\"scope\":[\"write\",\"read\"]", JWT_OK},
    {"scope", "read write", "\"scope\":\"read write\"", JWT_OK},
    {"scp", "read", "\"scp\":\"write read\"", JWT_OK},
    {"/a/scp", "read", "\"a\":{\"scp\":\"write read\"}", JWT_OK},
    {"/a/b", "read", "\"a\":{\"b\":\"write read\"}", JWT_FORBIDDEN},
    /* Booleans and integers, by their JSON text. */
    {"v", "true", "\"v\":true", JWT_OK},
    {"v", "false", "\"v\":false", JWT_OK},
    {"v", "true", "\"v\":false", JWT_FORBIDDEN},
    {"v", "true", "\"v\":\"true\"", JWT_OK},
    {"v", "1", "\"v\":true", JWT_FORBIDDEN},
    {"v", "42", "\"v\":42", JWT_OK},
    {"v", "-9223372036854775808", "\"v\":-9223372036854775808", JWT_OK},
    {"v", "42", "\"v\":[41,42]", JWT_OK},
    {"v", "42", "\"v\":42.0", JWT_FORBIDDEN},
    {"v", "042", "\"v\":42", JWT_FORBIDDEN},
    {"v", "null", "\"v\":null", JWT_FORBIDDEN},
    /* Pointers, and names that only look like something else. */
    {"/realm_access/roles", "lookup", "\"realm_access\":{\"roles\":[\"lookup\"]}", JWT_OK},
    {"/realm_access/roles", "lookup", "\"realm_access\":[]", JWT_FORBIDDEN},
    {"/realm_access/roles", "lookup", "\"realm_access\":\"lookup\"", JWT_FORBIDDEN},
    {"/realm_access/roles", "lookup", "\"/realm_access/roles\":\"lookup\"", JWT_FORBIDDEN},
    {"/r/1", "lookup", "\"r\":[\"a\",\"lookup\"]", JWT_OK},
    {"/r/0", "lookup", "\"r\":[\"a\",\"lookup\"]", JWT_FORBIDDEN},
    {"/r/01", "lookup", "\"r\":[\"a\",\"lookup\"]", JWT_FORBIDDEN},
    {"https://example.com/roles", "lookup", "\"https://example.com/roles\":[\"lookup\"]", JWT_OK},
    {"/https:~1~1e~0/r", "x", "\"https://e~\":{\"r\":\"x\"}", JWT_OK},
    {"cognito:groups", "lookup", "\"cognito:groups\":[\"lookup\"]", JWT_OK},
};

START_TEST(test_requirements)
{
    struct json_pointer *pointer;
    const struct jwt_requirement one = {claim(requirements[_i].claim, &pointer),
                                        requirements[_i].value};
    const struct jwt_rules rules = {.requirements = &one, .requirement_count = 1};
    char *claims = mem_printf(PARTY(",%s"), requirements[_i].member);
    enum jwt_result result = verify_claims(claims, &rules, NOW);

    ck_assert_msg(result == requirements[_i].result, "%s = %s, %s: %s", one.claim.name, one.value,
                  claims, jwt_result_text(result));
    mem_free(claims);
    json_pointer_free(pointer);
}
END_TEST

/* All of several; and only once all else is right, for their result is of a good identity. */
START_TEST(test_requirements_come_last)
{
    static const struct jwt_requirement both[] = {{{"a", NULL}, "1"}, {{"b", NULL}, "2"}};
    static const char *const api[] = {"api", NULL};
    const struct jwt_rules rules = {.requirements = both, .requirement_count = 2},
                           with_aud = {.audiences = api,
                                       .requirements = both,
                                       .requirement_count = 2,
                                       .max_lifetime = SECOND};

    ck_assert_int_eq(verify_claims(PARTY(",\"a\":1,\"b\":2"), &rules, NOW), JWT_OK);
    ck_assert_int_eq(verify_claims(PARTY(",\"a\":1,\"b\":1"), &rules, NOW), JWT_FORBIDDEN);
    ck_assert_int_eq(verify_claims(PARTY(",\"b\":2"), &rules, NOW), JWT_FORBIDDEN);
    ck_assert_int_eq(verify_claims(PARTY(""), &rules, NOW + 61), JWT_EXPIRED);
    ck_assert_int_eq(verify_claims("{" EXP "}", &rules, NOW), JWT_USER);
    ck_assert_int_eq(verify_claims(PARTY(""), &with_aud, NOW), JWT_LIFETIME);
    ck_assert_int_eq(verify_claims(PARTY(""), &with_aud, NOW + 59), JWT_AUDIENCE);
}
END_TEST

static const struct {
    double now;
    int max_lifetime; /* seconds */
    int leeway;
    enum jwt_result result;
} lifetimes[] = {
    {NOW, 0, 0, JWT_OK},           {NOW, 60, 0, JWT_OK},        {NOW, 59, 0, JWT_LIFETIME},
    {NOW, 30, 30, JWT_OK},         {NOW, 29, 30, JWT_LIFETIME}, {NOW + 1, 59, 0, JWT_OK},
    {NOW + 60, 1, 0, JWT_EXPIRED},
};

START_TEST(test_lifetimes)
{
    const struct jwt_rules rules = {.leeway = lifetimes[_i].leeway * SECOND,
                                    .max_lifetime = lifetimes[_i].max_lifetime * SECOND};
    enum jwt_result result = verify_claims("{" SUB "," EXP "}", &rules, lifetimes[_i].now);

    ck_assert_msg(result == lifetimes[_i].result, "%s", jwt_result_text(result));
    if (lifetimes[_i].max_lifetime > 0)
        ck_assert_int_eq(verify_claims("{" SUB ",\"exp\":1e300}", &rules, NOW), JWT_LIFETIME);
}
END_TEST

static const struct {
    const char *claim;
    const char *claims; /* beside exp */
    const char *user;   /* NULL: JWT_USER */
} users[] = {
    {"email", SUB ",\"email\":\"a@b.example\"", "a@b.example"},
    {"email", "\"email\":\"a@b.example\"", "a@b.example"},
    {"email", SUB, NULL},
    {"email", SUB ",\"email\":[\"a@b.example\"]", NULL},
    {"email", SUB ",\"email\":7", NULL},
    {"email", SUB ",\"email\":\"\"", NULL},
    {"email", SUB ",\"email\":\" \"", NULL},
    {"email", SUB ",\"email\":\"  ada  \"", NULL},
    {"email", SUB ",\"Email\":\"a\"", NULL},
    {"email", SUB ",\"email\":\"\u00e9\"", NULL},
    {"email", SUB ",\"email\":\"" X64 X64 "\"", X64 X64},
    {"email", SUB ",\"email\":\"" X64 X64 "x\"", NULL},
    {"/user/name", SUB ",\"user\":{\"name\":\"ada\"}", "ada"},
    {"/user/name", SUB ",\"user\":\"ada\"", NULL},
    {"https://e.example/u", "\"https://e.example/u\":\"ada\"", "ada"},
    {"sub", SUB, "alice"},
};

START_TEST(test_the_users_claim)
{
    struct json_pointer *pointer;
    const struct jwt_rules rules = {.user = claim(users[_i].claim, &pointer)};
    char *claims = mem_printf("{%s," EXP "}", users[_i].claims);
    char *token = forge(HEADER, claims);
    char user[JWT_USER_MAX + 1] = "untouched";
    struct wall_time expires;
    enum jwt_result result =
        jwt_verify(secret_keys, &rules, token, strlen(token), at(NOW), user, &expires);

    ck_assert_msg(result == (users[_i].user != NULL ? JWT_OK : JWT_USER), "%s: %s", claims,
                  jwt_result_text(result));
    ck_assert_str_eq(user, users[_i].user != NULL ? users[_i].user : "untouched");
    mem_free(token);
    mem_free(claims);
    json_pointer_free(pointer);
}
END_TEST

static const struct {
    const char *claims;
    enum jwt_result result;
} subjects[] = {
    {"{" EXP ",\"sub\":\"a\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"alice@example.org {~}\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"" X64 X64 "\"}", JWT_OK},
    {"{" EXP ",\"sub\":\"" X64 X64 "x\"}", JWT_USER},
    {"{" EXP ",\"sub\":\"\"}", JWT_USER},
    {"{" EXP ",\"sub\":\"al\\u00eece\"}", JWT_USER},
    {"{" EXP ",\"sub\":\"alice\\r\\nX: y\"}", JWT_USER},
    {"{" EXP ",\"sub\":\"alice\\u007f\"}", JWT_USER},
    {"{" EXP ",\"sub\":\"\\talice\"}", JWT_USER},
    {"{" EXP ",\"sub\":7}", JWT_USER},
    {"{" EXP ",\"sub\":[\"alice\"]}", JWT_USER},
    {"{" EXP ",\"sub\":null}", JWT_USER},
    {"{" EXP "}", JWT_USER},
    {"{" EXP ",\"sub\":\"alice\\u0000\"}", JWT_USER},
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
    ck_assert(user_is_valid("! ~", 3));
    ck_assert(user_is_valid(X64 X64, 128));
    ck_assert(!user_is_valid(X64 X64 "x", 129));
    ck_assert(!user_is_valid("", 0));
    ck_assert(!user_is_valid(" ", 1));
    ck_assert(!user_is_valid(" ada", 4));
    ck_assert(!user_is_valid("ada ", 4));
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

/* Every result but JWT_OK has one of the ten words of the contract. */
START_TEST(test_reasons)
{
    static const struct {
        enum jwt_result result;
        const char *reason;
    } cases[] = {
        {JWT_MALFORMED, "malformed"}, {JWT_DATE, "malformed"},     {JWT_CRITICAL, "malformed"},
        {JWT_ALGORITHM, "algorithm"}, {JWT_NO_KEY, "unknown_key"}, {JWT_SIGNATURE, "signature"},
        {JWT_EXPIRED, "expired"},     {JWT_NOT_YET, "not_yet"},    {JWT_LIFETIME, "claim"},
        {JWT_ISSUER, "issuer"},       {JWT_AUDIENCE, "audience"},  {JWT_USER, "claim"},
        {JWT_FORBIDDEN, "claim"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_str_eq(identity_reason_text(jwt_result_reason(cases[i].result)), cases[i].reason);
    ck_assert_str_eq(identity_reason_text(IDENTITY_ABSENT), "absent");
    ck_assert_int_eq(jwt_result_reason(JWT_OK), IDENTITY_NOT_REJECTED);
    ck_assert_int_eq(IDENTITY_REASON_COUNT, 10);
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
    const char *const audience[] = {"a \"quoted\"", NULL};
    const struct jwt_rules rules = {.issuer = "i", .audiences = audience};
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
    const char *const several[] = {"a", "b", NULL};
    const struct jwt_rules none = {0}, both = {.issuer = "i", .audiences = several};
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

/* What is minted is accepted under the same rules, whatever they ask for. */
START_TEST(test_minted_identities_meet_the_rules)
{
    struct json_pointer *pointers[4];
    const struct jwt_requirement asked[] = {
        {claim("scope", &pointers[0]), "read"},
        {claim("/realm_access/roles", &pointers[1]), "lookup"},
        {claim("/realm_access/verified", &pointers[2]), "true"},
    };
    const struct jwt_rules rules = {
        .audiences = two_audiences,
        .user = claim("/user/name", &pointers[3]),
        .requirements = asked,
        .requirement_count = ARRAY_LEN(asked),
        .max_lifetime = MINUTE,
    };
    struct reason reason;
    struct octets payload;
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    char *token = jwt_mint(secret_keys, &rules, "alice", MINUTE, at(NOW + 0.5), &reason);

    ck_assert_msg(token != NULL, "%s", reason.text);
    ck_assert_int_eq(
        jwt_verify(secret_keys, &rules, token, strlen(token), at(NOW + 0.5), user, &expires),
        JWT_OK);
    ck_assert_str_eq(user, "alice");
    ck_assert_int_eq(jws_open(secret_keys, token, strlen(token), &payload), JWT_OK);
    ck_assert_str_eq(
        (const char *)payload.bytes,
        "{\"sub\":\"alice\",\"iat\":" TEXT(
            NOW) ",\"exp\":1700000060,\"aud\":\"api\","
                 "\"user\":{\"name\":\"alice\"},\"scope\":\"read\",\"realm_access\":{\"roles\":"
                 "\"lookup\",\"verified\":\"true\"}}");
    octets_fini(&payload);
    mem_free(token);
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        json_pointer_free(pointers[i]);
}
END_TEST

START_TEST(test_mint_refuses_what_would_be_rejected)
{
    struct json_pointer *below_sub;
    const struct jwt_requirement other_user = {{"sub", NULL}, "bob"},
                                 deep = {claim("/sub/x", &below_sub), "1"};
    const struct {
        struct jwt_rules rules;
        const char *reason;
    } cases[] = {
        {{.max_lifetime = MINUTE - SECOND}, "over [identity] max_lifetime"},
        {{.requirements = &other_user, .requirement_count = 1}, "[identity] require.sub = bob "},
        {{.requirements = &deep, .requirement_count = 1}, "[identity] require./sub/x = 1 "},
        {{.user = {"iat", NULL}}, "the claim of the user"},
    };
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_ptr_null(
            jwt_mint(secret_keys, &cases[i].rules, "alice", MINUTE, at(NOW), &reason));
        ck_assert_msg(strstr(reason.text, cases[i].reason) != NULL, "%s", reason.text);
    }
    json_pointer_free(below_sub);
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
        {"alice", HOUR, long_name, "8 KiB"},    {" alice", HOUR, NULL, "printable"},
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
    tcase_add_loop_test(tcase, test_one_audience_of_several_fits, 0, (int)ARRAY_LEN(audiences));
    tcase_add_loop_test(tcase, test_requirements, 0, (int)ARRAY_LEN(requirements));
    tcase_add_test(tcase, test_requirements_come_last);
    tcase_add_loop_test(tcase, test_lifetimes, 0, (int)ARRAY_LEN(lifetimes));
    tcase_add_loop_test(tcase, test_the_users_claim, 0, (int)ARRAY_LEN(users));
    tcase_add_loop_test(tcase, test_subjects, 0, (int)ARRAY_LEN(subjects));
    tcase_add_test(tcase, test_user_and_expiry_come_out);
    tcase_add_test(tcase, test_forever_does_not_wrap);
    tcase_add_test(tcase, test_users);
    tcase_add_test(tcase, test_phrases);
    tcase_add_test(tcase, test_reasons);
    tcase_add_loop_test(tcase, test_mint, 0, (int)ARRAY_LEN(minters));
    tcase_add_test(tcase, test_minted_claims);
    tcase_add_test(tcase, test_minted_identities_meet_the_rules);
    tcase_add_test(tcase, test_mint_refuses_what_would_be_rejected);
    tcase_add_test(tcase, test_mint_refuses);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
