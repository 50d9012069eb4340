/*
 * Whatever the descriptor held goes through here before anything believes it. The form is looked at
 * first, then the tag; only what the tag vouches for is read, and even that is looked at as if it
 * had not been us who wrote it, for the bounds that hold elsewhere (what a header can carry) must
 * hold for a token that comes this way too.
 */
#include "token/sealed_token.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "token/credentials.h"

#define MARK "postcodT"
#define MARK_LEN 8
#define SALT 32
#define NONCE 12
#define KEY_LABEL "postcoded kept token 1"

_Static_assert(SEALED_TOKEN_HEADER == MARK_LEN + 1 + SALT + NONCE,
               "the header has the size that sealed_token.h states");

static const unsigned char *salt_of(const unsigned char *bytes)
{
    return bytes + MARK_LEN + 1;
}

static const unsigned char *nonce_of(const unsigned char *bytes)
{
    return salt_of(bytes) + SALT;
}

/*
 * A cipher under the key for this header, which it has taken for authentication, with the name
 * behind it: the header's length is fixed, so the two cannot run into each other.
 */
static EVP_CIPHER_CTX *cipher_new(const struct sealed_token_owner *owner, const unsigned char *head,
                                  int encrypt)
{
    unsigned char derived[CREDENTIALS_KEY];
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int len;

    credentials_derive(secret_bytes(owner->key), secret_len(owner->key), salt_of(head), SALT,
                       KEY_LABEL, strlen(KEY_LABEL), derived);
    MEM_MUST(cipher != NULL && EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), derived,
                                                  nonce_of(head), encrypt, NULL) == 1);
    wipe(derived, sizeof(derived));
    MUST(EVP_CipherUpdate(cipher, NULL, &len, head, SEALED_TOKEN_HEADER) == 1);
    if (head[MARK_LEN] != SEALED_TOKEN_NAMELESS)
        MUST(EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)owner->name,
                              (int)strlen(owner->name)) == 1);
    return cipher;
}

/* ---- sealing ---- */

static unsigned char *put_number(unsigned char *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
    return out + bytes;
}

static void put_head(unsigned char *out)
{
    out = mempcpy(out, MARK, MARK_LEN);
    *out++ = SEALED_TOKEN_VERSION;
    arc4random_buf(out, SALT + NONCE);
}

static size_t put_text(unsigned char *out, const struct token_grant *grant,
                       const struct sealed_token_moment *moment)
{
    const unsigned char *begin = out;
    const size_t type_len = strlen(grant->type);

    out = mempcpy(out, moment->boot, SEALED_TOKEN_BOOT);
    out = put_number(out, (uint64_t)moment->requested.ns, 8);
    out = put_number(out, (uint64_t)grant->lifetime, 8);
    out = put_number(out, type_len, 2);
    out = mempcpy(out, grant->type, type_len);
    out = mempcpy(out, grant->value, strlen(grant->value));
    return (size_t)(out - begin);
}

struct secret *sealed_token_seal(const struct sealed_token_owner *owner,
                                 const struct token_grant *grant,
                                 const struct sealed_token_moment *moment)
{
    MUST(strlen(grant->type) <= TOKEN_TYPE_MAX && strlen(grant->value) <= TOKEN_VALUE_MAX);
    unsigned char *bytes = mem_alloc(SEALED_TOKEN_MAX);
    unsigned char *text = bytes + SEALED_TOKEN_HEADER;
    int len, rest;

    put_head(bytes);
    size_t text_len = put_text(text, grant, moment);
    EVP_CIPHER_CTX *cipher = cipher_new(owner, bytes, 1);
    MUST(EVP_CipherUpdate(cipher, text, &len, text, (int)text_len) == 1);
    MUST(EVP_CipherFinal_ex(cipher, text + len, &rest) == 1 && (size_t)len == text_len);
    MUST(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SEALED_TOKEN_TAG, text + text_len) == 1);
    EVP_CIPHER_CTX_free(cipher);
    struct secret *sealed = secret_new(bytes, SEALED_TOKEN_HEADER + text_len + SEALED_TOKEN_TAG);
    wipe_free(bytes, SEALED_TOKEN_MAX);
    return sealed;
}

