/*
 * Parsing of what a token endpoint says. The parser is jansson's, with duplicates rejected and with
 * integers read as reals, so that a lifetime of twenty digits is a number like any other and is
 * capped. jansson's own error texts quote the input, and what they would quote here is a token: so
 * they are never passed on, only its error code and place.
 */
#include "token/response.h"

#include <float.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/moment.h"
#include "base/secret.h"
#include "base/text.h"
#include "token/response_internal.h"

#define BEARER "Bearer"

/* Seconds; a number over it is a point in time, and over the second one in milliseconds. */
#define LONGEST_LIFETIME 1e9
#define LATEST_IN_SECONDS 1e11

/*
 * Where memory is refused, jansson's parser goes on without the bytes it had no room for, and gives
 * out a token that is shorter than the one that came; so it is never refused any (base/mem.h).
 * jansson's blocks are malloc's, so their size is known here and free() elsewhere stays right.
 */
void token_response_setup(void)
{
    json_set_alloc_funcs(mem_alloc, wipe_free_block);
}

static enum err wrong(struct token_response *reply, const char *text)
{
    reason_set(&reply->reason, "%s", text);
    return ERR_INVALID;
}

/*
 * Of the input jansson quotes the name that came again, as it stands there; and one that we look
 * for may be repeated.
 */
static void twice(const json_error_t *error, const struct token_response_rules *rules,
                  struct reason *reason)
{
    const char *names[] = {"token_type", rules != NULL ? rules->token : NULL,
                           rules != NULL ? rules->lifetime : NULL};

    reason_set(reason, "the response has a name twice");
    for (size_t i = 0; i < ARRAY_LEN(names) && rules != NULL; i++) {
        char *near = mem_printf("near '\"%s\"'", names[i]);
        if (strstr(error->text, near) != NULL)
            reason_set(reason, "%s: present twice", names[i]);
        mem_free(near);
    }
}

static const char *json_reason(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "the response is not UTF-8";
    case json_error_null_character:
        return "the response has a NUL in a string";
    case json_error_end_of_input_expected:
        return "the response continues after its JSON object";
    case json_error_stack_overflow:
        return "the response is nested too deep";
    case json_error_numeric_overflow:
        return "the response has a number out of range";
    default:
        return "the response is not JSON";
    }
}

/* What there is in the place of JSON. */
static const char *what_it_is(const char *body, size_t len, const json_error_t *error)
{
    if (len == 0)
        return "the response is empty";
    if (body[0] == '<')
        return "the response is not JSON but HTML or XML";
    if (len > 1 && memcmp(body, "\x1f\x8b", 2) == 0)
        return "the response is compressed (gzip), although identity was asked for";
    return json_reason(error);
}

/*
 * Numbers may have any length and exponent (RFC 8259, section 6), and jansson has only doubles.
 * What is too large for one becomes the largest that is needed here. False: there is none.
 */
static bool clamp_numbers(char *text, size_t len)
{
    static const char large[] = "1e300";
    bool in_string = false, any = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (in_string)
            i += text[i] == '\\';
        if (in_string || !text_is(text[i], TEXT_DIGIT))
            continue;
        char *end;
        const bool too_large = strtod(text + i, &end) > DBL_MAX;
        size_t span = strspn(text + i, "0123456789.eE+-");
        span = span < (size_t)(end - text) - i ? span : (size_t)(end - text) - i;
        if (too_large && span >= sizeof(large) - 1) {
            memset(text + i, ' ', span);
            memcpy(text + i, large, sizeof(large) - 1);
            any = true;
        }
        i += span - 1;
    }
    return any;
}

static json_t *load(const char *body, size_t len, json_error_t *error)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL;
    json_t *root = json_loadb(len > 0 ? body : "", len, flags, error);

    if (root != NULL || len == 0 || json_error_code(error) != json_error_numeric_overflow)
        return root;
    char *copy = mem_strndup(body, len);
    if (clamp_numbers(copy, len))
        root = json_loadb(copy, len, flags, error);
    wipe_free(copy, len);
    return root;
}

/* What surrounds the object and means nothing. */
static void skip_around(const char **body, size_t *len)
{
    static const char white[] = " \t\n\r\v\f";

    if (*len >= 3 && memcmp(*body, "\xef\xbb\xbf", 3) == 0) {
        *body += 3;
        *len -= 3;
    }
    while (*len > 0 && memchr(white, **body, strlen(white)) != NULL) {
        (*body)++;
        (*len)--;
    }
    while (*len > 0 && memchr(white, (*body)[*len - 1], strlen(white)) != NULL)
        (*len)--;
}

