/*
 * A JWK in the hands of whoever signs with it. Reading is as strict as for the keys that identities
 * are verified under (jwk.c): a key that is read with leniency here is rejected by the server that
 * has its public half, and there nobody says why.
 *
 * The public half of Ed25519 is derived and compared, never taken: a signature made with another
 * one gives the private half away.
 */
#include "jose/signer_jwk.h"

#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "jose/json.h"

#define ED25519_LEN 32
#define COORDINATE_MAX 48 /* P-384 */

static enum err member_read(const json_t *json, const char *name, struct octets *out,
                            struct reason *reason)
{
    const json_t *value = json_object_get(json, name);

    *out = (struct octets){0};
    if (value == NULL)
        return signer_key_invalid(reason, "%s is missing; it should be in base64url", name);
    if (json_is_string(value) && json_string_length(value) > 0 &&
        base64url_decode(json_string_value(value), json_string_length(value), out))
        return ERR_OK;
    return signer_key_invalid(reason,
                              "%s is not in base64url; it should be a string of A-Z a-z 0-9 - _ "
                              "without padding",
                              name);
}

/* Of exactly `len` bytes: RFC 7518, section 6.2, keeps leading zeros. */
static enum err member_of(const json_t *json, const char *name, size_t len, struct octets *out,
                          struct reason *reason)
{
    enum err err = member_read(json, name, out, reason);

    if (err != ERR_OK || out->len == len)
        return err;
    err = signer_key_invalid(reason, "%s has %zu bytes; it should have %zu", name, out->len, len);
    octets_fini(out);
    return err;
}

/* A number, in memory that OpenSSL overwrites, in its copies too. */
static BIGNUM *secret_number(const struct octets *octets)
{
    BIGNUM *number = BN_secure_new();

    MEM_MUST(number != NULL && BN_bin2bn(octets->bytes, (int)octets->len, number) != NULL);
    return number;
}

/* NULL: OpenSSL rejects it. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    MEM_MUST(params != NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
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
#define SIGNER_RSA_NAMES(index, jwk, openssl) {jwk, openssl},
    SIGNER_RSA_TABLE(SIGNER_RSA_NAMES)
#undef SIGNER_RSA_NAMES
};

/* Those that are there. */
static enum err rsa_members(const json_t *json, BIGNUM **number, struct reason *reason)
{
    struct octets octets;

