/*
 * Signatures against Project Wycheproof's vectors, which are in tests/vectors/wycheproof: whole
 * tokens, and the primitive of each algorithm below them. Every vector of every file is run. What
 * is called valid must verify, all else must not.
 *
 * Where the daemon and the vectors disagree on purpose, the reason stands here, and the vector must
 * still come out as it says. The sums are in the table of files, so that a vector that changes
 * sides, or is not run, is noticed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "suite.h"

#define FOLDER "tests/vectors/wycheproof/"

struct counts {
    int verified;
    int rejected;
    int left_out; /* called valid, and rejected for a reason given here; or the other way round */
};

static int wrong;

/* One vector: what it is called, what the daemon means to do, and what came of it. */
static void count(struct counts *counts, const json_t *test, bool wanted, bool verified,
                  const char *why)
{
    bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;

    if (verified != wanted) {
        wrong++;
        printf("wrong: vector %lld (%s): %s\n",
               (long long)json_integer_value(json_object_get(test, "tcId")),
               json_string_value(json_object_get(test, "comment")),
               wanted ? "rejected" : "verified");
    }
    if (valid != wanted) {
        ck_assert_ptr_nonnull(why);
        counts->left_out++;
    } else if (wanted) {
        counts->verified++;
    } else {
        counts->rejected++;
    }
}

static bool called(const json_t *test, const char *result)
{
    return strcmp(json_string_value(json_object_get(test, "result")), result) == 0;
}

static bool has_flag(const json_t *test, const char *flag)
{
    const json_t *flags = json_object_get(test, "flags");

    for (size_t i = 0; i < json_array_size(flags); i++) {
        if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0)
            return true;
    }
    return false;
}

/* Primitives. */

static struct octets octets_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    ck_assert_msg(text != NULL && strlen(text) % 2 == 0, "%s", name);
    struct octets octets = {.bytes = mem_alloc(strlen(text) / 2 + 1), .len = strlen(text) / 2};
    for (size_t i = 0; i < octets.len; i++)
        octets.bytes[i] =
            (unsigned char)(text_hex_value(text[2 * i]) << 4 | text_hex_value(text[2 * i + 1]));
    return octets;
}

/* A number of a key in base64url: of `len` bytes, or of as few as it needs where `len` is 0. */
static char *number_of(const json_t *key, const char *name, size_t len)
{
    struct octets octets = octets_of(key, name);
    size_t skip = 0;

    while (skip + 1 < octets.len && octets.bytes[skip] == 0)
        skip++;
    size_t needed = octets.len - skip;
    size_t size = len > 0 ? len : needed;
    ck_assert_uint_le(needed, size);
    unsigned char *bytes = mem_zalloc(size);
    memcpy(bytes + size - needed, octets.bytes + skip, needed);
    char *text = base64url_encode(bytes, size);
    octets_fini(&octets);
    mem_free(bytes);
    return text;
}

static char *jwk_of_two(const char *kty, const char *first, char *a, const char *second, char *b)
{
    char *text = mem_printf("{\"kty\":%s,\"%s\":\"%s\",\"%s\":\"%s\"}", kty, first, a, second, b);

    mem_free(a);
    mem_free(b);
    return text;
}

static char *rsa_jwk(const json_t *group)
{
    const json_t *key = json_object_get(group, "publicKey");

    return jwk_of_two("\"RSA\"", "n", number_of(key, "modulus", 0), "e",
                      number_of(key, "publicExponent", 0));
}

static char *ec_jwk(const json_t *group)
{
    static const struct {
        const char *name;
        const char *kty;
        size_t len;
    } curves[] = {
        {"secp256r1", "\"EC\",\"crv\":\"P-256\"", 32},
        {"secp384r1", "\"EC\",\"crv\":\"P-384\"", 48},
        {"secp521r1", "\"EC\",\"crv\":\"P-521\"", 66},
    };
    const json_t *key = json_object_get(group, "publicKey");
    const char *name = json_string_value(json_object_get(key, "curve"));

    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        if (strcmp(name, curves[i].name) == 0)
            return jwk_of_two(curves[i].kty, "x", number_of(key, "wx", curves[i].len), "y",
                              number_of(key, "wy", curves[i].len));
    }
    ck_abort_msg("%s", name);
    return NULL;
}

