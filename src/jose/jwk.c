/*
 * One key. What is wrong with it is said when the file is read, with the cure, and not at three in
 * the morning as a 401 for everybody: so each member is decoded and measured here, and a private
 * half is tried against its public one, before a key counts.
 *
 * cjose would read a JWK by itself, but leniently (a public half that does not fit is dropped for
 * the one computed, loose base64url passes, use, key_ops and alg are not seen) and through buffers
 * it does not overwrite. It is given the decoded numbers instead.
 */
#include "jose/jws.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/err.h>

#include "base/mem.h"
#include "base/secret.h"

#define SECRET_MIN 32      /* RFC 7518, section 3.2: as long as the hash */
#define RSA_BITS_MIN 2048  /* RFC 7518, section 3.3 */
#define RSA_BITS_MAX 16384 /* OpenSSL verifies with none longer */
#define P256_LEN 32        /* RFC 7518, section 6.2.1.2: x, y and d have their full length */

__attribute__((format(printf, 3, 4))) static enum jwk_verdict say(struct reason *reason,
                                                                  enum jwk_verdict verdict,
                                                                  const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
    return verdict;
}

/* What a JWK says it is for: use, key_ops, alg and kid (RFC 7517, section 4). */

static bool array_holds(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    }
    return false;
}

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

static enum jwk_verdict read_use(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    const json_t *use = json_object_get(json, "use");
    const json_t *ops = json_object_get(json, "key_ops");

    if (use != NULL && !json_is_string(use))
        return say(reason, JWK_BROKEN, "use is not a string; it should be \"sig\", or absent");
    if (ops != NULL && !is_array_of_strings(ops))
        return say(reason, JWK_BROKEN,
                   "key_ops is not an array of strings; it should hold \"verify\", or be absent");
    key->verifies = ops == NULL || array_holds(ops, "verify");
    key->signs = ops == NULL || array_holds(ops, "sign");
    if (use != NULL && strcmp(json_string_value(use), "sig") != 0)
        return say(reason, JWK_FOREIGN,
                   "it is not for signatures; its use should be \"sig\", or absent");
    if (!key->verifies && !key->signs)
        return say(reason, JWK_FOREIGN,
                   "its key_ops do not allow it; they should hold \"verify\", or be absent");
    return JWK_USABLE;
}

static enum jwk_verdict read_kid(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    const json_t *kid = json_object_get(json, "kid");

    if (kid == NULL)
        return JWK_USABLE;
    if (!json_is_string(kid))
        return say(reason, JWK_BROKEN, "kid is not a string; it should be one, or absent");
    key->kid = mem_strdup(json_string_value(kid));
    return JWK_USABLE;
}

static enum jwk_verdict read_alg(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    const json_t *kty = json_object_get(json, "kty");
    const json_t *alg = json_object_get(json, "alg");

    if (!json_is_string(kty))
        return say(reason, JWK_BROKEN,
                   "kty is missing or not a string; it should be \"oct\", \"RSA\" or \"EC\"");
    if (alg != NULL && !json_is_string(alg))
        return say(reason, JWK_BROKEN, "alg is not a string; it should be one, or absent");
    key->algs = jws_algs_for(json_string_value(kty));
    if (key->algs == 0)
        return say(reason, JWK_FOREIGN,
                   "its kty is not known here; it should be \"oct\", \"RSA\" or \"EC\"");
    if (alg == NULL)
        return JWK_USABLE;

    unsigned only = jws_alg_named(json_string_value(alg));
    if (only == 0)
        return say(reason, JWK_FOREIGN,
                   "its alg is not used here; it should be HS256, RS256, PS256 or ES256");
    if ((key->algs & only) == 0)
        return say(reason, JWK_BROKEN,
                   "alg does not go with kty; it should be HS256 for oct, RS256 or PS256 for RSA, "
                   "ES256 for EC");
    key->algs = only;
    return JWK_USABLE;
}

/* The numbers a JWK holds. */

enum member {
    MEMBER_FOUND,
    MEMBER_ABSENT,
    MEMBER_BAD,
};

/* One decoded member; one of no bytes is bad. */
static enum member member_read(const json_t *json, const char *name, struct octets *out)
{
    const json_t *value = json_object_get(json, name);

    *out = (struct octets){0};
    if (value == NULL)
        return MEMBER_ABSENT;
    if (!json_is_string(value) ||
        !base64url_decode(json_string_value(value), json_string_length(value), out))
        return MEMBER_BAD;
    if (out->len > 0)
        return MEMBER_FOUND;
    octets_fini(out);
    return MEMBER_BAD;
}

static enum jwk_verdict member_required(const json_t *json, const char *name, struct octets *out,
                                        struct reason *reason)
{
    switch (member_read(json, name, out)) {
    case MEMBER_FOUND:
        return JWK_USABLE;
    case MEMBER_ABSENT:
        return say(reason, JWK_BROKEN, "%s is missing; it should be in base64url", name);
    case MEMBER_BAD:
        break;
    }
    return say(reason, JWK_BROKEN,
               "%s is not in base64url; it should be a string of A-Z a-z 0-9 - _ without padding",
               name);
}

