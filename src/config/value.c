/*
 * The kinds of value as a table: how each is parsed and how it is freed. A parser has two products,
 * the field and the text that would be written for it, so that what --print-config shows is what
 * was understood and not what was typed.
 */
#include "config/value.h"

#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/hint.h"
#include "config/units.h"

/* RFC 6749, section 8.2, has no bound for a parameter's name. */
#define PARAM_NAME_MAX 64

/* What a fault says of a value's form, and what it should be. */
#define FORM_MAX 4096

/* What the token request sets by itself. */
#define PARAMS_TAKEN "grant_type scope audience client_id client_secret"

bool value_wrong(const struct value_input *in, const char *format, ...)
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

void value_note(const struct value_input *in, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    faults_vadd(in->faults, in->place, true, in->section, in->name, format, args);
    va_end(args);
}

/* `"10" is not understood; must be a duration from 10ms to 24h; write 10s`. */
static bool wrong_with_allowed(const struct value_input *in, const char *what, bool instead)
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
    value_wrong(in, "%s", buf_text(&out));
    buf_fini(&out);
    return false;
}

bool value_not_allowed(const struct value_input *in)
{
    return wrong_with_allowed(in, "is not understood", true);
}

static bool out_of_range(const struct value_input *in)
{
    return wrong_with_allowed(in, "is out of range", false);
}

void value_judge_form(const struct value_input *in)
{
    bool secret = in->key->kind == KIND_SECRET;
    const char *text = secret ? secret_text(in->secret) : in->text;
    const char *comment = hint_comment(text);
    struct buf shown;

    if (hint_is_quoted(text))
        value_note(in, "the quotes are part of the value; remove them unless they are meant");
    if (comment == NULL)
        return;
    buf_init(&shown, FORM_MAX);
    if (secret || in->key->kind == KIND_URL)
        buf_puts(&shown, "what follows # or ;");
    else
        hint_put_value(comment, &shown);
    value_note(in, "%s is part of the value; a comment stands on a line of its own",
               buf_text(&shown));
    buf_fini(&shown);
}

char *value_next_item(const char **rest)
{
    if (*rest == NULL)
        return NULL;

    const char *start = *rest + text_span(*rest, TEXT_BLANK);
    size_t len = strcspn(start, ",");
    *rest = start[len] == ',' ? start + len + 1 : NULL;
    while (len > 0 && (start[len - 1] == ' ' || start[len - 1] == '\t'))
        len--;
    return mem_strndup(start, len);
}

const char *value_find_word(const char *words, const char *text)
{
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (len == strlen(text) && text_starts_ci(words, text))
            return words;
        words += len + strspn(words + len, " ");
    }
    return NULL;
}

static bool parse_text(const struct value_input *in, void *field, struct buf *shown)
{
    char **out = field;
    size_t len = strlen(in->text);

    if ((int64_t)len > in->key->max)
        return value_wrong(in, "is too long with %zu bytes; must be text of at most %lld bytes",
                           len, (long long)in->key->max);
    if (!value_is_plain(in->text, len))
        return value_wrong(in, "holds a tab; write spaces");
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}

typedef bool number_parser(const char *text, int64_t *out);
typedef void number_formatter(int64_t number, struct buf *out);

static void format_count(int64_t number, struct buf *out)
{
    buf_printf(out, "%lld", (long long)number);
}

static bool parse_number(const struct value_input *in, number_parser *parse,
                         number_formatter *format, int64_t *out, struct buf *shown)
{
    int64_t number;

    if (!parse(in->text, &number))
        return value_not_allowed(in);
    if (number < in->key->min || number > in->key->max)
        return out_of_range(in);
    *out = number;
    format(number, shown);
    return true;
}

static bool parse_duration(const struct value_input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_duration, units_format_duration, field, shown);
}

static bool parse_size(const struct value_input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_size, units_format_size, field, shown);
}

static bool parse_count(const struct value_input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_count, format_count, field, shown);
}

static bool parse_mode(const struct value_input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_mode, units_format_mode, field, shown);
}

/* The cores this process may run on, which taskset and AllowedCPUs= lower. */
static int64_t cores(const struct config_key *key)
{
    cpu_set_t set;
    int64_t count = key->min;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = CPU_COUNT(&set);
    return count > key->max ? key->max : count;
}

