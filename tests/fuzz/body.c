/*
 * The body of an upstream's 200: what is passed on is JSON that every parser reads alike, and the
 * scanner accepts what a parser with a tree accepts. The first line is the pointer of the rules.
 */
#include "fuzz.h"

#include <jansson.h>

#include "base/json_scan.h"
#include "base/text.h"
#include "lookup/body.h"

#define READ_FLAGS                                                                                 \
    (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_DECODE_ANY)

/* jansson's verdict; where it differs by design, the scanner's. */
static bool is_json(struct piece text, bool scanned, const char *why, json_t **json)
{
    json_error_t where;

    *json = json_loadb(text.data, text.len, READ_FLAGS, &where);
    if (*json != NULL) /* it overlooks a NUL behind a number, and goes deeper */
        return memchr(text.data, '\0', text.len) == NULL && strstr(why, "too deep") == NULL;
    if (json_error_code(&where) == json_error_numeric_overflow)
        return scanned; /* a number beyond a double */
    return false;
}

/* The value of a pointer as a tree has it. */
static const json_t *at_pointer(const json_t *json, const struct json_pointer *pointer)
{
    for (size_t i = 0; i < pointer->count && json != NULL; i++) {
        const struct json_pointer_token *token = &pointer->tokens[i];

        json = json_is_array(json) ? json_array_get(json, token->index)
                                   : json_object_get(json, token->name);
    }
    return json;
}

static bool is_something(const json_t *json)
{
    return json_is_object(json)   ? json_object_size(json) > 0
           : json_is_array(json)  ? json_array_size(json) > 0
           : json_is_string(json) ? json_string_length(json) > 0
           : json_is_number(json) ? json_number_value(json) != 0
                                  : json_is_true(json);
}

static void compare(const json_t *json, const struct json_pointer *pointer,
                    const struct json_scan_result *result)
{
    const json_t *value = at_pointer(json, pointer);

    MUST((value != NULL) == (result->kind == JSON_SCAN_VALUE));
    if (value == NULL)
        return;
    /* A number too small for a double is not 0 in the text. */
    MUST(is_something(value) == result->value.something || json_is_number(value));
    if (!json_is_string(value))
        return;
    struct buf buf;
    buf_init(&buf, result->value.len);
    MUST(json_value_string(&result->value, &buf) == ERR_OK);
    MUST(buf.len == json_string_length(value));
    MUST(memcmp(buf_text(&buf), json_string_value(value), buf.len) == 0);
    buf_fini(&buf);
}

static void check_scan(struct piece text, const struct json_pointer *pointer)
{
    const struct json_pointer *const pointers[] = {pointer};
    struct json_scan_result result;
    struct reason reason = {""};
    json_t *json;
    enum err err = json_scan(text.data, text.len, pointers, 1, &result, &reason);

    MUST((err == ERR_OK) == (reason.text[0] == '\0'));
    MUST(is_json(text, err == ERR_OK, reason.text, &json) == (err == ERR_OK));
    if (err == ERR_OK && json != NULL)
        compare(json, pointer, &result);
    json_decref(json);
    MUST(err != ERR_OK || text_is_utf8(text.data, text.len));
}

static void check_body(struct piece text, const struct json_pointer *pointer, unsigned which)
{
    const struct body_rules rules = {
        .found = which & 1 ? pointer : NULL,
        .failed = which & 2 ? pointer : NULL,
        .postcode = which & 4 ? pointer : NULL,
        .country = which & 8 ? pointer : NULL,
        .country_constant = which & 16 ? "\"\\\x01" : NULL,
        .address = which & 32,
    };
    struct body_answer answer;
    struct reason reason = {""};
    enum body_verdict verdict = body_check(&rules, text.data, text.len, "M1 \"1", &answer, &reason);

    MUST((verdict == BODY_MALFORMED) == (reason.text[0] != '\0'));
    MUST((answer.text != NULL) == (verdict == BODY_GOOD && rules.address));
    if (answer.text == NULL)
        return;
    json_t *json = json_loadb(answer.text, answer.len, JSON_ALLOW_NUL, NULL);
    const json_t *country = json_object_get(json, "country");
    MUST(json_object_size(json) == 2 && json_is_string(json_object_get(json, "postcode")));
    MUST(json_is_null(country) || json_is_string(country));
    json_decref(json);
    free(answer.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece rest = {(const char *)data, size};
    char *configured = piece_text(piece_until(&rest, '\n'));
    struct json_pointer *pointer;
    struct reason reason;
    struct buf outline;

    if (json_pointer_new(configured, &reason, &pointer) != ERR_OK)
        MUST(json_pointer_new("/postcode", &reason, &pointer) == ERR_OK);
    free(configured);
    struct piece text = {piece_exact(rest), rest.len};
    check_scan(text, pointer);
    for (unsigned which = 0; which < 64; which++)
        check_body(text, pointer, which);
    buf_init(&outline, BODY_OUTLINE_MAX);
    body_outline(text.data, text.len, &outline);
    MUST(outline.err == ERR_OK && outline.len > 0);
    MUST(text_is_all(outline.data, outline.len, TEXT_PRINTABLE));
    buf_fini(&outline);
    json_pointer_free(pointer);
    free((char *)(uintptr_t)text.data);
    return 0;
}
