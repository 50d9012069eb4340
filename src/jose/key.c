/*
 * A key is made ready once, when its file is read, for each algorithm that it is for: what a
 * signature is checked with is then a copy, which costs less than to look the digest up and set the
 * padding each time. The algorithm is the key's own and never an operator's or a token's choice, so
 * that no wrong one can be chosen.
 *
 * A private key is tried before it counts: what it signs must verify under its public half.
 */
#include "jose/key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/key_fault.h"
#include "jose/key_judge.h"

#define SECRET_MIN 32 /* RFC 7518, section 3.2: as long as the hash */
#define ED25519_SIGNATURE_LEN 64

void key_fini(struct jose_key *key)
{
    for (size_t i = 0; i < JWS_ALG_COUNT; i++) {
        EVP_MD_CTX_free(key->ready[i].verifying);
        EVP_MAC_CTX_free(key->ready[i].mac);
    }
    EVP_PKEY_free(key->pkey);
    mem_free(key->kid);
    *key = (struct jose_key){0};
}

char *key_describe(const struct jose_key *key)
{
    const char *kind = key_kind_name(key->kind);
    char *algs = jws_algs_text(key->algs);
    char *text = NULL;

    if (key->size > 0)
        text = mem_printf("%s, %zu %s: %s", kind, key->size,
                          key->kind == KEY_HMAC ? "bytes" : "bits", algs);
    else
        text = mem_printf("%s: %s", kind, algs);
    mem_free(algs);
    return text;
}

/* Contexts. */

/* Sets the padding; a salt has the length of the digest (RFC 7518, section 3.5). */
static bool set_padding(EVP_PKEY_CTX *params, enum key_kind kind, enum jws_alg alg)
{
    const struct jws_alg_facts *facts = jws_alg_facts(alg);

    if (kind != KEY_RSA && kind != KEY_RSA_PSS)
        return true;
    if (!jws_alg_is_pss(alg))
        return EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(params, facts->digest, NULL) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(params, (int)facts->digest_len) > 0;
}

/* NULL: the key does not allow the algorithm. */
static EVP_MD_CTX *prepare(EVP_PKEY *pkey, enum key_kind kind, enum jws_alg alg)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;

    MEM_MUST(ctx != NULL);
    if (EVP_DigestVerifyInit_ex(ctx, &params, jws_alg_facts(alg)->digest, NULL, NULL, pkey, NULL) ==
            1 &&
        set_padding(params, kind, alg))
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

/* Leaves those algorithms in the key that it allows: an RSA-PSS key may name its only digest. */
static void prepare_all(struct jose_key *key)
{
    for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
        if ((key->algs & JWS_BIT(i)) == 0)
            continue;
        key->ready[i].verifying = prepare(key->pkey, key->kind, (enum jws_alg)i);
        if (key->ready[i].verifying == NULL)
            key->algs &= ~JWS_BIT(i);
    }
}

static EVP_MAC_CTX *prepare_mac(const void *bytes, size_t len, enum jws_alg alg)
{
    char digest[16];
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    memcpy(digest, jws_alg_facts(alg)->digest, strlen(jws_alg_facts(alg)->digest) + 1);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    MEM_MUST(ctx != NULL && EVP_MAC_init(ctx, bytes, len, params) == 1);
    EVP_MAC_free(mac); /* the context has its own reference */
    return ctx;
}

/* Signatures. */

size_t key_signature_len(const struct jose_key *key, enum jws_alg alg)
{
    switch (key->kind) {
    case KEY_HMAC:
        return jws_alg_facts(alg)->digest_len;
    case KEY_RSA:
    case KEY_RSA_PSS:
        return (key->size + 7) / 8;
    case KEY_P256:
    case KEY_P384:
    case KEY_P521:
        return 2 * key_kind_half(key->kind);
    case KEY_ED25519:
        break;
    }
    return ED25519_SIGNATURE_LEN;
}

/* `len` bytes of HMAC. */
static void compute_mac(const EVP_MAC_CTX *ready, const void *bytes, size_t len,
                        unsigned char mac[EVP_MAX_MD_SIZE])
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(ready);
    size_t mac_len;

    MEM_MUST(ctx != NULL && EVP_MAC_update(ctx, bytes, len) == 1 &&
             EVP_MAC_final(ctx, mac, &mac_len, EVP_MAX_MD_SIZE) == 1);
    EVP_MAC_CTX_free(ctx);
}

