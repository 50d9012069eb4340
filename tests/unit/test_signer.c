/*
 * Signatures with every kind of key, in every form. Each is verified with OpenSSL under the public
 * half alone, from the bytes of the token, and where this repository verifies that algorithm too,
 * by it as well.
 */
#include <string.h>

#include <check.h>
#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "base/secret.h"
#include "jose/jwt.h"
#include "jose/signer.h"
#include "jose/signer_text.h"
#include "jose_forge.h"
#include "private_keys.h"
#include "suite.h"

#define PAYLOAD "{\"sub\":\"alice\",\"exp\":1700000060}"
#define NOW 1700000000

static struct jose_signer *signer_of(const char *text, const char *kid)
{
    struct reason reason;
    struct jose_signer *signer = NULL;
    enum err err = jose_signer_new(text, strlen(text), kid, &reason, &signer);

    ck_assert_msg(err == ERR_OK, "%s", reason.text);
    return signer;
}

/* A token taken apart: the bytes that are signed, and the signature. */
struct token {
    size_t signed_len;
    struct octets header;
    struct octets payload;
    struct octets signature;
};

static struct token token_split(const char *text)
{
    struct token token;
    const char *dot = strchr(text, '.');
    const char *dot2 = strrchr(text, '.');

    ck_assert(dot != NULL && dot2 > dot);
    token.signed_len = (size_t)(dot2 - text);
    ck_assert(base64url_decode(text, (size_t)(dot - text), &token.header));
    ck_assert(base64url_decode(dot + 1, (size_t)(dot2 - dot) - 1, &token.payload));
    ck_assert(base64url_decode(dot2 + 1, strlen(dot2 + 1), &token.signature));
    return token;
}

static void token_fini(struct token *token)
{
    octets_fini(&token->header);
    octets_fini(&token->payload);
    octets_fini(&token->signature);
}

/* r and s of `half` bytes each, as OpenSSL wants them. */
static void to_der(struct octets *signature, size_t half)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    unsigned char *der = NULL;

    ck_assert_uint_eq(signature->len, 2 * half);
    ck_assert_int_eq(ECDSA_SIG_set0(pair, BN_bin2bn(signature->bytes, (int)half, NULL),
                                    BN_bin2bn(signature->bytes + half, (int)half, NULL)),
                     1);
    int len = i2d_ECDSA_SIG(pair, &der);
    ck_assert_int_gt(len, 0);
    octets_fini(signature);
    signature->bytes = mem_alloc((size_t)len);
    signature->len = (size_t)len;
    memcpy(signature->bytes, der, signature->len);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
}

static EVP_PKEY *public_half(const EVP_PKEY *key)
{
    char *pem = public_pem_of(key);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *half = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(half);
    BIO_free(bio);
    mem_free(pem);
    return half;
}

/* By the number in the name; NULL: the algorithm has its own. */
static const EVP_MD *digest_of(const char *alg)
{
    if (strstr(alg, "256") != NULL)
        return EVP_sha256();
    if (strstr(alg, "384") != NULL)
        return EVP_sha384();
    return strstr(alg, "512") != NULL ? EVP_sha512() : NULL;
}

static bool verifies(const EVP_PKEY *key, const char *alg, const char *text)
{
    struct token token = token_split(text);
    EVP_PKEY *half = public_half(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;
    const EVP_MD *digest = digest_of(alg);

    if (strncmp(alg, "ES", 2) == 0)
        to_der(&token.signature, token.signature.len / 2);
    ck_assert_int_eq(EVP_DigestVerifyInit(ctx, &params, digest, NULL, half), 1);
    if (alg[0] == 'P') {
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING), 0);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(params, EVP_MD_get_size(digest)), 0);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_mgf1_md(params, digest), 0);
    }
    bool fits = EVP_DigestVerify(ctx, token.signature.bytes, token.signature.len,
                                 (const unsigned char *)text, token.signed_len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(half);
    token_fini(&token);
    return fits;
}

