/*
 * The claims of an identity (RFC 7519, section 4.1), found by a scan without a tree: a tree would
 * cost as much as a fifth of the signature's check. A name that stands twice anywhere makes the
 * token malformed, for the reader that takes the first and the reader that takes the last would
 * otherwise see two identities.
 *
 * NumericDates may have fractions and any size. They become nanoseconds that stop at the ends of
 * their type, so that no claim can turn the far future into the past.
 */
#include "jose/claims.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/text.h"

/* Values. */

/* A field's value loses the spaces at its ends, and so would name another user upstream. */
bool user_is_valid(const char *user, size_t len)
{
    return len >= 1 && len <= JWT_USER_MAX && text_is_all(user, len, TEXT_PRINTABLE) &&
           user[0] != ' ' && user[len - 1] != ' ';
}

static bool is_type(const struct json_value *value, enum json_value_type type)
{
    return value != NULL && value->type == type;
}

/* Calls `fits` with what the string stands for. Most have no escape, and are looked at in place. */
static bool string_fits(const struct json_value *value,
                        bool (*fits)(const char *text, size_t len, const char *arg),
                        const char *arg)
{
    struct buf text;

    if (!is_type(value, JSON_VALUE_STRING))
        return false;
    if (memchr(value->text, '\\', value->len) == NULL)
        return fits(value->text + 1, value->len - 2, arg);
    buf_init(&text, JWT_TOKEN_MAX);
    MEM_MUST(json_value_string(value, &text) == ERR_OK);
    bool fit = fits(buf_text(&text), text.len, arg);
    buf_fini(&text);
    return fit;
}

