/*
 * Key files of every kind: what each is taken for, what is left out of a set, and which texts are
 * never a secret.
 */
#include <string.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "jose_forge.h"
#include "private_keys.h"
#include "suite.h"

#define MARK "\xef\xbb\xbf"
#define SET(keys) "{\"keys\":[" keys "]}"
#define OCT(more) "{\"kty\":\"oct\",\"k\":\"" HS256_K "\"" more "}"
#define RSA(more) "{" RSA_PUBLIC more "}"
#define EC(more) "{" EC_PUBLIC more "}"
#define ED(more) "{" ED_PUBLIC more "}"
/* SubjectPublicKeyInfo of Ed25519, and https://sso.example/realms/main/keys, in base64url. */
#define PUBLIC_KEY_K "MCowBQYDK2VwAyEAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define URL_K "aHR0cHM6Ly9zc28uZXhhbXBsZS9yZWFsbXMvbWFpbi9rZXlz"
#define X31 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* A certificate of the key, signed with itself, in PEM. */
static char *certificate_of(EVP_PKEY *pkey, const EVP_MD *digest)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    ck_assert_int_eq(X509_set_pubkey(certificate, pkey), 1);
    ck_assert_int_gt(X509_sign(certificate, pkey, digest), 0);
    ck_assert_int_eq(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return bio_text(bio);
}

/* RSA PUBLIC KEY. */
static char *older_public_pem_of(const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    int len = i2d_PublicKey(pkey, &der);

    ck_assert_int_gt(PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len), 0);
    OPENSSL_free(der);
    return bio_text(bio);
}

static void is_kind(const char *text, const char *kind)
{
    struct jwt_keys *keys = keys_of(text);

    ck_assert_str_eq(jwt_keys_kind(keys), kind);
    jwt_keys_unref(keys);
}

static void rejected(const char *bytes, size_t len, const char *part)
{
    struct reason reason;
    struct jwt_keys *keys = (struct jwt_keys *)&reason;

    ck_assert_msg(jwt_keys_new(bytes, len, &reason, &keys) == ERR_INVALID, "taken: %.40s", bytes);
    ck_assert_ptr_null(keys);
    ck_assert_msg(strstr(reason.text, part) != NULL, "%.40s: %s", bytes, reason.text);
    ck_assert_msg(strstr(reason.text, "should") != NULL, "%s", reason.text);
    ck_assert_uint_lt(strlen(reason.text), REASON_MAX - 40);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

static const struct {
    const char *text;
    const char *kind;
} kinds[] = {
    {"0123456789abcdef0123456789abcdef", "an HMAC secret of 32 bytes (HS256)"},
    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
     "an HMAC secret of 64 bytes (HS256)"},
    {OCT(""), "a JWK (HMAC secret, 32 bytes: HS256)"},
    {RSA(""), "a JWK (RSA, 2048 bits: RS256/384/512, PS256/384/512)"},
    {RSA(",\"alg\":\"RS512\""), "a JWK (RSA, 2048 bits: RS512)"},
    {EC(""), "a JWK (EC P-256: ES256)"},
    {"{" P521_PUBLIC "}", "a JWK (EC P-521: ES512)"},
    {ED(""), "a JWK (Ed25519: EdDSA)"},
    {"{" ED_PRIVATE ",\"alg\":\"EdDSA\"}", "a JWK (Ed25519: EdDSA)"},
    {SET(RSA(",\"alg\":\"RS256\"")), "a JWK set of 1 key (RS256)"},
    {SET(RSA(",\"alg\":\"RS256\"") "," EC("") "," EC(",\"kid\":\"2\"")),
     "a JWK set of 3 keys (RS256, ES256)"},
    {SET(ED("") "," RSA(",\"use\":\"enc\"")), "a JWK set of 1 key (EdDSA)"},
    /* What signs alone verifies nothing. */
    {SET(ED("") "," OCT(",\"key_ops\":[\"sign\"]")), "a JWK set of 2 keys (EdDSA)"},
    /* A byte-order mark. */
    {MARK "0123456789abcdef0123456789abcdef", "an HMAC secret of 32 bytes (HS256)"},
    {MARK EC(""), "a JWK (EC P-256: ES256)"},
    {MARK "\n" SET(EC("")), "a JWK set of 1 key (ES256)"},
    /* Bytes that are no UTF-8 are no JSON. */
    {"{\xff"
     "23456789abcdef0123456789abcdef",
     "an HMAC secret of 32 bytes (HS256)"},
    {"\n{\xff"
     "3456789abcdef0123456789abcdef",
     "an HMAC secret of 32 bytes (HS256)"},
    /* A secret may begin with what JSON begins with, and end as it does. */
    {"[123456789abcdef0123456789abcdef", "an HMAC secret of 32 bytes (HS256)"},
    {"\"123456789abcdef0123456789abcdef", "an HMAC secret of 32 bytes (HS256)"},
    {"12345678901234567890123456789012", "an HMAC secret of 32 bytes (HS256)"},
};

