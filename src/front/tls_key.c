/*
 * GnuTLS signs with its own arithmetic, which takes 1.8 ms for RSA of 2048 bits where OpenSSL takes
 * 0.3 ms, and 59 us for ECDSA on P-256 where OpenSSL takes 20 (docs/decisions/tls-callers.md). So
 * the key is OpenSSL's, and GnuTLS calls for each signature.
 */
#include "front/tls_internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

#define RSA_BITS_MIN 2048

/* How a signature of TLS is made; all that the priority string allows (tls_session.c). */
static const struct scheme {
    gnutls_sign_algorithm_t id;
    int key; /* EVP_PKEY_... */
    const EVP_MD *(*digest)(void);
    bool pss;
} schemes[] = {
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, EVP_PKEY_RSA, EVP_sha256, true},
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, EVP_PKEY_RSA, EVP_sha384, true},
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, EVP_PKEY_RSA, EVP_sha512, true},
    {GNUTLS_SIGN_RSA_SHA256, EVP_PKEY_RSA, EVP_sha256, false},
    {GNUTLS_SIGN_RSA_SHA384, EVP_PKEY_RSA, EVP_sha384, false},
    {GNUTLS_SIGN_RSA_SHA512, EVP_PKEY_RSA, EVP_sha512, false},
    {GNUTLS_SIGN_ECDSA_SHA256, EVP_PKEY_EC, EVP_sha256, false},
    {GNUTLS_SIGN_ECDSA_SHA384, EVP_PKEY_EC, EVP_sha384, false},
    {GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, EVP_PKEY_EC, EVP_sha256, false},
    {GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, EVP_PKEY_EC, EVP_sha384, false},
};

static const struct scheme *scheme_of(const EVP_PKEY *key, gnutls_sign_algorithm_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (schemes[i].id == id && schemes[i].key == EVP_PKEY_get_base_id(key))
            return &schemes[i];
    return NULL;
}

static bool set_padding(const struct scheme *scheme, EVP_PKEY_CTX *ctx)
{
    return !scheme->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/*
 * GnuTLS frees what it gets. What it passes may hold anything, so a signature is empty until it is
 * made.
 */
static bool make_room(EVP_PKEY *key, gnutls_datum_t *signature)
{
    signature->size = (unsigned)EVP_PKEY_get_size(key);
    signature->data = gnutls_malloc(signature->size);
    return signature->data != NULL;
}

static _Thread_local bool failed;

bool tls_key_has_failed(void)
{
    const bool had = failed;
    failed = false;
    return had;
}

static void tell_failure(void)
{
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
    log_error(NULL, "[server] tls_key: no signature could be made with it (OpenSSL: %s)", text);
    failed = true;
}

static int ended(bool good, size_t len, gnutls_datum_t *signature)
{
    if (!good)
        tell_failure();
    ERR_clear_error();
    if (good) {
        signature->size = (unsigned)len;
        return 0;
    }
    gnutls_free(signature->data);
    *signature = (gnutls_datum_t){.data = NULL};
    return GNUTLS_E_PK_SIGN_FAILED;
}

static int sign_data(gnutls_privkey_t unused, gnutls_sign_algorithm_t id, void *key, unsigned flags,
                     const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    const struct scheme *scheme = scheme_of(key, id);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    (void)unused;
    (void)flags;
    *signature = (gnutls_datum_t){.data = NULL};
    bool good = scheme != NULL && ctx != NULL && make_room(key, signature) &&
                EVP_DigestSignInit(ctx, &key_ctx, scheme->digest(), NULL, key) == 1 &&
                set_padding(scheme, key_ctx);
    size_t len = signature->size;
    good = good && EVP_DigestSign(ctx, signature->data, &len, data->data, data->size) == 1;
    EVP_MD_CTX_free(ctx);
    return ended(good, len, signature);
}

static int sign_hash(gnutls_privkey_t unused, gnutls_sign_algorithm_t id, void *key, unsigned flags,
                     const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    const struct scheme *scheme = scheme_of(key, id);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    (void)unused;
    (void)flags;
    *signature = (gnutls_datum_t){.data = NULL};
    bool good = scheme != NULL && ctx != NULL && make_room(key, signature) &&
                EVP_PKEY_sign_init(ctx) == 1 && set_padding(scheme, ctx) &&
                EVP_PKEY_CTX_set_signature_md(ctx, scheme->digest()) == 1;
    size_t len = signature->size;
    good = good && EVP_PKEY_sign(ctx, signature->data, &len, hash->data, hash->size) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ended(good, len, signature);
}

static int tell(gnutls_privkey_t unused, unsigned flags, void *key)
{
    const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    (void)unused;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
        return rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
        return EVP_PKEY_get_bits(key);
    if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
        return scheme_of(key, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) != NULL;
    return -1;
}

static void release(gnutls_privkey_t unused, void *key)
{
    (void)unused;
    EVP_PKEY_free(key);
}

static bool is_on_used_curve(const EVP_PKEY *key)
{
    char name[32];
    size_t len;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1)
        return false;
    return strcmp(name, SN_X9_62_prime256v1) == 0 || strcmp(name, SN_secp384r1) == 0;
}

#define USE "ECDSA on P-256 or P-384, or RSA of %d bits or more"

static void tell_kind(const EVP_PKEY *key, struct reason *reason)
{
    const int kind = EVP_PKEY_get_base_id(key);
    const char *type = EVP_PKEY_get0_type_name(key);
    char curve[32] = "";
    if (kind == EVP_PKEY_EC)
        (void)EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
    if (kind == EVP_PKEY_RSA)
        reason_set(reason, "is an RSA key of %d bits, which is too short; use " USE,
                   EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    else if (kind == EVP_PKEY_ED25519)
        reason_set(reason, "is an Ed25519 key, which is not supported; use " USE, RSA_BITS_MIN);
    else if (curve[0] != '\0')
        reason_set(reason, "is an EC key on %s, which is not supported; use " USE, curve,
                   RSA_BITS_MIN);
    else
        reason_set(reason, "is a key of type %s, which is not supported; use " USE,
                   type != NULL ? type : "unknown", RSA_BITS_MIN);
}

bool tls_key_is_usable(const EVP_PKEY *key, struct reason *reason)
{
    const int bits = EVP_PKEY_get_bits(key);
    if ((EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= RSA_BITS_MIN) ||
        is_on_used_curve(key))
        return true;
    tell_kind(key, reason);
    return false;
}

gnutls_privkey_t tls_key_new(EVP_PKEY *key)
{
    gnutls_privkey_t made = NULL;
    if (gnutls_privkey_init(&made) != 0)
        return NULL;
    EVP_PKEY_up_ref(key);
    if (gnutls_privkey_import_ext4(made, key, sign_data, sign_hash, NULL, release, tell, 0) == 0)
        return made;
    EVP_PKEY_free(key);
    gnutls_privkey_deinit(made);
    return NULL;
}
