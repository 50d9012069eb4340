/*
 * Each algorithm under keys in each form: what OpenSSL signs verifies, and nothing else does: no
 * changed bit, no other algorithm of the same key, no other length, no other encoding.
 */
#include <string.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "jose_forge.h"
#include "private_keys.h"
#include "suite.h"

#define PAYLOAD "{\"sub\":\"alice\"}"
/* 64 bytes, and in base64url. */
#define LONG_SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG_K                                                                                     \
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg"

static const struct algorithm {
    const char *name;
    const char *key; /* for make_key_of; NULL: LONG_SECRET */
    const char *digest;
    size_t half; /* ECDSA */
} algorithms[] = {
    {"HS256", NULL, "SHA256", 0},     {"HS384", NULL, "SHA384", 0},
    {"HS512", NULL, "SHA512", 0},     {"RS256", "RSA", "SHA256", 0},
    {"RS384", "RSA", "SHA384", 0},    {"RS512", "RSA", "SHA512", 0},
    {"PS256", "RSA", "SHA256", 0},    {"PS384", "RSA", "SHA384", 0},
    {"PS512", "RSA", "SHA512", 0},    {"ES256", "P-256", "SHA256", 32},
    {"ES384", "P-384", "SHA384", 48}, {"ES512", "P-521", "SHA512", 66},
    {"EdDSA", "ED25519", NULL, 0},
};

static const struct algorithm *algorithm_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    }
    ck_abort_msg("%s", name);
}

/* A public JWK, or the secret's; `more` begins with a comma, or is empty. */
static char *jwk_for(const struct algorithm *algorithm, const EVP_PKEY *pkey, const char *more)
{
    if (pkey == NULL)
        return mem_printf("{\"kty\":\"oct\",\"k\":\"" LONG_K "\"%s}", more);
    if (strcmp(algorithm->key, "RSA") == 0)
        return mem_printf("{" RSA_PUBLIC "%s}", more);
    char *text = algorithm->half > 0 ? ec_jwk_of(pkey, algorithm->key, (int)algorithm->half, more)
                                     : ed25519_jwk_of(pkey, more);
    /* Without the private half. */
    char *d = strstr(text, ",\"d\":\""), *behind = strchr(d + 6, '"') + 1;
    memmove(d, behind, strlen(behind) + 1);
    return text;
}

/* Signatures by OpenSSL, with nothing of ours. */

static size_t hmac(const char *digest, const char *input, unsigned char *out)
{
    unsigned len;

    ck_assert_ptr_nonnull(HMAC(EVP_get_digestbyname(digest), LONG_SECRET, (int)strlen(LONG_SECRET),
                               (const unsigned char *)input, strlen(input), out, &len));
    return len;
}

/* `pss_salt`: bytes; -1: PKCS #1 v1.5, or no RSA. */
static size_t sign(EVP_PKEY *pkey, const char *digest, int pss_salt, const char *input,
                   unsigned char *out, size_t room)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;
    size_t len = room;

    ck_assert_int_eq(EVP_DigestSignInit_ex(ctx, &params, digest, NULL, NULL, pkey, NULL), 1);
    if (pss_salt >= 0) {
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING), 0);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(params, pss_salt), 0);
    }
    ck_assert_int_eq(EVP_DigestSign(ctx, out, &len, (const unsigned char *)input, strlen(input)),
                     1);
    EVP_MD_CTX_free(ctx);
    return len;
}

/* r and s in full length, in place of DER. */
static size_t to_p1363(unsigned char *signature, size_t len, size_t half)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

    ck_assert_ptr_nonnull(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int)half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, (int)half);
    ECDSA_SIG_free(pair);
    return 2 * half;
}

static int digest_len(const struct algorithm *algorithm)
{
    return EVP_MD_get_size(EVP_get_digestbyname(algorithm->digest));
}

/* The signature of `input`; its length. */
static size_t sign_as(const struct algorithm *algorithm, EVP_PKEY *pkey, const char *input,
                      unsigned char out[1024])
{
    if (pkey == NULL)
        return hmac(algorithm->digest, input, out);
    int salt = algorithm->name[0] == 'P' ? digest_len(algorithm) : -1;
    size_t len = sign(pkey, algorithm->digest, salt, input, out, 1024);
    return algorithm->half > 0 ? to_p1363(out, len, algorithm->half) : len;
}

