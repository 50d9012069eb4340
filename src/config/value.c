/*
 * The kinds of value as a table: how each is parsed and how it is freed. A parser has two products,
 * the field and the text that would be written for it, so that what --print-config shows is what
 * was understood and not what was typed.
 */
#include "config/value.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/address.h"
#include "config/credential.h"
#include "config/units.h"
#include "config/web.h"

/* RFC 6749, section 8.2, has no bound for a parameter's name. */
#define PARAM_NAME_MAX 64

/* What the token request sets by itself. */
#define PARAMS_TAKEN "grant_type scope audience client_id client_secret"

static bool parse_text(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
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

typedef bool number_parser(const char *text, int64_t *out);
typedef void number_formatter(int64_t number, struct buf *out);

static void format_count(int64_t number, struct buf *out)
{
    buf_printf(out, "%lld", (long long)number);
}

static bool parse_number(const struct input *in, number_parser *parse, number_formatter *format,
                         int64_t *out, struct buf *shown)
{
    int64_t number;

    if (!parse(in->text, &number))
        return input_not_allowed(in);
    if (number < in->key->min || number > in->key->max)
        return input_out_of_range(in);
    *out = number;
    format(number, shown);
    return true;
}

static bool parse_duration(const struct input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_duration, units_format_duration, field, shown);
}

static bool parse_size(const struct input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_size, units_format_size, field, shown);
}

static bool parse_count(const struct input *in, void *field, struct buf *shown)
{
    return parse_number(in, units_parse_count, format_count, field, shown);
}

static bool parse_mode(const struct input *in, void *field, struct buf *shown)
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

static bool parse_workers(const struct input *in, void *field, struct buf *shown)
{
    int64_t *out = field;

    if (!text_equal_ci(in->text, "auto"))
        return parse_count(in, field, shown);
    *out = cores(in->key);
    buf_puts(shown, "auto");
    return true;
}

static bool parse_bool(const struct input *in, void *field, struct buf *shown)
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
    return input_not_allowed(in);
}

static bool parse_choice(const struct input *in, void *field, struct buf *shown)
{
    const char *word = input_find_word(in->key->choices, in->text);
    int *out = field;

    if (word == NULL)
        return input_not_allowed(in);
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

bool value_parse_param(const struct input *in, const char *name, struct config_params *out)
{
    struct buf shown;
    char *value = NULL;

    if (!is_param_name(name))
        return input_wrong(in,
                           "a parameter needs a name of at most %d letters, digits, -, . and _; "
                           "write auth_param.resource = ... for one",
                           PARAM_NAME_MAX);
    if (input_find_word(PARAMS_TAKEN, name) != NULL)
        return input_wrong(in,
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
    input_parser *parse;
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
    [KIND_ADDRESSES] = {address_parse, address_fini},
    [KIND_URL] = {web_parse_url, fini_text},
    [KIND_PROXY] = {web_parse_proxy, fini_text},
    [KIND_FILE] = {credential_parse_file, fini_text},
    [KIND_KEYFILE] = {credential_parse_keyfile, credential_fini_keyfile},
    [KIND_PASSWORD] = {credential_parse_keyfile, credential_fini_keyfile},
    [KIND_SECRET] = {credential_parse_secret, fini_secret},
    [KIND_SECRETS] = {credential_parse_secrets, credential_fini_secrets},
    [KIND_HEADER] = {web_parse_header, fini_text},
    [KIND_PATH] = {web_parse_path, fini_text},
    [KIND_PARAMS] = {NULL, fini_params}, /* one by one, with value_parse_param */
};

bool value_parse(const struct input *in, void *field, struct buf *shown)
{
    bool good = kinds[in->key->kind].parse(in, field, shown);

    if (!good)
        value_fini(in->key, field);
    return good;
}

void value_fini(const struct config_key *key, void *field)
{
    if (kinds[key->kind].fini != NULL)
        kinds[key->kind].fini(field);
}
