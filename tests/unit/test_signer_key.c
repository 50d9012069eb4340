/*
 * Texts that are no key to sign with: each is rejected with what it is and what it should be, and
 * with no byte of it. Damage at every place, other types in every member: an error, never a crash.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "base/check.h"
#include "base/secret.h"
#include "jose/signer.h"
#include "private_keys.h"
#include "suite.h"

#define OKP(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"" more "}"
#define EC(more) "{" EC_PRIVATE more "}"
#define RSA_OF(n, e, d) "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"" e "\",\"d\":\"" d "\"}"
#define RSA_PRIMES(p, q, dp, dq, qi)                                                               \
    "{" RSA_PUBLIC ",\"d\":\"" RSA_D "\",\"p\":\"" p "\",\"q\":\"" q "\",\"dp\":\"" dp             \
    "\",\"dq\":\"" dq "\",\"qi\":\"" qi "\"}"
#define K32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SET(keys) "{\"keys\":[" keys "]}"
/* The order of P-256 (SEC 2): one more than the largest private key. */
#define P256_ORDER "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"
/* As if it were 1, whose point is the generator. */
#define P256_ORDER_AND_1 "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVI"
#define P256_GX "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"
#define P256_GY "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"

/* No seven characters of the key are in the reason. What both have by chance is in `public`. */
static void tells_nothing(const char *reason, const char *text, size_t len)
{
    static const char public[] =
        "-----BEGIN RSA PRIVATE KEY----- -----BEGIN EC PRIVATE KEY----- Ed25519 "
        "\"missing\" private_key \"absent\" \"key_ops\" -----BEGIN PUBLIC KEY----- HMAC secret "
        "OpenSSH PRIVATE "
        "KEY-----BEGIN OPENSSH PRIVATE CERTIFICATE";
    char window[8] = "";

    for (size_t i = 0; i + 7 <= len; i++) {
        memcpy(window, text + i, 7);
        if (strlen(window) == 7 && strstr(public, window) == NULL)
            ck_assert_msg(strstr(reason, window) == NULL, "\"%s\" in \"%s\"", window, reason);
    }
}

