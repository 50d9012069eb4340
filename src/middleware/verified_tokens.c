/*
 * A table of fixed size in small sets: a digest's first bytes choose the set, and within it the one
 * that expires first makes room. There is nothing to allocate, to link or to sweep, and somebody
 * with many tokens only costs others a verification now and then.
 *
 * The digest must withstand an attacker, for whoever finds a second token with the same one is its
 * user: so it is a cryptographic one, over every byte of the token, the signature included.
 */
#include "middleware/verified_tokens.h"

#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/mem.h"

#define VERIFIED_TOKENS_MAGIC 0x4e3b0001u
#define WAYS 4
#define SETS (VERIFIED_TOKENS_MAX / WAYS)

struct entry {
    struct token_digest digest;
    struct wall_time expires; /* 0: unused */
    char user[JWT_USER_MAX + 1];
};

struct verified_tokens {
    unsigned magic;
    EVP_MD *sha256; /* NULL: not available; then nothing is cached */
    EVP_MD_CTX *digesting;
    struct entry entries[SETS][WAYS];
};

struct verified_tokens *verified_tokens_new(void)
{
    struct verified_tokens *verified = mem_zalloc(sizeof(*verified));

    MAGIC_SET(verified, VERIFIED_TOKENS_MAGIC);
    verified->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    verified->digesting = EVP_MD_CTX_new();
    if (verified->digesting == NULL)
        mem_exhausted();
    return verified;
}

void verified_tokens_free(struct verified_tokens *verified)
{
    MAGIC_OK(verified, VERIFIED_TOKENS_MAGIC);
    EVP_MD_CTX_free(verified->digesting);
    EVP_MD_free(verified->sha256);
    MAGIC_CLEAR(verified);
    mem_free(verified);
}

void verified_tokens_clear(struct verified_tokens *verified)
{
    MAGIC_OK(verified, VERIFIED_TOKENS_MAGIC);
    memset(verified->entries, 0, sizeof(verified->entries));
}

bool verified_tokens_digest(struct verified_tokens *verified, const char *token, size_t len,
                            struct token_digest *out)
{
    EVP_MD_CTX *digesting = verified->digesting;

    MAGIC_OK(verified, VERIFIED_TOKENS_MAGIC);
    return verified->sha256 != NULL && EVP_DigestInit_ex2(digesting, verified->sha256, NULL) == 1 &&
           EVP_DigestUpdate(digesting, token, len) == 1 &&
           EVP_DigestFinal_ex(digesting, out->bytes, NULL) == 1;
}

static size_t set_of(const struct token_digest *digest)
{
    uint32_t first;

    memcpy(&first, digest->bytes, sizeof(first));
    return first % SETS;
}

bool verified_tokens_find(const struct verified_tokens *verified, const struct token_digest *digest,
                          struct wall_time now, char user[JWT_USER_MAX + 1])
{
    const struct entry *set = verified->entries[set_of(digest)];

    MAGIC_OK(verified, VERIFIED_TOKENS_MAGIC);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].expires.ns > now.ns && memcmp(&set[i].digest, digest, sizeof(*digest)) == 0) {
            memcpy(user, set[i].user, sizeof(set[i].user));
            return true;
        }
    }
    return false;
}

void verified_tokens_add(struct verified_tokens *verified, const struct token_digest *digest,
                         const char *user, struct wall_time expires)
{
    struct entry *set = verified->entries[set_of(digest)];
    struct entry *place = &set[0];
    size_t len = strlen(user);

    MAGIC_OK(verified, VERIFIED_TOKENS_MAGIC);
    MUST(len <= JWT_USER_MAX);
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].expires.ns < place->expires.ns)
            place = &set[i];
    place->digest = *digest;
    place->expires = expires;
    memcpy(place->user, user, len + 1);
}