static char *ed25519_jwk(const json_t *group)
{
    char *x = number_of(json_object_get(group, "publicKey"), "pk", 32);
    char *text = mem_printf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", x);

    mem_free(x);
    return text;
}

static struct jwt_keys *keys_of(const char *text)
{
    struct reason reason;
    struct jwt_keys *keys;

    return jwt_keys_new(text, strlen(text), &reason, &keys) == ERR_OK ? keys : NULL;
}

/* Whether the only key of a file says that `signature` is the message's. */
static bool signed_by(const struct jwt_keys *keys, enum jws_alg alg, const json_t *test,
                      const char *name)
{
    struct octets message = octets_of(test, "msg");
    struct octets signature = octets_of(test, name);
    bool verified = keys != NULL && (keys->items[0].algs & JWS_BIT(alg)) != 0 &&
                    key_verify(&keys->items[0], alg, message.bytes, message.len, &signature);

    octets_fini(&message);
    octets_fini(&signature);
    return verified;
}

/* The algorithm with this beginning and the group's hash; JWS_ALG_COUNT: there is none. */
static enum jws_alg alg_of(const char *prefix, const json_t *group)
{
    const char *sha = json_string_value(json_object_get(group, "sha"));
    char *name = mem_printf("%s%s", prefix, sha != NULL ? sha + strlen("SHA-") : "");
    unsigned bit = jws_alg_named(name);

    mem_free(name);
    return bit != 0 ? jws_alg_first(bit) : JWS_ALG_COUNT;
}

/* JWS knows RSASSA-PSS with one hash for everything, and a salt of its length (RFC 7518, 3.5). */
static const char *other_pss(const json_t *group, enum jws_alg alg)
{
    const json_t *salt = json_object_get(group, "sLen");

    if (salt == NULL)
        return NULL;
    if (alg == JWS_ALG_COUNT)
        return "a hash that JWS does not have";
    if (!json_equal(json_object_get(group, "sha"), json_object_get(group, "mgfSha")))
        return "two hashes";
    return (size_t)json_integer_value(salt) != jws_alg_facts(alg)->digest_len ? "another salt"
                                                                              : NULL;
}

/* Under the key as JWK and as PEM, which must agree; under every PSS where it is for none. */
static bool verified_twice(struct jwt_keys *const keys[2], enum jws_alg alg, const json_t *test)
{
    enum jws_alg first = alg != JWS_ALG_COUNT ? alg : JWS_PS256;
    enum jws_alg last = alg != JWS_ALG_COUNT ? alg : JWS_PS512;
    bool verified = false;

    for (enum jws_alg one = first; one <= last; one++) {
        bool by_jwk = signed_by(keys[0], one, test, "sig");
        ck_assert(signed_by(keys[1], one, test, "sig") == by_jwk);
        verified = verified || by_jwk;
    }
    return verified;
}

static void run_public(const json_t *group, const char *prefix, char *jwk, struct counts *counts)
{
    const json_t *tests = json_object_get(group, "tests");
    enum jws_alg alg = alg_of(prefix, group);
    const char *left_out = other_pss(group, alg);
    struct jwt_keys *keys[2] = {keys_of(jwk),
                                keys_of(json_string_value(json_object_get(group, "publicKeyPem")))};

    /* Every one of these keys is sound. */
    ck_assert(keys[0] != NULL && keys[1] != NULL);
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        if (called(test, "acceptable"))
            ck_assert(has_flag(test, "MissingNull")); /* RFC 8017, section 9.2, has the NULL */
        count(counts, test, called(test, "valid") && left_out == NULL,
              verified_twice(keys, alg, test), left_out != NULL ? left_out : "the NULL is missing");
    }
    jwt_keys_unref(keys[0]);
    jwt_keys_unref(keys[1]);
    mem_free(jwk);
}

static void run_rsa(const json_t *group, struct counts *counts)
{
    run_public(group, "RS", rsa_jwk(group), counts);
}

static void run_pss(const json_t *group, struct counts *counts)
{
    run_public(group, "PS", rsa_jwk(group), counts);
}

static void run_ec(const json_t *group, struct counts *counts)
{
    run_public(group, "ES", ec_jwk(group), counts);
}

