/* Key files: what is taken, what is refused, and that a refusal tells the cure and no secret. */
#include <string.h>

#include <check.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose_examples.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "suite.h"

#define OCT(more) "{\"kty\":\"oct\",\"k\":\"" HS256_K "\"" more "}"
#define EC(more) "{" EC_PUBLIC more "}"
#define RSA(more) "{" RSA_PUBLIC more "}"
#define SET(keys) "{\"keys\":[" keys "]}"
/* 31 bytes, 32 bytes. */
#define K31 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define K32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define FOREIGN_KTY "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"}"
#define FOREIGN_ENC "{" RSA_PUBLIC ",\"use\":\"enc\"}"

struct file_case {
    const char *name;
    const char *bytes;
    const char *reason; /* part of it; NULL: the file is taken */
    size_t count;       /* keys in it */
    bool signs;         /* the first of them */
};

static const struct file_case files[] = {
    {"secret of 32 bytes", "0123456789abcdef0123456789abcdef", NULL, 1, true},
    {"one newline is not part of it", "0123456789abcdef0123456789abcdef\n", NULL, 1, true},
    {"secret of 31 bytes", "0123456789abcdef0123456789abcde", "has 31 bytes", 0, false},
    {"newline does not count", "0123456789abcdef0123456789abcde\n", "has 31 bytes", 0, false},
    {"only one newline", "0123456789abcdef0123456789abcd\n\n", "has 31 bytes", 0, false},
    {"empty", "", "has 0 bytes", 0, false},
    {"PEM is no secret", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n",
     "PEM", 0, false},
    {"PEM behind text", "a key\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n", "PEM", 0,
     false},

    {"oct", OCT(""), NULL, 1, true},
    {"white space first", " \r\n\t" OCT(""), NULL, 1, true},
    {"oct of 32 bytes", "{\"kty\":\"oct\",\"k\":\"" K32 "\"}", NULL, 1, true},
    {"oct of 31 bytes", "{\"kty\":\"oct\",\"k\":\"" K31 "\"}", "has 31 bytes", 0, false},
    {"oct without k", "{\"kty\":\"oct\"}", "k is missing", 0, false},
    {"k not a string", "{\"kty\":\"oct\",\"k\":7}", "k is not in base64url", 0, false},
    {"k empty", "{\"kty\":\"oct\",\"k\":\"\"}", "k is not in base64url", 0, false},
    {"k padded", "{\"kty\":\"oct\",\"k\":\"" K32 "=\"}", "k is not in base64url", 0, false},
    {"k in base64", "{\"kty\":\"oct\",\"k\":\"" K32 "AA+/\"}", "k is not in base64url", 0, false},
    {"alg is its own", OCT(",\"alg\":\"HS256\""), NULL, 1, true},
    {"alg too strong", OCT(",\"alg\":\"HS512\""), "has 32 bytes; it should have 64 or more", 0,
     false},
    {"alg HS384 too strong", OCT(",\"alg\":\"HS384\""), "has 32 bytes; it should have 48 or more",
     0, false},
    {"alg of another type", OCT(",\"alg\":\"RS256\""),
     "alg does not go with the key; it should be absent, or one of HS256/384/512", 0, false},
    {"alg none", OCT(",\"alg\":\"none\""), "its alg is not used here", 0, false},
    {"alg not a string", OCT(",\"alg\":256"), "alg is not a string", 0, false},
    {"kid not a string", OCT(",\"kid\":1"), "kid is not a string", 0, false},

    {"use sig", OCT(",\"use\":\"sig\""), NULL, 1, true},
    {"use enc", OCT(",\"use\":\"enc\""), "not for signatures", 0, false},
    {"use not a string", OCT(",\"use\":[\"sig\"]"), "use is not a string", 0, false},
    {"key_ops both", OCT(",\"key_ops\":[\"sign\",\"verify\"]"), NULL, 1, true},
    {"key_ops verify", OCT(",\"key_ops\":[\"verify\"]"), NULL, 1, false},
    {"key_ops sign", OCT(",\"key_ops\":[\"sign\"]"), "do not allow to verify", 0, false},
    {"key_ops other", OCT(",\"key_ops\":[\"encrypt\"]"), "key_ops do not allow it", 0, false},
    {"key_ops empty", OCT(",\"key_ops\":[]"), "key_ops do not allow it", 0, false},
    {"key_ops a string", OCT(",\"key_ops\":\"verify\""), "key_ops is not an array", 0, false},
    {"key_ops of numbers", OCT(",\"key_ops\":[1]"), "key_ops is not an array", 0, false},
    {"use and key_ops disagree", OCT(",\"use\":\"enc\",\"key_ops\":[\"verify\"]"),
     "not for signatures", 0, false},

    {"RSA public", RSA(""), NULL, 1, false},
    {"RSA private", "{" RSA_PRIVATE "}", NULL, 1, true},
    {"RSA private, d alone", RSA(",\"d\":\"" RSA_D "\""), NULL, 1, true},
    {"RSA with PS256", RSA(",\"alg\":\"PS256\""), NULL, 1, false},
    {"RSA with RS512", RSA(",\"alg\":\"RS512\""), NULL, 1, false},
    {"RSA with ES256", RSA(",\"alg\":\"ES256\""), "alg does not go with the key", 0, false},
    {"RSA for encryption", RSA(",\"alg\":\"RSA-OAEP\""), "its alg is not used here", 0, false},
    {"RSA without n", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", "n is missing", 0, false},
    {"RSA too short", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" K32 "\"}", "has 0 bits", 0, false},
    {"RSA leading zeros", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAB" K32 "\"}", "has 257 bits",
     0, false},
    {"RSA e of 1", "{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RSA_N "\"}", "e is not a safe exponent",
     0, false},
    {"RSA e even", "{\"kty\":\"RSA\",\"e\":\"BA\",\"n\":\"" RSA_N "\"}", "e is not a safe exponent",
     0, false},
    {"RSA e of 65 bits", "{\"kty\":\"RSA\",\"e\":\"AQAAAAAAAAAB\",\"n\":\"" RSA_N "\"}",
     "e is not a safe exponent", 0, false},
    {"RSA half a private half", RSA(",\"d\":\"" RSA_D "\",\"p\":\"" RSA_P "\""),
     "private half is not whole", 0, false},
    {"RSA primes without d",
     RSA(",\"p\":\"" RSA_P "\",\"q\":\"" RSA_Q "\",\"dp\":\"" RSA_DP "\",\"dq\":\"" RSA_DQ
         "\",\"qi\":\"" RSA_QI "\""),
     "private half is not whole", 0, false},
    {"RSA three primes", "{" RSA_PRIVATE ",\"oth\":[]}", "more than two primes", 0, false},
    {"RSA halves of two keys",
     "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\",\"d\":\"" RSA_D "\"}",
     "private half does not go with", 0, false},

    {"EC public", EC(""), NULL, 1, false},
    {"EC private", "{" EC_PRIVATE "}", NULL, 1, true},
    {"EC private for verifying", "{" EC_PRIVATE ",\"key_ops\":[\"verify\"]}", NULL, 1, false},
    {"EC other curve", "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
     "x has 32 bytes; it should have 48", 0, false},
    {"EC unknown curve",
     "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
     "crv is not used here", 0, false},
    {"EC without curve", "{\"kty\":\"EC\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
     "crv is not used here", 0, false},
    {"EC without y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\"}", "y is missing", 0,
     false},
    {"EC off the curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_X "\"}",
     "not on the curve", 0, false},
    {"EC short coordinate", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"" A3_Y "\"}",
     "x has 3 bytes; it should have 32", 0, false},
    {"EC d of another key", EC(",\"d\":\"" K32 "\""),
     "its private half does not go with its public one", 0, false},
    {"EC d short", EC(",\"d\":\"AQ\""), "d has 1 bytes; it should have 32", 0, false},

    {"kty unknown", FOREIGN_KTY, "its kty is not used here", 0, false},
    {"kty not a string", "{\"kty\":7,\"k\":\"" K32 "\"}", "kty is not a string", 0, false},
    {"kty missing", "{\"k\":\"" K32 "\"}", "JSON without kty", 0, false},
    {"broken JSON", "{\"kty\":\"oct\",", "not valid JSON", 0, false},
    {"a name twice", "{\"kty\":\"oct\",\"k\":\"" K32 "\",\"k\":\"" K32 "\"}", "a name twice", 0,
     false},
    {"behind the end", OCT("") "x", "not valid JSON", 0, false},

    {"set", SET(OCT("") "," RSA("") "," EC("")), NULL, 3, true},
    {"set passes foreign keys over", SET(FOREIGN_KTY "," FOREIGN_ENC "," EC("")), NULL, 1, false},
    {"set with a key that only signs", SET(OCT(",\"key_ops\":[\"sign\"]") "," EC("")), NULL, 2,
     true},
    {"set of foreign keys", SET(FOREIGN_KTY), "no key of the JWK set can verify", 0, false},
    {"set of keys that only sign", SET(OCT(",\"key_ops\":[\"sign\"]")),
     "no key of the JWK set can verify", 0, false},
    {"set empty", SET(""), "the JWK set is empty", 0, false},
    {"set with a broken key", SET(EC("") ",{\"kty\":\"oct\",\"k\":\"" K31 "\"}"), NULL, 1, false},
    {"set with a broken key alone", SET("{\"kty\":\"oct\",\"k\":\"" K31 "\"}"),
     "can verify; key 1: the HMAC secret has 31 bytes; it should", 0, false},
    {"set with no object in it", SET("1"), "key 1: it is not a JSON object", 0, false},
    {"set with a name twice in one key",
     SET(EC("") ",{\"kty\":\"oct\",\"kty\":\"oct\",\"k\":\"" K32 "\"}"), "a name twice", 0, false},
    {"set not an array", "{\"keys\":{}}", "keys is not an array", 0, false},
};

START_TEST(test_files)
{
    const struct file_case *c = &files[_i];
    struct reason reason;
    struct jwt_keys *keys = NULL;
    enum err err = jwt_keys_new(c->bytes, strlen(c->bytes), &reason, &keys);

    if (c->reason != NULL) {
        ck_assert_msg(err == ERR_INVALID && keys == NULL, "%s: taken", c->name);
        ck_assert_msg(strstr(reason.text, c->reason) != NULL, "%s: said \"%s\"", c->name,
                      reason.text);
        return;
    }
    ck_assert_msg(err == ERR_OK, "%s: refused, \"%s\"", c->name, reason.text);
    ck_assert_msg(keys->count == c->count, "%s: %zu keys", c->name, keys->count);
    ck_assert_msg(keys->items[0].signs == c->signs, "%s: signs %d", c->name, keys->items[0].signs);
    jwt_keys_unref(keys);
}
END_TEST

/* The longest sentence has to fit, with its place in front, to its cure at the end. */
START_TEST(test_reasons_are_whole)
{
    struct reason reason;
    struct jwt_keys *keys;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const struct file_case *c = &files[i];
        if (c->reason == NULL)
            continue;
        ck_assert_int_ne(jwt_keys_new(c->bytes, strlen(c->bytes), &reason, &keys), ERR_OK);
        ck_assert_msg(strlen(reason.text) < REASON_MAX - 40, "%s: \"%s\"", c->name, reason.text);
        ck_assert_msg(strstr(reason.text, "should") != NULL, "%s: \"%s\"", c->name, reason.text);
    }
}
END_TEST

