/*
 * Private keys for tests, made with OpenSSL, as PEM and as JWK. RSA is that of RFC 7520, section
 * 3.4: to make one takes long under valgrind.
 */
#ifndef PRIVATE_KEYS_H
#define PRIVATE_KEYS_H

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "jose/base64url.h"
#include "jose_examples.h"

static inline BIGNUM *number_of(const char *text)
{
    struct octets octets;

    ck_assert(base64url_decode(text, strlen(text), &octets));
    BIGNUM *number = BN_bin2bn(octets.bytes, (int)octets.len, NULL);
    ck_assert_ptr_nonnull(number);
    octets_fini(&octets);
    return number;
}

/* `type`: RSA or RSA-PSS; `digest`: the only one that an RSA-PSS key is for, or NULL. */
static inline EVP_PKEY *rsa_key(const char *type, const char *digest)
{
    static const struct {
        const char *name;
        const char *text;
    } members[] = {
        {OSSL_PKEY_PARAM_RSA_N, RSA_N},          {OSSL_PKEY_PARAM_RSA_E, "AQAB"},
        {OSSL_PKEY_PARAM_RSA_D, RSA_D},          {OSSL_PKEY_PARAM_RSA_FACTOR1, RSA_P},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, RSA_Q},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, RSA_DP},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, RSA_DQ}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, RSA_QI},
    };
    enum { COUNT = sizeof(members) / sizeof(members[0]) };
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    BIGNUM *numbers[COUNT];
    EVP_PKEY *key = NULL;

    for (int i = 0; i < COUNT; i++) {
        numbers[i] = number_of(members[i].text);
        ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(build, members[i].name, numbers[i]), 1);
    }
    if (digest != NULL) {
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_RSA_DIGEST, digest, 0);
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, digest, 0);
    }
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    for (int i = 0; i < COUNT; i++)
        BN_free(numbers[i]);
    return key;
}

/* "RSA", "RSA-PSS", "RSA-PSS for SHA384", "RSA-PSS for SHA256", "RSA of 1024"; a curve; else a
 * type. */
static inline EVP_PKEY *make_key_of(const char *what)
{
    EVP_PKEY *key = NULL;

    if (strcmp(what, "RSA") == 0 || strcmp(what, "RSA-PSS") == 0)
        key = rsa_key(what, NULL);
    else if (strncmp(what, "RSA-PSS for ", 12) == 0)
        key = rsa_key("RSA-PSS", what + 12);
    else if (strcmp(what, "RSA of 1024") == 0)
        key = EVP_RSA_gen(1024);
    else if (strncmp(what, "P-", 2) == 0 || strncmp(what, "sec", 3) == 0)
        key = EVP_EC_gen(what);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, what);
    ck_assert_msg(key != NULL, "%s", what);
    return key;
}

static inline char *bio_text(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = mem_strndup(bytes, (size_t)len);

    BIO_free(bio);
    return text;
}

/* PKCS#8, encrypted where there is a phrase. */
static inline char *pkcs8_of(const EVP_PKEY *key, const char *phrase)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(
        PEM_write_bio_PKCS8PrivateKey(bio, key, phrase != NULL ? EVP_aes_128_cbc() : NULL, phrase,
                                      phrase != NULL ? (int)strlen(phrase) : 0, NULL, NULL),
        1);
    return bio_text(bio);
}

/* RSA PRIVATE KEY or EC PRIVATE KEY. */
static inline char *older_pem_of(const EVP_PKEY *key, const char *phrase)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(
        PEM_write_bio_PrivateKey_traditional(bio, key, phrase != NULL ? EVP_aes_128_cbc() : NULL,
                                             (const unsigned char *)phrase,
                                             phrase != NULL ? (int)strlen(phrase) : 0, NULL, NULL),
        1);
    return bio_text(bio);
}

static inline char *public_pem_of(const EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, key), 1);
    return bio_text(bio);
}

static inline char *padded_param(const EVP_PKEY *key, const char *name, int len)
{
    unsigned char bytes[66];
    BIGNUM *number = NULL;

    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, name, &number), 1);
    ck_assert_int_eq(BN_bn2binpad(number, bytes, len), len);
    BN_clear_free(number);
    return base64url_encode(bytes, (size_t)len);
}

/* A JWK of an EC key; `len`: bytes of a coordinate. `more` begins with a comma, or is empty. */
static inline char *ec_jwk_of(const EVP_PKEY *key, const char *curve, int len, const char *more)
{
    char *x = padded_param(key, OSSL_PKEY_PARAM_EC_PUB_X, len);
    char *y = padded_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, len);
    char *d = padded_param(key, OSSL_PKEY_PARAM_PRIV_KEY, len);
    char *text =
        mem_printf("{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\",\"d\":\"%s\"%s}",
                   curve, x, y, d, more);

    mem_free(x);
    mem_free(y);
    mem_free(d);
    return text;
}

/* A JWK of an Ed25519 key. */
static inline char *ed25519_jwk_of(const EVP_PKEY *key, const char *more)
{
    unsigned char x[32], d[32];
    size_t len = sizeof(x);

    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(key, x, &len), 1);
    ck_assert_int_eq(EVP_PKEY_get_raw_private_key(key, d, &len), 1);
    char *x_text = base64url_encode(x, sizeof(x)), *d_text = base64url_encode(d, sizeof(d));
    char *text = mem_printf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"d\":\"%s\"%s}",
                            x_text, d_text, more);
    mem_free(x_text);
    mem_free(d_text);
    return text;
}

#endif
