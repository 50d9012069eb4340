/*
 * The whole body is checked although only the members in address_members.h matter. The caller gets
 * its bytes unchanged, so they must be JSON that every parser reads alike. Numbers are read as
 * reals: their values do not matter here, and an integer too long for 64 bits is valid JSON. Most
 * bodies are plain, and need no parser (plain_address.h).
 */
#include "lookup/address.h"

#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "lookup/address_members.h"
#include "lookup/plain_address.h"

#define READ_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

/* Our words for jansson's errors: its own quote what they found. */
static const char *what_is_wrong(enum json_error_code code)
{
    switch (code) {
    case json_error_duplicate_key:
        return "an object has a name twice";
    case json_error_invalid_utf8:
        return "invalid UTF-8";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "bytes follow the end";
    case json_error_stack_overflow:
        return "nested too deep";
    case json_error_null_byte_in_key:
        return "a NUL in a name";
    case json_error_numeric_overflow:
        return "a number too large";
    default:
        return "not valid JSON";
    }
}

static bool has_members(const json_t *json, struct reason *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(address_members); i++) {
        const struct address_member *member = &address_members[i];
        const json_t *value = json_object_get(json, member->name);

        if (value == NULL ? !member->required : json_is_string(value))
            continue;
        reason_set(reason, "%s is %snot a string", member->name,
                   member->required ? "missing or " : "");
        return false;
    }
    return true;
}

/* jansson overlooks a NUL behind a number or a literal. */
static bool is_address(const char *body, size_t len, const json_t *json, struct reason *reason)
{
    if (memchr(body, '\0', len) != NULL) {
        reason_set(reason, "a NUL outside of a string");
        return false;
    }
    if (!json_is_object(json)) {
        reason_set(reason, "not a JSON object");
        return false;
    }
    return has_members(json, reason);
}

enum err address_check(const char *body, size_t len, struct reason *reason)
{
    json_error_t where;

    if (plain_address(body, len))
        return ERR_OK;
    json_t *json = json_loadb(body, len, READ_FLAGS, &where);

    if (json == NULL) {
        reason_set(reason, "%s, at byte %d", what_is_wrong(json_error_code(&where)),
                   where.position);
        return ERR_INVALID;
    }
    bool good = is_address(body, len, json, reason);
    json_decref(json);
    return good ? ERR_OK : ERR_INVALID;
}
