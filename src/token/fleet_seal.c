/*
 * The id is a derived key as well, under a label of its own and cut to half: from it nobody comes
 * to the other. key_file is no part of it, so that members which were given different ones meet in
 * the store, cannot open each other's tokens, and say so.
 */
#include "token/fleet_seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "token/credentials.h"

#define MARK "postcodF"
#define VERSION 1
#define ID_LABEL "postcoded fleet id 1"
#define KEY_LABEL "postcoded fleet key 1"
#define TOKEN_LABEL "postcoded fleet token 1"
/* The id, and a generation in decimal. */
#define BOUND (FLEET_ID + 20)

void fleet_seal_id(const struct config_upstream *upstream, size_t which, char out[FLEET_ID])
{
    struct secret *key = credentials_key(upstream, which);
    unsigned char derived[CREDENTIALS_KEY];

    credentials_derive(secret_bytes(key), secret_len(key), NULL, 0, ID_LABEL, strlen(ID_LABEL),
                       derived);
    for (size_t i = 0; i < FLEET_ID / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", derived[i]);
    wipe(derived, sizeof(derived));
    secret_unref(key);
}

struct secret *fleet_seal_key(const struct config_upstream *upstream, size_t which,
                              const struct secret *key_file)
{
    struct secret *key = credentials_key(upstream, which);
    unsigned char mixed[CREDENTIALS_KEY];

    if (key_file == NULL)
        return key;
    credentials_derive(secret_bytes(key), secret_len(key), secret_bytes(key_file),
                       secret_len(key_file), KEY_LABEL, strlen(KEY_LABEL), mixed);
    struct secret *made = secret_new(mixed, sizeof(mixed));
    wipe(mixed, sizeof(mixed));
    secret_unref(key);
    return made;
}

static struct seal seal_of(const struct secret *key, const char *id, uint64_t generation,
                           char bound[BOUND])
{
    snprintf(bound, BOUND, "%s%" PRIu64, id, generation);
    return (struct seal){
        .mark = MARK, .version = VERSION, .label = TOKEN_LABEL, .key = key, .bound = bound};
}

struct secret *fleet_seal(const struct secret *key, const struct token *token, const char *id,
                          uint64_t generation)
{
    char type[TOKEN_TYPE_MAX + 1], bound[BOUND];
    const struct token_grant grant = sealed_grant_of(token, type);
    const struct seal seal = seal_of(key, id, generation, bound);
    unsigned char *text = mem_alloc(SEALED_GRANT_MAX);
    struct secret *sealed = seal_close(&seal, text, sealed_grant_put(text, &grant));

    wipe_free(text, SEALED_GRANT_MAX);
    return sealed;
}

bool fleet_open(struct sealed_token *out, const void *bytes, size_t len, const struct secret *key,
                const char *id, uint64_t generation)
{
    char bound[BOUND];
    const struct seal seal = seal_of(key, id, generation, bound);
    unsigned char version;

    *out = (struct sealed_token){.type = NULL};
    if (!seal_has_mark(bytes, len, MARK, &version) || version != VERSION || len < FLEET_SEAL_MIN ||
        len > FLEET_SEAL_MAX)
        return false;
    const size_t text_len = len - SEAL_HEADER - SEAL_TAG;
    unsigned char *text = mem_zalloc(text_len);
    const bool good =
        seal_open(&seal, bytes, len, text) && sealed_grant_read(out, text, text_len) == NULL;
    wipe_free(text, text_len);
    return good;
}
