/*
 * Signatures: published ones verify, forged ones do not, whatever they say of themselves.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <check.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "jose_examples.h"
#include "jose_forge.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "suite.h"

#define NOW 1700000000
#define HS256 "{\"alg\":\"HS256\"}"
#define CLAIMS "{\"sub\":\"alice\",\"exp\":1700000060}"

static const struct jwt_rules no_rules = {0};

static enum jwt_result verify(const struct jwt_keys *keys, const struct jwt_rules *rules,
                              const char *token, struct wall_time now)
{
    char user[JWT_USER_MAX + 1] = "untouched";
    struct wall_time expires = {.ns = -1};
    enum jwt_result result = jwt_verify(keys, rules, token, strlen(token), now, user, &expires);

    if (result != JWT_OK) {
        ck_assert_str_eq(user, "untouched");
        ck_assert_int_eq(expires.ns, -1);
    }
    return result;
}

static void expect(const char *what, const struct jwt_keys *keys, const char *token,
                   enum jwt_result wanted)
{
    enum jwt_result result = verify(keys, &no_rules, token, at(NOW));

    ck_assert_msg(result == wanted, "%s: \"%s\" instead of \"%s\"", what, jwt_result_text(result),
                  jwt_result_text(wanted));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(test_published_examples)
{
    static const struct {
        const char *key;
        const char *token;
        const char *begins; /* its payload */
    } cases[] = {
        {"{\"kty\":\"oct\",\"k\":\"" A1_K "\"}", A1_TOKEN, "{\"iss\":\"joe\",\r\n"},
        {"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}", A2_TOKEN, "{\"iss\":\"joe\",\r\n"},
        {"{" EC_PUBLIC "}", A3_TOKEN, "{\"iss\":\"joe\",\r\n"},
        {"{" EC_PRIVATE "}", A3_TOKEN, "{\"iss\":\"joe\",\r\n"},
        {"{" RSA_PUBLIC ",\"kid\":\"" RS256_KID "\",\"use\":\"sig\"}", RS256_TOKEN,
         "It\xe2\x80\x99s"},
        {"{" RSA_PRIVATE ",\"alg\":\"RS256\"}", RS256_TOKEN, "It\xe2\x80\x99s"},
        {"{\"kty\":\"oct\",\"k\":\"" HS256_K "\",\"kid\":\"" HS256_KID "\",\"alg\":\"HS256\"}",
         HS256_TOKEN, "It\xe2\x80\x99s"},
        {"{" P521_PUBLIC "}", A4_TOKEN, "Payload"},
        {"{" P521_PRIVATE ",\"alg\":\"ES512\"}", A4_TOKEN, "Payload"},
        {"{" RSA_PUBLIC "}", PS384_TOKEN, "It\xe2\x80\x99s"},
        {"{" RSA_PUBLIC ",\"alg\":\"PS384\"}", PS384_TOKEN, "It\xe2\x80\x99s"},
        {"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" ES512_X "\",\"y\":\"" ES512_Y "\"}",
         ES512_TOKEN, "It\xe2\x80\x99s"},
        {"{" ED_PUBLIC "}", ED_TOKEN, "Example of Ed25519 signing"},
        {"{" ED_PRIVATE ",\"alg\":\"EdDSA\"}", ED_TOKEN, "Example of Ed25519 signing"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jwt_keys *keys = keys_of(cases[i].key);
        struct octets payload;
        ck_assert_int_eq(jws_open(keys, cases[i].token, strlen(cases[i].token), &payload), JWT_OK);
        ck_assert_int_eq(
            strncmp((const char *)payload.bytes, cases[i].begins, strlen(cases[i].begins)), 0);
        octets_fini(&payload);
        jwt_keys_unref(keys);
    }
}
END_TEST