START_TEST(test_kinds)
{
    is_kind(kinds[_i].text, kinds[_i].kind);
}
END_TEST

static const struct {
    const char *key;
    const char *kind;
} pems[] = {
    {"RSA", "RSA, 2048 bits: RS256/384/512, PS256/384/512"},
    {"RSA-PSS", "RSA-PSS, 2048 bits: PS256/384/512"},
    {"RSA-PSS for SHA384", "RSA-PSS, 2048 bits: PS384"},
    {"P-256", "EC P-256: ES256"},
    {"P-384", "EC P-384: ES384"},
    {"P-521", "EC P-521: ES512"},
    {"ED25519", "Ed25519: EdDSA"},
};

static void is_pem(const char *what, char *pem, const char *kind)
{
    char *wanted = mem_printf("a %s in PEM (%s)", what, kind);
    char *marked = mem_printf(MARK "Notes before it\n%s\nand behind\n", pem);

    is_kind(pem, wanted);
    is_kind(marked, wanted);
    mem_free(wanted);
    mem_free(marked);
    mem_free(pem);
}

START_TEST(test_pem)
{
    EVP_PKEY *pkey = make_key_of(pems[_i].key);
    bool plain = strcmp(pems[_i].key, "ED25519") == 0;

    is_pem("public key", public_pem_of(pkey), pems[_i].kind);
    if (strcmp(pems[_i].key, "RSA") == 0)
        is_pem("public key", older_public_pem_of(pkey), pems[_i].kind);
    if (strncmp(pems[_i].key, "RSA-PSS for", 11) != 0)
        is_pem("certificate", certificate_of(pkey, plain ? NULL : EVP_sha256()), pems[_i].kind);
    EVP_PKEY_free(pkey);
}
END_TEST

/* The key in PEM verifies what its other half signs, and mints nothing. */
START_TEST(test_pem_verifies)
{
    EVP_PKEY *pkey = make_key_of("P-384");
    char *pem = certificate_of(pkey, EVP_sha384()), *jwk = ec_jwk_of(pkey, "P-384", 48, "");
    struct jwt_keys *keys = keys_of(pem), *signer = keys_of(jwk);
    const struct jwt_rules rules = {.leeway = 0};
    struct reason reason;
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    char *token = jwt_mint(signer, &rules, "ada", HOUR, at(1700000000), &reason);

    ck_assert_int_eq(jwt_verify(keys, &rules, token, strlen(token), at(1700000000), user, &expires),
                     JWT_OK);
    ck_assert_str_eq(user, "ada");
    ck_assert_ptr_null(jwt_mint(keys, &rules, "ada", HOUR, at(1700000000), &reason));
    mem_free(token);
    jwt_keys_unref(keys);
    jwt_keys_unref(signer);
    mem_free(pem);
    mem_free(jwk);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(test_private_pem)
{
    EVP_PKEY *pkey = make_key_of("P-256");
    char *half = public_pem_of(pkey);
    char *texts[] = {pkcs8_of(pkey, NULL), pkcs8_of(pkey, "phrase"), older_pem_of(pkey, NULL),
                     mem_printf("%s%s", half,
                                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
                                "-----END OPENSSH PRIVATE KEY-----\n")};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        rejected(texts[i], strlen(texts[i]), "openssl pkey -in FILE -pubout");
        rejected(texts[i], strlen(texts[i]), "a JWK with its private half");
        mem_free(texts[i]);
    }
    mem_free(half);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(test_several_in_pem)
{
    EVP_PKEY *pkey = make_key_of("P-256");
    char *half = public_pem_of(pkey), *certificate = certificate_of(pkey, EVP_sha256());
    char *texts[] = {mem_printf("%s%s", half, half), mem_printf("%s%s", certificate, half),
                     mem_printf("%s%s", certificate, certificate)};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        rejected(texts[i], strlen(texts[i]),
                 "it holds 2 keys or certificates in PEM; it should hold one, or be a JWK set");
        mem_free(texts[i]);
    }
    mem_free(half);
    mem_free(certificate);
    EVP_PKEY_free(pkey);
}
END_TEST

