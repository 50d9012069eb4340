/*
 * Lengths and numbers are written with their lowest byte first, on every machine: the members of a
 * fleet know each other by what is derived from a digest.
 */
#include "base/digest.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

EVP_MD_CTX *digest_begin(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    MEM_MUST(digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
    return digest;
}

static void add_part(EVP_MD_CTX *digest, uint64_t mark, const void *bytes, size_t len)
{
    mark = htole64(mark);
    MUST(EVP_DigestUpdate(digest, &mark, sizeof(mark)) == 1);
    if (len > 0)
        MUST(EVP_DigestUpdate(digest, bytes, len) == 1);
}

void digest_add(EVP_MD_CTX *digest, const void *bytes, size_t len)
{
    add_part(digest, len, bytes, len);
}

void digest_add_secret(EVP_MD_CTX *digest, const struct secret *secret)
{
    if (secret != NULL)
        digest_add(digest, secret_bytes(secret), secret_len(secret));
    else
        digest_add_text(digest, NULL);
}

void digest_add_text(EVP_MD_CTX *digest, const char *text)
{
    if (text != NULL)
        digest_add(digest, text, strlen(text));
    else
        add_part(digest, UINT64_MAX, NULL, 0);
}

void digest_add_number(EVP_MD_CTX *digest, int64_t number)
{
    const uint64_t bytes = htole64((uint64_t)number);

    digest_add(digest, &bytes, sizeof(bytes));
}

void digest_add_file(EVP_MD_CTX *digest, const char *path)
{
    char block[4096];

    digest_add_text(digest, path);
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    if (file == NULL)
        return;
    for (size_t n; (n = fread(block, 1, sizeof(block), file)) > 0;)
        digest_add(digest, block, n);
    fclose(file);
}

struct digest digest_end(EVP_MD_CTX *digest)
{
    struct digest out;

    MUST(EVP_DigestFinal_ex(digest, out.bytes, NULL) == 1);
    EVP_MD_CTX_free(digest);
    return out;
}

bool digest_same(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