START_TEST(test_reason_holds_no_secret)
{
    static const char *const bytes[] = {
        "swordfish swordfish",
        "{\"kty\":\"oct\",\"k\":\"swordfish\"}",
        "{\"kty\":\"oct\",\"k\":\"swordfish",
        "{\"kty\":\"swordfish\",\"k\":\"swordfish\"}",
        "{\"k\":\"swordfish\",\"k\":\"swordfish\"}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"swordfish\",\"use\":\"swordfish\"}]} swordfish",
    };
    struct reason reason;
    struct jwt_keys *keys;

    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        ck_assert_int_eq(jwt_keys_new(bytes[i], strlen(bytes[i]), &reason, &keys), ERR_INVALID);
        ck_assert_msg(strstr(reason.text, "swordfish") == NULL, "%s", reason.text);
    }
}
END_TEST

START_TEST(test_secret_may_hold_any_byte)
{
    struct reason reason;
    char bytes[256];
    struct jwt_keys *keys;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i + 128);
    ck_assert_int_eq(jwt_keys_new(bytes, sizeof(bytes), &reason, &keys), ERR_OK);
    ck_assert_uint_eq(keys->items[0].size, sizeof(bytes));
    jwt_keys_unref(keys);
}
END_TEST

/* 47, 48, 63 and 64 bytes. */
#define K47 K32 "AAAAAAAAAAAAAAAAAAAA"
#define K48 K47 "A"
#define K63 K48 "AAAAAAAAAAAAAAAAAAAA"
#define K64 K63 "AA"
#define OCT_OF(k) "{\"kty\":\"oct\",\"k\":\"" k "\"}"
#define RSA_ALGS                                                                                   \
    (JWS_BIT(JWS_RS256) | JWS_BIT(JWS_RS384) | JWS_BIT(JWS_RS512) | JWS_BIT(JWS_PS256) |           \
     JWS_BIT(JWS_PS384) | JWS_BIT(JWS_PS512))