static char *input_for(const char *alg)
{
    char *header = mem_printf("{\"alg\":\"%s\"}", alg);
    char *head = encoded(header, strlen(header)), *body = encoded(PAYLOAD, strlen(PAYLOAD));
    char *input = mem_printf("%s.%s", head, body);

    mem_free(header);
    mem_free(head);
    mem_free(body);
    return input;
}

/* input.signature */
static char *token_of(const char *input, const void *signature, size_t len)
{
    char *tail = encoded(signature, len);
    char *token = mem_printf("%s.%s", input, tail);

    mem_free(tail);
    return token;
}

static enum jwt_result open_bytes(const struct jwt_keys *keys, const char *input,
                                  const void *signature, size_t len)
{
    char *token = token_of(input, signature, len);
    struct octets payload;
    enum jwt_result result = jws_open(keys, token, strlen(token), &payload);

    ck_assert_uint_eq(ERR_peek_error(), 0);
    ck_assert(result != JWT_OK || strcmp((const char *)payload.bytes, PAYLOAD) == 0);
    octets_fini(&payload);
    mem_free(token);
    return result;
}

static EVP_PKEY *pkey_for(const struct algorithm *algorithm)
{
    return algorithm->key != NULL ? make_key_of(algorithm->key) : NULL;
}

/* Good under the key with its alg and without; every bit changed, and every other length, bad. */
START_TEST(test_each)
{
    const struct algorithm *algorithm = &algorithms[_i];
    EVP_PKEY *pkey = pkey_for(algorithm);
    char *more = mem_printf(",\"alg\":\"%s\"", algorithm->name);
    char *bare_text = jwk_for(algorithm, pkey, ""), *own_text = jwk_for(algorithm, pkey, more);
    struct jwt_keys *bare = keys_of(bare_text), *own = keys_of(own_text);
    char *input = input_for(algorithm->name);
    unsigned char signature[1024 + 1] = {0};
    size_t len = sign_as(algorithm, pkey, input, signature);

    ck_assert_int_eq(open_bytes(bare, input, signature, len), JWT_OK);
    ck_assert_int_eq(open_bytes(own, input, signature, len), JWT_OK);
    for (size_t bit = 0; bit<8 * len; bit += len> 100 ? 7 : 1) {
        signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert_int_eq(open_bytes(own, input, signature, len), JWT_SIGNATURE);
        signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_int_eq(open_bytes(own, input, signature, len - 1), JWT_SIGNATURE);
    ck_assert_int_eq(open_bytes(own, input, signature, len + 1), JWT_SIGNATURE);
    ck_assert_int_eq(open_bytes(own, input, signature, 0), JWT_SIGNATURE);
    input[strlen(input) - 1] = 'x'; /* "x" ends the payload with the same number of bits */
    ck_assert_int_ne(open_bytes(own, input, signature, len), JWT_OK);
    jwt_keys_unref(bare);
    jwt_keys_unref(own);
    mem_free(input);
    mem_free(more);
    mem_free(bare_text);
    mem_free(own_text);
    EVP_PKEY_free(pkey);
}
END_TEST

/* A header that names another algorithm than the one signed with, and than the key's. */
START_TEST(test_each_under_each_other)
{
    const struct algorithm *algorithm = &algorithms[_i];
    EVP_PKEY *pkey = pkey_for(algorithm);
    char *more = mem_printf(",\"alg\":\"%s\"", algorithm->name);
    char *bare_text = jwk_for(algorithm, pkey, ""), *own_text = jwk_for(algorithm, pkey, more);
    struct jwt_keys *bare = keys_of(bare_text), *own = keys_of(own_text);

    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        const struct algorithm *named = &algorithms[i];
        bool same_kind = (named->key == NULL) == (pkey == NULL) &&
                         (pkey == NULL || strcmp(named->key, algorithm->key) == 0);
        char *input = input_for(named->name);
        unsigned char signature[1024];
        size_t len = sign_as(algorithm, pkey, input, signature);
        if (named != algorithm) {
            ck_assert_int_eq(open_bytes(own, input, signature, len),
                             same_kind ? JWT_ALGORITHM : JWT_NO_KEY);
            ck_assert_int_eq(open_bytes(bare, input, signature, len),
                             same_kind ? JWT_SIGNATURE : JWT_NO_KEY);
        }
        mem_free(input);
    }
    jwt_keys_unref(bare);
    jwt_keys_unref(own);
    mem_free(more);
    mem_free(bare_text);
    mem_free(own_text);
    EVP_PKEY_free(pkey);
}
END_TEST

