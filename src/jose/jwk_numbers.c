/*
 * Reading is strict: a key that is read with leniency here is another one elsewhere, and there
 * nobody says why. Each member is decoded and measured, and given to OpenSSL as a number.
 *
 * The public half of Ed25519 is derived and compared, never taken: a signature made with another
 * one gives the private half away.
 */
#include "jose/jwk_numbers.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/key.h"
#include "jose/key_fault.h"
#include "jose/key_judge.h"

#define ED25519_LEN 32

enum err jwk_member(const json_t *json, const char *name, struct octets *out, struct reason *reason)
{
    const json_t *value = json_object_get(json, name);

    *out = (struct octets){0};
    if (value == NULL)
        return key_fault(reason, "%s is missing; it should be in base64url", name);
    if (json_is_string(value) && json_string_length(value) > 0 &&
        base64url_decode(json_string_value(value), json_string_length(value), out))
        return ERR_OK;
    return key_fault(reason,
                     "%s is not in base64url; it should be a string of A-Z a-z 0-9 - _ without "
                     "padding",
                     name);
}

/* Of exactly `len` bytes: RFC 7518, section 6.2, keeps leading zeros. */
static enum err member_of(const json_t *json, const char *name, size_t len, struct octets *out,
                          struct reason *reason)
{
    enum err err = jwk_member(json, name, out, reason);

    if (err != ERR_OK || out->len == len)
        return err;
    err = key_fault(reason, "%s has %zu bytes; it should have %zu", name, out->len, len);
    octets_fini(out);
    return err;
}

static bool has_private(const json_t *json)
{
    return json_object_get(json, "d") != NULL;
}

/* A number, in memory that OpenSSL overwrites, in its copies too. */
static BIGNUM *secret_number(const struct octets *octets)
{
    BIGNUM *number = BN_secure_new();

    MEM_MUST(number != NULL && BN_bin2bn(octets->bytes, (int)octets->len, number) != NULL);
    return number;
}