static bool verify_mac(const struct jose_key *key, enum jws_alg alg, const void *bytes, size_t len,
                       const struct octets *signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];

    compute_mac(key->ready[alg].mac, bytes, len, mac);
    bool fits = CRYPTO_memcmp(mac, signature->bytes, signature->len) == 0;
    OPENSSL_cleanse(mac, sizeof(mac));
    return fits;
}

/* As OpenSSL has it: for ECDSA in DER. */
static bool verify_pkey(const EVP_MD_CTX *ready, const void *bytes, size_t len,
                        const unsigned char *signature, size_t signature_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    MEM_MUST(ctx != NULL && EVP_MD_CTX_copy_ex(ctx, ready) == 1);
    /* Else OpenSSL copies once more, to be able to go on after the signature. */
    EVP_MD_CTX_set_flags(ctx, EVP_MD_CTX_FLAG_FINALISE);
    bool fits = EVP_DigestVerify(ctx, signature, signature_len, bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    return fits;
}

/* A positive number in DER, in its shortest form; how many bytes it takes. */
static size_t der_number(const unsigned char *bytes, size_t len, unsigned char *out)
{
    while (len > 1 && bytes[0] == 0) {
        bytes++;
        len--;
    }
    size_t sign = bytes[0] >> 7;
    out[0] = 0x02;
    out[1] = (unsigned char)(len + sign);
    out[2] = 0;
    memcpy(out + 2 + sign, bytes, len);
    return 2 + sign + len;
}

/* For each number: type, length, a byte for the sign. Around them: type, and length in two. */
#define DER_MAX (3 + 2 * (3 + KEY_HALF_MAX))

/* r and s, each of `half` bytes, as OpenSSL wants them; how many bytes that takes. */
static size_t der_pair(const unsigned char *signature, size_t half, unsigned char out[DER_MAX])
{
    unsigned char numbers[DER_MAX];
    size_t len = der_number(signature, half, numbers), at = 0;

    len += der_number(signature + half, half, numbers + len);
    out[at++] = 0x30;
    if (len >= 0x80)
        out[at++] = 0x81;
    out[at++] = (unsigned char)len;
    memcpy(out + at, numbers, len);
    return at + len;
}

bool key_verify(const struct jose_key *key, enum jws_alg alg, const void *bytes, size_t len,
                const struct octets *signature)
{
    const EVP_MD_CTX *ready = key->ready[alg].verifying;
    size_t half = key_kind_half(key->kind);
    unsigned char der[DER_MAX];

    MUST((key->algs & JWS_BIT(alg)) != 0);
    if (signature->len != key_signature_len(key, alg))
        return false;
    if (key->kind == KEY_HMAC)
        return verify_mac(key, alg, bytes, len, signature);
    if (half == 0)
        return verify_pkey(ready, bytes, len, signature->bytes, signature->len);
    return verify_pkey(ready, bytes, len, der, der_pair(signature->bytes, half, der));
}

/* As OpenSSL has it. */
static bool sign_pkey(const struct jose_key *key, enum jws_alg alg, const void *bytes, size_t len,
                      struct octets *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;
    bool signed_well = false;

    *out = (struct octets){0};
    MEM_MUST(ctx != NULL);
    if (EVP_DigestSignInit_ex(ctx, &params, jws_alg_facts(alg)->digest, NULL, NULL, key->pkey,
                              NULL) == 1 &&
        set_padding(params, key->kind, alg) &&
        EVP_DigestSign(ctx, NULL, &out->len, bytes, len) == 1) {
        out->bytes = mem_alloc(out->len);
        signed_well = EVP_DigestSign(ctx, out->bytes, &out->len, bytes, len) == 1;
    }
    EVP_MD_CTX_free(ctx);
    if (!signed_well)
        octets_fini(out);
    return signed_well;
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

bool key_sign(const struct jose_key *key, const void *bytes, size_t len, struct octets *signature)
{
    enum jws_alg alg = jws_alg_first(key->algs);
    size_t half = key_kind_half(key->kind);
    struct octets der;

    *signature = (struct octets){0};
    if (key->kind == KEY_HMAC) {
        *signature = (struct octets){.bytes = mem_alloc(EVP_MAX_MD_SIZE),
                                     .len = jws_alg_facts(alg)->digest_len};
        compute_mac(key->ready[alg].mac, bytes, len, signature->bytes);
        return true;
    }
    if (!sign_pkey(key, alg, bytes, len, &der))
        return false;
    if (half == 0) {
        *signature = der;
        return true;
    }
    bool fits = unpack(&der, half, signature);
    octets_fini(&der);
    return fits;
}

/* The making of a key. */

static bool kind_of(const EVP_PKEY *pkey, enum key_kind *kind)
{
    static const struct {
        const char *curve;
        enum key_kind kind;
    } curves[] = {
        {SN_X9_62_prime256v1, KEY_P256}, {SN_secp384r1, KEY_P384}, {SN_secp521r1, KEY_P521}};
    char curve[32];

    *kind = EVP_PKEY_is_a(pkey, "RSA")       ? KEY_RSA
            : EVP_PKEY_is_a(pkey, "RSA-PSS") ? KEY_RSA_PSS
                                             : KEY_ED25519;
    if (*kind != KEY_ED25519 || EVP_PKEY_is_a(pkey, "ED25519"))
        return true;
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
                                       NULL) != 1)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        *kind = curves[i].kind;
        if (strcmp(curve, curves[i].curve) == 0)
            return true;
    }
    return false;
}