/* The same numbers in DER, where r and s in full length should be. */
START_TEST(test_ecdsa_in_der)
{
    static const char *const names[] = {"ES256", "ES384", "ES512"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct algorithm *algorithm = algorithm_of(names[i]);
        EVP_PKEY *pkey = pkey_for(algorithm);
        char *text = jwk_for(algorithm, pkey, ""), *input = input_for(names[i]);
        struct jwt_keys *keys = keys_of(text);
        unsigned char signature[1024];
        size_t len = sign(pkey, algorithm->digest, -1, input, signature, sizeof(signature));
        ck_assert_int_eq(open_bytes(keys, input, signature, len), JWT_SIGNATURE);
        ck_assert_int_eq(
            open_bytes(keys, input, signature, to_p1363(signature, len, algorithm->half)), JWT_OK);
        jwt_keys_unref(keys);
        mem_free(text);
        mem_free(input);
        EVP_PKEY_free(pkey);
    }
}
END_TEST

/* Numbers that no signature has: zero, one of them zero, the order and above, all ones. */
START_TEST(test_ecdsa_numbers)
{
    static const char *const names[] = {"ES256", "ES384", "ES512"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct algorithm *algorithm = algorithm_of(names[i]);
        size_t half = algorithm->half;
        EVP_PKEY *pkey = pkey_for(algorithm);
        char *text = jwk_for(algorithm, pkey, ""), *input = input_for(names[i]);
        struct jwt_keys *keys = keys_of(text);
        unsigned char good[1024], bytes[1024] = {0};
        sign_as(algorithm, pkey, input, good);
        ck_assert_int_eq(open_bytes(keys, input, bytes, 2 * half), JWT_SIGNATURE);
        memcpy(bytes, good, half);
        ck_assert_int_eq(open_bytes(keys, input, bytes, 2 * half), JWT_SIGNATURE);
        memcpy(bytes, good, 2 * half);
        memset(bytes, 0, half);
        ck_assert_int_eq(open_bytes(keys, input, bytes, 2 * half), JWT_SIGNATURE);
        memset(bytes, 0xff, 2 * half);
        ck_assert_int_eq(open_bytes(keys, input, bytes, 2 * half), JWT_SIGNATURE);
        ck_assert_int_eq(open_bytes(keys, input, good, 2 * half), JWT_OK);
        jwt_keys_unref(keys);
        mem_free(text);
        mem_free(input);
        EVP_PKEY_free(pkey);
    }
}
END_TEST

/* A salt is as long as the hash (RFC 7518, section 3.5), and no other length is taken. */
START_TEST(test_pss_salts)
{
    static const int salts[] = {0, 20, 31, 33, 48, 64};
    EVP_PKEY *pkey = make_key_of("RSA");
    struct jwt_keys *keys = keys_of("{" RSA_PUBLIC "}");
    char *input = input_for("PS256");
    unsigned char signature[1024];

    for (size_t i = 0; i < ARRAY_LEN(salts); i++) {
        size_t len = sign(pkey, "SHA256", salts[i], input, signature, sizeof(signature));
        ck_assert_int_eq(open_bytes(keys, input, signature, len), JWT_SIGNATURE);
    }
    ck_assert_int_eq(open_bytes(keys, input, signature,
                                sign(pkey, "SHA256", 32, input, signature, sizeof(signature))),
                     JWT_OK);
    mem_free(input);
    jwt_keys_unref(keys);
    EVP_PKEY_free(pkey);
}
END_TEST