static const struct {
    const char *key;
    const char *part;
} other_pems[] = {
    {"RSA of 1024", "the RSA key has 1024 bits"},
    {"secp256k1", "type or curve is not used here"},
    {"X25519", "type or curve is not used here"},
    {"ED448", "type or curve is not used here"},
    {"RSA-PSS for SHA1", "its parameters allow no algorithm"},
};

START_TEST(test_other_pem)
{
    EVP_PKEY *pkey = make_key_of(other_pems[_i].key);
    char *pem = public_pem_of(pkey);

    rejected(pem, strlen(pem), other_pems[_i].part);
    mem_free(pem);
    EVP_PKEY_free(pkey);
}
END_TEST

static const struct {
    const char *text;
    const char *part;
} others[] = {
    /* JSON that is neither JWK nor set. */
    {"[" EC("") "]", "it is a JSON array"},
    {MARK " [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]\n", "it is a JSON array"},
    {"\"0123456789abcdef0123456789abcdef\"", "it is a string in JSON"},
    {" \"0123456789abcdef0123456789abcdef\"\n", "it is a string in JSON"},
    {"{}", "it is JSON without kty"},
    {"{\"issuer\":\"https://id.example\",\"jwks_uri\":\"https://id.example/keys\"}", "jwks_uri"},
    {"{\"secret\":\"0123456789abcdef0123456789abcdef\"}", "it is JSON without kty"},
    {"{0123456789abcdef0123456789abcdef", "not valid JSON"},
    {"{0123456789abcdef0123456789abcdef", "a secret that begins with { should be the k of a JWK"},
    /* A secret in a JWK is held to what a secret in a file is. */
    {"{\"kty\":\"oct\",\"k\":\"" PUBLIC_KEY_K "\"}", "its k is no secret, decoded: it is a key"},
    {"{\"kty\":\"oct\",\"k\":\"" URL_K "\"}", "its k is no secret, decoded: it is a URL"},
    {MARK "{\"keys\":7}", "keys is not an array"},
    {MARK, "has 0 bytes"},
    /* PEM that is damaged, or something else. */
    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot read the key"},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot read the key"},
    {"-----BEGIN PUBLIC KEY-----\nMFkw", "its PEM is damaged"},
    {"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----", "in place of line breaks"},
    {"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n",
     "it is PEM without a public key"},
};

START_TEST(test_others)
{
    rejected(others[_i].text, strlen(others[_i].text), others[_i].part);
}
END_TEST

/* Bytes of exactly the size, where the sanitizer sees a read behind them. */
START_TEST(test_cut)
{
    EVP_PKEY *pkey = make_key_of("ED25519");
    char *texts[] = {public_pem_of(pkey), certificate_of(pkey, NULL), mem_strdup(MARK ED(""))};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t whole = strlen(texts[i]) - 1;
        for (size_t len = 0; len < whole; len++) {
            char *cut = mem_alloc(len);
            struct reason reason;
            struct jwt_keys *keys;
            memcpy(cut, texts[i], len);
            ck_assert_int_eq(jwt_keys_new(cut, len, &reason, &keys), ERR_INVALID);
            ck_assert_int_eq(jwt_keys_new_set(cut, len, &reason, &keys), ERR_INVALID);
            mem_free(cut);
        }
        mem_free(texts[i]);
    }
    EVP_PKEY_free(pkey);
}
END_TEST

