/*
 * A table of fixed size in small sets: a digest's first bytes choose the set, and within it the one
 * that expires first makes room. There is nothing to allocate, to link or to sweep, and somebody
 * with many tokens only costs others a verification now and then.
 *
 * The digest must withstand an attacker, for whoever finds a second token with the same one is its
 * user: so it is a cryptographic one, over every byte of the token, the signature included.
 */
#include "middleware/remembered.h"

#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/mem.h"

#define REMEMBERED_MAGIC 0x4e3b0001u
#define WAYS 4
#define SETS (REMEMBERED_MAX / WAYS)

struct entry {
    struct token_digest digest;
    struct wall_time expires; /* 0: unused */
    char user[JWT_USER_MAX + 1];
};

struct remembered {
    unsigned magic;
    EVP_MD *sha256; /* NULL: not to be had; then nothing is remembered */
    EVP_MD_CTX *digesting;
    struct entry entries[SETS][WAYS];
};

struct remembered *remembered_new(void)
{
    struct remembered *remembered = mem_zalloc(sizeof(*remembered));

    MAGIC_SET(remembered, REMEMBERED_MAGIC);
    remembered->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    remembered->digesting = EVP_MD_CTX_new();
    if (remembered->digesting == NULL)
        mem_exhausted();
    return remembered;
}

void remembered_free(struct remembered *remembered)
{
    MAGIC_OK(remembered, REMEMBERED_MAGIC);
    EVP_MD_CTX_free(remembered->digesting);
    EVP_MD_free(remembered->sha256);
    MAGIC_CLEAR(remembered);
    mem_free(remembered);
}

void remembered_clear(struct remembered *remembered)
{
    MAGIC_OK(remembered, REMEMBERED_MAGIC);
    memset(remembered->entries, 0, sizeof(remembered->entries));
}

bool remembered_digest(struct remembered *remembered, const char *token, size_t len,
                       struct token_digest *out)
{
    EVP_MD_CTX *digesting = remembered->digesting;

    MAGIC_OK(remembered, REMEMBERED_MAGIC);
    return remembered->sha256 != NULL &&
           EVP_DigestInit_ex2(digesting, remembered->sha256, NULL) == 1 &&
           EVP_DigestUpdate(digesting, token, len) == 1 &&
           EVP_DigestFinal_ex(digesting, out->bytes, NULL) == 1;
}

static size_t set_of(const struct token_digest *digest)
{
    uint32_t first;

    memcpy(&first, digest->bytes, sizeof(first));
    return first % SETS;
}

bool remembered_find(const struct remembered *remembered, const struct token_digest *digest,
                     struct wall_time now, char user[JWT_USER_MAX + 1])
{
    const struct entry *set = remembered->entries[set_of(digest)];

    MAGIC_OK(remembered, REMEMBERED_MAGIC);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].expires.ns > now.ns && memcmp(&set[i].digest, digest, sizeof(*digest)) == 0) {
            memcpy(user, set[i].user, sizeof(set[i].user));
            return true;
        }
    }
    return false;
}

void remembered_add(struct remembered *remembered, const struct token_digest *digest,
                    const char *user, struct wall_time expires)
{
    struct entry *set = remembered->entries[set_of(digest)];
    struct entry *place = &set[0];
    size_t len = strlen(user);

    MAGIC_OK(remembered, REMEMBERED_MAGIC);
    MUST(len <= JWT_USER_MAX);
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].expires.ns < place->expires.ns)
            place = &set[i];
    place->digest = *digest;
    place->expires = expires;
    memcpy(place->user, user, len + 1);
}
