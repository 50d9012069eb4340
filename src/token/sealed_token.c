/*
 * Whatever the descriptor held goes through here before anything believes it. The form is looked at
 * first, then the tag; only what the tag vouches for is read, and even that is looked at as if it
 * had not been us who wrote it, for the bounds that hold elsewhere (what a header can carry) must
 * hold for a token that comes this way too.
 */
#include "token/sealed_token.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

#define MARK "postcodT"
#define KEY_LABEL "postcoded kept token 1"

static struct seal seal_of(const struct sealed_token_owner *owner, unsigned char version)
{
    return (struct seal){
        .mark = MARK,
        .version = version,
        .label = KEY_LABEL,
        .key = owner->key,
        .bound = version != SEALED_TOKEN_NAMELESS ? owner->name : NULL,
    };
}

/* ---- sealing ---- */

static unsigned char *put_number(unsigned char *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
    return out + bytes;
}

struct token_grant sealed_grant_of(const struct token *token, char type[TOKEN_TYPE_MAX + 1])
{
    const char *authorization = token_authorization(token);
    const size_t type_len = strcspn(authorization, " ");

    snprintf(type, TOKEN_TYPE_MAX + 1, "%.*s", (int)type_len, authorization);
    return (struct token_grant){
        .type = type, .value = authorization + type_len + 1, .lifetime = token_lifetime(token)};
}

size_t sealed_grant_put(unsigned char *out, const struct token_grant *grant)
{
    const unsigned char *begin = out;
    const size_t type_len = strlen(grant->type);

    MUST(type_len <= TOKEN_TYPE_MAX && strlen(grant->value) <= TOKEN_VALUE_MAX);
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
    const struct seal seal = seal_of(owner, SEALED_TOKEN_VERSION);
    unsigned char *text = mem_alloc(SEALED_TOKEN_MAX);
    unsigned char *out = mempcpy(text, moment->boot, SEALED_TOKEN_BOOT);

    out = put_number(out, (uint64_t)moment->requested.ns, 8);
    out += sealed_grant_put(out, grant);
    struct secret *sealed = seal_close(&seal, text, (size_t)(out - text));
    wipe_free(text, SEALED_TOKEN_MAX);
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

#define NO_SUCH_TIME "it is of a time that is not possible"
#define NO_SUCH_LENGTH "it is cut short or too long"

const char *sealed_grant_read(struct sealed_token *keep, const void *text, size_t len)
{
    const unsigned char *in = text;

    if (len < SEALED_GRANT_FACTS)
        return NO_SUCH_LENGTH;
    keep->grant.lifetime = (int64_t)take_number(&in, 8);
    const size_t type_len = (size_t)take_number(&in, 2);
    if (keep->grant.lifetime <= 0 || keep->grant.lifetime > TOKEN_LIFETIME_MAX)
        return NO_SUCH_TIME;
    return read_words(keep, (const char *)in, type_len, len - SEALED_GRANT_FACTS);
}

const char *sealed_token_read(struct sealed_token *keep, const void *text, size_t len,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now)
{
    const unsigned char *in = text;

    *keep = (struct sealed_token){.type = NULL};
    if (len < SEALED_TOKEN_FACTS)
        return NO_SUCH_LENGTH;
    if (memcmp(in, boot, SEALED_TOKEN_BOOT) != 0)
        return "it is from before the machine was started";
    in += SEALED_TOKEN_BOOT;
    keep->requested.ns = (int64_t)take_number(&in, 8);
    if (keep->requested.ns < 0 || mono_before(now, keep->requested))
        return NO_SUCH_TIME;
    return sealed_grant_read(keep, in, len - SEALED_TOKEN_BOOT - 8);
}

const char *sealed_token_open(struct sealed_token *keep, const void *bytes, size_t len,
                              const struct sealed_token_owner *owner,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now)
{
    unsigned char version;

    *keep = (struct sealed_token){.type = NULL};
    if (!seal_has_mark(bytes, len, MARK, &version))
        return "it is not a sealed token";
    if (version != SEALED_TOKEN_VERSION && version != SEALED_TOKEN_NAMELESS)
        return "it is of another version";
    if (version == SEALED_TOKEN_NAMELESS && !owner->first)
        return "it is of before there were several upstreams, and the first one's";
    if (len < SEALED_TOKEN_MIN || len > SEALED_TOKEN_MAX)
        return NO_SUCH_LENGTH;

    const struct seal seal = seal_of(owner, version);
    const size_t text_len = len - SEAL_HEADER - SEAL_TAG;
    unsigned char *text = mem_zalloc(text_len);
    const char *fault = seal_open(&seal, bytes, len, text)
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
