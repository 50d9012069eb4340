/*
 * A private key is tried before it counts: a key that cannot sign, or whose halves are of two keys,
 * would otherwise be found by the token endpoint, whose only word for it is invalid_client.
 *
 * It is OpenSSL's EVP and not cjose: cjose has no EdDSA. The algorithm is the key's own and never
 * an operator's choice, so that no wrong one can be chosen; RSA alone has two.
 */
#include "jose/signer_key.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "base/mem.h"

#define RSA_BITS_MIN 2048  /* RFC 7518, section 3.3 */
#define RSA_BITS_MAX 16384 /* OpenSSL verifies with none longer */
#define RSA_E_BITS_MAX 64  /* OpenSSL rejects longer ones under longer moduli */

struct signer_alg {
    const char *name;   /* RFC 7518, section 3.1; RFC 8037, section 3.1 */
    const char *kind;   /* of key; the first row of a kind is its usual algorithm */
    const char *digest; /* NULL: the algorithm has its own */
    int padding;        /* RSA; 0: none */
    size_t half;        /* ECDSA: bytes of r, and of s; 0: not ECDSA */
};

static const struct signer_alg algs[] = {
    {"RS256", "RSA", "SHA256", RSA_PKCS1_PADDING, 0},
    {"PS256", "RSA", "SHA256", RSA_PKCS1_PSS_PADDING, 0},
    {"PS256", "RSA-PSS", "SHA256", RSA_PKCS1_PSS_PADDING, 0},
    {"ES256", "P-256", "SHA256", 0, 32},
    {"ES384", "P-384", "SHA384", 0, 48},
    {"EdDSA", "Ed25519", NULL, 0, 0},
};

enum err signer_key_invalid(struct reason *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
    return ERR_INVALID;
}

const char *signer_key_alg(const struct signer_key *key)
{
    return key->alg->name;
}

void signer_key_fini(struct signer_key *key)
{
    EVP_PKEY_free(key->pkey);
    mem_free(key->kid);
    *key = (struct signer_key){0};
}

/* Signatures. */

/* Sets the padding; a salt has the length of the digest (RFC 7518, section 3.5). */
static bool set_padding(EVP_PKEY_CTX *params, const struct signer_alg *alg)
{
    if (alg->padding == 0)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(params, alg->padding) <= 0)
        return false;
    return alg->padding != RSA_PKCS1_PSS_PADDING ||
           EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* As OpenSSL has it: for ECDSA in DER. */
static bool sign(const struct signer_key *key, const void *bytes, size_t len, struct octets *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;
    bool signed_well = false;

    *out = (struct octets){0};
    MEM_MUST(ctx != NULL);
    if (EVP_DigestSignInit_ex(ctx, &params, key->alg->digest, NULL, NULL, key->pkey, NULL) == 1 &&
        set_padding(params, key->alg) && EVP_DigestSign(ctx, NULL, &out->len, bytes, len) == 1) {
        out->bytes = mem_alloc(out->len);
        signed_well = EVP_DigestSign(ctx, out->bytes, &out->len, bytes, len) == 1;
    }
    EVP_MD_CTX_free(ctx);
    if (!signed_well)
        octets_fini(out);
    return signed_well;
}

static bool verify(const struct signer_key *key, const void *bytes, size_t len,
                   const struct octets *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;

    MEM_MUST(ctx != NULL);
    bool fits =
        EVP_DigestVerifyInit_ex(ctx, &params, key->alg->digest, NULL, NULL, key->pkey, NULL) == 1 &&
        set_padding(params, key->alg) &&
        EVP_DigestVerify(ctx, signature->bytes, signature->len, bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    return fits;
}

/* The two numbers of a signature in DER, each of `half` bytes. */
static bool unpack(const struct octets *der, size_t half, struct octets *out)
{
    const unsigned char *at = der->bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der->len);
    int width = (int)half;

    if (pair == NULL)
        return false;
    *out = (struct octets){.bytes = mem_zalloc(2 * half), .len = 2 * half};
    bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(pair), out->bytes, width) == width &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), out->bytes + half, width) == width;
    ECDSA_SIG_free(pair);
    if (!fits)
        octets_fini(out);
    return fits;
}

bool signer_key_sign(const struct signer_key *key, const void *bytes, size_t len,
                     struct octets *signature)
{
    struct octets der;

