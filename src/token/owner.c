/*
 * Keys are compared and not secrets: a key also covers the endpoint, the flow and the scope, all
 * that decides what a token is good for.
 */
#include "token/owner.h"

#include <string.h>

#include "base/check.h"
#include "token/credentials.h"

/* The key goes to the owner. Both, or neither. */
static void set(struct token_owner *owner, struct token *token, struct secret *key)
{
    token_unref(owner->token);
    secret_unref(owner->key);
    owner->token = token != NULL ? token_ref(token) : NULL;
    owner->key = key;
}

void token_owner_fini(struct token_owner *owner)
{
    token_unref(owner->token);
    secret_unref(owner->key);
    secret_unref(owner->granted);
    *owner = (struct token_owner){.token = NULL};
}

void token_owner_granted(struct token_owner *owner, const struct config_upstream *upstream,
                         size_t which)
{
    secret_unref(owner->granted);
    owner->granted = credentials_key(upstream, which);
}

bool token_owner_change(struct token_owner *owner, struct token *token)
{
    if (token == owner->token)
        return false;
    MUST(token == NULL || owner->granted != NULL);
    set(owner, token, token != NULL ? secret_ref(owner->granted) : NULL);
    return true;
}

void token_owner_restore(struct token_owner *owner, struct token *token,
                         const struct config_upstream *upstream, size_t which)
{
    set(owner, token, credentials_key(upstream, which));
}

/* ---- a reload's question ---- */

static bool find_key(const struct config_upstream *upstream, const struct secret *key,
                     size_t *which)
{
    bool found = false;
    for (size_t i = 0; i < upstream->client_secret_count && !found; i++) {
        struct secret *other = credentials_key(upstream, i);
        found = secret_equal(key, other);
        *which = i;
        secret_unref(other);
    }
    return found;
}

static bool same_keys(const struct config_upstream *before, const struct config_upstream *after)
{
    bool same = before->client_secret_count == after->client_secret_count;
    for (size_t i = 0; i < before->client_secret_count && same; i++) {
        struct secret *key = credentials_key(before, i);
        same = find_key(after, key, &(size_t){0});
        secret_unref(key);
    }
    return same;
}

bool token_owner_find(const struct token_owner *owner, const struct config_upstream *upstream,
                      size_t *which)
{
    return owner->key != NULL && find_key(upstream, owner->key, which);
}

bool token_owner_stays(const struct token_owner *owner, const struct config_upstream *before,
                       const struct config_upstream *after)
{
    if (owner->key != NULL)
        return find_key(after, owner->key, &(size_t){0});
    return same_keys(before, after);
}

/* ---- sealing ---- */

static struct sealed_token_owner sealer_of(const struct config_upstream *upstream,
                                           const struct secret *key)
{
    return (struct sealed_token_owner){
        .key = key, .name = upstream->name, .first = upstream->index == 0};
}

struct secret *token_owner_seal(const struct token_owner *owner,
                                const struct config_upstream *upstream,
                                const unsigned char boot[SEALED_TOKEN_BOOT])
{
    MUST(owner->token != NULL);
    char type[TOKEN_TYPE_MAX + 1];
    const struct token_grant grant = sealed_grant_of(owner->token, type);
    struct sealed_token_moment moment = {.requested = token_requested(owner->token)};
    memcpy(moment.boot, boot, SEALED_TOKEN_BOOT);
    const struct sealed_token_owner sealer = sealer_of(upstream, owner->key);
    return sealed_token_seal(&sealer, &grant, &moment);
}

const char *token_owner_open(struct sealed_token *out, const void *bytes, size_t len,
                             const struct config_upstream *upstream,
                             const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now,
                             size_t *which)
{
    const char *fault = "there is no secret to open it with";
    *out = (struct sealed_token){.type = NULL};
    for (size_t i = 0; i < upstream->client_secret_count && fault != NULL; i++) {
        struct secret *key = credentials_key(upstream, i);
        sealed_token_fini(out);
        const struct sealed_token_owner sealer = sealer_of(upstream, key);
        fault = sealed_token_open(out, bytes, len, &sealer, boot, now);
        secret_unref(key);
        *which = i;
    }
    return fault;
}
