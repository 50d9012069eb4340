/*
 * Parsing of what a token endpoint says. The parser is jansson's, with duplicates rejected and with
 * integers read as reals, so that a lifetime of twenty digits is a number like any other and is
 * capped. jansson's own error texts quote the input, and what they would quote here is a token: so
 * they are never passed on, only its error code and place.
 */
#include "token/response.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "token/request.h"

#define BEARER "Bearer"

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
 * Of the input jansson quotes the name that came again, as it stands there; and one of ours is ours
 * to repeat.
 */
static const char *twice_reason(const json_error_t *error)
{
    static const char *const names[][2] = {
        {"near '\"access_token\"'", "access_token: present twice"},
        {"near '\"token_type\"'", "token_type: present twice"},
        {"near '\"expires_in\"'", "expires_in: present twice"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strstr(error->text, names[i][0]) != NULL)
            return names[i][1];
    return "the response has a name twice";
}

static const char *json_reason(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return twice_reason(error);
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

/* NULL with `reason` set. */
static json_t *parse_object(const char *body, size_t len, struct reason *reason)
{
    json_error_t error;
    json_t *root = json_loadb(len > 0 ? body : "", len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    if (root == NULL) {
        reason_set(reason, "%s", len > 0 ? json_reason(&error) : "the response is empty");
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

static enum err take_value(struct token_response *reply, const json_t *root)
{
    const json_t *member = json_object_get(root, "access_token");
    const char *value = json_string_value(member);
    size_t len = json_string_length(member);

    if (member == NULL)
        return wrong(reply, "access_token: missing");
    if (value == NULL)
        return wrong(reply, "access_token: not a string");
    if (len == 0)
        return wrong(reply, "access_token: empty");
    if (len > TOKEN_VALUE_MAX)
        return wrong(reply, "access_token: too long for a header");
    if (!text_is_visible(value, len))
        return wrong(reply, "access_token: has characters that cannot be in a header");
    reply->value = mem_strndup(value, len);
    return ERR_OK;
}

static enum err take_type(struct token_response *reply, const json_t *root)
{
    const json_t *member = json_object_get(root, "token_type");
    const char *type = json_string_value(member);
    size_t len = json_string_length(member);

    if (member == NULL) {
        reply->type = mem_strdup(BEARER);
        return ERR_OK;
    }
    if (type == NULL)
        return wrong(reply, "token_type: not a string");
    if (len > TOKEN_TYPE_MAX)
        return wrong(reply, "token_type: too long");
    if (!text_is_token(type, len))
        return wrong(reply, "token_type: not a token of RFC 9110");
    reply->type = mem_strdup(text_equal_ci(type, BEARER) ? BEARER : type);
    return ERR_OK;
}

/* Digits only, of any number; seconds past the cap are the cap. */
static bool seconds_of_text(const char *text, size_t len, double *seconds)
{
    uint64_t number;

    if (len == 0 || !text_is_all(text, len, TEXT_DIGIT))
        return false;
    *seconds = text_parse_u64(text, len, &number) ? (double)number : HUGE_VAL;
    return true;
}

static enum err take_lifetime(struct token_response *reply, const json_t *root,
                              int64_t default_lifetime)
{
    const json_t *member = json_object_get(root, "expires_in");
    const int64_t most = TOKEN_LIFETIME_MAX / SECOND;
    double seconds = 0;

    reply->lifetime_given = member != NULL;
    reply->grant.lifetime = default_lifetime;
    if (member == NULL)
        return ERR_OK;
    if (json_is_real(member))
        seconds = json_real_value(member);
    else if (!json_is_string(member))
        return wrong(reply, "expires_in: neither a number nor a string of digits");
    else if (!seconds_of_text(json_string_value(member), json_string_length(member), &seconds))
        return wrong(reply, "expires_in: a string of other than digits");
    if (!(seconds >= 1))
        return wrong(reply, "expires_in: less than one second");
    if (seconds >= (double)most)
        reply->grant.lifetime = TOKEN_LIFETIME_MAX;
    else
        reply->grant.lifetime = (int64_t)seconds * SECOND;
    return ERR_OK;
}

static enum err take_members(struct token_response *reply, const json_t *root,
                             int64_t default_lifetime)
{
    enum err err = take_value(reply, root);

    if (err == ERR_OK)
        err = take_type(reply, root);
    if (err == ERR_OK)
        err = take_lifetime(reply, root, default_lifetime);
    return err;
}

enum err token_response_parse(struct token_response *reply, const char *body, size_t len,
                              int64_t default_lifetime)
{
    *reply = (struct token_response){.value = NULL};
    if (len > TOKEN_RESPONSE_MAX) {
        (void)wrong(reply, "the response is over 64K");
        return ERR_TOO_LARGE;
    }
    json_t *root = parse_object(body, len, &reply->reason);
    if (root == NULL)
        return ERR_INVALID;

    enum err err = take_members(reply, root, default_lifetime);
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

/* %x20-21 / %x23-5B / %x5D-7E: printable ASCII without quote and backslash. */
#define ERROR_CLASSES (TEXT_PRINTABLE & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH))

static void take_error(char *out, size_t size, const struct config_upstream *upstream,
                       const json_t *root, const char *name)
{
    const char *given = json_string_value(json_object_get(root, name));
    char *text = token_request_mask(upstream, given != NULL ? given : "");
    size_t len = 0;

    while (len < size - 1 && text_is(text[len], ERROR_CLASSES))
        len++;
    memcpy(out, text, len);
    out[len] = '\0';
    mem_free(text);
}

bool token_response_error(struct token_response_error *out, const struct config_upstream *upstream,
                          const char *body, size_t len)
{
    struct reason reason;
    json_t *root = len <= TOKEN_RESPONSE_MAX ? parse_object(body, len, &reason) : NULL;

    *out = (struct token_response_error){.error = ""};
    if (root == NULL)
        return false;
    take_error(out->error, sizeof(out->error), upstream, root, "error");
    take_error(out->description, sizeof(out->description), upstream, root, "error_description");
    json_decref(root);
    return true;
}