static void rejected(const char *name, const char *text, size_t len, const char *part)
{
    struct reason reason = {.text = ""};
    struct jose_signer *signer = (struct jose_signer *)&reason;
    enum err err = jose_signer_new(text, len, NULL, &reason, &signer);

    ck_assert_msg(err == ERR_INVALID, "%s is accepted", name);
    ck_assert_ptr_null(signer);
    ck_assert_msg(strstr(reason.text, part) != NULL, "%s: %s", name, reason.text);
    ck_assert_msg(strstr(reason.text, " should ") != NULL || strstr(reason.text, "leave only"),
                  "%s: %s", name, reason.text);
    ck_assert_uint_eq(strcspn(reason.text, "\n"), strlen(reason.text));
    ck_assert_uint_lt(strlen(reason.text), REASON_MAX - 1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    tells_nothing(reason.text, text, len);
}

static const struct {
    const char *name;
    const char *text;
    const char *part;
} texts[] = {
    {"nothing", "", "it is empty"},
    {"white space", "\xef\xbb\xbf \t\r\n", "it is empty"},
    {"an HMAC secret", "0123456789abcdef0123456789abcdef", "an HMAC secret cannot sign"},
    {"an HMAC secret as JWK", "{\"kty\":\"oct\",\"k\":\"" K32 "\"}", "HMAC secret (oct)"},
    {"a page", "<!DOCTYPE html><html><body>Log in</body></html>", "HTML"},
    {"UTF-16", "\xff\xfe{", "UTF-16"},
    {"UTF-16, big-endian", "\xfe\xff", "UTF-16"},
    {"DER", "\x30\x82\x04\xbd", "binary (DER"},
    {"short DER", "\x30\x81\x87", "binary (DER"},
    {"base64 alone", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ", "base64 without"},
    {"a public key of SSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@here", "OpenSSH"},
    {"an EC one", "ecdsa-sha2-nistp256 AAAAE2VjZHNh me@here", "OpenSSH"},
    {"PuTTY", "PuTTY-User-Key-File-3: ssh-rsa", "PuTTY"},
    {"a token", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "a token"},
    {"a URL", "https://example.org/key.pem", "a URL"},
    {"another", "http://example.org/key.pem", "a URL"},
    {"a file's", "file:///etc/key.pem", "a URL"},
    {"a path", "/etc/postcoded/key.pem", "a path"},
    {"a path from here", "./key.pem", "a path"},
    {"a path from above", "../key.pem", "a path"},
    {"a path from home", "~/key.pem", "a path"},

    {"PEM cut", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAA", "damaged"},
    {"PEM in one line", "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n",
     "in place of line breaks"},
    {"PEM in one line with blanks", "-----BEGIN PRIVATE KEY----- MIIE -----END PRIVATE KEY-----",
     "damaged"},
    {"PEM indented", "key: |\n  -----BEGIN PRIVATE KEY-----\n  MIIE\n", "damaged"},
    {"PEM of nothing", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
     "cannot read"},
    {"PEM of nothing, RSA",
     "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "cannot read"},
    {"PEM of nothing, EC", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
     "cannot read"},
    {"a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
     "it is a certificate"},
    {"a public RSA key", "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n",
     "a public key"},
    {"a private key of SSH",
     "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
     "format of OpenSSH"},
    {"another block", "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n",
     "PEM without a private key"},

    {"JSON cut", "{\"kty\":", "line 1, column 7: not valid JSON"},
    {"JSON and more", EC("") "{}", "not valid JSON"},
    {"a name twice", EC(",\"kty\":\"EC\""), "a name twice"},
    {"an array", "[]", "no JWK"},
    {"JSON without kty", "{}", "no JWK"},
    {"a service account", "{\"type\":\"service_account\",\"private_key\":\"-----BEGIN \"}",
     "private_key"},
    {"a public JWK", "{" EC_PUBLIC "}", "it is a public key"},
    {"a public RSA JWK", "{" RSA_PUBLIC "}", "it is a public key"},
    {"a public Ed25519 JWK", OKP(",\"x\":\"" ED_X "\""), "it is a public key"},
    {"another kty", "{\"kty\":\"AKP\",\"d\":\"AA\"}", "its kty is not used here"},
    {"another kty, public", "{\"kty\":\"AKP\",\"pub\":\"AA\"}", "its kty is not used here"},
    {"an empty set", SET(""), "the JWK set is empty"},
    {"a set of public keys", SET("{" EC_PUBLIC "}"), "the first: it is a public key"},
    {"a set of two", SET(EC("") "," EC("")), "name one by its kid"},
    {"a set that is none", "{\"keys\":{}}", "no JWK"},

    {"use enc", EC(",\"use\":\"enc\""), "not for signatures"},
    {"key_ops verify", EC(",\"key_ops\":[\"verify\"]"), "do not allow to sign"},
    {"key_ops empty", EC(",\"key_ops\":[]"), "do not allow to sign"},
    {"kid a number", EC(",\"kid\":1"), "kid is not a string"},
    {"alg a number", EC(",\"alg\":1"), "alg is not a string"},
    {"alg of another key", EC(",\"alg\":\"RS256\""), "alg does not go with the key"},
    {"alg of another curve", EC(",\"alg\":\"ES384\""), "alg does not go with the key"},
    {"alg none", EC(",\"alg\":\"none\""), "its alg is not used here"},
    {"alg HS256", "{" RSA_PRIVATE ",\"alg\":\"HS256\"}", "alg does not go with the key"},

    {"x missing", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" A3_Y "\",\"d\":\"" A3_D "\"}",
     "x is missing"},
    {"d padded",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"d\":\"" A3_D "=\"}",
     "d is not in base64url"},
    {"d short",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"d\":\"AQ\"}",
     "d has 1 bytes; it should have 32"},
    {"off the curve",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_X "\",\"d\":\"" A3_D "\"}",
     "not on the curve"},
    {"d of another key",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"d\":\"" HS256_K
     "\"}",
     "its private half does not go with its public one"},
    {"d of zero",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"d\":\"" K32 "\"}",
     "its private half does not go with its public one"},
    {"d of the order",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"d\":\"" P256_ORDER
     "\"}",
     "its private half does not go with its public one"},
    {"d of the order and one",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_GX "\",\"y\":\"" P256_GY
     "\",\"d\":\"" P256_ORDER_AND_1 "\"}",
     "its private half does not go with its public one"},
    {"another curve", "{\"kty\":\"EC\",\"crv\":\"P-192\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}",
     "crv is not used here"},
    {"no curve", "{\"kty\":\"EC\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}", "crv is not used here"},
    {"Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AA\",\"d\":\"AA\"}",
     "crv is not used here"},
    {"Ed25519 of another key", OKP(",\"x\":\"" A3_X "\",\"d\":\"" ED_D "\""),
     "d does not go with x"},
    {"Ed25519 without x", OKP(",\"d\":\"" ED_D "\""), "x is missing"},
    {"Ed25519, d short", OKP(",\"x\":\"" ED_X "\",\"d\":\"AQ\""), "d has 1 bytes"},

    {"n missing", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"d\":\"" RSA_D "\"}", "n is missing"},
    {"n zero", RSA_OF("AA", "AQAB", RSA_D), "has 0 bits"},
    {"n short", RSA_OF(A3_X, "AQAB", "AQ"), "bits; it should have 2048"},
    {"n even", RSA_OF(RSA_N "AA", "AQAB", RSA_D), "n is even"},
    {"e of 1", RSA_OF(RSA_N, "AQ", RSA_D), "e is not a safe exponent"},
    {"e even", RSA_OF(RSA_N, "BA", RSA_D), "e is not a safe exponent"},
    {"e of 65 bits", RSA_OF(RSA_N, "AQAAAAAAAAAB", RSA_D), "e is not a safe exponent"},
    {"d of another RSA key", RSA_OF(A2_N, "AQAB", RSA_D),
     "its private half does not go with its public one"},
    {"d of 1", RSA_OF(RSA_N, "AQAB", "AQ"), "its private half does not go with its public one"},
    {"d of 0", RSA_OF(RSA_N, "AQAB", "AA"), "its private half does not go with its public one"},
    {"p alone", "{" RSA_PUBLIC ",\"d\":\"" RSA_D "\",\"p\":\"" RSA_P "\"}",
     "private half is not whole"},
    {"three primes", "{" RSA_PRIVATE ",\"oth\":[]}", "more than two primes"},
    {"p is not p", RSA_PRIMES(RSA_Q, RSA_Q, RSA_DP, RSA_DQ, RSA_QI), "does not go with"},
    {"p of 1", RSA_PRIMES("AQ", RSA_N, RSA_DP, RSA_DQ, RSA_QI), "does not go with"},
    {"p of 0", RSA_PRIMES("AA", RSA_Q, RSA_DP, RSA_DQ, RSA_QI), "does not go with"},
    {"dp is dq", RSA_PRIMES(RSA_P, RSA_Q, RSA_DQ, RSA_DQ, RSA_QI), "does not go with"},
    {"dq is dp", RSA_PRIMES(RSA_P, RSA_Q, RSA_DP, RSA_DP, RSA_QI), "does not go with"},
    {"qi is p", RSA_PRIMES(RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_P), "does not go with"},
};

START_TEST(test_texts)
{
    rejected(texts[_i].name, texts[_i].text, strlen(texts[_i].text), texts[_i].part);
}
END_TEST

START_TEST(test_size)
{
    size_t len = JOSE_SIGNER_TEXT_MAX + 1;
    char *text = mem_alloc(len);

    memset(text, ' ', len);
    memcpy(text, EC(""), strlen(EC("")));
    rejected("a long text", text, len, "at most 65536");
    mem_free(text);
}
END_TEST

START_TEST(test_kid_is_text)
{
    static const char *const kids[] = {"", "\xff", "k\xc3"};

    for (size_t i = 0; i < ARRAY_LEN(kids); i++) {
        struct reason reason;
        struct jose_signer *signer;
        ck_assert_int_eq(jose_signer_new(EC(""), strlen(EC("")), kids[i], &reason, &signer),
                         ERR_INVALID);
        ck_assert_ptr_null(signer);
        ck_assert_ptr_nonnull(strstr(reason.text, "the key's id is empty or not UTF-8"));
    }
}
END_TEST

/* d with multiples of (p - 1)(q - 1) signs as d does, ever more slowly. */
START_TEST(test_long_d)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *d = number_of(RSA_D), *p = number_of(RSA_P), *q = number_of(RSA_Q);
    unsigned char bytes[512];

    BN_sub_word(p, 1);
    BN_sub_word(q, 1);
    ck_assert_int_eq(BN_mul(p, p, q, ctx), 1);
    ck_assert_int_eq(BN_lshift(p, p, 64), 1);
    ck_assert_int_eq(BN_add(d, d, p), 1);
    int len = BN_bn2bin(d, bytes);
    char *text = base64url_encode(bytes, (size_t)len);
    char *jwk = mem_printf("{" RSA_PUBLIC ",\"d\":\"%s\"}", text);
    rejected("a long d", jwk, strlen(jwk), "its private half does not go with its public one");
    mem_free(jwk);
    mem_free(text);
    BN_free(d);
    BN_free(p);
    BN_free(q);
    BN_CTX_free(ctx);
}
END_TEST

static const struct {
    const char *key;
    const char *part;
} others[] = {
    {"secp256k1", "a key of this type or curve is not used here"},
    {"X25519", "a key of this type or curve is not used here"},
    {"ED448", "a key of this type or curve is not used here"},
    {"RSA of 1024", "the RSA key has 1024 bits"},
    {"RSA-PSS for SHA1", "its parameters allow no algorithm that is used here"},
};

START_TEST(test_other_keys)
{
    EVP_PKEY *key = make_key_of(others[_i].key);
    char *pem = pkcs8_of(key, NULL);

    rejected(others[_i].key, pem, strlen(pem), others[_i].part);
    mem_free(pem);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(test_public_key)
{
    EVP_PKEY *key = make_key_of("P-256");
    char *pem = public_pem_of(key);

    rejected("a public key", pem, strlen(pem), "it is a public key; it should be the private one");
    mem_free(pem);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(test_several)
{
    EVP_PKEY *key = make_key_of("P-256");
    char *one = pkcs8_of(key, NULL), *other = older_pem_of(key, NULL);
    char *both = mem_printf("%s%s", one, other);

    rejected("two keys", both, strlen(both), "several private keys");
    mem_free(both);
    both = mem_printf("%s-----BEGIN CERTIFICATE-----\nAAAA", one);
    rejected("a damaged block behind it", both, strlen(both), "damaged");
    mem_free(both);
    mem_free(one);
    mem_free(other);
    EVP_PKEY_free(key);
}
END_TEST

/* Bytes behind the key, in the block. */
START_TEST(test_bytes_behind)
{
    EVP_PKEY *key = make_key_of("P-256");
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der);
    unsigned char longer[256] = {0};
    BIO *bio = BIO_new(BIO_s_mem());

    memcpy(longer, der, (size_t)len);
    ck_assert_int_gt(PEM_write_bio(bio, "EC PRIVATE KEY", "", longer, len + 1), 0);
    char *pem = bio_text(bio);
    rejected("a byte behind it", pem, strlen(pem), "cannot read");
    mem_free(pem);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}
END_TEST

static int asked;

static int note_question(UI *ui)
{
    (void)ui;
    asked++;
    return 0;
}

/* Both ways to encrypt. Nobody is asked. */
START_TEST(test_encrypted)
{
    UI_METHOD *method = UI_create_method("test");
    EVP_PKEY *key = make_key_of("P-256");
    char *pems[] = {pkcs8_of(key, "phrase"), older_pem_of(key, "phrase"), pkcs8_of(key, "")};

    UI_method_set_opener(method, note_question);
    UI_set_default_method(method);
    for (size_t i = 0; i < ARRAY_LEN(pems); i++) {
        ck_assert_ptr_nonnull(strstr(pems[i], "ENCRYPTED"));
        rejected("an encrypted key", pems[i], strlen(pems[i]), "openssl pkey -in FILE");
        mem_free(pems[i]);
    }
    ck_assert_int_eq(asked, 0);
    UI_set_default_method(UI_OpenSSL());
    UI_destroy_method(method);
    EVP_PKEY_free(key);
}
END_TEST

/* An encrypted key under the label of one that is not. */
START_TEST(test_encrypted_under_another_label)
{
    EVP_PKEY *key = make_key_of("P-256");
    char *pem = pkcs8_of(key, "phrase"), *at, *label = "ENCRYPTED ";

    while ((at = strstr(pem, label)) != NULL)
        memmove(at, at + strlen(label), strlen(at + strlen(label)) + 1);
    rejected("a wrong label", pem, strlen(pem), "cannot read");
    mem_free(pem);
    EVP_PKEY_free(key);
}
END_TEST

/* Memory of exactly the size, where the sanitizer sees a read behind it. */
static void cut_everywhere(const char *text, size_t whole)
{
    for (size_t len = 0; len < whole; len++) {
        char *cut = mem_alloc(len);
        memcpy(cut, text, len);
        rejected("a cut text", cut, len, "");
        mem_free(cut);
    }
}

START_TEST(test_cut)
{
    static const char *const keys[] = {"P-256", "ED25519"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        EVP_PKEY *key = make_key_of(keys[i]);
        char *pem = pkcs8_of(key, NULL);
        cut_everywhere(pem, strlen(pem) - 1);
        mem_free(pem);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *rsa = make_key_of("RSA");
    char *pem = older_pem_of(rsa, NULL);
    cut_everywhere(pem, strlen(pem) - 1);
    mem_free(pem);
    EVP_PKEY_free(rsa);
    cut_everywhere("{" RSA_PRIVATE "}", strlen("{" RSA_PRIVATE "}"));
    cut_everywhere(EC(""), strlen(EC("")));
    cut_everywhere(OKP(",\"x\":\"" ED_X "\",\"d\":\"" ED_D "\""),
                   strlen(OKP(",\"x\":\"" ED_X "\",\"d\":\"" ED_D "\"")));
}
END_TEST

/* Each byte of the DER changed: whatever comes of it, it is no crash and no key of two halves. */
START_TEST(test_changed_bytes)
{
    EVP_PKEY *key = make_key_of("P-256");
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der);

    for (int i = 0; i < len * 8; i++) {
        struct reason reason;
        struct jose_signer *signer;
        BIO *bio = BIO_new(BIO_s_mem());
        der[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert_int_gt(PEM_write_bio(bio, "EC PRIVATE KEY", "", der, len), 0);
        der[i / 8] ^= (unsigned char)(1 << i % 8);
        char *pem = bio_text(bio);
        if (jose_signer_new(pem, strlen(pem), NULL, &reason, &signer) == ERR_OK)
            ck_assert_str_eq(jose_signer_alg(signer), "ES256");
        jose_signer_free(signer);
        mem_free(pem);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}
END_TEST

static const char *const whole[] = {
    "{" RSA_PRIVATE ",\"use\":\"sig\",\"key_ops\":[\"sign\"],\"alg\":\"RS256\",\"kid\":\"k\"}",
    EC(",\"use\":\"sig\",\"key_ops\":[\"sign\"],\"alg\":\"ES256\",\"kid\":\"k\"}"),
    OKP(",\"x\":\"" ED_X "\",\"d\":\"" ED_D
        "\",\"use\":\"sig\",\"key_ops\":[\"sign\"],\"alg\":\"EdDSA\",\"kid\":\"k\""),
};

static json_t *read_json(const char *text)
{
    json_t *json = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);

    ck_assert_ptr_nonnull(json);
    return json;
}

static enum err try_json(const json_t *json)
{
    struct reason reason = {.text = ""};
    struct jose_signer *signer;
    char *text = json_dumps(json, 0);
    enum err err = jose_signer_new(text, strlen(text), NULL, &reason, &signer);

    ck_assert(err == ERR_OK || strstr(reason.text, " should ") != NULL);
    jose_signer_free(signer);
    free(text);
    return err;
}

/* Each member as each other type. */
START_TEST(test_types)
{
    static const char *const values[] = {"null", "true",       "7",  "1.5e300", "\"\"",
                                         "[]",   "[\"sign\"]", "{}", "[[]]",    "\"\\u00e9\""};
    json_t *key = read_json(whole[_i]), *value;
    const char *name;

    ck_assert_int_eq(try_json(key), ERR_OK);
    json_object_foreach(key, name, value)
    {
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            json_t *copy = json_copy(key);
            json_object_set_new(copy, name, json_loads(values[i], JSON_DECODE_ANY, NULL));
            bool fits = (strcmp(name, "kid") == 0 && values[i][0] == '"') ||
                        (strcmp(name, "key_ops") == 0 && strcmp(values[i], "[\"sign\"]") == 0);
            ck_assert_msg(try_json(copy) == (fits ? ERR_OK : ERR_INVALID), "%s: %s", name,
                          values[i]);
            json_decref(copy);
        }
    }
    json_decref(key);
}
END_TEST

/* Each member left out. */
START_TEST(test_members_missing)
{
    static const char optional[] = " use key_ops alg kid ";
    json_t *key = read_json(whole[_i]), *value;
    const char *name;

    json_object_foreach(key, name, value)
    {
        json_t *copy = json_copy(key);
        char *word = mem_printf(" %s ", name);
        json_object_del(copy, name);
        ck_assert_msg(try_json(copy) == (strstr(optional, word) != NULL ? ERR_OK : ERR_INVALID),
                      "%s", name);
        mem_free(word);
        json_decref(copy);
    }
    json_decref(key);
}
END_TEST

/* Whether the heap holds these bytes. */
static bool heap_holds(const unsigned char *bytes, size_t len)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;

    ck_assert_ptr_nonnull(maps);
    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        char *from, *end;
        if (strstr(line, "[heap]") == NULL ||
            sscanf(line, "%p-%p", (void **)&from, (void **)&end) != 2)
            continue;
        found = memmem(from, (size_t)(end - from), bytes, len) != NULL;
    }
    fclose(maps);
    return found;
}

/* Whether malloc takes memory from there. */
static bool heap_is_seen(void)
{
    static const char text[] = "a text that is on the heap alone";
    char *copy = mem_strdup(text);
    bool seen;

    for (char *c = copy; *c != '\0'; c++)
        *c ^= 1;
    seen = heap_holds((unsigned char *)copy, strlen(copy));
    mem_free(copy);
    return seen;
}

/* A piece of d, as bytes in both orders and as text; without it on the heap itself. */
struct traces {
    unsigned char bytes[16];
    unsigned char reversed[16];
    char text[20];
};

static bool leaves(const struct traces *traces)
{
    return heap_holds(traces->bytes, sizeof(traces->bytes)) ||
           heap_holds(traces->reversed, sizeof(traces->reversed)) ||
           heap_holds((const unsigned char *)traces->text, sizeof(traces->text));
}

/* The key of RFC 7515, appendix A.3. */
#define EC_PKCS8                                                                                   \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"                           \
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"                           \
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"                                   \
    "-----END PRIVATE KEY-----\n"
#define EC_SEC1                                                                                    \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"                           \
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"

static const struct {
    const char *text;
    const char *d;
    const char *piece; /* of the text: some of d */
} secrets[] = {
    {"{" RSA_PRIVATE "}", RSA_D, &RSA_D[20]},
    {EC(""), A3_D, &A3_D[20]},
    {OKP(",\"x\":\"" ED_X "\",\"d\":\"" ED_D "\""), ED_D, &ED_D[20]},
    {EC_PKCS8, A3_D, "H1136cspYG6+0iY7X1fC"},
    {EC_SEC1, A3_D, "6bEJ5xkJi/mASH3x9dd+"},
};

/*
 * With the allocator that the daemon gives to jansson. A sanitizer and valgrind have their heap
 * elsewhere: then nothing is seen, of the key itself neither.
 */
START_TEST(test_nothing_stays)
{
    struct traces traces;
    struct octets d;
    struct reason reason;
    struct jose_signer *signer;
    const char *text = secrets[_i].text;

    ck_assert_ptr_nonnull(strstr(text, secrets[_i].piece));
    json_set_alloc_funcs(mem_alloc, wipe_free_block);
    ck_assert(base64url_decode(secrets[_i].d, strlen(secrets[_i].d), &d));
    for (size_t i = 0; i < 16; i++)
        traces.bytes[i] = traces.reversed[15 - i] = d.bytes[i + 12];
    memcpy(traces.text, secrets[_i].piece, sizeof(traces.text));
    octets_fini(&d);
    ck_assert(!leaves(&traces));
    ck_assert_int_eq(jose_signer_new(text, strlen(text), "k", &reason, &signer), ERR_OK);
    wipe_free_text(jose_signer_sign(signer, "{}", 2));
    ck_assert(leaves(&traces) || !heap_is_seen()); /* the key itself */
    ck_assert(!heap_holds((const unsigned char *)traces.text, sizeof(traces.text)));
    jose_signer_free(signer);
    ck_assert(!leaves(&traces) || text[0] == '-'); /* see signer_pem.c */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer_key");
    TCase *tcase = tcase_create("signer_key");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test_texts, 0, (int)ARRAY_LEN(texts));
    tcase_add_test(tcase, test_size);
    tcase_add_test(tcase, test_kid_is_text);
    tcase_add_test(tcase, test_long_d);
    tcase_add_loop_test(tcase, test_other_keys, 0, (int)ARRAY_LEN(others));
    tcase_add_test(tcase, test_public_key);
    tcase_add_test(tcase, test_several);
    tcase_add_test(tcase, test_bytes_behind);
    tcase_add_test(tcase, test_encrypted);
    tcase_add_test(tcase, test_encrypted_under_another_label);
    tcase_add_test(tcase, test_cut);
    tcase_add_test(tcase, test_changed_bytes);
    tcase_add_loop_test(tcase, test_types, 0, (int)ARRAY_LEN(whole));
    tcase_add_loop_test(tcase, test_members_missing, 0, (int)ARRAY_LEN(whole));
    tcase_add_loop_test(tcase, test_nothing_stays, 0, (int)ARRAY_LEN(secrets));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