enum jwk_verdict jwk_from_secret(struct jwt_key *key, const void *bytes, size_t len,
                                 struct reason *reason)
{

    if (len < SECRET_MIN)
        return say(reason, JWK_BROKEN,
                   "the HMAC secret has %zu bytes; it should have %d or more, of random data", len,
                   SECRET_MIN);
    key->signature_len = 32;
    key->jwk = cjose_jwk_create_oct_spec(bytes, len, NULL);
    return key->jwk != NULL ? JWK_USABLE : say(reason, JWK_BROKEN, "the system refused memory");
}

static enum jwk_verdict read_oct(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    struct octets k;
    enum jwk_verdict verdict = member_required(json, "k", &k, reason);

    if (verdict == JWK_USABLE)
        verdict = jwk_from_secret(key, k.bytes, k.len, reason);
    octets_fini(&k);
    return verdict;
}

/* The bits of a big-endian number. */
static size_t bit_length(const struct octets *number)
{
    size_t i = 0;

    while (i < number->len && number->bytes[i] == 0)
        i++;
    if (i == number->len)
        return 0;
    size_t bits = (number->len - i) * 8;
    for (unsigned top = number->bytes[i]; top < 0x80; top <<= 1)
        bits--;
    return bits;
}

static bool is_odd(const struct octets *number)
{
    return number->len > 0 && (number->bytes[number->len - 1] & 1) != 0;
}

/* RFC 7518, section 6.3: the public half first, then d, then what goes with d or stays away. */
enum { RSA_N, RSA_E, RSA_D, RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_QI, RSA_MEMBERS };

static const char *const rsa_names[RSA_MEMBERS] = {"n", "e", "d", "p", "q", "dp", "dq", "qi"};

static enum jwk_verdict rsa_members(const json_t *json, struct octets *number,
                                    struct reason *reason)
{
    unsigned primes = 0;

    for (int i = 0; i < RSA_MEMBERS; i++) {
        if (i >= RSA_D && json_object_get(json, rsa_names[i]) == NULL)
            continue;
        if (member_required(json, rsa_names[i], &number[i], reason) != JWK_USABLE)
            return JWK_BROKEN;
        primes += i > RSA_D;
    }
    if (json_object_get(json, "oth") != NULL)
        return say(reason, JWK_BROKEN, "it has more than two primes; it should have two");
    if (primes != 0 && (primes != RSA_MEMBERS - RSA_P || number[RSA_D].len == 0))
        return say(reason, JWK_BROKEN,
                   "its private half is not whole; it should have d, or d, p, q, dp, dq and qi");
    return JWK_USABLE;
}

/*
 * An exponent of 1 would make every message its own signature. OpenSSL rejects exponents over 64
 * bits under longer moduli.
 */
static enum jwk_verdict rsa_strength(const struct octets *n, const struct octets *e,
                                     struct reason *reason)
{
    size_t bits = bit_length(n);

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return say(reason, JWK_BROKEN, "the RSA key has %zu bits; it should have %d to %d", bits,
                   RSA_BITS_MIN, RSA_BITS_MAX);
    if (!is_odd(n))
        return say(reason, JWK_BROKEN, "n is even; it should be a product of two primes");
    if (!is_odd(e) || bit_length(e) < 2 || bit_length(e) > 64)
        return say(reason, JWK_BROKEN,
                   "e is not a safe exponent; it should be odd, 3 or more, 65537 by custom (AQAB)");
    return JWK_USABLE;
}

static enum jwk_verdict read_rsa(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    struct octets number[RSA_MEMBERS] = {{0}};
    enum jwk_verdict verdict = rsa_members(json, number, reason);

    if (verdict == JWK_USABLE)
        verdict = rsa_strength(&number[RSA_N], &number[RSA_E], reason);
    if (verdict != JWK_USABLE)
        goto out;
    const cjose_jwk_rsa_keyspec spec = {
        .n = number[RSA_N].bytes,
        .nlen = number[RSA_N].len,
        .e = number[RSA_E].bytes,
        .elen = number[RSA_E].len,
        .d = number[RSA_D].bytes,
        .dlen = number[RSA_D].len,
        .p = number[RSA_P].bytes,
        .plen = number[RSA_P].len,
        .q = number[RSA_Q].bytes,
        .qlen = number[RSA_Q].len,
        .dp = number[RSA_DP].bytes,
        .dplen = number[RSA_DP].len,
        .dq = number[RSA_DQ].bytes,
        .dqlen = number[RSA_DQ].len,
        .qi = number[RSA_QI].bytes,
        .qilen = number[RSA_QI].len,
    };
    key->signature_len = (bit_length(&number[RSA_N]) + 7) / 8;
    key->signs = key->signs && number[RSA_D].len > 0;
    key->jwk = cjose_jwk_create_RSA_spec(&spec, NULL);
    if (key->jwk == NULL)
        verdict = say(reason, JWK_BROKEN, "OpenSSL rejects it; it should be an RSA key");

out:
    for (int i = 0; i < RSA_MEMBERS; i++)
        octets_fini(&number[i]);
    return verdict;
}