static bool equals(const char *text, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

static bool is_text(const struct json_value *value, const char *text)
{
    return string_fits(value, equals, text);
}

/* Whether `fits` holds for the value or, where it is an array, for one of its elements. */
static bool any_fits(const struct json_value *value,
                     bool (*fits)(const struct json_value *value, const char *arg), const char *arg)
{
    struct json_value_items items;
    struct json_value_item item;

    if (value == NULL)
        return false;
    if (value->type != JSON_VALUE_ARRAY)
        return fits(value, arg);
    json_value_items_init(&items, value);
    while (json_value_items_next(&items, &item)) {
        if (fits(&item.value, arg))
            return true;
    }
    return false;
}

/*
 * A NumericDate in nanoseconds; false when it is no number, or one beyond its type. The text of the
 * number ends where the number does: something of the payload, or its NUL, stands behind it.
 */
static bool numeric_date(const struct json_value *value, int64_t *ns)
{
    if (!is_type(value, JSON_VALUE_NUMBER))
        return false;
    if (memchr(value->text, '.', value->len) == NULL &&
        memchr(value->text, 'e', value->len) == NULL &&
        memchr(value->text, 'E', value->len) == NULL) {
        errno = 0;
        long long seconds = strtoll(value->text, NULL, 10);
        if (__builtin_mul_overflow((int64_t)seconds, SECOND, ns))
            *ns = seconds > 0 ? INT64_MAX : INT64_MIN;
        return errno == 0;
    }
    double seconds = strtod(value->text, NULL);
    if (isinf(seconds))
        return false;
    double nanoseconds = seconds * (double)SECOND;
    if (nanoseconds >= (double)INT64_MAX)
        *ns = INT64_MAX;
    else if (nanoseconds <= (double)INT64_MIN)
        *ns = INT64_MIN;
    else
        *ns = (int64_t)nanoseconds;
    return true;
}

/* Finding claims. */

/* A claim without a pointer of its own is the member of its name, whatever is in the name. */
struct member {
    struct json_pointer_token token;
    struct json_pointer pointer;
};

static const struct json_pointer *pointer_to(const struct jwt_claim *claim, struct member *member)
{
    if (claim->pointer != NULL)
        return claim->pointer;
    member->token = (struct json_pointer_token){
        .name = claim->name, .len = strlen(claim->name), .index = JSON_POINTER_NO_INDEX};
    member->pointer =
        (struct json_pointer){.text = claim->name, .count = 1, .tokens = &member->token};
    return &member->pointer;
}

/* Finds `count` claims, a few at most; one that is not there has no value (NULL). */
struct found_claims {
    struct json_scan_result results[JSON_SCAN_POINTERS_MAX];
    const struct json_value *values[JSON_SCAN_POINTERS_MAX];
};

static bool find(const char *json, size_t len, const struct jwt_claim *claims, size_t count,
                 struct found_claims *found)
{
    struct member members[JSON_SCAN_POINTERS_MAX];
    const struct json_pointer *pointers[JSON_SCAN_POINTERS_MAX];
    struct reason reason;

    MUST(count <= JSON_SCAN_POINTERS_MAX);
    for (size_t i = 0; i < count; i++)
        pointers[i] = pointer_to(&claims[i], &members[i]);
    if (json_scan(json, len, pointers, count, found->results, &reason) != ERR_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        found->values[i] =
            found->results[i].kind == JSON_SCAN_VALUE ? &found->results[i].value : NULL;
    return true;
}

/* What every identity is asked for, in the order of their values. */
enum { CLAIM_EXP, CLAIM_NBF, CLAIM_ISS, CLAIM_AUD, CLAIM_USER, CLAIMS };

_Static_assert(CLAIMS <= JSON_SCAN_POINTERS_MAX, "one scan finds them");

static bool find_registered(const char *json, size_t len, const struct jwt_rules *rules,
                            struct found_claims *found)
{
    const struct jwt_claim claims[CLAIMS] = {
        [CLAIM_EXP] = {.name = "exp"},
        [CLAIM_NBF] = {.name = "nbf"},
        [CLAIM_ISS] = {.name = "iss"},
        [CLAIM_AUD] = {.name = "aud"},
        [CLAIM_USER] = rules->user.name != NULL ? rules->user : (struct jwt_claim){.name = "sub"},
    };

    return find(json, len, claims, CLAIMS, found);
}

/* The checks. */

static int64_t add_capped(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

static enum jwt_result check_times(const struct found_claims *found, const struct jwt_rules *rules,
                                   struct wall_time now, struct wall_time *expires)
{
    const struct json_value *nbf = found->values[CLAIM_NBF];
    int64_t leeway = rules->leeway;
    int64_t exp_ns, nbf_ns;

    if (!numeric_date(found->values[CLAIM_EXP], &exp_ns))
        return JWT_DATE;
    expires->ns = add_capped(exp_ns, leeway);
    if (now.ns >= expires->ns)
        return JWT_EXPIRED;
    if (nbf != NULL && !numeric_date(nbf, &nbf_ns))
        return JWT_DATE;
    if (nbf != NULL && now.ns < add_capped(nbf_ns, -leeway))
        return JWT_NOT_YET;
    if (rules->max_lifetime > 0 &&
        exp_ns > add_capped(add_capped(now.ns, rules->max_lifetime), leeway))
        return JWT_LIFETIME;
    return JWT_OK;
}

/* One string, or an array that holds it (RFC 7519, section 4.1.3). */
static bool audience_fits(const struct json_value *aud, const char *const *audiences)
{
    for (; *audiences != NULL; audiences++) {
        if (any_fits(aud, is_text, *audiences))
            return true;
    }
    return false;
}

/* Copies a name that may be a user to `user`, which has room for it. */
static bool take_user(const struct json_value *value, char user[JWT_USER_MAX + 1])
{
    struct buf text;

    if (!is_type(value, JSON_VALUE_STRING))
        return false;
    buf_init(&text, JWT_TOKEN_MAX);
    MEM_MUST(json_value_string(value, &text) == ERR_OK);
    bool valid = user_is_valid(buf_text(&text), text.len);
    if (valid)
        memcpy(user, buf_text(&text), text.len + 1);
    buf_fini(&text);
    return valid;
}

static enum jwt_result check_parties(const struct found_claims *found,
                                     const struct jwt_rules *rules, char user[JWT_USER_MAX + 1])
{
    if (rules->issuer != NULL && !is_text(found->values[CLAIM_ISS], rules->issuer))
        return JWT_ISSUER;
    if (rules->audiences != NULL && !audience_fits(found->values[CLAIM_AUD], rules->audiences))
        return JWT_AUDIENCE;
    return take_user(found->values[CLAIM_USER], user) ? JWT_OK : JWT_USER;
}

/* The requirements. */

/* One of the words of a list with spaces between them. */
static bool has_word(const char *list, size_t len, const char *word)
{
    const char *end = list + len;

    while (list < end) {
        const char *space = memchr(list, ' ', (size_t)(end - list));
        const char *word_end = space != NULL ? space : end;
        if (equals(list, (size_t)(word_end - list), word))
            return true;
        list = word_end + 1;
    }
    return false;
}

static bool is_scope(const struct jwt_claim *claim)
{
    const struct json_pointer *pointer = claim->pointer;
    const char *name = pointer != NULL ? pointer->tokens[pointer->count - 1].name : claim->name;

    return strcmp(name, "scope") == 0 || strcmp(name, "scp") == 0;
}

/* A string, or an integer or boolean that JSON writes like this. */
static bool is_value(const struct json_value *value, const char *wanted)
{
    switch (value->type) {
    case JSON_VALUE_STRING:
        return is_text(value, wanted);
    case JSON_VALUE_TRUE:
    case JSON_VALUE_FALSE:
    case JSON_VALUE_NUMBER:
        return equals(value->text, value->len, wanted);
    case JSON_VALUE_NULL:
    case JSON_VALUE_ARRAY:
    case JSON_VALUE_OBJECT:
        break;
    }
    return false;
}

static bool is_met(const struct json_value *value, const struct jwt_requirement *requirement)
{
    return any_fits(value, is_value, requirement->value) ||
           (is_scope(&requirement->claim) && string_fits(value, has_word, requirement->value));
}

/* As many at a time as one scan finds. */
static enum jwt_result check_some(const char *json, size_t len,
                                  const struct jwt_requirement *requirements, size_t count,
                                  const struct jwt_requirement **unmet)
{
    struct jwt_claim claims[JSON_SCAN_POINTERS_MAX];
    struct found_claims found;

    for (size_t i = 0; i < count; i++)
        claims[i] = requirements[i].claim;
    if (!find(json, len, claims, count, &found))
        return JWT_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        *unmet = &requirements[i];
        if (!is_met(found.values[i], &requirements[i]))
            return JWT_FORBIDDEN;
    }
    return JWT_OK;
}

static enum jwt_result check_requirements(const char *json, size_t len,
                                          const struct jwt_rules *rules,
                                          const struct jwt_requirement **unmet)
{
    enum jwt_result result = JWT_OK;

    for (size_t i = 0; i < rules->requirement_count && result == JWT_OK;
         i += JSON_SCAN_POINTERS_MAX) {
        size_t left = rules->requirement_count - i;
        result = check_some(json, len, &rules->requirements[i],
                            left < JSON_SCAN_POINTERS_MAX ? left : JSON_SCAN_POINTERS_MAX, unmet);
    }
    return result;
}

static bool is_object(const char *json, size_t len)
{
    return json[strspn(json, " \t\r\n")] == '{' && len > 0;
}

enum jwt_result claims_check(const char *json, size_t len, const struct jwt_rules *rules,
                             struct wall_time now, struct claims_result *out)
{
    struct found_claims found;

    if (!is_object(json, len) || !find_registered(json, len, rules, &found))
        return JWT_MALFORMED;
    enum jwt_result result = check_times(&found, rules, now, &out->expires);
    if (result == JWT_OK)
        result = check_parties(&found, rules, out->user);
    if (result == JWT_OK)
        result = check_requirements(json, len, rules, &out->unmet);
    return result;
}