/* With the order added to s, Ed25519 would have two signatures of one text (RFC 8032, 5.1.7). */
START_TEST(test_ed25519_s_is_reduced)
{
    static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                            0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                            0,    0,    0,    0,    0,    0,    0,    0,
                                            0,    0,    0,    0,    0,    0,    0,    0x10};
    EVP_PKEY *pkey = make_key_of("ED25519");
    char *text = jwk_for(algorithm_of("EdDSA"), pkey, ""), *input = input_for("EdDSA");
    struct jwt_keys *keys = keys_of(text);
    unsigned char signature[1024];
    size_t len = sign_as(algorithm_of("EdDSA"), pkey, input, signature);
    unsigned carry = 0;

    ck_assert_int_eq(open_bytes(keys, input, signature, len), JWT_OK);
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (unsigned char)carry;
        carry >>= 8;
    }
    ck_assert_int_eq(open_bytes(keys, input, signature, len), JWT_SIGNATURE);
    jwt_keys_unref(keys);
    mem_free(text);
    mem_free(input);
    EVP_PKEY_free(pkey);
}
END_TEST

/* What is public, in each of its forms, as a secret: no key of the file is for HMAC. */
START_TEST(test_public_bytes_are_no_secret)
{
    static const char *const headers[] = {"{\"alg\":\"HS256\"}", "{\"alg\":\"HS384\"}",
                                          "{\"alg\":\"HS512\"}"};
    EVP_PKEY *pkey = make_key_of("ED25519");
    char *pem = public_pem_of(pkey), *jwk = jwk_for(algorithm_of("EdDSA"), pkey, "");
    unsigned char raw[32];
    size_t raw_len = sizeof(raw);
    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(pkey, raw, &raw_len), 1);
    const struct {
        const char *bytes;
        size_t len;
    } secrets[] = {{pem, strlen(pem)}, {jwk, strlen(jwk)}, {(const char *)raw, raw_len}};
    struct jwt_keys *keys[] = {keys_of(pem), keys_of(jwk)};

    for (size_t i = 0; i < ARRAY_LEN(secrets) * ARRAY_LEN(headers) * ARRAY_LEN(keys); i++) {
        size_t s = i % 3, h = i / 3 % 3, k = i / 9;
        struct octets payload;
        char *token =
            forge_bytes(headers[h], PAYLOAD, strlen(PAYLOAD), secrets[s].bytes, secrets[s].len);
        ck_assert_int_eq(jws_open(keys[k], token, strlen(token), &payload), JWT_NO_KEY);
        mem_free(token);
    }
    jwt_keys_unref(keys[0]);
    jwt_keys_unref(keys[1]);
    mem_free(pem);
    mem_free(jwk);
    EVP_PKEY_free(pkey);
}
END_TEST

/* The point of order one: R of the same, and s of zero, are a signature of everything. */
START_TEST(test_ed25519_key_for_everybody)
{
    static const char *const points[] = {
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 1 */
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA", /* with the sign */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 0: order four */
        "7P_______________________________________38", /* p - 1 */
        "7v_______________________________________38", /* p + 1 */
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    };

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct reason reason;
        struct jwt_keys *keys;
        char *jwk = mem_printf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", points[i]);
        ck_assert_int_eq(jwt_keys_new(jwk, strlen(jwk), &reason, &keys), ERR_INVALID);
        ck_assert_msg(strstr(reason.text, "small order") != NULL, "%s: %s", points[i], reason.text);
        mem_free(jwk);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("algorithms");
    TCase *tcase = tcase_create("algorithms");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test_each, 0, (int)ARRAY_LEN(algorithms));
    tcase_add_loop_test(tcase, test_each_under_each_other, 0, (int)ARRAY_LEN(algorithms));
    tcase_add_test(tcase, test_ecdsa_in_der);
    tcase_add_test(tcase, test_ecdsa_numbers);
    tcase_add_test(tcase, test_pss_salts);
    tcase_add_test(tcase, test_ed25519_s_is_reduced);
    tcase_add_test(tcase, test_public_bytes_are_no_secret);
    tcase_add_test(tcase, test_ed25519_key_for_everybody);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