/* A.1 is a good signature on claims without a user, long expired. */
START_TEST(test_published_claims)
{
    struct jwt_keys *keys = keys_of("{\"kty\":\"oct\",\"k\":\"" A1_K "\"}");

    ck_assert_int_eq(verify(keys, &no_rules, A1_TOKEN, at(NOW)), JWT_EXPIRED);
    ck_assert_int_eq(verify(keys, &no_rules, A1_TOKEN, at(1300819379)), JWT_USER);
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_every_changed_bit_is_seen)
{
    struct jwt_keys *keys = keys_of(SECRET);
    char *token = forge(HS256, CLAIMS);
    size_t len = strlen(token);

    expect("as it is", keys, token, JWT_OK);
    for (size_t i = 0; i < len; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        ck_assert_msg(verify(keys, &no_rules, token, at(NOW)) != JWT_OK, "byte %zu", i);
        token[i] = was;
    }
    for (size_t cut = 0; cut < len; cut++) {
        char user[JWT_USER_MAX + 1];
        struct wall_time expires;
        ck_assert_int_ne(jwt_verify(keys, &no_rules, token, cut, at(NOW), user, &expires), JWT_OK);
    }
    expect("and again", keys, token, JWT_OK);
    mem_free(token);
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_headers)
{
    static const struct {
        const char *header;
        enum jwt_result result;
    } cases[] = {
        {HS256, JWT_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x\":[{}]}", JWT_OK},
        {"{\"alg\":\"HS256\",\"b64\":true}", JWT_OK},
        /* A token does not bring its own key. */
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"http://x\"}", JWT_OK},
        {"{\"alg\":\"none\"}", JWT_ALGORITHM},
        {"{\"alg\":\"None\"}", JWT_ALGORITHM},
        {"{\"alg\":\"hs256\"}", JWT_ALGORITHM},
        {"{\"alg\":\"ES256K\"}", JWT_ALGORITHM},
        {"{\"alg\":\"HS384\"}", JWT_ALGORITHM},
        {"{\"alg\":\"HS512\"}", JWT_ALGORITHM},
        {"{\"alg\":\"\"}", JWT_ALGORITHM},
        {"{\"alg\":\"RS256\"}", JWT_NO_KEY},
        {"{\"alg\":\"ES256\"}", JWT_NO_KEY},
        {"{\"alg\":[\"HS256\"]}", JWT_MALFORMED},
        {"{\"typ\":\"JWT\"}", JWT_MALFORMED},
        {"{}", JWT_MALFORMED},
        {"[]", JWT_MALFORMED},
        {"", JWT_MALFORMED},
        {"\"HS256\"", JWT_MALFORMED},
        {"{\"alg\":\"HS256\"", JWT_MALFORMED},
        {"{\"alg\":\"HS256\"}x", JWT_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\\u0000\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", JWT_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":[]}", JWT_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":null}", JWT_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":[\"alg\"]}", JWT_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", JWT_CRITICAL},
        {"{\"alg\":\"HS256\",\"b64\":false}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":7}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":null}", JWT_MALFORMED},
    };
    struct jwt_keys *keys = keys_of(SECRET);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *token = forge(cases[i].header, CLAIMS);
        expect(cases[i].header, keys, token, cases[i].result);
        mem_free(token);
    }
    jwt_keys_unref(keys);
}
END_TEST

/* `%s` stands for a good token. */
START_TEST(test_serializations)
{
    static const char *const around[] = {
        " %s", "%s ", "%s\n", ".%s", "%s.", "%s.AAAA", "%s=", "\"%s\"", "{\"payload\":\"%s\"}"};
    struct jwt_keys *keys = keys_of(SECRET);
    char *token = forge(HS256, CLAIMS);

    for (size_t i = 0; i < ARRAY_LEN(around); i++) {
        const char *mark = strstr(around[i], "%s");
        char *text = mem_printf("%.*s%s%s", (int)(mark - around[i]), around[i], token, mark + 2);
        expect(around[i], keys, text, JWT_MALFORMED);
        mem_free(text);
    }
    expect("empty", keys, "", JWT_MALFORMED);
    expect("dots", keys, "..", JWT_MALFORMED);
    char *dot = strrchr(token, '.');
    dot[1] = '\0';
    expect("no signature", keys, token, JWT_SIGNATURE);
    dot[0] = '\0';
    expect("two parts", keys, token, JWT_MALFORMED);
    mem_free(token);
    jwt_keys_unref(keys);
}
END_TEST