/* NULL: OpenSSL rejects it. */
static EVP_PKEY *make_key(const char *type, bool pair, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    MEM_MUST(params != NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, pair ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

/* RSA (RFC 7518, section 6.3). */

static const struct {
    const char *jwk;
    const char *openssl;
} rsa_names[] = {
#define KEY_RSA_NAMES(index, jwk, openssl) {jwk, openssl},
    KEY_RSA_TABLE(KEY_RSA_NAMES)
#undef KEY_RSA_NAMES
};

/* Those that are there. */
static enum err rsa_members(const json_t *json, BIGNUM **number, struct reason *reason)
{
    struct octets octets;

    for (int i = 0; i < KEY_RSA_COUNT; i++) {
        if (i >= KEY_RSA_D && json_object_get(json, rsa_names[i].jwk) == NULL)
            continue;
        enum err err = jwk_member(json, rsa_names[i].jwk, &octets, reason);
        if (err != ERR_OK)
            return err;
        number[i] = secret_number(&octets);
        octets_fini(&octets);
    }
    return ERR_OK;
}

static enum err rsa_is_whole(const json_t *json, BIGNUM **number, struct reason *reason)
{
    int primes = 0;

    for (int i = KEY_RSA_P; i < KEY_RSA_COUNT; i++)
        primes += number[i] != NULL;
    if (json_object_get(json, "oth") != NULL)
        return key_fault(reason, "it has more than two primes; it should have two");
    if (primes == 0 || (primes == KEY_RSA_COUNT - KEY_RSA_P && number[KEY_RSA_D] != NULL))
        return ERR_OK;
    return key_fault(reason,
                     "its private half is not whole; it should have d, or d, p, q, dp, dq and qi");
}

/* OpenSSL 3.0 takes these, and later versions reject them without saying why. */
static enum err rsa_is_sane(BIGNUM **number, struct reason *reason)
{
    const BIGNUM *d = number[KEY_RSA_D];

    if (BN_is_zero(number[KEY_RSA_N]))
        return key_fault(reason, "n has 0 bits; it should have 2048 or more");
    if (d != NULL && BN_num_bits(d) > BN_num_bits(number[KEY_RSA_N]))
        return key_fault_halves(reason);
    return ERR_OK;
}

static EVP_PKEY *rsa_make(BIGNUM **number)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    MEM_MUST(build != NULL);
    for (int i = 0; i < KEY_RSA_COUNT; i++)
        MEM_MUST(number[i] == NULL ||
                 OSSL_PARAM_BLD_push_BN(build, rsa_names[i].openssl, number[i]) == 1);
    EVP_PKEY *pkey = make_key("RSA", number[KEY_RSA_D] != NULL, build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

enum err jwk_rsa(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    BIGNUM *number[KEY_RSA_COUNT] = {NULL};
    enum err err = rsa_members(json, number, reason);

    if (err == ERR_OK)
        err = rsa_is_whole(json, number, reason);
    if (err == ERR_OK)
        err = rsa_is_sane(number, reason);
    if (err == ERR_OK) {
        *pkey = rsa_make(number);
        if (*pkey == NULL)
            err = key_fault(reason, "OpenSSL rejects it; it should be an RSA key");
    }
    for (int i = 0; i < KEY_RSA_COUNT; i++)
        BN_clear_free(number[i]);
    return err;
}

/* EC (RFC 7518, section 6.2). */

static const struct {
    const char *name;
    enum key_kind kind;
} curves[] = {{"P-256", KEY_P256}, {"P-384", KEY_P384}, {"P-521", KEY_P521}};

/* The length of a coordinate of a curve; 0: the curve is not used here. */
static size_t coordinate_len(const char *curve)
{
    for (size_t i = 0; curve != NULL && i < ARRAY_LEN(curves); i++) {
        if (strcmp(curve, curves[i].name) == 0)
            return key_kind_half(curves[i].kind);
    }
    return 0;
}

static enum err curve_is_unknown(struct reason *reason)
{
    return key_fault(reason, "crv is not used here; it should be one of P-256, P-384, P-521 and "
                             "Ed25519");
}

/* `d` may be empty. */
static EVP_PKEY *ec_make(const char *curve, const struct octets *x, const struct octets *y,
                         const struct octets *d)
{
    unsigned char point[1 + 2 * KEY_HALF_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *number = d->len > 0 ? secret_number(d) : NULL;

    MEM_MUST(build != NULL);
    memcpy(point + 1, x->bytes, x->len);
    memcpy(point + 1 + x->len, y->bytes, y->len);
    MEM_MUST(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                              1 + x->len + y->len) == 1);
    MEM_MUST(number == NULL ||
             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
    EVP_PKEY *pkey = make_key("EC", number != NULL, build);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    return pkey;
}

/* Later OpenSSLs see by themselves that d is another key's. */
static enum err ec_rejected(const char *curve, const struct octets *x, const struct octets *y,
                            struct reason *reason)
{
    const struct octets none = {0};
    EVP_PKEY *half = ec_make(curve, x, y, &none);
    bool is_point = half != NULL;

    EVP_PKEY_free(half);
    return is_point
               ? key_fault_halves(reason)
               : key_fault(reason, "x and y are not on the curve; they should be a point of %s",
                           curve);
}

enum err jwk_ec(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    const char *curve = json_string_value(json_object_get(json, "crv"));
    struct octets x = {0}, y = {0}, d = {0};
    size_t len = coordinate_len(curve);
    enum err err;

    if (len == 0)
        return curve_is_unknown(reason);
    err = member_of(json, "x", len, &x, reason);
    if (err == ERR_OK)
        err = member_of(json, "y", len, &y, reason);
    if (err == ERR_OK && has_private(json))
        err = member_of(json, "d", len, &d, reason);
    if (err == ERR_OK) {
        *pkey = ec_make(curve, &x, &y, &d);
        if (*pkey == NULL)
            err = ec_rejected(curve, &x, &y, reason);
    }
    octets_fini(&x);
    octets_fini(&y);
    octets_fini(&d);
    return err;
}

/* Ed25519 (RFC 8037, section 2). */

static enum err ed25519_pair(const struct octets *x, const struct octets *d, EVP_PKEY **pkey,
                             struct reason *reason)
{
    unsigned char derived[ED25519_LEN];
    size_t len = sizeof(derived);
    EVP_PKEY *made = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d->bytes, d->len);

    if (made != NULL && EVP_PKEY_get_raw_public_key(made, derived, &len) == 1 &&
        memcmp(derived, x->bytes, sizeof(derived)) == 0) {
        *pkey = made;
        return ERR_OK;
    }
    EVP_PKEY_free(made);
    return key_fault(reason, "d does not go with x; the halves should be of one key");
}

static enum err ed25519_make(const struct octets *x, const struct octets *d, EVP_PKEY **pkey,
                             struct reason *reason)
{
    if (d->len > 0)
        return ed25519_pair(x, d, pkey, reason);
    *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x->bytes, x->len);
    MEM_MUST(*pkey != NULL);
    return ERR_OK;
}

enum err jwk_okp(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    const char *curve = json_string_value(json_object_get(json, "crv"));
    struct octets x = {0}, d = {0};
    enum err err;

    if (curve == NULL || strcmp(curve, "Ed25519") != 0)
        return curve_is_unknown(reason);
    err = member_of(json, "x", ED25519_LEN, &x, reason);
    if (err == ERR_OK && has_private(json))
        err = member_of(json, "d", ED25519_LEN, &d, reason);
    if (err == ERR_OK)
        err = ed25519_make(&x, &d, pkey, reason);
    octets_fini(&x);
    octets_fini(&d);
    return err;
}