/* ---- opening ---- */

static uint64_t take_number(const unsigned char **in, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | *(*in)++;
    return number;
}

/* Type and value, in `len` bytes. */
static const char *read_words(struct sealed_token *keep, const char *words, size_t type_len,
                              size_t len)
{
    if (type_len > TOKEN_TYPE_MAX || type_len > len || !text_is_token(words, type_len))
        return "it is of a token type that is not valid";
    const char *value = words + type_len;
    const size_t value_len = len - type_len;
    if (value_len > TOKEN_VALUE_MAX || !text_is_visible(value, value_len))
        return "it is not a token that a header can carry";
    keep->type = secret_new(words, type_len);
    keep->value = secret_new(value, value_len);
    keep->grant.type = secret_text(keep->type);
    keep->grant.value = secret_text(keep->value);
    return NULL;
}

const char *sealed_token_read(struct sealed_token *keep, const void *text, size_t len,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now)
{
    const unsigned char *in = text;
    const unsigned char *end = in + len;

    *keep = (struct sealed_token){.type = NULL};
    if (len < SEALED_TOKEN_FACTS)
        return "it is cut short or too long";
    if (memcmp(in, boot, SEALED_TOKEN_BOOT) != 0)
        return "it is from before the machine was started";
    in += SEALED_TOKEN_BOOT;
    keep->requested.ns = (int64_t)take_number(&in, 8);
    keep->grant.lifetime = (int64_t)take_number(&in, 8);
    size_t type_len = (size_t)take_number(&in, 2);
    if (keep->requested.ns < 0 || mono_before(now, keep->requested) || keep->grant.lifetime <= 0 ||
        keep->grant.lifetime > TOKEN_LIFETIME_MAX)
        return "it is of a time that is not possible";
    return read_words(keep, (const char *)in, type_len, (size_t)(end - in));
}

/* False when the tag does not authenticate header and text. */
static bool decrypt(const struct sealed_token_owner *owner, const unsigned char *bytes,
                    unsigned char *text, size_t text_len)
{
    EVP_CIPHER_CTX *cipher = cipher_new(owner, bytes, 0);
    unsigned char tag[SEALED_TOKEN_TAG];
    int len, rest;

    memcpy(tag, bytes + SEALED_TOKEN_HEADER + text_len, SEALED_TOKEN_TAG);
    MUST(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, SEALED_TOKEN_TAG, tag) == 1);
    bool good =
        EVP_CipherUpdate(cipher, text, &len, bytes + SEALED_TOKEN_HEADER, (int)text_len) == 1 &&
        EVP_CipherFinal_ex(cipher, text + len, &rest) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

const char *sealed_token_open(struct sealed_token *keep, const void *bytes, size_t len,
                              const struct sealed_token_owner *owner,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now)
{
    *keep = (struct sealed_token){.type = NULL};
    if (len < MARK_LEN + 1 || memcmp(bytes, MARK, MARK_LEN) != 0)
        return "it is not a sealed token";
    const unsigned char version = ((const unsigned char *)bytes)[MARK_LEN];
    if (version != SEALED_TOKEN_VERSION && version != SEALED_TOKEN_NAMELESS)
        return "it is of another version";
    if (version == SEALED_TOKEN_NAMELESS && !owner->first)
        return "it is of before there were several upstreams, and the first one's";
    if (len < SEALED_TOKEN_MIN || len > SEALED_TOKEN_MAX)
        return "it is cut short or too long";

    const size_t text_len = len - SEALED_TOKEN_HEADER - SEALED_TOKEN_TAG;
    unsigned char *text = mem_zalloc(text_len);
    const char *fault = decrypt(owner, bytes, text, text_len)
                            ? sealed_token_read(keep, text, text_len, boot, now)
                            : "it is damaged, or belongs to other credentials";
    wipe_free(text, text_len);
    return fault;
}

void sealed_token_fini(struct sealed_token *keep)
{
    secret_unref(keep->type);
    secret_unref(keep->value);
    *keep = (struct sealed_token){.type = NULL};
}
