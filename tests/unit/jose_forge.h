/* Tokens with any header and any claims, signed with OpenSSL's HMAC and not by the code under test.
 */
#ifndef JOSE_FORGE_H
#define JOSE_FORGE_H

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jose/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static inline struct wall_time at(double seconds)
{
    return (struct wall_time){.ns = (int64_t)(seconds * 1e9)};
}

static inline struct jwt_keys *keys_of(const char *file)
{
    struct reason reason;
    struct jwt_keys *keys;

    ck_assert_msg(jwt_keys_new(file, strlen(file), &reason, &keys) == ERR_OK, "%s", reason.text);
    return keys;
}

/* Base64url, with OpenSSL's base64 and not by the code under test. */
static inline char *encoded(const void *bytes, size_t len)
{
    char *text = mem_zalloc(len / 3 * 4 + 8);

    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    text[strcspn(text, "=")] = '\0';
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return text;
}

/* header.payload.HMAC-SHA256 under `secret`. */
static inline char *forge_bytes(const char *header, const char *payload, size_t payload_len,
                                const char *secret, size_t secret_len)
{
    unsigned char mac[32];
    char *head = encoded(header, strlen(header));
    char *body = encoded(payload, payload_len);
    char *input = mem_printf("%s.%s", head, body);

    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), secret, (int)secret_len, (const unsigned char *)input,
                               strlen(input), mac, NULL));
    char *tail = encoded(mac, sizeof(mac));
    char *token = mem_printf("%s.%s", input, tail);
    free(head);
    free(body);
    free(tail);
    mem_free(input);
    return token;
}

static inline char *forge(const char *header, const char *payload)
{
    return forge_bytes(header, payload, strlen(payload), SECRET, strlen(SECRET));
}

#endif
