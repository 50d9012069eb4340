/*
 * The key is fresh for each text, by its salt, so that a nonce drawn at random is never used twice
 * under one key.
 */
#include "token/seal.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "token/credentials.h"

#define SALT 32
#define NONCE 12

_Static_assert(SEAL_HEADER == SEAL_MARK + 1 + SALT + NONCE, "the header's size is as seal.h says");

static const unsigned char *salt_of(const unsigned char *head)
{
    return head + SEAL_MARK + 1;
}

static const unsigned char *nonce_of(const unsigned char *head)
{
    return salt_of(head) + SALT;
}

/* A cipher under the key for this header, which it has taken for authentication. */
static EVP_CIPHER_CTX *cipher_new(const struct seal *seal, const unsigned char *head, int encrypt)
{
    unsigned char derived[CREDENTIALS_KEY];
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int len;

    credentials_derive(secret_bytes(seal->key), secret_len(seal->key), salt_of(head), SALT,
                       seal->label, strlen(seal->label), derived);
    MEM_MUST(cipher != NULL && EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), derived,
                                                  nonce_of(head), encrypt, NULL) == 1);
    wipe(derived, sizeof(derived));
    MUST(EVP_CipherUpdate(cipher, NULL, &len, head, SEAL_HEADER) == 1);
    if (seal->bound != NULL)
        MUST(EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)seal->bound,
                              (int)strlen(seal->bound)) == 1);
    return cipher;
}

static void put_head(const struct seal *seal, unsigned char *out)
{
    out = mempcpy(out, seal->mark, SEAL_MARK);
    *out++ = seal->version;
    arc4random_buf(out, SALT + NONCE);
}

struct secret *seal_close(const struct seal *seal, const void *text, size_t len)
{
    const size_t size = SEAL_HEADER + len + SEAL_TAG;
    unsigned char *bytes = mem_alloc(size);
    unsigned char *out = bytes + SEAL_HEADER;
    int done, rest;

    put_head(seal, bytes);
    EVP_CIPHER_CTX *cipher = cipher_new(seal, bytes, 1);
    MUST(EVP_CipherUpdate(cipher, out, &done, text, (int)len) == 1);
    MUST(EVP_CipherFinal_ex(cipher, out + done, &rest) == 1 && (size_t)done == len);
    MUST(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, out + len) == 1);
    EVP_CIPHER_CTX_free(cipher);
    struct secret *sealed = secret_new(bytes, size);
    mem_free(bytes);
    return sealed;
}

bool seal_has_mark(const void *bytes, size_t len, const char *mark, unsigned char *version)
{
    if (len < SEAL_MARK + 1 || memcmp(bytes, mark, SEAL_MARK) != 0)
        return false;
    *version = ((const unsigned char *)bytes)[SEAL_MARK];
    return true;
}

bool seal_open(const struct seal *seal, const void *bytes, size_t len, void *text)
{
    MUST(len >= SEAL_HEADER + SEAL_TAG);
    const unsigned char *in = bytes;
    const size_t text_len = len - SEAL_HEADER - SEAL_TAG;
    EVP_CIPHER_CTX *cipher = cipher_new(seal, in, 0);
    unsigned char tag[SEAL_TAG];
    int done, rest;

    memcpy(tag, in + SEAL_HEADER + text_len, SEAL_TAG);
    MUST(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) == 1);
    const bool good = EVP_CipherUpdate(cipher, text, &done, in + SEAL_HEADER, (int)text_len) == 1 &&
                      EVP_CipherFinal_ex(cipher, (unsigned char *)text + done, &rest) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return good;
}
