/*
 * What is wrong with a key is said when its file is read, with the cure, and not by a 401 for every
 * caller, or by a token endpoint whose only word for it is invalid_client.
 *
 * OpenSSL reads keys that nobody should trust (an exponent of 1, a point of small order), and reads
 * private halves without a look at the public ones.
 */
#include "jose/key_judge.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/key_fault.h"

#define RSA_BITS_MIN 2048  /* RFC 7518, section 3.3 */
#define RSA_BITS_MAX 16384 /* OpenSSL verifies with none longer */
#define RSA_E_BITS_MAX 64  /* OpenSSL rejects longer ones under longer moduli */

/* RSA. */

static void numbers_fini(BIGNUM **number)
{
    for (int i = 0; i < KEY_RSA_COUNT; i++)
        BN_clear_free(number[i]);
}

/* Those that the key has; a zero is none. */
static void numbers_read(const EVP_PKEY *pkey, BIGNUM **number)
{
    static const char *const names[] = {
#define KEY_RSA_OPENSSL(index, jwk, openssl) openssl,
        KEY_RSA_TABLE(KEY_RSA_OPENSSL)
#undef KEY_RSA_OPENSSL
    };

    for (int i = 0; i < KEY_RSA_COUNT; i++) {
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
    const BIGNUM *n = number[KEY_RSA_N], *e = number[KEY_RSA_E];
    int bits = n != NULL ? BN_num_bits(n) : 0;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return key_fault(reason, "the RSA key has %d bits; it should have %d to %d", bits,
                         RSA_BITS_MIN, RSA_BITS_MAX);
    if (!BN_is_odd(n))
        return key_fault(reason, "n is even; it should be a product of two primes");
    if (e == NULL || !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > RSA_E_BITS_MAX)
        return key_fault(reason, "e is not a safe exponent; it should be odd, 3 or more, 65537 "
                                 "by custom (AQAB)");
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
                BN_mod(rest, number[KEY_RSA_D], less, ctx) == 1 && BN_cmp(rest, exponent) == 0 &&
                is_inverse(number[KEY_RSA_E], exponent, less, ctx);
    BN_CTX_end(ctx);
    return fits;
}

static bool product_fits(BIGNUM **number, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *product = BN_CTX_get(ctx);
    bool fits = product != NULL &&
                BN_mul(product, number[KEY_RSA_P], number[KEY_RSA_Q], ctx) == 1 &&
                BN_cmp(product, number[KEY_RSA_N]) == 0;
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
                exponent_fits(number, number[KEY_RSA_P], number[KEY_RSA_DP], ctx) &&
                exponent_fits(number, number[KEY_RSA_Q], number[KEY_RSA_DQ], ctx) &&
                is_inverse(number[KEY_RSA_Q], number[KEY_RSA_QI], number[KEY_RSA_P], ctx);
    BN_CTX_free(ctx);
    return fits;
}

static bool rsa_halves_fit(BIGNUM **number)
{
    int have = 0;

    for (int i = KEY_RSA_P; i < KEY_RSA_COUNT; i++)
        have += number[i] != NULL;
    /* A longer d would make each signature as slow as somebody likes. */
    if (number[KEY_RSA_D] == NULL ||
        BN_num_bits(number[KEY_RSA_D]) > BN_num_bits(number[KEY_RSA_N]))
        return false;
    return have == 0 || (have == KEY_RSA_COUNT - KEY_RSA_P && primes_fit(number));
}

static enum err judge_rsa(const EVP_PKEY *pkey, bool has_private, struct reason *reason)
{
    BIGNUM *number[KEY_RSA_COUNT];

    numbers_read(pkey, number);
    enum err err = rsa_is_strong(number, reason);
    if (err == ERR_OK && has_private && !rsa_halves_fit(number))
        err = key_fault_halves(reason);
    numbers_fini(number);
    return err;
}

/* EC. */

/* Whether the public half is a point, the private one a number of the curve, and both a pair. */
static enum err judge_ec(EVP_PKEY *pkey, bool has_private, struct reason *reason)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    MEM_MUST(ctx != NULL);
    bool sound = has_private ? EVP_PKEY_check(ctx) == 1 : EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (sound)
        return ERR_OK;
    return has_private ? key_fault_halves(reason)
                       : key_fault(reason, "its public half is not a point of its curve; it "
                                           "should be one");
}

/* Ed25519. */

#define ED25519_LEN 32

/*
 * The points of small order, without the bit of their sign, and those of their spellings that
 * OpenSSL reads. Under such a key, signatures can be made without a private half.
 */
static const unsigned char small_points[][ED25519_LEN] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static enum err judge_ed25519(const EVP_PKEY *pkey, struct reason *reason)
{
    unsigned char x[ED25519_LEN];
    size_t len = sizeof(x);

    if (EVP_PKEY_get_raw_public_key(pkey, x, &len) != 1 || len != sizeof(x))
        return key_fault(reason, "OpenSSL rejects it; it should be an Ed25519 key");
    x[ED25519_LEN - 1] &= 0x7f;
    for (size_t i = 0; i < ARRAY_LEN(small_points); i++) {
        if (memcmp(x, small_points[i], sizeof(x)) == 0)
            return key_fault(reason, "its public half is a point of small order, under which "
                                     "anybody can sign; it should be a key's own");
    }
    return ERR_OK;
}

enum err key_judge(EVP_PKEY *pkey, enum key_kind kind, bool has_private, struct reason *reason)
{
    switch (kind) {
    case KEY_RSA:
    case KEY_RSA_PSS:
        return judge_rsa(pkey, has_private, reason);
    case KEY_P256:
    case KEY_P384:
    case KEY_P521:
        return judge_ec(pkey, has_private, reason);
    case KEY_ED25519:
        return judge_ed25519(pkey, reason);
    case KEY_HMAC:
        break;
    }
    return ERR_OK;
}