/* cjose derives the public half from d and forgets the one given: compare what it derived. */
static bool same_point(const cjose_jwk_t *jwk, const json_t *given)
{
    char *text = cjose_jwk_to_json(jwk, false, NULL);
    json_t *derived = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool same = json_equal(json_object_get(derived, "x"), json_object_get(given, "x")) &&
                json_equal(json_object_get(derived, "y"), json_object_get(given, "y"));

    json_decref(derived);
    cjose_get_dealloc()(text);
    return same;
}

static enum jwk_verdict make_p256(const json_t *json, struct jwt_key *key, const struct octets *x,
                                  const struct octets *y, const struct octets *d,
                                  struct reason *reason)
{
    const cjose_jwk_ec_keyspec spec = {
        .crv = CJOSE_JWK_EC_P_256,
        .x = x->bytes,
        .xlen = x->len,
        .y = y->bytes,
        .ylen = y->len,
        .d = d->bytes,
        .dlen = d->len,
    };

    if (x->len != P256_LEN || y->len != P256_LEN || (d->bytes != NULL && d->len != P256_LEN))
        return say(reason, JWK_BROKEN, "x, y or d has a wrong length; each should have %d bytes",
                   P256_LEN);
    key->signature_len = 2 * P256_LEN;
    key->signs = key->signs && d->bytes != NULL;
    key->jwk = cjose_jwk_create_EC_spec(&spec, NULL);
    if (key->jwk == NULL)
        return say(reason, JWK_BROKEN,
                   "x and y are not on the curve; they should be a point of "
                   "P-256");
    if (!same_point(key->jwk, json))
        return say(reason, JWK_BROKEN,
                   "d does not go with x and y; the halves should be of one key");
    return JWK_USABLE;
}

static enum jwk_verdict read_ec(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    const json_t *crv = json_object_get(json, "crv");
    struct octets x = {0}, y = {0}, d = {0};
    enum jwk_verdict verdict = JWK_BROKEN;

    if (!json_is_string(crv))
        return say(reason, JWK_BROKEN, "crv is missing or not a string; it should be \"P-256\"");
    if (strcmp(json_string_value(crv), "P-256") != 0)
        return say(reason, JWK_FOREIGN, "its curve is not used here; it should be \"P-256\"");
    if (member_required(json, "x", &x, reason) == JWK_USABLE &&
        member_required(json, "y", &y, reason) == JWK_USABLE &&
        (json_object_get(json, "d") == NULL ||
         member_required(json, "d", &d, reason) == JWK_USABLE))
        verdict = make_p256(json, key, &x, &y, &d, reason);
    octets_fini(&x);
    octets_fini(&y);
    octets_fini(&d);
    return verdict;
}

/* The key as a whole. */

void jwk_fini(struct jwt_key *key)
{

    /* cjose overwrites RSA and EC keys (OpenSSL does), but not this one. */
    if (key->jwk != NULL && cjose_jwk_get_kty(key->jwk, NULL) == CJOSE_JWK_KTY_OCT)
        wipe(cjose_jwk_get_keydata(key->jwk, NULL), cjose_jwk_get_keysize(key->jwk, NULL) / 8);
    if (key->jwk != NULL)
        cjose_jwk_release(key->jwk);
    mem_free(key->kid);
    *key = (struct jwt_key){0};
}

/* A signature made with the private half must verify with the public one. */
static enum jwk_verdict try_private_half(const struct jwt_key *key, struct reason *reason)
{
    if (!key->signs)
        return JWK_USABLE;
    char *token = jws_sign(key, "{}", 2);
    bool fits = token != NULL && jws_signed_by(key, token);
    mem_free(token);
    return fits ? JWK_USABLE
                : say(reason, JWK_BROKEN,
                      "its private half does not go with its public one; they should be of one "
                      "key");
}

static enum jwk_verdict read_numbers(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    if (key->algs & JWS_HS256)
        return read_oct(json, key, reason);
    if (key->algs & JWS_ES256)
        return read_ec(json, key, reason);
    return read_rsa(json, key, reason);
}

enum jwk_verdict jwk_read(const json_t *json, struct jwt_key *key, struct reason *reason)
{
    enum jwk_verdict verdict;

    *key = (struct jwt_key){0};
    if (!json_is_object(json))
        return say(reason, JWK_BROKEN, "it is not a JSON object; it should be a JWK");
    verdict = read_use(json, key, reason);
    if (verdict == JWK_USABLE)
        verdict = read_kid(json, key, reason);
    if (verdict == JWK_USABLE)
        verdict = read_alg(json, key, reason);
    if (verdict == JWK_USABLE)
        verdict = read_numbers(json, key, reason);
    if (verdict == JWK_USABLE)
        verdict = try_private_half(key, reason);
    if (verdict != JWK_USABLE)
        jwk_fini(key);
    ERR_clear_error();
    return verdict;
}
