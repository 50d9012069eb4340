/*
 * A fault about a value says what the value is, what it may be, and what may have been meant. The
 * pieces come from here, so that every parser uses the same words.
 */
#include "config/input.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/hint.h"

/* What a fault says of a value's form, and what it should be. */
#define FORM_MAX 4096

bool input_wrong(const struct input *in, const char *format, ...)
{
    struct buf form;
    va_list args;

    va_start(args, format);
    char *what = mem_vprintf(format, args);
    va_end(args);
    buf_init(&form, FORM_MAX);
    if (in->text != NULL)
        hint_put_form(in->key, in->text, &form);
    faults_add(in->faults, in->place, in->section, in->name, "%s%s", what, buf_text(&form));
    buf_fini(&form);
    mem_free(what);
    return false;
}

void input_note(const struct input *in, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    faults_vadd(in->faults, in->place, true, in->section, in->name, format, args);
    va_end(args);
}

/* `"10" is not understood; must be a duration from 10ms to 24h; write 10s`. */
static bool wrong_with_allowed(const struct input *in, const char *what, bool instead)
{
    struct buf out;

    buf_init(&out, FORM_MAX);
    if (*in->text == '\0') {
        buf_puts(&out, "is empty");
    } else {
        hint_put_value(in->text, &out);
        buf_printf(&out, " %s", what);
    }
    buf_puts(&out, "; must be ");
    config_key_allowed(in->key, &out);
    if (instead)
        hint_put_instead(in->key, in->text, &out);
    input_wrong(in, "%s", buf_text(&out));
    buf_fini(&out);
    return false;
}

bool input_not_allowed(const struct input *in)
{
    return wrong_with_allowed(in, "is not understood", true);
}

bool input_out_of_range(const struct input *in)
{
    return wrong_with_allowed(in, "is out of range", false);
}

void input_note_form(const struct input *in)
{
    bool secret = in->key->kind == KIND_SECRET;
    const char *text = secret ? secret_text(in->secret) : in->text;
    const char *comment = hint_comment(text);
    struct buf shown;

    if (hint_is_quoted(text) && in->key->kind != KIND_POINTER)
        input_note(in, "the quotes are part of the value; remove them unless they are meant");
    if (comment == NULL)
        return;
    buf_init(&shown, FORM_MAX);
    if (secret || in->key->kind == KIND_URL || in->key->kind == KIND_PROXY)
        buf_puts(&shown, "what follows # or ;");
    else
        hint_put_value(comment, &shown);
    input_note(in, "%s is part of the value; a comment stands on a line of its own",
               buf_text(&shown));
    buf_fini(&shown);
}

char *input_next_item(const char **rest)
{
    if (*rest == NULL)
        return NULL;

    const char *start = *rest + text_span(*rest, TEXT_BLANK);
    size_t len = strcspn(start, ",");
    *rest = start[len] == ',' ? start + len + 1 : NULL;
    while (len > 0 && text_is(start[len - 1], TEXT_BLANK))
        len--;
    return mem_strndup(start, len);
}

const char *input_find_word(const char *words, const char *text)
{
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (len == strlen(text) && text_starts_ci(words, text))
            return words;
        words += len + strspn(words + len, " ");
    }
    return NULL;
}

bool input_is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return true;
}

bool input_take_text(const struct input *in, char **out, struct buf *shown)
{
    size_t len = strlen(in->text);

    if ((int64_t)len > in->key->max)
        return input_wrong(in, "is too long with %zu bytes; must be text of at most %lld bytes",
                           len, (long long)in->key->max);
    if (!input_is_plain(in->text, len))
        return input_wrong(in, "holds a tab; write spaces");
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}