START_TEST(test_what_a_key_may_do)
{
    static const struct {
        const char *file;
        unsigned algs;
        size_t signature_len;
    } cases[] = {
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", JWS_BIT(JWS_HS256),
         32},
        {OCT(""), JWS_BIT(JWS_HS256), 32},
        {OCT_OF(K47), JWS_BIT(JWS_HS256), 32},
        {OCT_OF(K48), JWS_BIT(JWS_HS256) | JWS_BIT(JWS_HS384), 32},
        {OCT_OF(K63), JWS_BIT(JWS_HS256) | JWS_BIT(JWS_HS384), 32},
        {OCT_OF(K64), JWS_BIT(JWS_HS256) | JWS_BIT(JWS_HS384) | JWS_BIT(JWS_HS512), 32},
        {OCT_OF(K64 "\",\"alg\":\"HS512"), JWS_BIT(JWS_HS512), 64},
        {OCT_OF(K64 "\",\"alg\":\"HS256"), JWS_BIT(JWS_HS256), 32},
        {RSA(""), RSA_ALGS, 256},
        {RSA(",\"alg\":\"RS256\""), JWS_BIT(JWS_RS256), 256},
        {RSA(",\"alg\":\"PS512\""), JWS_BIT(JWS_PS512), 256},
        {EC(""), JWS_BIT(JWS_ES256), 64},
        {"{" P521_PUBLIC "}", JWS_BIT(JWS_ES512), 132},
        {"{" ED_PUBLIC "}", JWS_BIT(JWS_EDDSA), 64},
    };
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jwt_keys *keys;
        ck_assert_int_eq(jwt_keys_new(cases[i].file, strlen(cases[i].file), &reason, &keys),
                         ERR_OK);
        ck_assert_uint_eq(keys->items[0].algs, cases[i].algs);
        ck_assert_uint_eq(key_signature_len(&keys->items[0], jws_alg_first(cases[i].algs)),
                          cases[i].signature_len);
        jwt_keys_unref(keys);
    }
    jwt_keys_unref(NULL);
}
END_TEST