static bool parse_workers(const struct value_input *in, void *field, struct buf *shown)
{
    int64_t *out = field;

    if (!text_equal_ci(in->text, "auto"))
        return parse_count(in, field, shown);
    *out = cores(in->key);
    buf_puts(shown, "auto");
    return true;
}

static bool parse_bool(const struct value_input *in, void *field, struct buf *shown)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true"};
    bool *out = field;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!text_equal_ci(in->text, words[i]))
            continue;
        *out = i % 2 == 1;
        buf_puts(shown, *out ? "on" : "off");
        return true;
    }
    return value_not_allowed(in);
}

static bool parse_choice(const struct value_input *in, void *field, struct buf *shown)
{
    const char *word = value_find_word(in->key->choices, in->text);
    int *out = field;

    if (word == NULL)
        return value_not_allowed(in);
    *out = 0;
    for (const char *p = in->key->choices; p < word; p++)
        *out += *p == ' ';
    buf_append(shown, word, strlen(in->text));
    return true;
}

/* RFC 6749, section 8.2: param-name. */
static bool is_param_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= PARAM_NAME_MAX && text_is_all(name, len, TEXT_NAME);
}

bool value_parse_param(const struct value_input *in, const char *name, struct config_params *out)
{
    struct buf shown;
    char *value = NULL;

    if (!is_param_name(name))
        return value_wrong(in,
                           "a parameter needs a name of at most %d letters, digits, -, . and _; "
                           "write auth_param.resource = ... for one",
                           PARAM_NAME_MAX);
    if (value_find_word(PARAMS_TAKEN, name) != NULL)
        return value_wrong(in,
                           "the token request sets %s itself; use the key for it, if there is "
                           "one",
                           name);
    buf_init(&shown, (size_t)in->key->max);
    bool good = parse_text(in, &value, &shown);
    buf_fini(&shown);
    if (!good)
        return false;
    out->items = mem_grow(out->items, out->count, sizeof(*out->items));
    out->items[out->count++] = (struct config_param){.name = mem_strdup(name), .value = value};
    return true;
}

static void fini_text(void *field)
{
    char **text = field;

    mem_free(*text);
    *text = NULL;
}

static void fini_secret(void *field)
{
    struct secret **secret = field;

    secret_unref(*secret);
    *secret = NULL;
}

static void fini_params(void *field)
{
    struct config_params *params = field;

    for (size_t i = 0; i < params->count; i++) {
        mem_free(params->items[i].name);
        mem_free(params->items[i].value);
    }
    mem_free(params->items);
    *params = (struct config_params){0};
}

/* Numbers and choices own nothing. */
static const struct kind {
    value_parser *parse;
    void (*fini)(void *field);
} kinds[] = {
    [KIND_TEXT] = {parse_text, fini_text},
    [KIND_DURATION] = {parse_duration, NULL},
    [KIND_SIZE] = {parse_size, NULL},
    [KIND_COUNT] = {parse_count, NULL},
    [KIND_WORKERS] = {parse_workers, NULL},
    [KIND_MODE] = {parse_mode, NULL},
    [KIND_BOOL] = {parse_bool, NULL},
    [KIND_CHOICE] = {parse_choice, NULL},
    [KIND_ADDRESSES] = {value_parse_addresses, value_fini_addresses},
    [KIND_URL] = {value_parse_url, fini_text},
    [KIND_FILE] = {value_parse_file, fini_text},
    [KIND_KEYFILE] = {value_parse_keyfile, value_fini_keyfile},
    [KIND_SECRET] = {value_parse_secret, fini_secret},
    [KIND_SECRETS] = {value_parse_secrets, value_fini_secrets},
    [KIND_HEADER] = {value_parse_header, fini_text},
    [KIND_PATH] = {value_parse_path, fini_text},
    [KIND_PARAMS] = {NULL, fini_params}, /* one by one, with value_parse_param */
};

static void *field_of(const struct config_key *key, struct config *config)
{
    return (char *)config + key->offset;
}

bool value_parse(const struct value_input *in, struct config *config, struct buf *shown)
{
    bool good = kinds[in->key->kind].parse(in, field_of(in->key, config), shown);

    if (!good)
        value_fini(in->key, config);
    return good;
}

void value_fini(const struct config_key *key, struct config *config)
{
    if (kinds[key->kind].fini != NULL)
        kinds[key->kind].fini(field_of(key, config));
}