    *signature = (struct octets){0};
    if (!sign(key, bytes, len, &der))
        return false;
    if (key->alg->half == 0) {
        *signature = der;
        return true;
    }
    bool fits = unpack(&der, key->alg->half, signature);
    octets_fini(&der);
    return fits;
}

/* The judgement. */

/* The kind of key as the table has it; NULL: one that is not used here. */
static const char *kind_of(const EVP_PKEY *pkey)
{
    char curve[32];

    if (EVP_PKEY_is_a(pkey, "RSA"))
        return "RSA";
    if (EVP_PKEY_is_a(pkey, "RSA-PSS"))
        return "RSA-PSS";
    if (EVP_PKEY_is_a(pkey, "ED25519"))
        return "Ed25519";
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
                                       NULL) != 1)
        return NULL;
    if (strcmp(curve, SN_X9_62_prime256v1) == 0)
        return "P-256";
    return strcmp(curve, SN_secp384r1) == 0 ? "P-384" : NULL;
}

static const struct signer_alg *find_alg(const char *kind, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        if (strcmp(algs[i].kind, kind) == 0 && (name == NULL || strcmp(algs[i].name, name) == 0))
            return &algs[i];
    }
    return NULL;
}

static void numbers_fini(BIGNUM **number)
{
    for (int i = 0; i < SIGNER_RSA_COUNT; i++)
        BN_clear_free(number[i]);
}

/* Those that the key has; a zero is none. */
static void numbers_read(const EVP_PKEY *pkey, BIGNUM **number)
{
    static const char *const names[] = {
#define SIGNER_RSA_OPENSSL(index, jwk, openssl) openssl,
        SIGNER_RSA_TABLE(SIGNER_RSA_OPENSSL)
#undef SIGNER_RSA_OPENSSL
    };

    for (int i = 0; i < SIGNER_RSA_COUNT; i++) {
        number[i] = NULL;
        if (EVP_PKEY_get_bn_param(pkey, names[i], &number[i]) == 1 && !BN_is_zero(number[i]))
            continue;
        BN_clear_free(number[i]);
        number[i] = NULL;
    }
}

/* An exponent of 1 would make every message its own signature. */
static enum err rsa_is_strong(BIGNUM **number, struct reason *reason)
{
    const BIGNUM *n = number[SIGNER_RSA_N], *e = number[SIGNER_RSA_E];
    int bits = n != NULL ? BN_num_bits(n) : 0;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return signer_key_invalid(reason, "the RSA key has %d bits; it should have %d to %d", bits,
                                  RSA_BITS_MIN, RSA_BITS_MAX);
    if (!BN_is_odd(n))
        return signer_key_invalid(reason, "n is even; it should be a product of two primes");
    if (e == NULL || !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > RSA_E_BITS_MAX)
        return signer_key_invalid(reason, "e is not a safe exponent; it should be odd, 3 or more, "
                                          "65537 by custom (AQAB)");
    return ERR_OK;
}

static bool is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *modulus, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *product = BN_CTX_get(ctx);
    bool is = product != NULL && BN_mod_mul(product, a, b, modulus, ctx) == 1 && BN_is_one(product);
    BN_CTX_end(ctx);
    return is;
}

/* The exponent for one prime is d less multiples of prime - 1, and inverts e. */
static bool exponent_fits(BIGNUM **number, const BIGNUM *prime, const BIGNUM *exponent, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *less = BN_CTX_get(ctx), *rest = BN_CTX_get(ctx);
    bool fits = rest != NULL && BN_sub(less, prime, BN_value_one()) == 1 && !BN_is_zero(less) &&
                BN_mod(rest, number[SIGNER_RSA_D], less, ctx) == 1 && BN_cmp(rest, exponent) == 0 &&
                is_inverse(number[SIGNER_RSA_E], exponent, less, ctx);
    BN_CTX_end(ctx);
    return fits;
}

static bool product_fits(BIGNUM **number, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *product = BN_CTX_get(ctx);
    bool fits = product != NULL &&
                BN_mul(product, number[SIGNER_RSA_P], number[SIGNER_RSA_Q], ctx) == 1 &&
                BN_cmp(product, number[SIGNER_RSA_N]) == 0;
    BN_CTX_end(ctx);
    return fits;
}