json_t *token_response_object(const char *body, size_t len,
                              const struct token_response_rules *rules, struct reason *reason)
{
    json_error_t error;

    skip_around(&body, &len);
    json_t *root = load(body, len, &error);
    if (root == NULL) {
        reason_set(reason, "%s", what_it_is(body, len, &error));
        if (len > 0 && json_error_code(&error) == json_error_duplicate_key)
            twice(&error, rules, reason);
        return NULL;
    }
    /* jansson overlooks a NUL behind a number or a literal. */
    if (memchr(body, '\0', len) == NULL && json_is_object(root))
        return root;
    reason_set(reason, "%s",
               json_is_object(root) ? "the response has a NUL"
                                    : "the response is not a JSON object");
    json_decref(root);
    return NULL;
}

bool token_response_is_something(const json_t *value)
{
    if (value == NULL || json_is_null(value) || json_is_false(value))
        return false;
    if (json_is_number(value))
        return json_number_value(value) != 0;
    if (json_is_string(value))
        return json_string_length(value) > 0;
    return json_is_true(value) || json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* NULL where it is absent or null. */
static const json_t *member_of(const json_t *root, const char *name)
{
    const json_t *member = json_object_get(root, name);

    return json_is_null(member) ? NULL : member;
}

/* How many names a reason has room for, and the longest one it shows. */
#define NAMES_SHOWN 8
#define NAME_SHOWN 32

/* The names of what is there instead, as far as they are plain. */
static enum err missing(struct token_response *reply, const json_t *root, const char *wanted)
{
    struct buf names;
    size_t count = 0;
    const char *name;
    json_t *value;

    reply->key = "auth_reply";
    buf_init(&names, REASON_MAX);
    json_object_foreach((json_t *)(uintptr_t)root, name, value)
    {
        size_t len = strlen(name);
        if (len > NAME_SHOWN || !text_is_visible(name, len) || count++ >= NAMES_SHOWN)
            continue;
        buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", name);
    }
    if (names.len == 0)
        reason_set(&reply->reason, "%s: missing", wanted);
    else
        reason_set(&reply->reason,
                   "%s: missing; the response has %s%s; auth_reply names the member", wanted,
                   buf_text(&names), count > NAMES_SHOWN ? ", ..." : "");
    buf_fini(&names);
    return ERR_INVALID;
}

static enum err wrong_member(struct token_response *reply, const char *key, const char *name,
                             const char *what)
{
    reply->key = key;
    reason_set(&reply->reason, "%s: %s", name, what);
    return ERR_INVALID;
}

static enum err take_value(struct token_response *reply, const json_t *root,
                           const struct token_response_rules *rules)
{
    const json_t *member = member_of(root, rules->token);
    const char *value = json_string_value(member);
    size_t len = json_string_length(member);

    if (json_is_null(json_object_get(root, rules->token)))
        return wrong_member(reply, "auth_reply", rules->token, "null");
    if (member == NULL)
        return missing(reply, root, rules->token);
    if (value == NULL)
        return wrong_member(reply, "auth_reply", rules->token, "not a string");
    if (len == 0)
        return wrong_member(reply, "auth_reply", rules->token, "empty");
    if (len > TOKEN_VALUE_MAX)
        return wrong_member(reply, "auth_reply", rules->token, "too long for a header");
    if (!text_is_visible(value, len))
        return wrong_member(reply, "auth_reply", rules->token,
                            "has characters that cannot be in a header");
    reply->value = mem_strndup(value, len);
    return ERR_OK;
}

static bool is_bearer(const char *type)
{
    return *type == '\0' || text_equal_ci(type, BEARER) || text_equal_ci(type, BEARER "Token");
}

static enum err take_type(struct token_response *reply, const json_t *root,
                          const struct token_response_rules *rules)
{
    const json_t *member = member_of(root, "token_type");
    const char *type = member == NULL ? "" : json_string_value(member);
    size_t len = json_string_length(member);

    if (rules->scheme != NULL) {
        reply->type = mem_strdup(rules->scheme);
        return ERR_OK;
    }
    if (type == NULL)
        return wrong_member(reply, "auth_scheme", "token_type", "not a string");
    if (len > TOKEN_TYPE_MAX)
        return wrong_member(reply, "auth_scheme", "token_type", "too long");
    if (len > 0 && !text_is_token(type, len))
        return wrong_member(reply, "auth_scheme", "token_type",
                            "not a token of RFC 9110; auth_scheme sets the scheme to send");
    reply->type = mem_strdup(is_bearer(type) ? BEARER : type);
    return ERR_OK;
}

/* A number of RFC 8259 as text, as some servers write one: digits, and perhaps a fraction. */
static bool number_of_text(const char *text, size_t len, double *number)
{
    char *end;

    text_trim(&text, &len);
    if (len == 0 || !text_is(text[*text == '-'], TEXT_DIGIT) ||
        !text_is_all(text, len, TEXT_DIGIT | TEXT_DOT | TEXT_HYPHEN))
        return false;
    *number = strtod(text, &end);
    return end == text + len;
}

/* Seconds from when the request was sent. */
static double seconds_until(const struct token_response_rules *rules, double unix_seconds)
{
    return unix_seconds - (double)rules->sent.ns / (double)SECOND;
}

static double seconds_of_number(const struct token_response_rules *rules, double number)
{
    if (number <= LONGEST_LIFETIME)
        return number;
    return seconds_until(rules, number > LATEST_IN_SECONDS ? number / 1000 : number);
}

/* False: it is none. "" is 0. */
static bool seconds_of_text(const struct token_response_rules *rules, const char *text, size_t len,
                            double *seconds)
{
    int64_t moment;
    double number;

    text_trim(&text, &len);
    if (len == 0)
        *seconds = 0;
    else if (number_of_text(text, len, &number))
        *seconds = seconds_of_number(rules, number);
    else if (moment_parse(text, len, &moment))
        *seconds = seconds_until(rules, (double)moment);
    else
        return false;
    return true;
}

static void set_lifetime(struct token_response *reply, double seconds)
{
    const int64_t most = TOKEN_LIFETIME_MAX / SECOND;

    reply->lifetime = seconds >= 1 ? LIFETIME_GIVEN : LIFETIME_USELESS;
    if (seconds >= (double)most)
        reply->grant.lifetime = TOKEN_LIFETIME_MAX;
    else if (seconds >= 1)
        reply->grant.lifetime = (int64_t)seconds * SECOND;
}

static enum err take_lifetime(struct token_response *reply, const json_t *root,
                              const struct token_response_rules *rules)
{
    const json_t *member = member_of(root, rules->lifetime);
    double seconds;

    reply->lifetime = LIFETIME_ABSENT;
    reply->grant.lifetime = rules->default_lifetime;
    if (member == NULL)
        return ERR_OK;
    if (json_is_real(member))
        seconds = seconds_of_number(rules, json_real_value(member));
    else if (!json_is_string(member))
        return wrong_member(reply, "auth_reply", rules->lifetime, "neither a number nor a text");
    else if (!seconds_of_text(rules, json_string_value(member), json_string_length(member),
                              &seconds))
        return wrong_member(reply, "auth_reply", rules->lifetime,
                            "neither a number of seconds nor a time of ISO 8601");
    set_lifetime(reply, seconds);
    return ERR_OK;
}

static enum err take_members(struct token_response *reply, const json_t *root,
                             const struct token_response_rules *rules)
{
    enum err err = ERR_OK;

    if (token_response_is_something(json_object_get(root, "error")))
        err = wrong(reply, "the response has an error");
    if (err == ERR_OK)
        err = take_value(reply, root, rules);
    if (err == ERR_OK)
        err = take_type(reply, root, rules);
    if (err == ERR_OK)
        err = take_lifetime(reply, root, rules);
    return err;
}

struct token_response_rules token_response_rules(const struct config_upstream *upstream,
                                                 struct wall_time sent)
{
    const struct config_names *names = &upstream->auth_reply;

    return (struct token_response_rules){
        .token = names->first,
        .lifetime = names->second != NULL ? names->second : "expires_in",
        .scheme = upstream->auth_scheme,
        .default_lifetime = upstream->auth_token_default_lifetime,
        .sent = sent,
    };
}

enum err token_response_parse(struct token_response *reply, const char *body, size_t len,
                              const struct token_response_rules *rules)
{
    *reply = (struct token_response){.value = NULL};
    if (len > TOKEN_RESPONSE_MAX) {
        (void)wrong(reply, "the response is over 64K");
        return ERR_TOO_LARGE;
    }
    json_t *root = token_response_object(body, len, rules, &reply->reason);
    if (root == NULL)
        return ERR_INVALID;

    enum err err = take_members(reply, root, rules);
    json_decref(root);
    reply->grant.type = reply->type;
    reply->grant.value = reply->value;
    return err;
}

void token_response_fini(struct token_response *reply)
{
    wipe_free_text(reply->value);
    mem_free(reply->type);
    *reply = (struct token_response){.value = NULL};
}