static void run_ed25519(const json_t *group, struct counts *counts)
{
    run_public(group, "EdDSA", ed25519_jwk(group), counts);
}

/* JWS needs a secret as long as the hash (RFC 7518, section 3.2), and the whole tag. */
static void run_mac(const json_t *group, enum jws_alg alg, struct counts *counts)
{
    const json_t *tests = json_object_get(group, "tests");
    json_int_t bits = (json_int_t)jws_alg_facts(alg)->digest_len * 8;
    bool is_short = json_integer_value(json_object_get(group, "keySize")) < bits;
    bool is_cut = json_integer_value(json_object_get(group, "tagSize")) < bits;

    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        char *k =
            number_of(test, "key", (size_t)json_string_length(json_object_get(test, "key")) / 2);
        char *jwk = mem_printf("{\"kty\":\"oct\",\"alg\":\"%s\",\"k\":\"%s\"}",
                               jws_alg_facts(alg)->name, k);
        struct jwt_keys *keys = keys_of(jwk);
        ck_assert((keys == NULL) == is_short);
        count(counts, test, called(test, "valid") && !is_short && !is_cut,
              signed_by(keys, alg, test, "tag"), is_short ? "a short secret" : "a cut tag");
        jwt_keys_unref(keys);
        mem_free(jwk);
        mem_free(k);
    }
}

static void run_hs256(const json_t *group, struct counts *counts)
{
    run_mac(group, JWS_HS256, counts);
}

static void run_hs384(const json_t *group, struct counts *counts)
{
    run_mac(group, JWS_HS384, counts);
}

static void run_hs512(const json_t *group, struct counts *counts)
{
    run_mac(group, JWS_HS512, counts);
}

/* Tokens. */

/* Tokens that are treated as the vectors do not ask. Each is rejected where they verify it. */
static const struct {
    json_int_t id;
    const char *why;
} rejected_tokens[] = {
    {346, "PS384 under a key that says it is for PS256"},
    {347, "the key says it is for ES521, which is no algorithm"},
    {350, "PS384 under a key that says it is for PS256"},
    {351, "the key says it is for ES521, which is no algorithm"},
    {372, "a character outside base64url"},
    {373, "a character outside base64url"},
};

static const char *rejected_token(const json_t *test)
{
    for (size_t i = 0; i < ARRAY_LEN(rejected_tokens); i++) {
        if (rejected_tokens[i].id == json_integer_value(json_object_get(test, "tcId")))
            return rejected_tokens[i].why;
    }
    return NULL;
}

/* Whether the group has the same token among its valid ones: then it cannot be invalid too. */
static bool is_one_called_valid(const json_t *tests, const json_t *test)
{
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *other = json_array_get(tests, i);
        if (called(other, "valid") &&
            json_equal(json_object_get(other, "jws"), json_object_get(test, "jws")))
            return true;
    }
    return false;
}

/* Whether the token verifies under the group's key or set; a key we reject verifies nothing. */
static bool token_verified(const json_t *group, const json_t *test)
{
    const json_t *key = json_object_get(group, "public");
    const char *jws = json_string_value(json_object_get(test, "jws"));
    char *file = json_dumps(key != NULL ? key : json_object_get(group, "private"), JSON_COMPACT);
    struct jwt_keys *keys = keys_of(file);
    struct octets payload;
    bool good = keys != NULL && jws_open(keys, jws, strlen(jws), &payload) == JWT_OK;

    if (good)
        octets_fini(&payload);
    jwt_keys_unref(keys);
    free(file);
    return good;
}

static void run_tokens(const json_t *group, struct counts *counts)
{
    const json_t *tests = json_object_get(group, "tests");

    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        bool valid = called(test, "valid");
        const char *why = valid ? rejected_token(test) : NULL;
        if (!valid && is_one_called_valid(tests, test))
            why = "the same token is called valid";
        count(counts, test, valid == (why == NULL), token_verified(group, test), why);
    }
}

/* Keys. Each token here is good; only the key or the set is not. */
static const struct {
    json_int_t id;
    const char *why;
} verified_keys[] = {
    {1, "a set may hold secrets and public keys: each key is for its own algorithms"},
    {4, "two keys may have one kid: both are tried"},
    {7, "keys of one maker of cards, whose primes can be guessed, are not looked for"},
};

