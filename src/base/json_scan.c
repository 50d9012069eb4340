/*
 * Every lookup has its body scanned (docs/decisions/body-scan.md says what that costs), so this
 * is a pass over the bytes and nothing else: values are skipped, not kept. What callers need of a
 * body is found on the way. Each pointer is one bit in a set; value() is told which pointers lead
 * to it, and the deepest value that a pointer reaches settles its result.
 *
 * Functions that read go from place to place as those of json_text.h do. The place is an argument
 * and a result, not a member of struct scan, to be kept in a register.
 */
#include "base/json_scan.h"

#include <string.h>

#include "base/check.h"
#include "base/json_names.h"
#include "base/json_text.h"

struct scan {
    struct json_text text;
    size_t depth;       /* open objects and arrays */
    bool refused;       /* memory was; the only fault that is not the text's */
    unsigned unsettled; /* pointers without a result */
    const struct json_pointer *const *pointers;
    struct json_scan_result *results;
    struct json_names names; /* the last: it need not be cleared */
};

static const char *value(struct scan *scan, const char *at, unsigned leading);

/* ---- where pointers lead ---- */

/* What it means that a pointer reaches this value, and no member or element of it. */
static enum json_scan_kind kind_of(const struct json_pointer *pointer, size_t depth,
                                   const struct json_value *value)
{
    if (depth == pointer->count)
        return JSON_SCAN_VALUE;
    if (value->type == JSON_VALUE_OBJECT)
        return JSON_SCAN_MISSING_MEMBER;
    if (value->type == JSON_VALUE_ARRAY) {
        bool past = !value->something || pointer->tokens[depth].index != JSON_POINTER_NO_INDEX;
        return past ? JSON_SCAN_PAST_END : JSON_SCAN_MISMATCH;
    }
    return value->something ? JSON_SCAN_MISMATCH : JSON_SCAN_NOTHING;
}

/* A value that these pointers lead to ends here. What they reach inside of it is settled. */
static void settle(struct scan *scan, unsigned leading, const char *begin, const char *end)
{
    const struct json_value value = json_value_of(begin, (size_t)(end - begin));

    leading &= scan->unsettled;
    scan->unsettled &= ~leading;
    for (; leading != 0; leading &= leading - 1) {
        int i = __builtin_ctz(leading);

        scan->results[i] = (struct json_scan_result){
            .kind = kind_of(scan->pointers[i], scan->depth, &value),
            .depth = scan->depth,
            .value = value,
        };
    }
}

/* Those of the pointers that go on past the value that they lead to. */
static unsigned going_on(const struct scan *scan, unsigned leading)
{
    unsigned on = 0;

    for (; leading != 0; leading &= leading - 1)
        if (scan->pointers[__builtin_ctz(leading)]->count > scan->depth)
            on |= leading & -leading;
    return on;
}

/* The token of a pointer that is for the innermost open object or array. */
static const struct json_pointer_token *token(const struct scan *scan, unsigned leading)
{
    return &scan->pointers[__builtin_ctz(leading)]->tokens[scan->depth - 1];
}

static unsigned leading_to_name(const struct scan *scan, unsigned leading,
                                const struct json_string *name)
{
    unsigned to = 0;

    for (; leading != 0; leading &= leading - 1) {
        const struct json_pointer_token *wanted = token(scan, leading);
        struct json_string plain = {.text = wanted->name, .len = wanted->len};

        if ((name->escaped || name->len == wanted->len) && json_string_compare(name, &plain) == 0)
            to |= leading & -leading;
    }
    return to;
}

static unsigned leading_to_index(const struct scan *scan, unsigned leading, size_t index)
{
    unsigned to = 0;

    for (; leading != 0; leading &= leading - 1)
        if (token(scan, leading)->index == index)
            to |= leading & -leading;
    return to;
}

/* ---- objects and arrays ---- */

static const char *twice(struct scan *scan, const char *name)
{
    return json_text_fail(&scan->text, name, "an object has a name twice");
}

static const char *no_memory(struct scan *scan, const char *at)
{
    scan->refused = true;
    return json_text_fail(&scan->text, at, "no memory for the names of its objects");
}

static const char *name(struct scan *scan, const char *at, struct json_names_object *object,
                        struct json_string *name)
{
    struct json_text *text = &scan->text;

    text->escaped = text->nul = false;
    if (!json_text_has(text, at, '"'))
        return json_text_unexpected(text, at,
                                    JSON_TEXT_INVALID "a name in double quotes must be here");
    const char *begin = at + 1;
    at = json_text_string(text, begin);
    if (at == NULL)
        return NULL;
    if (text->nul)
        return json_text_fail(text, begin, "a NUL in a name");
    *name = (struct json_string){begin, (size_t)(at - 1 - begin), text->escaped};
    switch (json_names_add(&scan->names, object, name)) {
    case JSON_NAMES_TWICE:
        return twice(scan, begin);
    case JSON_NAMES_NO_MEMORY:
        return no_memory(scan, begin);
    default:
        return at;
    }
}

/* Takes the pointers that lead to this member out of *leading. */
static const char *member(struct scan *scan, const char *at, struct json_names_object *object,
                          unsigned *leading)
{
    struct json_string its_name = {0};
    unsigned to = 0;

    at = name(scan, at, object, &its_name);
    if (at == NULL)
        return NULL;
    if (*leading != 0)
        to = leading_to_name(scan, *leading, &its_name);
    *leading &= ~to;
    at = json_text_skip_space(&scan->text, at);
    if (!json_text_has(&scan->text, at, ':'))
        return json_text_unexpected(&scan->text, at, JSON_TEXT_INVALID "a colon must be here");
    return value(scan, json_text_skip_space(&scan->text, at + 1), to);
}

