/*
 * What the first check of an identity costs beside the bare mathematics: jwt_verify on a token of a
 * usual size, and OpenSSL's EVP_DigestVerify on the same bytes with a key that is ready. Both are
 * measured in turn, so that a clock that changes its speed slows both; the median of each counts.
 *
 * usage: build/bench/identity [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "jose/jwt.h"

#define NOW 1700000000
#define CLAIMS                                                                                     \
    "{\"iss\":\"https://id.example.org/realms/main\",\"aud\":[\"api\",\"account\"],"               \
    "\"sub\":\"2f1a3c4e-5d6b-47c8-9e0f-1a2b3c4d5e6f\",\"exp\":1700000060,\"iat\":1699999760,"      \
    "\"nbf\":1699999760,\"jti\":\"8f14e45f-ceea-467f-a34c-9d2f5b1c7e08\",\"azp\":\"web\","         \
    "\"scope\":\"openid profile email\",\"preferred_username\":\"ada\"}"

struct subject {
    const char *name;
    const char *digest; /* NULL: the algorithm has its own */
    EVP_PKEY *pkey;
    struct jwt_keys *keys;
    char *token;
    size_t signed_len;
    unsigned char signature[512]; /* as OpenSSL has it */
    size_t signature_len;
};

static double now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* The keys of the public half, as a key file has it. */
static struct jwt_keys *public_keys(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct reason reason;
    struct jwt_keys *keys;
    char *pem;

    MUST(PEM_write_bio_PUBKEY(bio, pkey) == 1);
    long len = BIO_get_mem_data(bio, &pem);
    MUST(jwt_keys_new(pem, (size_t)len, &reason, &keys) == ERR_OK);
    BIO_free(bio);
    return keys;
}

static struct subject subject_new(const char *name, const char *digest, EVP_PKEY *pkey)
{
    struct subject subject = {.name = name, .digest = digest, .pkey = pkey};
    struct jose_key key;
    struct reason reason;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    MUST(pkey != NULL && EVP_PKEY_up_ref(pkey) == 1);
    MUST(key_take(pkey, true, NULL, &key, &reason) == ERR_OK);
    key.kid = mem_strdup("b1946ac9-2c1b-4b3a-9a6e-7d2f0c5e8a41");
    subject.token = jws_sign(&key, CLAIMS, strlen(CLAIMS));
    subject.signed_len = (size_t)(strrchr(subject.token, '.') - subject.token);
    subject.signature_len = sizeof(subject.signature);
    MUST(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) == 1);
    MUST(EVP_DigestSign(ctx, subject.signature, &subject.signature_len,
                        (unsigned char *)subject.token, subject.signed_len) == 1);
    EVP_MD_CTX_free(ctx);
    key_fini(&key);
    subject.keys = public_keys(pkey);
    return subject;
}

static void bare(const struct subject *subject)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    MUST(EVP_DigestVerifyInit_ex(ctx, NULL, subject->digest, NULL, NULL, subject->pkey, NULL) == 1);
    MUST(EVP_DigestVerify(ctx, subject->signature, subject->signature_len,
                          (unsigned char *)subject->token, subject->signed_len) == 1);
    EVP_MD_CTX_free(ctx);
}

static void whole(const struct subject *subject)
{
    const struct jwt_rules rules = {.issuer = NULL};
    const struct wall_time now = {.ns = NOW * SECOND};
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;

    MUST(jwt_verify(subject->keys, &rules, subject->token, strlen(subject->token), now, user,
                    &expires) == JWT_OK);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof(*times), compare);
    return times[count / 2];
}

static void measure(const struct subject *subject, size_t rounds)
{
    double *bare_us = mem_alloc(rounds * sizeof(*bare_us));
    double *whole_us = mem_alloc(rounds * sizeof(*whole_us));

    for (size_t i = 0; i < rounds; i++) {
        double start = now_us();
        bare(subject);
        double middle = now_us();
        whole(subject);
        bare_us[i] = middle - start;
        whole_us[i] = now_us() - middle;
    }
    double least = median(bare_us, rounds), all = median(whole_us, rounds);
    printf("%-6s EVP_DigestVerify %6.1f us   jwt_verify %6.1f us   ratio %.3f\n", subject->name,
           least, all, all / least);
    mem_free(bare_us);
    mem_free(whole_us);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
    struct subject subjects[] = {
        subject_new("RS256", "SHA256", EVP_RSA_gen(2048)),
        subject_new("ES256", "SHA256", EVP_EC_gen("P-256")),
        subject_new("EdDSA", NULL, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")),
    };

    json_set_alloc_funcs(mem_alloc, wipe_free_block); /* as the daemon does */
    if (rounds < 1) {
        fprintf(stderr, "usage: identity [ROUNDS]\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
        measure(&subjects[i], (size_t)rounds);
        EVP_PKEY_free(subjects[i].pkey);
        jwt_keys_unref(subjects[i].keys);
        wipe_free_text(subjects[i].token);
    }
    return 0;
}
