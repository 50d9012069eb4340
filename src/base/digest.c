/* The lengths are written as the machine has them: a digest is compared on the machine it is of. */
#include "base/digest.h"

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
    MUST(EVP_DigestUpdate(digest, &mark, sizeof(mark)) == 1);
    if (len > 0)
        MUST(EVP_DigestUpdate(digest, bytes, len) == 1);
}

void digest_add(EVP_MD_CTX *digest, const void *bytes, size_t len)
{
    add_part(digest, len, bytes, len);
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
    digest_add(digest, &number, sizeof(number));
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