/*
 * A signature made with wrong primes is right all the same: OpenSSL sees that and takes d. So they
 * are computed here. That they are prime is not tested, which would take longer than all the rest.
 */
static bool primes_fit(BIGNUM **number)
{
    BN_CTX *ctx = BN_CTX_secure_new();

    MEM_MUST(ctx != NULL);
    bool fits = product_fits(number, ctx) &&
                exponent_fits(number, number[SIGNER_RSA_P], number[SIGNER_RSA_DP], ctx) &&
                exponent_fits(number, number[SIGNER_RSA_Q], number[SIGNER_RSA_DQ], ctx) &&
                is_inverse(number[SIGNER_RSA_Q], number[SIGNER_RSA_QI], number[SIGNER_RSA_P], ctx);
    BN_CTX_free(ctx);
    return fits;
}

static bool rsa_halves_fit(BIGNUM **number)
{
    int have = 0;

    for (int i = SIGNER_RSA_P; i < SIGNER_RSA_COUNT; i++)
        have += number[i] != NULL;
    /* A longer d would make each signature as slow as somebody likes. */
    if (number[SIGNER_RSA_D] == NULL ||
        BN_num_bits(number[SIGNER_RSA_D]) > BN_num_bits(number[SIGNER_RSA_N]))
        return false;
    return have == 0 || (have == SIGNER_RSA_COUNT - SIGNER_RSA_P && primes_fit(number));
}

enum err signer_key_halves_differ(struct reason *reason)
{
    return signer_key_invalid(
        reason, "its private half does not go with its public one; they should be of one key");
}

static enum err judge_rsa(const EVP_PKEY *pkey, struct reason *reason)
{
    BIGNUM *number[SIGNER_RSA_COUNT];

    numbers_read(pkey, number);
    enum err err = rsa_is_strong(number, reason);
    if (err == ERR_OK && !rsa_halves_fit(number))
        err = signer_key_halves_differ(reason);
    numbers_fini(number);
    return err;
}

/* Whether the private half is a number of the curve, and the public one its point. */
static enum err judge_ec(EVP_PKEY *pkey, struct reason *reason)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    MEM_MUST(ctx != NULL);
    bool fits = EVP_PKEY_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fits ? ERR_OK : signer_key_halves_differ(reason);
}

/* An RSA-PSS key may say which digest and which salt it is for. */
static enum err judge_signature(const struct signer_key *key, struct reason *reason)
{
    static const char text[] = "trial";
    struct octets signature;
    enum err err = ERR_OK;

    if (!sign(key, text, sizeof(text), &signature))
        return signer_key_invalid(reason,
                                  "OpenSSL does not sign with it; it should be a key for %s "
                                  "(SHA-%d)",
                                  key->alg->name, key->alg->half == 48 ? 384 : 256);
    if (!verify(key, text, sizeof(text), &signature))
        err = signer_key_halves_differ(reason);
    octets_fini(&signature);
    return err;
}

static enum err judge(const struct signer_key *key, struct reason *reason)
{
    enum err err = ERR_OK;

    if (key->alg->padding != 0)
        err = judge_rsa(key->pkey, reason);
    if (key->alg->half != 0)
        err = judge_ec(key->pkey, reason);
    return err == ERR_OK ? judge_signature(key, reason) : err;
}

/* NULL: the reason is set. */
static const struct signer_alg *choose_alg(const EVP_PKEY *pkey, const char *name,
                                           struct reason *reason)
{
    const char *kind = kind_of(pkey);
    const struct signer_alg *alg = kind != NULL ? find_alg(kind, name) : NULL;

    if (kind == NULL)
        reason_set(reason,
                   "a key of this type or curve is not used here; it should be " SIGNER_KEYS);
    else if (alg == NULL)
        reason_set(reason,
                   "alg does not go with the key; it should be absent, or as for " SIGNER_KEYS);
    return alg;
}

enum err signer_key_judge(EVP_PKEY *pkey, const char *alg, struct signer_key *key,
                          struct reason *reason)
{
    struct signer_key judged = {.pkey = pkey, .alg = choose_alg(pkey, alg, reason)};

    if (judged.alg == NULL || judge(&judged, reason) != ERR_OK) {
        EVP_PKEY_free(pkey);
        return ERR_INVALID;
    }
    key->pkey = judged.pkey;
    key->alg = judged.alg;
    return ERR_OK;
}
