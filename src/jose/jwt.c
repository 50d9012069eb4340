/*
 * The claims of an identity (RFC 7519, section 4.1), looked at only once the signature holds, and
 * the making of tokens for callers.
 *
 * NumericDates may have fractions and any size. They become nanoseconds that stop at the ends of
 * their type, so that no claim can turn the far future into the past.
 */
#include "jose/jwt.h"

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

static enum jwt_result check_times(const json_t *claims, int64_t leeway, struct wall_time now,
                                   struct wall_time *expires)
{
    const json_t *nbf = json_object_get(claims, "nbf");
    int64_t exp_ns, nbf_ns;

    if (!numeric_date(json_object_get(claims, "exp"), &exp_ns))
        return JWT_MALFORMED;
    expires->ns = add_capped(exp_ns, leeway);
    if (now.ns >= expires->ns)
        return JWT_EXPIRED;
    if (nbf == NULL)
        return JWT_OK;
    if (!numeric_date(nbf, &nbf_ns))
        return JWT_MALFORMED;
    return now.ns < add_capped(nbf_ns, -leeway) ? JWT_NOT_YET : JWT_OK;
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

static enum jwt_result check_parties(const json_t *claims, const struct jwt_rules *rules)
{
    const json_t *sub = json_object_get(claims, "sub");

    if (rules->issuer != NULL && !is_text(json_object_get(claims, "iss"), rules->issuer))
        return JWT_ISSUER;
    if (rules->audience != NULL && !audience_holds(json_object_get(claims, "aud"), rules->audience))
        return JWT_AUDIENCE;
    if (!json_is_string(sub) || !user_is_valid(json_string_value(sub), json_string_length(sub)))
        return JWT_SUBJECT;
    return JWT_OK;
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
    result = json_is_object(claims) ? JWT_OK : JWT_MALFORMED;
    if (result == JWT_OK)
        result = check_times(claims, rules->leeway, now, &until);
    if (result == JWT_OK)
        result = check_parties(claims, rules);
    if (result == JWT_OK) {
        const json_t *sub = json_object_get(claims, "sub");
        memcpy(user, json_string_value(sub), json_string_length(sub) + 1);
        *expires = until;
    }
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

/* The claims as JSON text, jansson's to free; NULL when iss or aud is not UTF-8. */
static char *mint_claims(const struct jwt_rules *rules, const char *user, int64_t iat, int64_t exp)
{
    json_t *claims =
        json_pack("{s:s, s:I, s:I, s:s*, s:s*}", "sub", user, "iat", (json_int_t)iat, "exp",
                  (json_int_t)exp, "iss", rules->issuer, "aud", rules->audience);
    char *text = claims != NULL ? json_dumps(claims, JSON_COMPACT) : NULL;

    json_decref(claims);
    return text;
}

static char *mint_failed(struct reason *reason, const char *why)
{
    reason_set(reason, "%s", why);
    return NULL;
}

char *jwt_mint(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *user,
               int64_t ttl, struct wall_time now, struct reason *reason)
{
    int64_t iat = now.ns / SECOND;

    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    reason->text[0] = '\0';
    if (!user_is_valid(user, strlen(user)))
        return mint_failed(reason, "a user is 1 to 128 printable ASCII characters");
    if (ttl < SECOND)
        return mint_failed(reason, "a lifetime is one second or more");
    const struct jose_key *key = first_that_signs(keys);
    if (key == NULL)
        return mint_failed(reason, "no key in the file can sign; one should be oct, or have its "
                                   "private half (d), and key_ops, if any, with \"sign\"");

    char *claims = mint_claims(rules, user, iat, add_capped(iat, ttl / SECOND));
    if (claims == NULL)
        return mint_failed(reason, "issuer or audience is not UTF-8; it should be");
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
