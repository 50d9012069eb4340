/*
 * A body is parsed whole although only two members are looked at, because the caller gets its bytes
 * and must not be the first to find out that they are no JSON, or that two parsers read them
 * differently. Numbers are read as reals: their value is nobody's business here, and an integer
 * too long for 64 bits is JSON all the same. Most bodies are plain enough to be known for good
 * without a parser (plain_address.h).
 */
#include "lookup/address.h"

#include <stdio.h>
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
        return "a name stands twice in an object";
    case json_error_invalid_utf8:
        return "invalid UTF-8";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "something stands behind the end";
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

static const char *check_members(const json_t *json)
{
    if (!json_is_object(json))
        return "not a JSON object";
    for (size_t i = 0; i < ARRAY_LEN(address_members); i++) {
        const struct address_member *known = &address_members[i];
        const json_t *member = json_object_get(json, known->name);

        if (member == NULL ? known->required : !json_is_string(member))
            return known->problem;
    }
    return NULL;
}

enum err address_check(const char *body, size_t len, char problem[ADDRESS_PROBLEM])
{
    json_error_t where;

    if (plain_address(body, len))
        return ERR_OK;
    json_t *json = json_loadb(body, len, READ_FLAGS, &where);

    if (json == NULL) {
        snprintf(problem, ADDRESS_PROBLEM, "%s, at byte %d", what_is_wrong(json_error_code(&where)),
                 where.position);
        return ERR_INVALID;
    }
    /* jansson overlooks a NUL behind a number or a literal. */
    const char *wrong =
        memchr(body, '\0', len) != NULL ? "a NUL outside of a string" : check_members(json);
    json_decref(json);
    if (wrong == NULL)
        return ERR_OK;
    snprintf(problem, ADDRESS_PROBLEM, "%s", wrong);
    return ERR_INVALID;
}