/* RFC 4648, section 10, and texts that a lax reader would take. */
START_TEST(test_base64url)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } cases[] = {
        {"", ""},           {"Zg", "f"},          {"Zm8", "fo"},          {"Zm9v", "foo"},
        {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"},
        {"Z", NULL},        {"A", NULL},          {"Zm9vA", NULL},        {"Zm9vY", NULL},
        {"Zh", NULL},       {"Zm9", NULL},        {"Zg==", NULL},         {"Zm8=", NULL},
        {"Zm9v\n", NULL},   {"Zm 9v", NULL},      {"+/+/", NULL},         {"Zm9v.", NULL},
        {"Zm9\x80", NULL},  {"====", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct octets out;
        bool taken = base64url_decode(cases[i].text, strlen(cases[i].text), &out);
        ck_assert_msg(taken == (cases[i].bytes != NULL), "\"%s\"", cases[i].text);
        if (taken) {
            ck_assert_uint_eq(out.len, strlen(cases[i].bytes));
            ck_assert_str_eq((const char *)out.bytes, cases[i].bytes);
            char *text = base64url_encode(out.bytes, out.len);
            ck_assert_str_eq(text, cases[i].text);
            mem_free(text);
        }
        octets_fini(&out);
        ck_assert_ptr_null(out.bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwk");
    TCase *tcase = tcase_create("jwk");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_files, 0, (int)ARRAY_LEN(files));
    tcase_add_test(tcase, test_reasons_are_whole);
    tcase_add_test(tcase, test_reason_holds_no_secret);
    tcase_add_test(tcase, test_secret_may_hold_any_byte);
    tcase_add_test(tcase, test_what_a_key_may_do);
    tcase_add_test(tcase, test_base64url);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