static void has_header(const char *text, const char *header)
{
    struct token token = token_split(text);

    ck_assert_str_eq((const char *)token.header.bytes, header);
    ck_assert_str_eq((const char *)token.payload.bytes, PAYLOAD);
    token_fini(&token);
}

/* The signer signs with this algorithm, so that the key verifies it, and no other. */
static void signs(const char *text, const EVP_PKEY *key, const char *alg)
{
    struct jose_signer *signer = signer_of(text, NULL);
    char *token = jose_signer_sign(signer, PAYLOAD, strlen(PAYLOAD));
    char *header = mem_printf("{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg);

    ck_assert_ptr_nonnull(token);
    ck_assert_str_eq(jose_signer_alg(signer), alg);
    ck_assert_ptr_null(jose_signer_kid(signer));
    has_header(token, header);
    ck_assert(verifies(key, alg, token));
    token[5] = token[5] == 'A' ? 'B' : 'A';
    ck_assert(!verifies(key, alg, token));
    mem_free(header);
    wipe_free_text(token);
    jose_signer_free(signer);
}

static const struct {
    const char *key;
    const char *alg;
    bool has_older_form;
} kinds[] = {
    {"RSA", "RS256", true},
    {"RSA-PSS", "PS256", false},
    {"RSA-PSS for SHA256", "PS256", false},
    {"P-256", "ES256", true},
    {"P-384", "ES384", true},
    {"P-521", "ES512", true},
    {"ED25519", "EdDSA", false},
    {"RSA-PSS for SHA384", "PS384", false},
};

START_TEST(test_pem)
{
    EVP_PKEY *key = make_key_of(kinds[_i].key);
    char *pem = pkcs8_of(key, NULL);

    signs(pem, key, kinds[_i].alg);
    mem_free(pem);
    if (kinds[_i].has_older_form) {
        pem = older_pem_of(key, NULL);
        ck_assert_ptr_null(strstr(pem, "BEGIN PRIVATE"));
        signs(pem, key, kinds[_i].alg);
        mem_free(pem);
    }
    EVP_PKEY_free(key);
}
END_TEST

static char *jwk_of(const EVP_PKEY *key, const char *what, const char *more)
{
    if (strcmp(what, "RSA") == 0)
        return mem_printf("{" RSA_PRIVATE "%s}", more);
    if (strcmp(what, "RSA, d alone") == 0)
        return mem_printf("{" RSA_PUBLIC ",\"d\":\"" RSA_D "\"%s}", more);
    if (strcmp(what, "ED25519") == 0)
        return ed25519_jwk_of(key, more);
    return ec_jwk_of(key, what, (EVP_PKEY_get_bits(key) + 7) / 8, more);
}

static const struct {
    const char *key;
    const char *more;
    const char *alg;
} jwks[] = {
    {"RSA", "", "RS256"},
    {"RSA", ",\"alg\":\"RS256\"", "RS256"},
    {"RSA", ",\"alg\":\"PS256\"", "PS256"},
    {"RSA", ",\"alg\":\"RS384\"", "RS384"},
    {"RSA", ",\"alg\":\"RS512\"", "RS512"},
    {"RSA", ",\"alg\":\"PS384\"", "PS384"},
    {"RSA", ",\"alg\":\"PS512\"", "PS512"},
    {"RSA, d alone", "", "RS256"},
    {"RSA, d alone", ",\"alg\":\"PS256\"", "PS256"},
    {"P-256", "", "ES256"},
    {"P-256", ",\"alg\":\"ES256\"", "ES256"},
    {"P-384", "", "ES384"},
    {"P-384", ",\"alg\":\"ES384\"", "ES384"},
    {"P-521", "", "ES512"},
    {"ED25519", "", "EdDSA"},
    {"ED25519", ",\"alg\":\"EdDSA\"", "EdDSA"},
    {"P-256", ",\"use\":\"sig\",\"key_ops\":[\"sign\",\"verify\"],\"ext\":true", "ES256"},
    {"P-256", ",\"key_ops\":[\"sign\"]", "ES256"},
};

START_TEST(test_jwk)
{
    EVP_PKEY *key = make_key_of(strcmp(jwks[_i].key, "RSA, d alone") == 0 ? "RSA" : jwks[_i].key);
    char *jwk = jwk_of(key, jwks[_i].key, jwks[_i].more);

    signs(jwk, key, jwks[_i].alg);
    mem_free(jwk);
    EVP_PKEY_free(key);
}
END_TEST

/* An r and an s in two hundred and fifty-six begin with a zero, and keep it. */
START_TEST(test_numbers_have_their_full_length)
{
    const struct jwt_rules rules = {.leeway = 0};
    struct jose_signer *signer = signer_of("{" EC_PRIVATE "}", NULL);
    struct jwt_keys *keys = keys_of("{" EC_PUBLIC "}");
    bool short_r = false, short_s = false;

    for (int i = 0; i < 20000 && !(short_r && short_s); i++) {
        char user[JWT_USER_MAX + 1];
        struct wall_time expires;
        char *text = jose_signer_sign(signer, PAYLOAD, strlen(PAYLOAD));
        struct token token = token_split(text);
        ck_assert_uint_eq(token.signature.len, 64);
        ck_assert_int_eq(jwt_verify(keys, &rules, text, strlen(text), at(NOW), user, &expires),
                         JWT_OK);
        short_r = short_r || token.signature.bytes[0] == 0;
        short_s = short_s || token.signature.bytes[32] == 0;
        token_fini(&token);
        wipe_free_text(text);
    }
    ck_assert(short_r && short_s);
    jwt_keys_unref(keys);
    jose_signer_free(signer);
}
END_TEST

static const struct {
    const char *private_key;
    const char *public_key;
} pairs[] = {
    {"{" RSA_PRIVATE "}", "{" RSA_PUBLIC "}"},
    {"{" RSA_PRIVATE ",\"alg\":\"PS256\"}", "{" RSA_PUBLIC ",\"alg\":\"PS256\"}"},
    {"{" EC_PRIVATE "}", "{" EC_PUBLIC "}"},
    {"{" P521_PRIVATE "}", "{" P521_PUBLIC "}"},
    {"{" ED_PRIVATE "}", "{" ED_PUBLIC "}"},
};

/* By the rules for identities. */
START_TEST(test_identities_verify)
{
    const struct jwt_rules rules = {.leeway = 0};
    struct jose_signer *signer = signer_of(pairs[_i].private_key, "k1");
    struct jwt_keys *keys = keys_of(pairs[_i].public_key);
    char *token = jose_signer_sign(signer, PAYLOAD, strlen(PAYLOAD));
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;

    ck_assert_int_eq(jwt_verify(keys, &rules, token, strlen(token), at(NOW), user, &expires),
                     JWT_OK);
    ck_assert_str_eq(user, "alice");
    wipe_free_text(token);
    jwt_keys_unref(keys);
    jose_signer_free(signer);
}
END_TEST

/* Signatures that others published, where the algorithm gives the same one each time. */

#define ED_JWK "{" ED_PRIVATE "}"

/* RFC 7515, appendix A.2.1: what jose_examples.h has the public half of. */
#define A2_D                                                                                       \
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7Y"         \
    "wVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3M"         \
    "kqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1Zd"         \
    "iYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRu"         \
    "OopznQ"
#define A2_JWK "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\",\"d\":\"" A2_D "\"}"

static const struct {
    const char *jwk;
    const char *input;
    const char *signature;
} published[] = {
    {ED_JWK, ED_INPUT, ED_SIGNATURE},
    {A2_JWK, "eyJhbGciOiJSUzI1NiJ9." A_PAYLOAD, A2_SIGNATURE},
    {"{" RSA_PRIVATE "}", RS256_HEADER "." PROSE_PAYLOAD, RS256_SIGNATURE},
};

START_TEST(test_published_signatures)
{
    struct jose_key key = {0};
    struct reason reason;
    struct octets signature;

    ck_assert_msg(signer_text_read(published[_i].jwk, strlen(published[_i].jwk), NULL, &key,
                                   &reason) == ERR_OK,
                  "%s", reason.text);
    ck_assert(key_sign(&key, published[_i].input, strlen(published[_i].input), &signature));
    char *text = base64url_encode(signature.bytes, signature.len);
    ck_assert_str_eq(text, published[_i].signature);
    mem_free(text);
    octets_fini(&signature);
    key_fini(&key);
}
END_TEST

/* Which kid: the JWK's, or the argument; none in PEM. It is text like any other in the header. */

#define EC_KID(kid) "{" EC_PRIVATE ",\"kid\":\"" kid "\"}"
#define HEAD(kid) "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" kid "\"}"

static const struct {
    const char *text;
    const char *kid;
    const char *header;
    const char *is;
} kids[] = {
    {EC_KID("k1"), NULL, HEAD("k1"), "k1"},
    {EC_KID("k1"), "k2", HEAD("k2"), "k2"},
    {"{" EC_PRIVATE "}", "k2", HEAD("k2"), "k2"},
    {"{" EC_PRIVATE "}", "a\"b\\c\x01", HEAD("a\\\"b\\\\c\\u0001"), "a\"b\\c\x01"},
    {EC_KID("\\u00e9"), NULL, HEAD("\xc3\xa9"), "\xc3\xa9"},
};

START_TEST(test_kid)
{
    struct jose_signer *signer = signer_of(kids[_i].text, kids[_i].kid);
    char *token = jose_signer_sign(signer, PAYLOAD, strlen(PAYLOAD));

    ck_assert_str_eq(jose_signer_kid(signer), kids[_i].is);
    has_header(token, kids[_i].header);
    wipe_free_text(token);
    jose_signer_free(signer);
}
END_TEST

/* The kid outlives what it was read from. */
START_TEST(test_kid_is_a_copy)
{
    char kid[] = "k1";
    EVP_PKEY *key = make_key_of("P-256");
    char *pem = older_pem_of(key, NULL);
    struct jose_signer *signer = signer_of(pem, kid);

    memset(pem, 'x', strlen(pem));
    kid[0] = 'x';
    ck_assert_str_eq(jose_signer_kid(signer), "k1");
    mem_free(pem);
    jose_signer_free(signer);
    jose_signer_free(NULL);
    EVP_PKEY_free(key);
}
END_TEST

/* Sets: one key that signs, or the one of the kid. */

#define SET(keys) "{\"keys\":[" keys "]}"
#define ED_KID(kid)                                                                                \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" ED_D "\",\"x\":\"" ED_X "\",\"kid\":\"" kid    \
    "\"}"

static const struct {
    const char *set;
    const char *kid;
    const char *alg; /* NULL: none is chosen */
    const char *is;
} sets[] = {
    {SET(EC_KID("k1")), NULL, "ES256", "k1"},
    {SET(EC_KID("k1")), "k2", "ES256", "k2"},
    {SET("{" RSA_PUBLIC "},{},7," EC_KID("k1")), NULL, "ES256", "k1"},
    {SET(EC_KID("k1") ",{" RSA_PRIVATE ",\"use\":\"enc\"}"), NULL, "ES256", "k1"},
    {SET(EC_KID("k1") "," ED_KID("k2")), "k1", "ES256", "k1"},
    {SET(EC_KID("k1") "," ED_KID("k2")), "k2", "EdDSA", "k2"},
    {SET(EC_KID("k1") "," ED_KID("k2")), NULL, NULL, NULL},
    {SET(EC_KID("k1") "," ED_KID("k2")), "k3", NULL, NULL},
    {SET(EC_KID("k1") "," ED_KID("k1")), "k1", NULL, NULL},
    {SET("{" EC_PRIVATE "}," ED_KID("k1")), "k1", "EdDSA", "k1"},
};

START_TEST(test_sets)
{
    struct reason reason;
    struct jose_signer *signer = NULL;
    enum err err =
        jose_signer_new(sets[_i].set, strlen(sets[_i].set), sets[_i].kid, &reason, &signer);

    ck_assert_int_eq(err, sets[_i].alg != NULL ? ERR_OK : ERR_INVALID);
    if (err == ERR_OK) {
        ck_assert_str_eq(jose_signer_alg(signer), sets[_i].alg);
        ck_assert_str_eq(jose_signer_kid(signer), sets[_i].is);
    } else {
        ck_assert_str_eq(reason.text, "2 keys of the JWK set can sign; name one by its kid, or "
                                      "leave only that one in the file");
    }
    jose_signer_free(signer);
}
END_TEST

/* What may stand around a key. */
START_TEST(test_what_does_not_count)
{
    EVP_PKEY *key = make_key_of("P-256");
    char *pem = older_pem_of(key, NULL), *half = public_pem_of(key);
    char *texts[] = {
        mem_printf("\xef\xbb\xbf%s", pem),
        mem_printf(" \t\r\n%s\n\n", pem),
        mem_printf("a note\n%sanother\n", pem),
        mem_printf("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC "
                   "PARAMETERS-----\n%s",
                   pem),
        mem_printf("%s%s", half, pem),
        mem_printf("%s%s", pem, half),
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        signs(texts[i], key, "ES256");
        mem_free(texts[i]);
    }
    jose_signer_free(signer_of("\xef\xbb\xbf \n{" EC_PRIVATE "}\r\n", NULL));
    mem_free(half);
    mem_free(pem);
    EVP_PKEY_free(key);
}
END_TEST

/* CRLF, as an editor on Windows leaves it. */
START_TEST(test_crlf)
{
    EVP_PKEY *key = make_key_of("ED25519");
    char *pem = pkcs8_of(key, NULL), *crlf = mem_zalloc(2 * strlen(pem) + 1);

    for (size_t i = 0, to = 0; pem[i] != '\0'; i++) {
        if (pem[i] == '\n')
            crlf[to++] = '\r';
        crlf[to++] = pem[i];
    }
    signs(crlf, key, "EdDSA");
    mem_free(crlf);
    mem_free(pem);
    EVP_PKEY_free(key);
}
END_TEST

/* The payload is bytes: none, NULs, many. */
START_TEST(test_payloads)
{
    static const char bytes[5000] = "\0\xff";
    struct jose_signer *signer = signer_of(ED_JWK, NULL);
    static const size_t lens[] = {0, 1, 2, 3, 4, 5000};

    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        char *text = jose_signer_sign(signer, bytes, lens[i]);
        struct token token = token_split(text);
        ck_assert_uint_eq(token.payload.len, lens[i]);
        ck_assert_mem_eq(token.payload.bytes, bytes, lens[i]);
        token_fini(&token);
        wipe_free_text(text);
    }
    jose_signer_free(signer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer");
    TCase *tcase = tcase_create("signer");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_pem, 0, (int)ARRAY_LEN(kinds));
    tcase_add_loop_test(tcase, test_jwk, 0, (int)ARRAY_LEN(jwks));
    tcase_add_test(tcase, test_numbers_have_their_full_length);
    tcase_add_loop_test(tcase, test_identities_verify, 0, (int)ARRAY_LEN(pairs));
    tcase_add_loop_test(tcase, test_published_signatures, 0, (int)ARRAY_LEN(published));
    tcase_add_loop_test(tcase, test_kid, 0, (int)ARRAY_LEN(kids));
    tcase_add_test(tcase, test_kid_is_a_copy);
    tcase_add_loop_test(tcase, test_sets, 0, (int)ARRAY_LEN(sets));
    tcase_add_test(tcase, test_what_does_not_count);
    tcase_add_test(tcase, test_crlf);
    tcase_add_test(tcase, test_payloads);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