/* Which of the algorithms of its kind a key is for; 0: the reason is set. */
static unsigned choose_algs(enum key_kind kind, const char *alg, struct reason *reason)
{
    unsigned all = jws_algs_for(kind), only = alg != NULL ? jws_alg_named(alg) : all;

    if ((only & all) != 0)
        return only & all;
    if (only == 0) {
        reason_set(reason, "its alg is not used here; it should be absent, or one for signatures: "
                           "HS, RS, PS or ES with 256, 384 or 512, or EdDSA");
        return 0;
    }
    char *text = jws_algs_text(all);
    reason_set(reason, "alg does not go with the key; it should be absent, or one of %s", text);
    mem_free(text);
    return 0;
}

/* Whether what the key signs verifies. */
static enum err try_signature(const struct jose_key *key, struct reason *reason)
{
    static const char text[] = "trial";
    struct octets signature;

    if (!key_sign(key, text, sizeof(text), &signature))
        return key_fault_halves(reason);
    bool fits = key_verify(key, jws_alg_first(key->algs), text, sizeof(text), &signature);
    octets_fini(&signature);
    return fits ? ERR_OK : key_fault_halves(reason);
}

static enum err complete(struct jose_key *key, const char *alg, struct reason *reason)
{
    key->algs = choose_algs(key->kind, alg, reason);
    if (key->algs == 0 || key_judge(key->pkey, key->kind, key->signs, reason) != ERR_OK)
        return ERR_INVALID;
    if (key->kind == KEY_RSA || key->kind == KEY_RSA_PSS)
        key->size = (size_t)EVP_PKEY_get_bits(key->pkey);
    prepare_all(key);
    if (key->algs == 0)
        return key_fault(reason, "its parameters allow no algorithm that is used here; they "
                                 "should allow PS256, PS384 or PS512");
    return key->signs ? try_signature(key, reason) : ERR_OK;
}

enum err key_take(EVP_PKEY *pkey, bool has_private, const char *alg, struct jose_key *key,
                  struct reason *reason)
{
    struct jose_key made = {.pkey = pkey, .verifies = true, .signs = has_private};
    enum err err = ERR_INVALID;

    if (kind_of(pkey, &made.kind))
        err = complete(&made, alg, reason);
    else
        reason_set(reason, "a key of this type or curve is not used here; it should be " KEY_PAIRS);
    if (err == ERR_OK)
        *key = made;
    else
        key_fini(&made);
    return err;
}

enum err key_from_secret(const void *bytes, size_t len, const char *alg, struct jose_key *key,
                         struct reason *reason)
{
    struct jose_key made = {.kind = KEY_HMAC, .size = len, .verifies = true, .signs = true};
    unsigned algs = choose_algs(KEY_HMAC, alg, reason);

    if (algs == 0)
        return ERR_INVALID;
    size_t least = alg != NULL ? jws_alg_facts(jws_alg_first(algs))->digest_len : SECRET_MIN;
    if (len < least)
        return key_fault(
            reason, "the HMAC secret has %zu bytes; it should have %zu or more, of random data",
            len, least);
    for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
        if ((algs & JWS_BIT(i)) == 0 || len < jws_alg_facts((enum jws_alg)i)->digest_len)
            continue;
        made.ready[i].mac = prepare_mac(bytes, len, (enum jws_alg)i);
        made.algs |= JWS_BIT(i);
    }
    *key = made;
    return ERR_OK;
}