/* The same 32 bytes in another spelling: the last character has two bits that stand for nothing. */
START_TEST(test_spare_bits_are_refused)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct jwt_keys *keys = keys_of(SECRET);
    char *token = forge(HS256, CLAIMS);
    char *last = token + strlen(token) - 1;

    *last = strchr(alphabet, *last)[1];
    expect("spare bits", keys, token, JWT_MALFORMED);
    mem_free(token);
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_length_is_bounded)
{
    struct jwt_keys *keys = keys_of(SECRET);
    char *claims = mem_zalloc(JWT_TOKEN_MAX);
    size_t fits = 0, refused = 0;

    for (size_t fill = 5900; fill < 6200; fill++) {
        char *pad = mem_zalloc(fill + 1);
        memset(pad, 'x', fill);
        snprintf(claims, JWT_TOKEN_MAX, "{\"sub\":\"alice\",\"exp\":1700000060,\"x\":\"%s\"}", pad);
        char *token = forge(HS256, claims);
        bool within = strlen(token) <= JWT_TOKEN_MAX;
        expect("long", keys, token, within ? JWT_OK : JWT_MALFORMED);
        fits += within;
        refused += !within;
        mem_free(token);
        mem_free(pad);
    }
    ck_assert(fits > 0 && refused > 0);
    mem_free(claims);
    jwt_keys_unref(keys);
}
END_TEST

/* A public key is public: what HMAC makes of its bytes, in any shape, proves nothing. */
START_TEST(test_algorithm_confusion)
{
    static const char jwk[] = "{" RSA_PUBLIC "}";
    struct jwt_keys *keys = keys_of(jwk);
    struct octets n;

    ck_assert(base64url_decode(RSA_N, strlen(RSA_N), &n));
    char *from_text = forge_bytes(HS256, CLAIMS, strlen(CLAIMS), jwk, strlen(jwk));
    char *from_n = forge_bytes(HS256, CLAIMS, strlen(CLAIMS), (const char *)n.bytes, n.len);
    char *as_rsa =
        forge_bytes("{\"alg\":\"RS256\"}", CLAIMS, strlen(CLAIMS), (const char *)n.bytes, n.len);
    expect("JWK as secret", keys, from_text, JWT_NO_KEY);
    expect("modulus as secret", keys, from_n, JWT_NO_KEY);
    expect("HMAC called RS256", keys, as_rsa, JWT_SIGNATURE);
    mem_free(from_text);
    mem_free(from_n);
    mem_free(as_rsa);
    octets_fini(&n);
    jwt_keys_unref(keys);
}
END_TEST

/* Of the right length and well-formed, under another key; `expect` sees that OpenSSL is quiet. */
START_TEST(test_signature_of_another_key)
{
    struct jwt_keys *rsa = keys_of("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}");
    struct jwt_keys *other = keys_of("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}");
    struct jwt_keys *ec = keys_of("{" EC_PUBLIC "}");
    char *zeros = encoded((const char[64]){0}, 64);
    char *es256 = mem_printf("eyJhbGciOiJFUzI1NiJ9." A_PAYLOAD ".%s", zeros);

    expect("RS256 of another key", rsa, A2_TOKEN, JWT_SIGNATURE);
    expect("and the other way", other, RS256_TOKEN, JWT_SIGNATURE);
    expect("ES256, both numbers zero", ec, es256, JWT_SIGNATURE);
    free(zeros);
    mem_free(es256);
    jwt_keys_unref(rsa);
    jwt_keys_unref(other);
    jwt_keys_unref(ec);
}
END_TEST

/* A key named for one algorithm of its type is not used for the other. */
/* A failure on the way to the key that fits is not left for TLS on this thread. */
START_TEST(test_no_error_is_left)
{
    struct jwt_keys *signer = keys_of("{" RSA_PRIVATE "}");
    struct jwt_keys *keys = keys_of("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N
                                    "\"},{" RSA_PUBLIC "}]}");
    char *token = jws_sign(&signer->items[0], "{}", 2);
    struct octets payload;

    ck_assert_int_eq(jws_open(keys, token, strlen(token), &payload), JWT_OK);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    octets_fini(&payload);
    mem_free(token);
    jwt_keys_unref(signer);
    jwt_keys_unref(keys);
}
END_TEST

