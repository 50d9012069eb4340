/*
 * A JWK as a whole: what it says it is for, which type it has, and the key made of it. One reader
 * serves those who verify identities and those who sign assertions; they differ in what they ask of
 * a key and in nothing else.
 */
#include "jose/jwk.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/mem.h"
#include "jose/json.h"
#include "jose/jwk_numbers.h"
#include "jose/key_fault.h"
#include "jose/key_text.h"

json_t *jwk_parse(const char *bytes, size_t len, struct reason *reason)
{
    json_error_t where;
    json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where);

    /* Not jansson's own words: they quote what it read. */
    if (json == NULL)
        reason_set(reason,
                   "line %d, column %d: not valid JSON, or a name twice; it should be a JWK or a "
                   "JWK set",
                   where.line, where.column);
    return json;
}

/* What a JWK says it is for: use, key_ops, alg and kid (RFC 7517, section 4). */

static bool is_array_of_strings(const json_t *array)
{
    if (!json_is_array(array))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!json_is_string(json_array_get(array, i)))
            return false;
    }
    return true;
}

static bool array_holds(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    }
    return false;
}

/* What the key may do. */
struct permission {
    bool verify;
    bool sign;
};

static enum err read_use(const json_t *json, enum jwk_purpose purpose,
                         struct permission *permission, struct reason *reason)
{
    const json_t *use = json_object_get(json, "use");
    const json_t *ops = json_object_get(json, "key_ops");

    if (use != NULL && !json_is_string(use))
        return key_fault(reason, "use is not a string; it should be \"sig\", or absent");
    if (use != NULL && strcmp(json_string_value(use), "sig") != 0)
        return key_fault(reason, "it is not for signatures; its use should be \"sig\", or absent");
    if (ops != NULL && !is_array_of_strings(ops))
        return key_fault(reason, "key_ops is not an array of strings; it should hold "
                                 "\"verify\" or \"sign\", or be absent");
    permission->verify = ops == NULL || array_holds(ops, "verify");
    permission->sign = ops == NULL || array_holds(ops, "sign");
    if (purpose == JWK_ASSERTIONS && !permission->sign)
        return key_fault(
            reason, "its key_ops do not allow to sign; they should hold \"sign\", or be absent");
    if (!permission->verify && !permission->sign)
        return key_fault(reason,
                         "its key_ops do not allow it; they should hold \"verify\", or be absent");
    return ERR_OK;
}

static enum err read_names(const json_t *json, struct reason *reason)
{
    const json_t *kid = json_object_get(json, "kid");
    const json_t *alg = json_object_get(json, "alg");

    if (kid != NULL && !json_is_string(kid))
        return key_fault(reason, "kid is not a string; it should be one, or absent");
    if (alg != NULL && !json_is_string(alg))
        return key_fault(reason, "alg is not a string; it should be one, or absent");
    return ERR_OK;
}

/* Other JSON that people take for a key. */
static enum err read_other(const json_t *json, struct reason *reason)
{
    if (json_object_get(json, "kty") != NULL)
        return key_fault(reason, "kty is not a string; it should be one, as RFC 7517 says");
    if (json_object_get(json, "private_key") != NULL)
        return key_fault(reason,
                         "it is JSON that holds a key in private_key; the file should hold that "
                         "member's value alone (jq -r .private_key)");
    if (json_object_get(json, "jwks_uri") != NULL)
        return key_fault(reason, "it is an issuer's discovery document, and no JWK; it should "
                                 "be the JWK set that its jwks_uri names");
    return key_fault(reason, "it is JSON without kty, and no JWK; it should be a JWK: " KEY_PAIRS);
}

/* The key. */

/* A public key is no better a secret inside of a JWK than it is in a file. */
static enum err read_oct(const json_t *json, const char *alg, struct jose_key *key,
                         struct reason *reason)
{
    struct octets k;
    enum err err = jwk_member(json, "k", &k, reason);

    if (err != ERR_OK)
        return err;
    const char *mistaken = key_text_mistaken((const char *)k.bytes, k.len);
    if (mistaken != NULL)
        err = key_fault(reason, "its k is no secret, decoded: %s", mistaken);
    else
        err = key_from_secret(k.bytes, k.len, alg, key, reason);
    octets_fini(&k);
    return err;
}

static enum err kty_is_unknown(struct reason *reason)
{
    return key_fault(reason, "its kty is not used here; it should be RSA, EC, OKP, or oct for "
                             "identities");
}

static enum err read_pair(const json_t *json, const char *kty, EVP_PKEY **pkey,
                          struct reason *reason)
{
    if (strcmp(kty, "RSA") == 0)
        return jwk_rsa(json, pkey, reason);
    if (strcmp(kty, "EC") == 0)
        return jwk_ec(json, pkey, reason);
    if (strcmp(kty, "OKP") == 0)
        return jwk_okp(json, pkey, reason);
    return kty_is_unknown(reason);
}

/* A public key, and a secret, sign nothing that a token endpoint could verify. */
static enum err has_private_half(const json_t *json, const char *kty, struct reason *reason)
{
    if (strcmp(kty, "oct") == 0)
        return key_fault(reason,
                         "it is an HMAC secret (oct); it should be a private key: " KEY_PAIRS);
    if (strcmp(kty, "RSA") != 0 && strcmp(kty, "EC") != 0 && strcmp(kty, "OKP") != 0)
        return kty_is_unknown(reason);
    if (json_object_get(json, "d") == NULL)
        return key_fault(
            reason, "it is a public key; it should be the private one, which has the member d");
    return ERR_OK;
}

static enum err read_key(const json_t *json, enum jwk_purpose purpose, struct jose_key *key,
                         struct reason *reason)
{
    const char *kty = json_string_value(json_object_get(json, "kty"));
    const char *alg = json_string_value(json_object_get(json, "alg"));
    EVP_PKEY *pkey = NULL;

    if (kty == NULL)
        return read_other(json, reason);
    if (purpose == JWK_ASSERTIONS && has_private_half(json, kty, reason) != ERR_OK)
        return ERR_INVALID;
    if (strcmp(kty, "oct") == 0)
        return read_oct(json, alg, key, reason);
    if (read_pair(json, kty, &pkey, reason) != ERR_OK)
        return ERR_INVALID;
    return key_take(pkey, json_object_get(json, "d") != NULL, alg, key, reason);
}

enum err jwk_read(const json_t *json, enum jwk_purpose purpose, struct jose_key *key,
                  struct reason *reason)
{
    const char *kid = json_string_value(json_object_get(json, "kid"));
    struct permission may = {0};

    if (!json_is_object(json) && purpose == JWK_IDENTITIES)
        return key_fault(reason, "it is not a JSON object; it should be a JWK");
    if (read_use(json, purpose, &may, reason) != ERR_OK || read_names(json, reason) != ERR_OK)
        return ERR_INVALID;
    enum err err = read_key(json, purpose, key, reason);
    ERR_clear_error();
    if (err != ERR_OK)
        return err;
    key->verifies = may.verify;
    key->signs = key->signs && may.sign;
    key->kid = kid != NULL ? mem_strdup(kid) : NULL;
    return ERR_OK;
}
