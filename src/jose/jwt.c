/*
 * The claims of an identity (RFC 7519, section 4.1), looked at only once the signature holds, and
 * the making of tokens for callers.
 *
 * NumericDates may have fractions and any size. They become nanoseconds that stop at the ends of
 * their type, so that no claim can turn the far future into the past.
 */
#include "jose/jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
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

bool user_is_valid(const char *user, size_t len)
{
    return len >= 1 && len <= JWT_USER_MAX && text_is_all(user, len, TEXT_PRINTABLE);
}

static int64_t add_capped(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

/* A NumericDate in nanoseconds; false when it is no number. */
static bool numeric_date(const json_t *value, int64_t *ns)
{
    if (json_is_integer(value)) {
        json_int_t seconds = json_integer_value(value);
        if (__builtin_mul_overflow((int64_t)seconds, SECOND, ns))
            *ns = seconds > 0 ? INT64_MAX : INT64_MIN;
        return true;
    }
    if (!json_is_real(value))
        return false;
    double nanoseconds = json_real_value(value) * (double)SECOND;
    if (nanoseconds >= (double)INT64_MAX)
        *ns = INT64_MAX;
    else if (nanoseconds <= (double)INT64_MIN)
        *ns = INT64_MIN;
    else
        *ns = (int64_t)nanoseconds;
    return true;
}

static enum jwt_result check_times(const json_t *claims, const struct jwt_rules *rules,
                                   struct wall_time now, struct wall_time *expires)
{
    const json_t *nbf = json_object_get(claims, "nbf");
    int64_t leeway = rules->leeway;
    int64_t exp_ns, nbf_ns;

    if (!numeric_date(json_object_get(claims, "exp"), &exp_ns))
        return JWT_MALFORMED;
    expires->ns = add_capped(exp_ns, leeway);
    if (now.ns >= expires->ns)
        return JWT_EXPIRED;
    if (nbf != NULL && !numeric_date(nbf, &nbf_ns))
        return JWT_MALFORMED;
    if (nbf != NULL && now.ns < add_capped(nbf_ns, -leeway))
        return JWT_NOT_YET;
    if (rules->max_lifetime > 0 &&
        exp_ns > add_capped(add_capped(now.ns, rules->max_lifetime), leeway))
        return JWT_LIFETIME;
    return JWT_OK;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* One string, or an array that holds it (RFC 7519, section 4.1.3). */
static bool audience_holds(const json_t *aud, const char *audience)
{
    for (size_t i = 0; i < json_array_size(aud); i++) {
        if (is_text(json_array_get(aud, i), audience))
            return true;
    }
    return is_text(aud, audience);
}

static bool audience_fits(const json_t *aud, const char *const *audiences)
{
    for (; *audiences != NULL; audiences++) {
        if (audience_holds(aud, *audiences))
            return true;
    }
    return false;
}

/* NULL where there is none. */
static const json_t *follow(const json_t *claims, const struct json_pointer *pointer)
{
    const json_t *at = claims;

    for (size_t i = 0; i < pointer->count && at != NULL; i++) {
        const struct json_pointer_token *token = &pointer->tokens[i];
        at =
            json_is_array(at) ? json_array_get(at, token->index) : json_object_get(at, token->name);
    }
    return at;
}

static const json_t *claim_of(const json_t *claims, const struct jwt_claim *claim)
{
    return claim->pointer != NULL ? follow(claims, claim->pointer)
                                  : json_object_get(claims, claim->name);
}

static const json_t *user_of(const json_t *claims, const struct jwt_rules *rules)
{
    return rules->user.name != NULL ? claim_of(claims, &rules->user)
                                    : json_object_get(claims, "sub");
}

static enum jwt_result check_parties(const json_t *claims, const struct jwt_rules *rules)
{
    const json_t *user = user_of(claims, rules);

    if (rules->issuer != NULL && !is_text(json_object_get(claims, "iss"), rules->issuer))
        return JWT_ISSUER;
    if (rules->audiences != NULL &&
        !audience_fits(json_object_get(claims, "aud"), rules->audiences))
        return JWT_AUDIENCE;
    if (!json_is_string(user) || !user_is_valid(json_string_value(user), json_string_length(user)))
        return JWT_USER;
    return JWT_OK;
}

/* One of the words of a list with spaces between them. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (*list != '\0') {
        size_t found = strcspn(list, " ");
        if (found == len && memcmp(list, word, len) == 0)
            return true;
        list += found + strspn(list + found, " ");
    }
    return false;
}

static bool is_scope(const struct jwt_claim *claim)
{
    const struct json_pointer *pointer = claim->pointer;
    const char *name = pointer != NULL ? pointer->tokens[pointer->count - 1].name : claim->name;

    return strcmp(name, "scope") == 0 || strcmp(name, "scp") == 0;
}

/* A string, or what is written as `value` in JSON. */
static bool is_value(const json_t *found, const char *value)
{
    char number[32];

    if (json_is_boolean(found))
        return strcmp(json_is_true(found) ? "true" : "false", value) == 0;
    if (!json_is_integer(found))
        return is_text(found, value);
    snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(found));
    return strcmp(number, value) == 0;
}

static bool is_met(const json_t *claims, const struct jwt_requirement *requirement)
{
    const json_t *found = claim_of(claims, &requirement->claim);

    for (size_t i = 0; i < json_array_size(found); i++) {
        if (is_value(json_array_get(found, i), requirement->value))
            return true;
    }
    if (json_is_string(found) && is_scope(&requirement->claim) &&
        has_word(json_string_value(found), requirement->value))
        return true;
    return is_value(found, requirement->value);
}

static enum jwt_result check_requirements(const json_t *claims, const struct jwt_rules *rules)
{
    for (size_t i = 0; i < rules->requirement_count; i++) {
        if (!is_met(claims, &rules->requirements[i]))
            return JWT_FORBIDDEN;
    }
    return JWT_OK;
}

/* In this order: all that makes an identity bad comes before what a good one lacks. */
static enum jwt_result check_claims(const json_t *claims, const struct jwt_rules *rules,
                                    struct wall_time now, struct wall_time *expires)
{
    enum jwt_result result = json_is_object(claims) ? JWT_OK : JWT_MALFORMED;

    if (result == JWT_OK)
        result = check_times(claims, rules, now, expires);
    if (result == JWT_OK)
        result = check_parties(claims, rules);
    if (result == JWT_OK)
        result = check_requirements(claims, rules);
    return result;
}

enum jwt_result jwt_verify(const struct jwt_keys *keys, const struct jwt_rules *rules,
                           const char *token, size_t len, struct wall_time now,
                           char user[JWT_USER_MAX + 1], struct wall_time *expires)
{
    struct octets payload;
    struct wall_time until;
    json_t *claims = NULL;
    enum jwt_result result = jws_open(keys, token, len, &payload);

    if (result != JWT_OK)
        return result;
    claims = json_loadb((const char *)payload.bytes, payload.len, JSON_REJECT_DUPLICATES, NULL);
    result = check_claims(claims, rules, now, &until);
    if (result == JWT_OK || result == JWT_FORBIDDEN) {
        const json_t *found = user_of(claims, rules);
        memcpy(user, json_string_value(found), json_string_length(found) + 1);
    }
    if (result == JWT_OK)
        *expires = until;
    json_decref(claims);
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

/* The requirement that a good identity would not meet: it names what another key decides. */
static char *mint_unmet(struct reason *reason, const json_t *claims, const struct jwt_rules *rules)
{
    const struct jwt_requirement *unmet = rules->requirements;

    while (is_met(claims, unmet))
        unmet++;
    reason_set(reason,
               "[identity] require.%s = %s cannot be met beside the other claims of this identity; "
               "have the issuer make it",
               unmet->claim.name, unmet->value);
    return NULL;
}

/*
 * The claims as JSON text, jansson's to free; NULL with the reason where they would not be accepted
 * under the same rules.
 */
static char *mint_text(const struct jwt_rules *rules, const char *user, int64_t ttl,
                       struct wall_time now, struct reason *reason)
{
    int64_t iat = now.ns / SECOND;
    json_t *claims = mint_claims(rules, user, iat, add_capped(iat, ttl / SECOND));
    struct wall_time expires;
    char *text = NULL;

    if (claims == NULL)
        return mint_failed(reason, "issuer or audience is not UTF-8; it should be");
    enum jwt_result result = check_claims(claims, rules, now, &expires);
    if (result == JWT_OK)
        text = json_dumps(claims, JSON_COMPACT);
    else if (result == JWT_FORBIDDEN)
        text = mint_unmet(reason, claims, rules);
    else
        reason_set(reason, "the identity would be rejected: %s", jwt_result_text(result));
    json_decref(claims);
    return text;
}

char *jwt_mint(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *user,
               int64_t ttl, struct wall_time now, struct reason *reason)
{
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    reason->text[0] = '\0';
    if (!user_is_valid(user, strlen(user)))
        return mint_failed(reason, "a user is 1 to 128 printable ASCII characters");
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
