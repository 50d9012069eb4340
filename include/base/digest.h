/*
 * SHA-256 over parts, each with its length before it, so that no two lists of parts can look the
 * same. What has no memory left for it ends the process (base/mem.h). Any thread.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

struct digest {
    unsigned char bytes[32];
};

EVP_MD_CTX *digest_begin(void);
void digest_add(EVP_MD_CTX *digest, const void *bytes, size_t len);
/* NULL is another part than an empty one. */
void digest_add_secret(EVP_MD_CTX *digest, const struct secret *secret);
/* NULL is another part than "". */
void digest_add_text(EVP_MD_CTX *digest, const char *text);
void digest_add_number(EVP_MD_CTX *digest, int64_t number);
/*
 * The path, and what the file holds now. A file that cannot be read counts as an empty one; NULL is
 * another part than any path.
 */
void digest_add_file(EVP_MD_CTX *digest, const char *path);
/* Frees it. */
struct digest digest_end(EVP_MD_CTX *digest);

bool digest_same(const struct digest *a, const struct digest *b);

#endif
