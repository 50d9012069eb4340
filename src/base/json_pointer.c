/*
 * A pointer is text that somebody typed, perhaps with another notation in mind: JSONPath
 * ("$.a[0]"), or a URI's fragment ("#/a"). Each of these could be read as something, and would then
 * find nothing in any body. So everything but the one notation is a fault that shows how to write
 * it.
 *
 * A pointer is one block of memory: the struct, its tokens, the text, and the names, decoded.
 */
#include "base/json_pointer.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define EXAMPLE "write it as in \"/results/0\""

/* ---- what to write instead ---- */

/* "a['b'][0]" becomes "a/b/0"; with `slashed`, only the quotes go. */
static void put_steps(const char *text, bool slashed, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\'' || (*text == ']' && !slashed))
            continue;
        bool step = !slashed && (*text == '.' || *text == '[');
        if (!step || (out->len > 0 && out->data[out->len - 1] != '/'))
            buf_putc(out, step ? '/' : *text);
    }
}

/* What a text without a slash at its beginning most likely means. */
static void put_meaning(const char *text, struct buf *out)
{
    text += strspn(text, " \"'");
    text += *text == '#' || *text == '$';
    text += *text == '/';
    buf_putc(out, '/');
    put_steps(text, strchr(text, '/') != NULL, out);
}

static enum err not_a_pointer(const char *text, struct reason *reason)
{
    struct buf meaning;

    buf_init(&meaning, 2 * JSON_POINTER_LEN_MAX);
    put_meaning(text, &meaning);
    if (meaning.err != ERR_OK || meaning.len < 2)
        reason_set(reason, "not a JSON Pointer; " EXAMPLE);
    else
        reason_set(reason, "a JSON Pointer begins with \"/\"; write \"%s\"", buf_text(&meaning));
    buf_fini(&meaning);
    return ERR_INVALID;
}

/* ---- the check of a text ---- */

static enum err check_bytes(const char *text, size_t len, struct reason *reason)
{
    if (len > JSON_POINTER_LEN_MAX) {
        reason_set(reason, "longer than %d bytes", JSON_POINTER_LEN_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        if (text_is(text[i], TEXT_CONTROL)) {
            reason_set(reason, "a control character, at byte %zu", i + 1);
            return ERR_INVALID;
        }
    }
    if (!text_is_utf8(text, len)) {
        reason_set(reason, "not UTF-8");
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check_escapes(const char *text, struct reason *reason)
{
    for (const char *at = strchr(text, '~'); at != NULL; at = strchr(at + 1, '~')) {
        if (at[1] == '0' || at[1] == '1')
            continue;
        reason_set(reason, "\"~\" at byte %zu: write \"~0\" for \"~\", \"~1\" for \"/\" in a name",
                   (size_t)(at - text) + 1);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check_tokens(const char *text, size_t *count, struct reason *reason)
{
    *count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at + 1, "/");

        if (len == 1 && at[1] == '-') {
            reason_set(reason, "\"-\" is the element behind an array's end, which is never there; "
                               "write an index such as 0");
            return ERR_INVALID;
        }
        ++*count;
        at += 1 + len;
    }
    if (*count <= JSON_POINTER_TOKENS_MAX)
        return ERR_OK;
    reason_set(reason, "more than %d steps", JSON_POINTER_TOKENS_MAX);
    return ERR_INVALID;
}

static enum err check(const char *text, size_t len, size_t *count, struct reason *reason)
{
    enum err err = check_bytes(text, len, reason);

    if (err == ERR_OK && text[0] != '/')
        err = not_a_pointer(text, reason);
    if (err == ERR_OK)
        err = check_escapes(text, reason);
    return err == ERR_OK ? check_tokens(text, count, reason) : err;
}

/* ---- its tokens ---- */

static size_t index_of(const char *name, size_t len)
{
    uint64_t index;

    if ((len > 1 && name[0] == '0') || !text_parse_u64(name, len, &index) ||
        index >= JSON_POINTER_NO_INDEX)
        return JSON_POINTER_NO_INDEX;
    return (size_t)index;
}

/* Decodes the token at *at, whose slash is behind it, to `to`; moves *at to the next slash. */
static size_t decode(const char **at, char *to)
{
    size_t len = 0;

    for (; **at != '\0' && **at != '/'; (*at)++) {
        if (**at == '~') {
            (*at)++;
            to[len++] = **at == '0' ? '~' : '/';
        } else {
            to[len++] = **at;
        }
    }
    to[len] = '\0';
    return len;
}

enum err json_pointer_new(const char *text, struct reason *reason, struct json_pointer **out)
{
    size_t len = strlen(text);
    size_t count;

    if (check(text, len, &count, reason) != ERR_OK)
        return ERR_INVALID;
    /* Each name needs no more than its token and the slash: that byte is for the NUL. */
    size_t size = sizeof(struct json_pointer) + count * sizeof(struct json_pointer_token);
    struct json_pointer *pointer = mem_alloc(size + (len + 1) + len);
    struct json_pointer_token *tokens = (struct json_pointer_token *)(pointer + 1);
    char *own = (char *)(tokens + count);
    char *names = own + len + 1;
    const char *at = text;

    memcpy(own, text, len + 1);
    for (size_t i = 0; i < count; i++) {
        at++;
        tokens[i].name = names;
        tokens[i].len = decode(&at, names);
        tokens[i].index = index_of(names, tokens[i].len);
        names += tokens[i].len + 1;
    }
    *pointer = (struct json_pointer){.text = own, .count = count, .tokens = tokens};
    *out = pointer;
    return ERR_OK;
}

void json_pointer_free(struct json_pointer *pointer)
{
    mem_free(pointer);
}

const char *json_pointer_text(const struct json_pointer *pointer)
{
    return pointer->text;
}