/* What may be signed by a key that is not there. */
START_TEST(test_unknown_keys)
{
    static const struct {
        const char *header;
        bool unknown;
    } cases[] = {
        {"{\"alg\":\"RS256\",\"kid\":\"here\"}", false},
        {"{\"alg\":\"RS256\",\"kid\":\"there\"}", true},
        {"{\"alg\":\"RS256\"}", true},
        {"{\"alg\":\"none\",\"kid\":\"there\"}", false},
        {"{\"alg\":\"RS256\",\"kid\":7}", false},
        {"{", false},
    };
    struct jwt_keys *keys = keys_of("{" RSA_PUBLIC ",\"kid\":\"here\"}");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *token = forge(cases[i].header, "{}");
        ck_assert_msg(jws_key_is_unknown(keys, token, strlen(token)) == cases[i].unknown, "%s",
                      cases[i].header);
        mem_free(token);
    }
    jwt_keys_unref(keys);
}
END_TEST

START_TEST(test_alg_is_the_keys_own)
{
    struct jwt_keys *signer = keys_of("{" RSA_PRIVATE ",\"alg\":\"PS256\"}");
    struct jwt_keys *rs = keys_of("{" RSA_PUBLIC ",\"alg\":\"RS256\"}");
    struct jwt_keys *any = keys_of("{" RSA_PUBLIC "}");
    char *token = jws_sign(&signer->items[0], CLAIMS, strlen(CLAIMS));

    expect("PS256 under its key", signer, token, JWT_OK);
    expect("PS256 under a key for RS256", rs, token, JWT_ALGORITHM);
    expect("PS256 under a key for any", any, token, JWT_OK);
    mem_free(token);
    jwt_keys_unref(signer);
    jwt_keys_unref(rs);
    jwt_keys_unref(any);
}
END_TEST

/* SECRET, and 32 times `f`, in base64url. */
#define K_GOOD "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define K_BAD "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY"
#define GOOD(more) "{\"kty\":\"oct\",\"k\":\"" K_GOOD "\"" more "}"
#define BAD(more) "{\"kty\":\"oct\",\"k\":\"" K_BAD "\"" more "}"
#define KID(kid) ",\"kid\":\"" kid "\""
#define BAD7 BAD("") "," BAD("") "," BAD("") "," BAD("") "," BAD("") "," BAD("") "," BAD("")
#define EC8                                                                                        \
    "{" EC_PUBLIC "},{" EC_PUBLIC "},{" EC_PUBLIC "},{" EC_PUBLIC "},{" EC_PUBLIC "},{" EC_PUBLIC  \
    "},{" EC_PUBLIC "},{" EC_PUBLIC "}"