/* Sets. The second entry is the one that cannot be used. */

static const struct {
    const char *entry;
    const char *note; /* behind "1 of 2 keys of the set is not used: " */
} entries[] = {
    {EC(""), NULL},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X31 "\",\"y\":\"" A3_Y "\"}",
     "key 2: x has 31 bytes"},
    {EC(",\"kid\":7"), "key 2: kid is not a string"},
    {"7", "key 2: it is not a JSON object"},
    {"{}", "key 2: it is JSON without kty, and no JWK"},
    {"{\"kty\":\"AKP\",\"kid\":\"pq\"}", "key 2 (kid \"pq\"): its kty is not used here"},
    {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"k\"}",
     "key 2 (kid \"k\"): crv is not used here"},
    {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}", "key 2: crv is not used here"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X31 "\"}", "key 2: x has 31 bytes"},
    {RSA(",\"use\":\"enc\",\"kid\":\"e\""), "key 2 (kid \"e\"): it is not for signatures"},
    {RSA(",\"alg\":\"RSA-OAEP\""), "key 2: its alg is not used here"},
    {RSA(",\"alg\":\"none\""), "key 2: its alg is not used here"},
    {RSA(",\"alg\":\"ES256\""), "key 2: alg does not go with the key"},
    {RSA(",\"key_ops\":[\"encrypt\"]"), "key 2: its key_ops do not allow it"},
    {"{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RSA_N "\"}", "key 2: e is not a safe exponent"},
    {"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAB\"}", "key 2: the RSA key has 1 bits"},
    {"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\",\"d\":\"" RSA_D "\"}",
     "key 2: its private half does not go with its public one"},
    {"{" EC_PUBLIC ",\"d\":\"" HS256_K "\"}",
     "key 2: its private half does not go with its public one"},
    {ED(",\"d\":\"" A3_D "\""), "key 2: d does not go with x"},
    {"{\"kty\":\"oct\",\"k\":\"" X31 "\"}", "key 2: the HMAC secret has 31 bytes"},
    /* A kid that is no line, or would end the quotes, is not shown. */
    {"{\"kty\":\"AKP\",\"kid\":\"a\\nb\"}", "key 2: its kty is not used here"},
    {"{\"kty\":\"AKP\",\"kid\":\"a\\\"b\"}", "key 2: its kty is not used here"},
    {"{\"kty\":\"AKP\",\"kid\":\"\\u00e9\"}", "key 2: its kty is not used here"},
    {"{\"kty\":\"AKP\",\"kid\":\"\"}", "key 2: its kty is not used here"},
};

START_TEST(test_entries)
{
    char *text = mem_printf("{\"keys\":[" RSA(",\"kid\":\"good\"") ",%s]}", entries[_i].entry);
    struct jwt_keys *keys = keys_of(text);
    const char *before = "1 of 2 keys of the set is not used: ";

    if (entries[_i].note == NULL) {
        ck_assert_str_eq(jwt_keys_note(keys), "");
    } else {
        char *note = mem_printf("%s%s", before, entries[_i].note);
        ck_assert_str_eq(jwt_keys_note(keys), note);
        mem_free(note);
    }
    ck_assert_uint_eq(keys->count, entries[_i].note == NULL ? 2 : 1);
    ck_assert_str_eq(keys->items[0].kid, "good");
    jwt_keys_unref(keys);
    mem_free(text);
}
END_TEST

START_TEST(test_note_of_several)
{
    struct jwt_keys *keys = keys_of(SET(
        EC("") ",{\"kty\":\"AKP\",\"kid\":\"x\"}," ED("") "," RSA(",\"use\":\"enc\"") "," EC("")));

    ck_assert_str_eq(jwt_keys_note(keys),
                     "2 of 5 keys of the set are not used: key 2 (kid \"x\"): its kty is not used "
                     "here; key 4: it is not for signatures");
    ck_assert_str_eq(jwt_keys_kind(keys), "a JWK set of 3 keys (ES256, EdDSA)");
    jwt_keys_unref(keys);
}
END_TEST