    for (int i = 0; i < SIGNER_RSA_COUNT; i++) {
        if (i >= SIGNER_RSA_P && json_object_get(json, rsa_names[i].jwk) == NULL)
            continue;
        enum err err = member_read(json, rsa_names[i].jwk, &octets, reason);
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

    for (int i = SIGNER_RSA_P; i < SIGNER_RSA_COUNT; i++)
        primes += number[i] != NULL;
    if (json_object_get(json, "oth") != NULL)
        return signer_key_invalid(reason, "it has more than two primes; it should have two");
    if (primes == 0 || primes == SIGNER_RSA_COUNT - SIGNER_RSA_P)
        return ERR_OK;
    return signer_key_invalid(
        reason, "its private half is not whole; it should have d, or d, p, q, dp, dq and qi");
}

/* OpenSSL 3.0 takes these, and later versions reject them without saying why. */
static enum err rsa_is_sane(BIGNUM **number, struct reason *reason)
{
    if (BN_is_zero(number[SIGNER_RSA_N]))
        return signer_key_invalid(reason, "n has 0 bits; it should have 2048 or more");
    if (BN_num_bits(number[SIGNER_RSA_D]) > BN_num_bits(number[SIGNER_RSA_N]))
        return signer_key_halves_differ(reason);
    return ERR_OK;
}

static EVP_PKEY *rsa_make(BIGNUM **number)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    MEM_MUST(build != NULL);
    for (int i = 0; i < SIGNER_RSA_COUNT; i++)
        MEM_MUST(number[i] == NULL ||
                 OSSL_PARAM_BLD_push_BN(build, rsa_names[i].openssl, number[i]) == 1);
    EVP_PKEY *pkey = make_key("RSA", build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

static enum err read_rsa(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    BIGNUM *number[SIGNER_RSA_COUNT] = {NULL};
    enum err err = rsa_members(json, number, reason);

    if (err == ERR_OK)
        err = rsa_is_whole(json, number, reason);
    if (err == ERR_OK)
        err = rsa_is_sane(number, reason);
    if (err == ERR_OK) {
        *pkey = rsa_make(number);
        if (*pkey == NULL)
            err = signer_key_invalid(reason, "OpenSSL rejects it; it should be an RSA key");
    }
    for (int i = 0; i < SIGNER_RSA_COUNT; i++)
        BN_clear_free(number[i]);
    return err;
}

/* EC (RFC 7518, section 6.2). */

static EVP_PKEY *ec_make(const char *curve, const struct octets *x, const struct octets *y,
                         const struct octets *d)
{
    unsigned char point[1 + 2 * COORDINATE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *number = secret_number(d);

    MEM_MUST(build != NULL);
    memcpy(point + 1, x->bytes, x->len);
    memcpy(point + 1 + x->len, y->bytes, y->len);
    MEM_MUST(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                              1 + x->len + y->len) == 1 &&
             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
    EVP_PKEY *pkey = make_key("EC", build);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    return pkey;
}

/* The length of a coordinate of a curve; 0: the curve is not used here. */
static size_t coordinate_len(const char *curve)
{
    if (strcmp(curve, "P-256") == 0)
        return 32;
    return strcmp(curve, "P-384") == 0 ? COORDINATE_MAX : 0;
}

static enum err read_ec(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    const char *curve = json_string_value(json_object_get(json, "crv"));
    struct octets x = {0}, y = {0}, d = {0};
    size_t len = curve != NULL ? coordinate_len(curve) : 0;
    enum err err;

    if (len == 0)
        return signer_key_invalid(reason, "crv is not used here; it should be one of " SIGNER_KEYS);
    err = member_of(json, "x", len, &x, reason);
    if (err == ERR_OK)
        err = member_of(json, "y", len, &y, reason);
    if (err == ERR_OK)
        err = member_of(json, "d", len, &d, reason);
    if (err == ERR_OK) {
        *pkey = ec_make(curve, &x, &y, &d);
        if (*pkey == NULL)
            err = signer_key_invalid(
                reason, "x and y are not on the curve; they should be a point of %s", curve);
    }
    octets_fini(&x);
    octets_fini(&y);
    octets_fini(&d);
    return err;
}

/* Ed25519 (RFC 8037, section 2). */

static enum err ed25519_make(const struct octets *x, const struct octets *d, EVP_PKEY **pkey,
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
    return signer_key_invalid(reason, "d does not go with x; the halves should be of one key");
}

static enum err read_okp(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    const char *curve = json_string_value(json_object_get(json, "crv"));
    struct octets x = {0}, d = {0};
    enum err err;

    if (curve == NULL || strcmp(curve, "Ed25519") != 0)
        return signer_key_invalid(reason, "crv is not used here; it should be one of " SIGNER_KEYS);
    err = member_of(json, "x", ED25519_LEN, &x, reason);
    if (err == ERR_OK)
        err = member_of(json, "d", ED25519_LEN, &d, reason);
    if (err == ERR_OK)
        err = ed25519_make(&x, &d, pkey, reason);
    octets_fini(&x);
    octets_fini(&d);
    return err;
}

/* The key as a whole. */

static bool array_holds(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *item = json_string_value(json_array_get(array, i));
        if (item != NULL && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

/* What a JWK says it is for (RFC 7517, section 4). */
static enum err read_purpose(const json_t *json, struct reason *reason)
{
    const json_t *use = json_object_get(json, "use");
    const json_t *ops = json_object_get(json, "key_ops");
    const json_t *kid = json_object_get(json, "kid");
    const json_t *alg = json_object_get(json, "alg");

    if (use != NULL && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
        return signer_key_invalid(reason,
                                  "it is not for signatures; its use should be \"sig\", or absent");
    if (ops != NULL && !array_holds(ops, "sign"))
        return signer_key_invalid(
            reason, "its key_ops do not allow to sign; they should hold \"sign\", or be absent");
    if (kid != NULL && !json_is_string(kid))
        return signer_key_invalid(reason, "kid is not a string; it should be one, or absent");
    if (alg != NULL && !json_is_string(alg))
        return signer_key_invalid(reason, "alg is not a string; it should be one, or absent");
    return ERR_OK;
}

/* Other JSON that people take for a key. */
static enum err read_other(const json_t *json, struct reason *reason)
{
    if (json_object_get(json, "private_key") != NULL)
        return signer_key_invalid(
            reason,
            "it is JSON that holds a key in private_key; the file should hold that member's "
            "value alone (jq -r .private_key)");
    return signer_key_invalid(
        reason, "it is JSON without kty, and no JWK; it should be " SIGNER_KEYS " in PEM or as a "
                "JWK");
}

static enum err read_numbers(const json_t *json, EVP_PKEY **pkey, struct reason *reason)
{
    const char *kty = json_string_value(json_object_get(json, "kty"));

    if (kty == NULL)
        return read_other(json, reason);
    if (strcmp(kty, "oct") == 0)
        return signer_key_invalid(
            reason, "it is an HMAC secret (oct); it should be a private key: " SIGNER_KEYS);
    bool rsa = strcmp(kty, "RSA") == 0, ec = strcmp(kty, "EC") == 0;
    if (!rsa && !ec && strcmp(kty, "OKP") != 0)
        return signer_key_invalid(reason,
                                  "its kty is not used here; it should be one of " SIGNER_KEYS);
    if (json_object_get(json, "d") == NULL)
        return signer_key_invalid(
            reason, "it is a public key; it should be the private one, which has the member d");
    if (rsa)
        return read_rsa(json, pkey, reason);
    return ec ? read_ec(json, pkey, reason) : read_okp(json, pkey, reason);
}

static enum err read_one(const json_t *json, struct signer_key *key, struct reason *reason)
{
    const char *kid = json_string_value(json_object_get(json, "kid"));
    EVP_PKEY *pkey = NULL;
    enum err err = read_purpose(json, reason);

    if (err == ERR_OK)
        err = read_numbers(json, &pkey, reason);
    if (err == ERR_OK)
        err = signer_key_judge(pkey, json_string_value(json_object_get(json, "alg")), key, reason);
    if (err == ERR_OK && kid != NULL)
        key->kid = mem_strdup(kid);
    return err;
}

/* A set. */

static bool has_kid(const struct signer_key *key, const char *kid)
{
    return key->kid != NULL && kid != NULL && strcmp(key->kid, kid) == 0;
}

/* The place of the only key that counts: with that kid, or of all where it is NULL; -1: none. */
static int only_one(const struct signer_key *keys, int count, const char *kid)
{
    int found = -1;

    for (int i = 0; i < count; i++) {
        if (kid != NULL && !has_kid(&keys[i], kid))
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

/* Those of a set that can sign; why the first cannot, where it cannot. */
static int read_all(const json_t *set, struct signer_key *keys, struct reason *first)
{
    struct reason why;
    int count = 0;

    for (size_t i = 0; i < json_array_size(set); i++) {
        if (read_one(json_array_get(set, i), &keys[count], &why) == ERR_OK)
            count++;
        else if (i == 0)
            *first = why;
    }
    return count;
}

static enum err choose(struct signer_key *keys, int count, const char *kid, struct signer_key *key,
                       struct reason *reason)
{
    int chosen = kid != NULL ? only_one(keys, count, kid) : -1;

    /* A kid that no key has is meant to be sent in place of the key's own. */
    if (chosen < 0)
        chosen = only_one(keys, count, NULL);
    if (chosen < 0)
        return signer_key_invalid(reason,
                                  "%d keys of the JWK set can sign; name one by its kid, or leave "
                                  "only that one in the file",
                                  count);
    *key = keys[chosen];
    keys[chosen] = (struct signer_key){0};
    return ERR_OK;
}

static enum err read_set(const json_t *set, const char *kid, struct signer_key *key,
                         struct reason *reason)
{
    struct signer_key *keys = mem_zalloc((json_array_size(set) + 1) * sizeof(*keys));
    struct reason first;
    int count = read_all(set, keys, &first);
    enum err err;

    if (json_array_size(set) == 0)
        err = signer_key_invalid(reason, "the JWK set is empty; it should hold a private key");
    else if (count > 0)
        err = choose(keys, count, kid, key, reason);
    else
        err = signer_key_invalid(reason, "no key of the JWK set can sign; the first: %.400s",
                                 first.text);
    for (int i = 0; i < count; i++)
        signer_key_fini(&keys[i]);
    mem_free(keys);
    return err;
}

enum err signer_jwk_read(const char *bytes, size_t len, const char *kid, struct signer_key *key,
                         struct reason *reason)
{
    json_error_t where;
    json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where);
    const json_t *set = json_object_get(json, "keys");
    enum err err;

    /* Not jansson's own words: they quote what it read. */
    if (json == NULL)
        return signer_key_invalid(
            reason, "line %d, column %d: not valid JSON, or a name twice; it should be a JWK",
            where.line, where.column);
    err = json_is_array(set) ? read_set(set, kid, key, reason) : read_one(json, key, reason);
    jose_json_free(json);
    return err;
}