START_TEST(test_key_is_chosen)
{
    static const struct {
        const char *keys;
        const char *header;
        enum jwt_result result;
    } cases[] = {
        {GOOD(KID("a")) "," BAD(KID("b")), "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_OK},
        {BAD(KID("b")) "," GOOD(KID("a")), "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_OK},
        {GOOD(KID("a")) "," BAD(KID("b")), "{\"alg\":\"HS256\",\"kid\":\"b\"}", JWT_SIGNATURE},
        {GOOD(KID("a")) "," BAD(KID("b")), "{\"alg\":\"HS256\",\"kid\":\"c\"}", JWT_NO_KEY},
        {GOOD(KID("a")) "," BAD(KID("b")), "{\"alg\":\"HS256\",\"kid\":\"\"}", JWT_NO_KEY},
        {GOOD(KID("a")) "," BAD(KID("b")), "{\"alg\":\"HS256\",\"kid\":\"A\"}", JWT_NO_KEY},
        {BAD(KID("a")) "," GOOD(KID("a")), "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_OK},
        /* Keys without a kid answer for one that nobody has, and only then. */
        {GOOD(""), "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_OK},
        {GOOD("") "," BAD(KID("a")), "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_SIGNATURE},
        {GOOD("") "," BAD(KID("a")), "{\"alg\":\"HS256\",\"kid\":\"b\"}", JWT_OK},
        {GOOD("") ",{" EC_PUBLIC KID("a") "}", "{\"alg\":\"HS256\",\"kid\":\"a\"}", JWT_NO_KEY},
        /* Without a kid every key of the type is tried, eight at most. */
        {BAD(KID("b")) "," GOOD(KID("a")), HS256, JWT_OK},
        {BAD7 "," GOOD(""), HS256, JWT_OK},
        {BAD7 "," BAD("") "," GOOD(""), HS256, JWT_SIGNATURE},
        {EC8 "," GOOD(""), HS256, JWT_OK},
        /* Keys that may not verify do not. */
        {GOOD(",\"use\":\"enc\"") "," BAD(""), HS256, JWT_SIGNATURE},
        {GOOD(",\"key_ops\":[\"sign\"]") "," BAD(""), HS256, JWT_SIGNATURE},
        {GOOD(",\"key_ops\":[\"sign\"]") ",{" EC_PUBLIC "}", HS256, JWT_NO_KEY},
        {GOOD(",\"key_ops\":[\"verify\"]"), HS256, JWT_OK},
        {GOOD(",\"alg\":\"HS512\"") "," BAD(""), HS256, JWT_SIGNATURE},
        {"{" EC_PUBLIC "}", HS256, JWT_NO_KEY},
        /* Of the kind, and meant, but for another algorithm; else it is no key for the token. */
        {GOOD(KID("a")), "{\"alg\":\"HS384\",\"kid\":\"a\"}", JWT_ALGORITHM},
        {GOOD(KID("a")), "{\"alg\":\"HS384\",\"kid\":\"b\"}", JWT_NO_KEY},
        {GOOD(KID("a")), "{\"alg\":\"RS256\",\"kid\":\"a\"}", JWT_NO_KEY},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *file = mem_printf("{\"keys\":[%s]}", cases[i].keys);
        struct jwt_keys *keys = keys_of(file);
        char *token = forge(cases[i].header, CLAIMS);
        char *what = mem_printf("case %zu", i);
        expect(what, keys, token, cases[i].result);
        mem_free(what);
        mem_free(token);
        jwt_keys_unref(keys);
        mem_free(file);
    }
}
END_TEST

#define THREADS 4
#define ROUNDS 50

static void *verify_often(void *arg)
{
    static const char *const tokens[] = {HS256_TOKEN, RS256_TOKEN, PS384_TOKEN,
                                         A3_TOKEN,    A4_TOKEN,    ED_TOKEN};
    const struct jwt_keys *keys = arg;
    uintptr_t bad = 0;

    for (size_t i = 0; i < ROUNDS * ARRAY_LEN(tokens); i++) {
        const char *token = tokens[i % ARRAY_LEN(tokens)];
        struct octets payload;
        bad += jws_open(keys, token, strlen(token), &payload) != JWT_OK;
        octets_fini(&payload);
    }
    return (void *)bad;
}

START_TEST(test_keys_are_shared_between_threads)
{
    struct jwt_keys *keys =
        keys_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" HS256_K "\"},{" RSA_PUBLIC "},{" EC_PUBLIC
                "},{" P521_PUBLIC "},{" ED_PUBLIC "}]}");
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, verify_often, keys), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *bad;
        ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    jwt_keys_unref(keys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jws");
    TCase *tcase = tcase_create("signatures");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_published_examples);
    tcase_add_test(tcase, test_published_claims);
    tcase_add_test(tcase, test_every_changed_bit_is_seen);
    tcase_add_test(tcase, test_headers);
    tcase_add_test(tcase, test_serializations);
    tcase_add_test(tcase, test_spare_bits_are_refused);
    tcase_add_test(tcase, test_length_is_bounded);
    tcase_add_test(tcase, test_algorithm_confusion);
    tcase_add_test(tcase, test_signature_of_another_key);
    tcase_add_test(tcase, test_no_error_is_left);
    tcase_add_test(tcase, test_unknown_keys);
    tcase_add_test(tcase, test_alg_is_the_keys_own);
    tcase_add_test(tcase, test_key_is_chosen);
    tcase_add_test(tcase, test_keys_are_shared_between_threads);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
