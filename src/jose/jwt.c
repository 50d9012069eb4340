/*
 * Identities: the claims are looked at only once the signature holds, and what is made for callers
 * is held against the same rules before it is signed.
 */
#include "jose/jwt.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "jose/claims.h"
#include "jose/jws.h"

const char *jwt_result_text(enum jwt_result result)
{
    static const char *const texts[] = {
#define JWT_TEXT(name, reason, text) text,
        JWT_TABLE(JWT_TEXT)
#undef JWT_TEXT
    };

    MUST((size_t)result < ARRAY_LEN(texts));
    return texts[result];
}

enum identity_reason jwt_result_reason(enum jwt_result result)
{
    static const enum identity_reason reasons[] = {
#define JWT_REASON(name, reason, text) reason,
        JWT_TABLE(JWT_REASON)
#undef JWT_REASON
    };

    MUST((size_t)result < ARRAY_LEN(reasons));
    return reasons[result];
}

const char *identity_reason_text(enum identity_reason reason)
{
    static const char *const texts[] = {
#define REASON_TEXT(reason, text) text,
        IDENTITY_REASONS(REASON_TEXT)
#undef REASON_TEXT
    };

    MUST((size_t)reason < ARRAY_LEN(texts));
    return texts[reason];
}

enum jwt_result jwt_verify(const struct jwt_keys *keys, const struct jwt_rules *rules,
                           const char *token, size_t len, struct wall_time now,
                           char user[JWT_USER_MAX + 1], struct wall_time *expires)
{
    struct octets payload;
    struct claims_result claims;
    enum jwt_result result = jws_open(keys, token, len, &payload);

    if (result != JWT_OK)
        return result;
    result = claims_check((const char *)payload.bytes, payload.len, rules, now, &claims);
    if (result == JWT_OK || result == JWT_FORBIDDEN)
        memcpy(user, claims.user, sizeof(claims.user));
    if (result == JWT_OK)
        *expires = claims.expires;
    octets_fini(&payload);
    return result;
}

static const struct jose_key *first_that_signs(const struct jwt_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].signs)
            return &keys->items[i];
    }
    return NULL;
}

/* Sets a member unless it is there. */
static void put_member(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name) == NULL)
        json_object_set(object, name, value);
    json_decref(value);
}

/* The same, the objects on the way to it included. */
static void put_claim(json_t *claims, const struct jwt_claim *claim, const char *value)
{
    const char *name = claim->name;
    json_t *at = claims;

    if (claim->pointer != NULL) {
        const size_t last = claim->pointer->count - 1;
        for (size_t i = 0; i < last; i++) {
            put_member(at, claim->pointer->tokens[i].name, json_object());
            at = json_object_get(at, claim->pointer->tokens[i].name);
        }
        name = claim->pointer->tokens[last].name;
    }
    put_member(at, name, json_string(value));
}

/* NULL when iss or aud is not UTF-8. */
static json_t *mint_claims(const struct jwt_rules *rules, const char *user, int64_t iat,
                           int64_t exp)
{
    const char *aud = rules->audiences != NULL ? rules->audiences[0] : NULL;
    json_t *claims = json_pack("{s:s, s:I, s:I, s:s*, s:s*}", "sub", user, "iat", (json_int_t)iat,
                               "exp", (json_int_t)exp, "iss", rules->issuer, "aud", aud);

    if (claims == NULL)
        return NULL;
    if (rules->user.name != NULL)
        put_claim(claims, &rules->user, user);
    for (size_t i = 0; i < rules->requirement_count; i++)
        put_claim(claims, &rules->requirements[i].claim, rules->requirements[i].value);
    return claims;
}

static char *mint_failed(struct reason *reason, const char *why)
{
    reason_set(reason, "%s", why);
    return NULL;
}

/* NULL with the reason where the claims would not be accepted under the same rules. */
static char *mint_checked(char *text, const struct jwt_rules *rules, struct wall_time now,
                          struct reason *reason)
{
    struct claims_result claims;
    enum jwt_result result = claims_check(text, strlen(text), rules, now, &claims);

    if (result == JWT_OK)
        return text;
    free(text);
    if (result == JWT_FORBIDDEN)
        reason_set(reason,
                   "[identity] require.%s = %s cannot be met beside the other claims of this "
                   "identity; have the issuer make it",
                   claims.unmet->claim.name, claims.unmet->value);
    else
        reason_set(reason, "the identity would be rejected: %s", jwt_result_text(result));
    return NULL;
}

/* The claims as JSON text, jansson's to free, or NULL with the reason. */
static char *mint_text(const struct jwt_rules *rules, const char *user, int64_t ttl,
                       struct wall_time now, struct reason *reason)
{
    int64_t iat = now.ns / SECOND, exp;

    if (__builtin_add_overflow(iat, ttl / SECOND, &exp))
        exp = INT64_MAX;
    json_t *claims = mint_claims(rules, user, iat, exp);
    if (claims == NULL)
        return mint_failed(reason, "issuer or audience is not UTF-8; it should be");
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    MEM_MUST(text != NULL);
    return mint_checked(text, rules, now, reason);
}

char *jwt_mint(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *user,
               int64_t ttl, struct wall_time now, struct reason *reason)
{
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    reason->text[0] = '\0';
    if (!user_is_valid(user, strlen(user)))
        return mint_failed(reason, "a user is 1 to 128 printable ASCII characters, the first and "
                                   "last not a space");
    if (rules->max_lifetime > 0 && ttl > rules->max_lifetime)
        return mint_failed(reason, "the lifetime is over [identity] max_lifetime; make it shorter");
    if (ttl < SECOND)
        return mint_failed(reason, "a lifetime is one second or more");
    const struct jose_key *key = first_that_signs(keys);
    if (key == NULL)
        return mint_failed(reason, "no key in the file can sign; one should be oct, or have its "
                                   "private half (d), and key_ops, if any, with \"sign\"");

    char *claims = mint_text(rules, user, ttl, now, reason);
    if (claims == NULL)
        return NULL;
    char *token = jws_sign(key, claims, strlen(claims));
    free(claims);
    if (token == NULL)
        return mint_failed(reason, "the key failed to sign");
    if (strlen(token) <= JWT_TOKEN_MAX)
        return token;
    wipe_free_text(token);
    return mint_failed(reason, "the identity would be longer than 8 KiB; issuer and audience "
                               "should be shorter");
}