static void run_keys(const json_t *group, struct counts *counts)
{
    const json_t *tests = json_object_get(group, "tests");

    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        const char *why = NULL;
        for (size_t j = 0; j < ARRAY_LEN(verified_keys); j++) {
            if (verified_keys[j].id == json_integer_value(json_object_get(test, "tcId")))
                why = verified_keys[j].why;
        }
        count(counts, test, called(test, "valid") || why != NULL, token_verified(group, test), why);
    }
}

/* Files. */

static const struct {
    const char *name;
    void (*run)(const json_t *group, struct counts *counts);
    struct counts counts;
} files[] = {
    {"json_web_signature", run_tokens, {40, 353, 8}},
    {"json_web_key", run_keys, {5, 18, 3}},
    {"hmac_sha256", run_hs256, {30, 108, 36}},
    {"hmac_sha384", run_hs384, {30, 108, 36}},
    {"hmac_sha512", run_hs512, {30, 108, 36}},
    {"rsa_signature_2048_sha256", run_rsa, {9, 250, 0}},
    {"rsa_signature_2048_sha384", run_rsa, {7, 251, 0}},
    {"rsa_signature_2048_sha512", run_rsa, {8, 251, 0}},
    {"rsa_signature_3072_sha256", run_rsa, {8, 251, 0}},
    {"rsa_signature_3072_sha384", run_rsa, {7, 252, 0}},
    {"rsa_signature_3072_sha512", run_rsa, {8, 252, 0}},
    {"rsa_signature_4096_sha256", run_rsa, {7, 251, 0}},
    {"rsa_signature_4096_sha384", run_rsa, {7, 252, 0}},
    {"rsa_signature_4096_sha512", run_rsa, {7, 252, 0}},
    {"rsa_pss_2048_sha256_mgf1_32", run_pss, {63, 45, 0}},
    {"rsa_pss_2048_sha384_mgf1_48", run_pss, {95, 46, 0}},
    {"rsa_pss_3072_sha256_mgf1_32", run_pss, {63, 45, 0}},
    {"rsa_pss_4096_sha256_mgf1_32", run_pss, {63, 45, 0}},
    {"rsa_pss_4096_sha384_mgf1_48", run_pss, {95, 46, 0}},
    {"rsa_pss_4096_sha512_mgf1_64", run_pss, {132, 47, 0}},
    {"rsa_pss_misc", run_pss, {3, 0, 147}},
    {"ecdsa_secp256r1_sha256_p1363", run_ec, {173, 89, 0}},
    {"ecdsa_secp384r1_sha384_p1363", run_ec, {193, 87, 0}},
    {"ecdsa_secp521r1_sha512_p1363", run_ec, {231, 87, 0}},
    {"ed25519", run_ed25519, {88, 63, 0}},
};

START_TEST(test_file)
{
    char *path = mem_printf(FOLDER "%s_test.json", files[_i].name);
    json_error_t fault;
    json_t *vectors = json_load_file(path, 0, &fault);
    struct counts counts = {0};

    ck_assert_msg(vectors != NULL, "%s: %s", path, fault.text);
    const json_t *groups = json_object_get(vectors, "testGroups");
    for (size_t i = 0; i < json_array_size(groups); i++)
        files[_i].run(json_array_get(groups, i), &counts);
    printf("%s: %d verify, %d are rejected, %d are left out\n", files[_i].name, counts.verified,
           counts.rejected, counts.left_out);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(counts.verified + counts.rejected + counts.left_out,
                     (int)json_integer_value(json_object_get(vectors, "numberOfTests")));
    ck_assert_int_eq(counts.verified, files[_i].counts.verified);
    ck_assert_int_eq(counts.rejected, files[_i].counts.rejected);
    ck_assert_int_eq(counts.left_out, files[_i].counts.left_out);
    json_decref(vectors);
    mem_free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wycheproof");
    TCase *tcase = tcase_create("signatures");

    setvbuf(stdout, NULL, _IOLBF, 0); /* each test runs in a process of its own */
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_file, 0, (int)ARRAY_LEN(files));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