/* After the opening brace. */
static const char *object(struct scan *scan, const char *at, unsigned leading)
{
    struct json_names_object names = json_names_open(&scan->names);
    const char *second;

    at = json_text_skip_space(&scan->text, at);
    if (json_text_has(&scan->text, at, '}'))
        return at + 1;
    for (;; at = json_text_skip_space(&scan->text, at + 1)) {
        at = member(scan, at, &names, &leading);
        if (at == NULL)
            return NULL;
        at = json_text_skip_space(&scan->text, at);
        if (!json_text_has(&scan->text, at, ','))
            break;
    }
    if (!json_text_has(&scan->text, at, '}'))
        return json_text_unexpected(
            &scan->text, at, JSON_TEXT_INVALID "a comma or the end of an object must be here");
    if (json_names_close(&scan->names, &names, &second) == JSON_NAMES_TWICE)
        return twice(scan, second);
    return at + 1;
}

/* After the opening bracket. */
static const char *array(struct scan *scan, const char *at, unsigned leading)
{
    at = json_text_skip_space(&scan->text, at);
    if (json_text_has(&scan->text, at, ']'))
        return at + 1;
    for (size_t index = 0;; index++) {
        unsigned to = leading == 0 ? 0 : leading_to_index(scan, leading, index);

        leading &= ~to;
        at = value(scan, at, to);
        if (at == NULL)
            return NULL;
        at = json_text_skip_space(&scan->text, at);
        if (!json_text_has(&scan->text, at, ','))
            break;
        at = json_text_skip_space(&scan->text, at + 1);
    }
    if (json_text_has(&scan->text, at, ']'))
        return at + 1;
    return json_text_unexpected(&scan->text, at,
                                JSON_TEXT_INVALID "a comma or the end of an array must be here");
}

/* An object or an array. Not inlined: the many strings and numbers need no such stack frame. */
__attribute__((noinline)) static const char *nested(struct scan *scan, const char *at,
                                                    unsigned leading)
{
    leading = going_on(scan, leading);
    if (scan->depth == JSON_SCAN_DEPTH_MAX)
        return json_text_fail(&scan->text, at, "nested too deep");
    scan->depth++;
    at = *at == '{' ? object(scan, at + 1, leading) : array(scan, at + 1, leading);
    scan->depth--;
    return at;
}

static const char *any_value(struct scan *scan, const char *at, unsigned leading)
{
    switch (at < scan->text.end ? *at : '\0') {
    case '"':
        return json_text_string(&scan->text, at + 1);
    case '{':
    case '[':
        return nested(scan, at, leading);
    case 't':
        return json_text_word(&scan->text, at, "true");
    case 'f':
        return json_text_word(&scan->text, at, "false");
    case 'n':
        return json_text_word(&scan->text, at, "null");
    default:
        return json_text_number(&scan->text, at);
    }
}

static const char *value(struct scan *scan, const char *at, unsigned leading)
{
    const char *end = any_value(scan, at, leading);

    if (end != NULL && leading != 0)
        settle(scan, leading, at, end);
    return end;
}

/* ---- a whole text ---- */

static const char *whole(struct scan *scan, const char *at, unsigned leading)
{
    at = value(scan, json_text_skip_space(&scan->text, at), leading);
    if (at == NULL)
        return NULL;
    at = json_text_skip_space(&scan->text, at);
    return at == scan->text.end ? at : json_text_fail(&scan->text, at, "bytes follow the end");
}

/* What a text is that is no JSON from its first byte on; NULL: nothing known. */
static const char *other_format(const char *text, size_t len)
{
    size_t begin = 0;

    if (len >= 2 && memcmp(text, "\x1f\x8b", 2) == 0)
        return "compressed (gzip)";
    while (begin < len && json_text_is_space(text[begin]))
        begin++;
    if (begin == len)
        return "empty";
    return text[begin] == '<' ? "HTML or XML, not JSON" : NULL;
}

static void explain(const struct scan *scan, const char *text, size_t len, struct reason *reason)
{
    const char *format = scan->refused ? scan->text.fault : other_format(text, len);

    if (format != NULL)
        reason_set(reason, "%s", format);
    else if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reason_set(reason, JSON_TEXT_INVALID "a byte-order mark, at byte 1");
    else if (scan->text.fault_at == scan->text.end)
        reason_set(reason, "%s, after byte %zu", scan->text.fault, len);
    else
        reason_set(reason, "%s, at byte %zu", scan->text.fault,
                   (size_t)(scan->text.fault_at - text) + 1);
}

enum err json_scan(const char *text, size_t len, const struct json_pointer *const *pointers,
                   size_t count, struct json_scan_result *results, struct reason *reason)
{
    struct scan scan; /* its list of names need not be cleared */
    unsigned all;

    MUST(count <= JSON_SCAN_POINTERS_MAX);
    all = (1u << count) - 1;
    if (len == 0)
        text = ""; /* it may be NULL */
    scan.text = (struct json_text){.end = text + len};
    scan.depth = 0;
    scan.refused = false;
    json_names_init(&scan.names);
    scan.unsettled = all;
    scan.pointers = pointers;
    scan.results = results;
    bool good = whole(&scan, text, all) != NULL;
    json_names_fini(&scan.names);
    if (good)
        return ERR_OK;
    explain(&scan, text, len, reason);
    return scan.refused ? ERR_SYSTEM : ERR_INVALID;
}