/* The note is bounded, and counts what it has no space for. */
START_TEST(test_note_is_bounded)
{
    struct buf set;
    struct jwt_keys *keys;
    struct reason reason;

    buf_init(&set, 64 * 1024);
    buf_puts(&set, "{\"keys\":[" EC(""));
    for (int i = 0; i < 99; i++)
        buf_printf(&set, ",{\"kty\":\"AKP\",\"kid\":\"number %d\"}", i);
    buf_puts(&set, "]}");
    ck_assert_int_eq(jwt_keys_new(set.data, set.len, &reason, &keys), ERR_OK);
    const char *note = jwt_keys_note(keys);
    ck_assert_ptr_eq(strstr(note, "99 of 100 keys of the set are not used: key 2 (kid \"number "
                                  "0\"): its kty is not used here; key 3"),
                     note);
    const char *more = strstr(note, "; and ");
    ck_assert_ptr_nonnull(more);
    ck_assert_str_eq(note + strlen(note) - 5, " more");
    ck_assert_uint_lt(strlen(note), REASON_MAX - 1);
    jwt_keys_unref(keys);
    buf_fini(&set);
}
END_TEST

/* Neither a note nor a fault has bytes of a key. */
START_TEST(test_note_holds_no_key)
{
    struct jwt_keys *keys =
        keys_of(SET(EC("") ",{\"kty\":\"oct\",\"k\":\"swordfish\"},{\"kty\":\"swordfish\"},"
                           "{\"kty\":\"RSA\",\"alg\":\"swordfish\",\"n\":\"swordfish\"}"));

    ck_assert_ptr_null(strstr(jwt_keys_note(keys), "swordfish"));
    jwt_keys_unref(keys);
    rejected(SET("{\"kty\":\"oct\",\"k\":\"swordfish\"}"),
             strlen(SET("{\"kty\":\"oct\",\"k\":\"swordfish\"}")), "key 1: k is not in base64url");
}
END_TEST

/* Sets that were fetched. */

static const struct {
    const char *text;
    const char *part; /* NULL: it is taken */
    enum err err;
} fetched[] = {
    {SET(EC("")), NULL, ERR_OK},
    {MARK "\r\n" SET(EC("")), NULL, ERR_OK},
    {SET(EC("") "," OCT("")), NULL, ERR_OK},
    {"", "it is empty; it should be a JWK set", ERR_INVALID},
    {MARK " \n", "it is empty", ERR_INVALID},
    {"<!DOCTYPE html>\n<html>", "it is HTML or XML", ERR_INVALID},
    {"0123456789abcdef0123456789abcdef", "it is not JSON", ERR_INVALID},
    {"-----BEGIN PUBLIC KEY-----\n", "it is not JSON", ERR_INVALID},
    {"\"keys\"", "it is not JSON", ERR_INVALID},
    {"{\"keys\":[", "not valid JSON", ERR_INVALID},
    {"{\"keys\":[],\"keys\":[]}", "a name twice", ERR_INVALID},
    {"[" EC("") "]", "it is JSON without keys", ERR_INVALID},
    {"[]", "it is JSON without keys", ERR_INVALID},
    {"{}", "it is JSON without keys", ERR_INVALID},
    {"{\"error\":\"not found\"}", "it is JSON without keys", ERR_INVALID},
    {EC(""), "it is a single JWK", ERR_INVALID},
    {"{\"jwks_uri\":\"https://id.example/keys\"}", "discovery document", ERR_INVALID},
    {"{\"keys\":{}}", "keys is not an array", ERR_INVALID},
    {SET(""), "the JWK set is empty", ERR_NOT_FOUND},
    {SET(OCT("")), "key 1: it is an HMAC secret", ERR_NOT_FOUND},
    {SET("7"), "key 1: it is not a JSON object", ERR_NOT_FOUND},
    {SET(EC(",\"use\":\"enc\"")), "key 1: it is not for signatures", ERR_NOT_FOUND},
};

