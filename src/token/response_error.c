/*
 * Servers agree on little more than that an error has a code and a text. So the body is walked, and
 * members are taken by what they are called: a code, a text, or something that holds either. What
 * has another name is left out, for it may be anything.
 */
#include "token/response_error.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "token/mask.h"
#include "token/response_internal.h"

/* Levels of objects and arrays. */
#define DEPTH_MAX 6
/* Bytes of all texts together, before they are cut. */
#define COLLECTED_MAX (64 * 1024)

enum part {
    PART_NONE,
    PART_CODE,
    PART_TEXT,
};

static const struct {
    const char *name; /* in lower case, without - and _ */
    enum part part;
    bool says_error;
} parts[] = {
    {"error", PART_CODE, true},
    {"errorcode", PART_CODE, true},
    {"errors", PART_TEXT, true},
    {"errorid", PART_CODE, true},
    {"errcode", PART_CODE, true},
    {"fault", PART_TEXT, true},
    {"faultcode", PART_CODE, true},
    {"code", PART_CODE, false},
    {"errordescription", PART_TEXT, true},
    {"errorsummary", PART_TEXT, true},
    {"errormessage", PART_TEXT, true},
    {"errmsg", PART_TEXT, true},
    {"faultstring", PART_TEXT, true},
    {"message", PART_TEXT, false},
    {"messages", PART_TEXT, false},
    {"msg", PART_TEXT, false},
    {"msgs", PART_TEXT, false},
    {"detail", PART_TEXT, false},
    {"details", PART_TEXT, false},
    {"title", PART_TEXT, false},
    {"description", PART_TEXT, false},
    {"reason", PART_TEXT, false},
    {"cause", PART_TEXT, false},
    {"causa", PART_TEXT, false},
};

struct walk {
    const struct config_upstream *upstream;
    char code[TOKEN_ERROR_MAX + 1];
    struct buf text;
    bool named;
};

/* Longer names are none of ours. */
#define NAME_MAX_LEN 32

static void plain_name(const char *name, char out[NAME_MAX_LEN + 1])
{
    size_t len = 0;

    for (; *name != '\0' && len < NAME_MAX_LEN; name++) {
        if (*name == '_' || *name == '-')
            continue;
        out[len++] = text_is(*name, TEXT_UPPER) ? (char)(*name - 'A' + 'a') : *name;
    }
    out[*name == '\0' ? len : 0] = '\0';
}

/* Its place in `parts`, or how many there are. */
static size_t find_part(const char *name)
{
    char plain[NAME_MAX_LEN + 1];
    size_t i = 0;

    plain_name(name, plain);
    while (i < ARRAY_LEN(parts) && strcmp(parts[i].name, plain) != 0)
        i++;
    return i;
}

static void one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if (text_is(*text, TEXT_CONTROL))
            *text = ' ';
    }
}

/* A code is a word. What else stands in its place is a text. */
static bool is_code(const struct walk *walk, const char *text)
{
    size_t len = strlen(text);

    return walk->code[0] == '\0' && len > 0 && len <= TOKEN_ERROR_MAX && text_is_visible(text, len);
}

static void take(struct walk *walk, enum part part, const char *given)
{
    char *text = token_mask(walk->upstream, given);

    one_line(text);
    if (part == PART_CODE && is_code(walk, text))
        snprintf(walk->code, sizeof(walk->code), "%s", text);
    else if (*text != '\0' && strstr(buf_text(&walk->text), text) == NULL)
        buf_printf(&walk->text, "%s%s", walk->text.len > 0 ? "; " : "", text);
    mem_free(text);
}

static void walk_value(struct walk *walk, enum part part, const json_t *value, unsigned depth);

static void walk_object(struct walk *walk, const json_t *object, unsigned depth)
{
    const char *name;
    json_t *value;

    /* jansson promises not to change an object that it only goes over. */
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        size_t i = find_part(name);

        if (i == ARRAY_LEN(parts) || !token_response_is_something(value))
            continue;
        walk->named = walk->named || parts[i].says_error;
        walk_value(walk, parts[i].part, value, depth);
    }
}

static void walk_value(struct walk *walk, enum part part, const json_t *value, unsigned depth)
{
    char number[32];

    if (json_is_string(value)) {
        take(walk, part, json_string_value(value));
    } else if (json_is_number(value)) {
        snprintf(number, sizeof(number), "%.15g", json_number_value(value));
        take(walk, PART_TEXT, number);
    } else if (depth == DEPTH_MAX) {
        return;
    } else if (json_is_object(value)) {
        walk_object(walk, value, depth + 1);
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            walk_value(walk, part, json_array_get(value, i), depth + 1);
    }
}

/* Cut between two characters, and seen to be cut. */
static void put_text(char *out, const struct buf *text)
{
    static const char more[] = "...";
    size_t len = text->len;

    if (len > TOKEN_ERROR_TEXT_MAX || text->err != ERR_OK) {
        len = len < TOKEN_ERROR_TEXT_MAX ? len : TOKEN_ERROR_TEXT_MAX;
        len -= len > strlen(more) ? strlen(more) : 0;
        while (len > 0 && ((unsigned char)text->data[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text->data, len);
    snprintf(out + len, sizeof(more), "%s", len < text->len ? more : "");
}

bool token_response_error(struct token_response_error *out, const struct config_upstream *upstream,
                          const char *body, size_t len)
{
    struct walk walk = {.upstream = upstream};
    struct reason reason;
    json_t *root =
        len <= TOKEN_RESPONSE_MAX ? token_response_object(body, len, NULL, &reason) : NULL;

    *out = (struct token_response_error){.named = false};
    if (root == NULL)
        return false;
    buf_init(&walk.text, COLLECTED_MAX);
    walk_object(&walk, root, 0);
    memcpy(out->code, walk.code, sizeof(out->code));
    put_text(out->text, &walk.text);
    out->named = walk.named;
    buf_fini(&walk.text);
    json_decref(root);
    return true;
}
