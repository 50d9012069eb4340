/*
 * Expansion comes between the files and the parsers of values: only the settings that count are
 * expanded, and a parser never knows where its text came from. A secret stays in buffers that are
 * overwritten, and a fault about it names a variable only when nothing else is in the value: a
 * secret may well hold ${ itself.
 */
#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/input.h"
#include "config/scan.h"

#define OPEN "${"
#define NAME_MAX_BYTES 128
#define ESCAPE "write $${ for a literal ${"

struct expanding {
    const struct setting *setting;
    const char *section;
    struct config_faults *faults;
    bool shown; /* variables may be named in a fault */
    struct buf out;
};

/* [A-Za-z_][A-Za-z0-9_]*, as a shell takes them. */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!text_is(text[i], i == 0 ? TEXT_ALPHA | TEXT_UNDERSCORE : TEXT_IDENTIFIER))
            return false;
    }
    return len > 0 && len <= NAME_MAX_BYTES;
}

/* The } of the ${ at `open`; NULL when there is none. */
static const char *closing(const char *open)
{
    return strchr(open + strlen(OPEN), '}');
}

bool expand_is_bare(const char *text)
{
    while (strncmp(text, OPEN, strlen(OPEN)) == 0) {
        const char *name = text + strlen(OPEN);
        const char *close = closing(text);
        if (close == NULL || !is_name(name, (size_t)(close - name)))
            return false;
        text = close + 1;
    }
    return *text == '\0';
}

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool wrong(struct expanding *e, const char *format,
                                                        ...)
{
    const struct setting *s = e->setting;
    va_list args;

    va_start(args, format);
    if (e->shown)
        faults_vadd(e->faults, s->place, false, e->section, s->name, format, args);
    else
        faults_add(e->faults, s->place, e->section, s->name,
                   "a ${NAME} in the value cannot be replaced from the environment; " ESCAPE);
    va_end(args);
    return false;
}

/* How much of a text a fault shows. */
static int shown(size_t len)
{
    return len < NAME_MAX_BYTES ? (int)len : NAME_MAX_BYTES;
}

static bool put_variable(struct expanding *e, const char *name, size_t len)
{
    char *text = mem_strndup(name, len);
    const char *value = secure_getenv(text);

    mem_free(text);
    if (value == NULL)
        return wrong(e,
                     "the variable %.*s is not set; set it in postcoded's environment "
                     "(Environment= in a unit), or " ESCAPE,
                     (int)len, name);
    if (!input_is_plain(value, strlen(value)) || !text_is_utf8(value, strlen(value)))
        return wrong(e,
                     "the variable %.*s holds a control character or a second line, or is not "
                     "UTF-8; set it to plain text",
                     (int)len, name);
    buf_puts(&e->out, value);
    return true;
}

/* The variable at `open`; *rest goes behind it. */
static bool put_one(struct expanding *e, const char *open, const char **rest)
{
    const char *name = open + strlen(OPEN);
    const char *close = closing(open);

    if (close == NULL)
        return wrong(e, "\"%.*s\" has no } at its end; write ${NAME}, or " ESCAPE,
                     shown(strlen(open)), open);
    *rest = close + 1;
    if (!is_name(name, (size_t)(close - name)))
        return wrong(e,
                     "\"%.*s\" names no variable; write ${NAME} with letters, digits and _, "
                     "or " ESCAPE,
                     shown((size_t)(*rest - open)), open);
    return put_variable(e, name, (size_t)(close - name));
}

/* *count gets how many variables were replaced. */
static bool put_all(struct expanding *e, const char *text, size_t *count)
{
    const char *open;
    bool good = true;

    *count = 0;
    while (good && (open = strstr(text, OPEN)) != NULL) {
        if (open > text && open[-1] == '$') {
            buf_append(&e->out, text, (size_t)(open - 1 - text));
            buf_puts(&e->out, OPEN);
            text = open + strlen(OPEN);
        } else {
            buf_append(&e->out, text, (size_t)(open - text));
            good = put_one(e, open, &text);
            ++*count;
        }
    }
    buf_puts(&e->out, text);
    if (good && e->out.err != ERR_OK) {
        faults_add(e->faults, e->setting->place, e->section, e->setting->name,
                   "is longer than %d bytes with its variables; shorten them", SCAN_MAX_LINE);
        good = false;
    }
    return good;
}

/* A limit that nobody meant to lift: the variable was forgotten. */
static bool judge_empty(struct expanding *e, const char *text)
{
    if ((e->setting->key->flags & CONFIG_RESTRICTS) == 0 ||
        text_span(buf_text(&e->out), TEXT_BLANK) < e->out.len)
        return true;
    return wrong(e, "%.*s is empty; set the variable to a value, or remove the line",
                 shown(strlen(text)), text);
}

/* The setting's value from now on; blanks around it mean nothing, as in a file. */
static void put_back(struct setting *setting, const struct buf *out)
{
    const char *text = buf_text(out);
    size_t len = out->len;

    text_trim(&text, &len);
    if (setting->key->kind == KIND_SECRET) {
        secret_unref(setting->secret);
        setting->secret = len > 0 ? secret_new(text, len) : NULL;
    } else {
        mem_free(setting->text);
        setting->text = mem_strndup(text, len);
    }
}

bool expand_setting(struct setting *setting, const char *section, struct config_faults *faults)
{
    bool secret = setting->key->kind == KIND_SECRET;
    const char *text = setting->text;

    if (secret)
        text = setting->secret != NULL ? secret_text(setting->secret) : "";
    if (strstr(text, OPEN) == NULL)
        return true;
    struct expanding e = {
        .setting = setting,
        .section = section,
        .faults = faults,
        .shown = !secret || expand_is_bare(text),
    };
    size_t count;
    buf_init_secret(&e.out, SCAN_MAX_LINE);
    bool good = put_all(&e, text, &count) && judge_empty(&e, text);
    if (good)
        put_back(setting, &e.out);
    if (good && secret && count > 0)
        faults_note(faults, setting->place, section, setting->name,
                    "the secret comes from the environment, which is shown in /proc/PID/environ "
                    "and handed to child processes; client_secret_file keeps it in a file");
    buf_fini(&e.out);
    return good;
}

void expand_print(const char *value, FILE *out)
{
    const char *open;

    while ((open = strstr(value, OPEN)) != NULL) {
        fprintf(out, "%.*s$" OPEN, (int)(open - value), value);
        value = open + strlen(OPEN);
    }
    fputs(value, out);
}