START_TEST(test_fetched)
{
    struct reason reason;
    struct jwt_keys *keys;
    enum err err = jwt_keys_new_set(fetched[_i].text, strlen(fetched[_i].text), &reason, &keys);

    ck_assert_msg(err == fetched[_i].err, "%s", reason.text);
    if (fetched[_i].part == NULL) {
        ck_assert_str_eq(jwt_keys_kind(keys), "a JWK set of 1 key (ES256)");
    } else {
        ck_assert_msg(strstr(reason.text, fetched[_i].part) != NULL, "%s", reason.text);
        ck_assert_ptr_nonnull(strstr(reason.text, "should"));
    }
    jwt_keys_unref(keys);
}
END_TEST

/* A file of one byte, be it zero or a digit; another byte at its end makes a secret of it. */
START_TEST(test_one_byte_over)
{
    static const char bytes[] = {'\0', ' ', '0', 'x', '*', '\xff', '\n'};
    char file[64];
    struct reason reason;
    struct jwt_keys *keys;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        memset(file, bytes[i], sizeof(file));
        rejected(file, sizeof(file), "the same byte");
    }
    memset(file, 'x', sizeof(file));
    file[sizeof(file) - 1] = 'y';
    ck_assert_int_eq(jwt_keys_new(file, sizeof(file), &reason, &keys), ERR_OK);
    jwt_keys_unref(keys);
}
END_TEST

/* A fetched key with its private half is as public as a secret beside it. */
START_TEST(test_fetched_private_half)
{
    struct reason reason;
    struct jwt_keys *keys;
    const char *set = SET("{" RSA_PRIVATE "}," EC(""));

    ck_assert_int_eq(jwt_keys_new_set(set, strlen(set), &reason, &keys), ERR_OK);
    ck_assert_str_eq(jwt_keys_kind(keys), "a JWK set of 1 key (ES256)");
    ck_assert_ptr_nonnull(strstr(jwt_keys_note(keys), "key 1: it has its private half"));
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_too_many_keys)
{
    struct reason reason;
    struct jwt_keys *keys;
    struct buf set;

    buf_init(&set, 65536);
    buf_puts(&set, "{\"keys\":[7");
    for (int i = 1; i < JWT_KEYS_MAX; i++)
        buf_puts(&set, ",7");
    char *most = mem_printf("%s," EC("") "]}", buf_text(&set));
    buf_fini(&set);
    ck_assert_int_eq(jwt_keys_new_set(most, strlen(most), &reason, &keys), ERR_INVALID);
    ck_assert_str_eq(reason.text, "the set has 101 keys; it should have at most 100");
    mem_free(most);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key_files");
    TCase *tcase = tcase_create("key_files");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_kinds, 0, (int)ARRAY_LEN(kinds));
    tcase_add_loop_test(tcase, test_pem, 0, (int)ARRAY_LEN(pems));
    tcase_add_test(tcase, test_pem_verifies);
    tcase_add_test(tcase, test_private_pem);
    tcase_add_test(tcase, test_several_in_pem);
    tcase_add_loop_test(tcase, test_other_pem, 0, (int)ARRAY_LEN(other_pems));
    tcase_add_loop_test(tcase, test_others, 0, (int)ARRAY_LEN(others));
    tcase_add_test(tcase, test_cut);
    tcase_add_loop_test(tcase, test_entries, 0, (int)ARRAY_LEN(entries));
    tcase_add_test(tcase, test_note_of_several);
    tcase_add_test(tcase, test_note_is_bounded);
    tcase_add_test(tcase, test_note_holds_no_key);
    tcase_add_test(tcase, test_fetched_private_half);
    tcase_add_test(tcase, test_too_many_keys);
    tcase_add_loop_test(tcase, test_fetched, 0, (int)ARRAY_LEN(fetched));
    tcase_add_test(tcase, test_one_byte_over);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
