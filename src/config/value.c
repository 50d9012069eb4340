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
#include "config/claim.h"
#include "config/credential.h"
#include "config/family.h"
#include "config/hint.h"
#include "config/postcodes.h"
#include "config/units.h"
#include "config/web.h"

static bool parse_text(const struct input *in, void *field, struct buf *shown)
{
    return input_take_text(in, field, shown);
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
    const bool zero_is_off = strcmp(in->key->choices, "0s") == 0;
    int64_t *out = field;
    int64_t number;

    if (strcmp(in->key->choices, "off") == 0 && text_equal_ci(in->text, "off")) {
        *out = 0;
        buf_puts(shown, "off");
        return true;
    }
    if (zero_is_off && units_parse_duration(in->text, &number) && number == 0) {
        *out = 0;
        buf_puts(shown, "0s");
        return true;
    }
    return parse_number(in, units_parse_duration, units_format_duration, field, shown);
}

static bool parse_rate(const struct input *in, void *field, struct buf *shown)
{
    int64_t *out = field;
    int64_t count, per;

    if (strcmp(in->key->choices, "off") == 0 && text_equal_ci(in->text, "off")) {
        *out = 0;
        buf_puts(shown, "off");
        return true;
    }
    if (!units_parse_rate(in->text, &count, &per))
        return input_not_allowed(in);
    if (count < in->key->min || count > in->key->max)
        return input_out_of_range(in);
    *out = (per + count - 1) / count;
    units_format_rate(count, per, shown);
    return true;
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

/* What is meant by a text that is no pointer. */
static bool parse_constant(const struct input *in, struct config_pointer *out)
{
    size_t len = strlen(in->text);

    if (len < 3)
        return input_wrong(in, "the text in quotes is empty; write one, such as \"GB\"");
    out->constant = mem_strndup(in->text + 1, len - 2);
    return true;
}

/* `"$.a": a JSON Pointer begins with "/"; write "/a"`. */
static bool wrong_pointer(const struct input *in, bool takes_constant, const char *why)
{
    struct buf shown;

    buf_init(&shown, 256);
    hint_put_value(in->text, &shown);
    if (hint_is_quoted(in->text))
        input_wrong(in, "%s%s", buf_text(&shown),
                    takes_constant
                        ? ": a constant stands in double quotes, such as \"GB\""
                        : " stands in quotes, which no pointer does; write it without them");
    else
        input_wrong(in, "%s: %s%s", buf_text(&shown), why,
                    takes_constant ? "; a constant stands in quotes, such as \"GB\"" : "");
    buf_fini(&shown);
    return false;
}

static bool parse_pointer(const struct input *in, void *field, struct buf *shown)
{
    struct config_pointer *out = field;
    size_t len = strlen(in->text);
    bool takes_constant = strcmp(in->key->choices, "constant") == 0;
    struct reason reason;

    if ((int64_t)len > in->key->max)
        return input_wrong(in, "is too long with %zu bytes; at most %lld are allowed", len,
                           (long long)in->key->max);
    buf_puts(shown, in->text);
    if (takes_constant && len > 1 && in->text[0] == '"' && in->text[len - 1] == '"')
        return parse_constant(in, out);
    if (json_pointer_new(in->text, &reason, &out->pointer) == ERR_OK)
        return true;
    return wrong_pointer(in, takes_constant, reason.text);
}

static bool parse_names(const struct input *in, void *field, struct buf *shown)
{
    struct config_names *out = field;
    size_t first = strcspn(in->text, " \t");
    const char *second = in->text + first + text_span(in->text + first, TEXT_BLANK);

    if ((int64_t)strlen(in->text) > in->key->max || second[strcspn(second, " \t")] != '\0')
        return input_not_allowed(in);
    out->first = mem_strndup(in->text, first);
    out->second = *second != '\0' ? mem_strdup(second) : NULL;
    buf_printf(shown, "%s%s%s", out->first, *second != '\0' ? " " : "", second);
    return true;
}

static bool parse_token(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
    size_t len = strlen(in->text);

    if ((int64_t)len > in->key->max || !text_is_token(in->text, len))
        return input_not_allowed(in);
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}

static bool parse_list(const struct input *in, void *field, struct buf *shown)
{
    struct config_list *out = field;
    const char *rest = in->text;
    char *item;

    if ((int64_t)strlen(in->text) > in->key->max)
        return input_out_of_range(in);
    while ((item = input_next_item(&rest)) != NULL) {
        out->items = mem_grow(out->items, out->count, sizeof(*out->items));
        out->items[out->count++] = item;
        if (*item == '\0')
            return input_wrong(in, "has an empty entry; remove the comma");
        if (!input_is_plain(item, strlen(item)))
            return input_wrong(in, "holds a tab; write spaces");
        buf_printf(shown, "%s%s", out->count > 1 ? ", " : "", item);
    }
    out->items = mem_grow(out->items, out->count, sizeof(*out->items));
    out->items[out->count] = NULL;
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

static void fini_target(void *field)
{
    struct config_target *target = field;

    mem_free(target->text);
    mem_free(target->before);
    *target = (struct config_target){0};
}

static void fini_pointer(void *field)
{
    struct config_pointer *pointer = field;

    json_pointer_free(pointer->pointer);
    mem_free(pointer->constant);
    *pointer = (struct config_pointer){0};
}

static void fini_names(void *field)
{
    struct config_names *names = field;

    mem_free(names->first);
    mem_free(names->second);
    *names = (struct config_names){0};
}

static void fini_list(void *field)
{
    struct config_list *list = field;

    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i]);
    mem_free(list->items);
    *list = (struct config_list){0};
}

/* Numbers and choices own nothing. */
static const struct kind {
    input_parser *parse;
    void (*fini)(void *field);
    family_parser *parse_member;
} kinds[] = {
    [KIND_TEXT] = {parse_text, fini_text, NULL},
    [KIND_DURATION] = {parse_duration, NULL, NULL},
    [KIND_SIZE] = {parse_size, NULL, NULL},
    [KIND_COUNT] = {parse_count, NULL, NULL},
    [KIND_WORKERS] = {parse_workers, NULL, NULL},
    [KIND_MODE] = {parse_mode, NULL, NULL},
    [KIND_BOOL] = {parse_bool, NULL, NULL},
    [KIND_CHOICE] = {parse_choice, NULL, NULL},
    [KIND_ADDRESSES] = {address_parse, address_fini, NULL},
    [KIND_URL] = {web_parse_url, fini_text, NULL},
    [KIND_PROXY] = {web_parse_proxy, fini_text, NULL},
    [KIND_FILE] = {credential_parse_file, fini_text, NULL},
    [KIND_KEYFILE] = {credential_parse_keyfile, credential_fini_keyfile, NULL},
    [KIND_PASSWORD] = {credential_parse_keyfile, credential_fini_keyfile, NULL},
    [KIND_SECRET] = {credential_parse_secret, fini_secret, NULL},
    [KIND_SECRETS] = {credential_parse_secrets, credential_fini_secrets, NULL},
    [KIND_HEADER] = {web_parse_header, fini_text, NULL},
    [KIND_PATH] = {web_parse_path, fini_text, NULL},
    [KIND_TARGET] = {web_parse_target, fini_target, NULL},
    [KIND_POINTER] = {parse_pointer, fini_pointer, NULL},
    [KIND_NAMES] = {parse_names, fini_names, NULL},
    [KIND_TOKEN] = {parse_token, fini_text, NULL},
    [KIND_LIST] = {parse_list, fini_list, NULL},
    [KIND_POSTCODES] = {postcodes_parse, fini_list, NULL},
    [KIND_RATE] = {parse_rate, NULL, NULL},
    [KIND_CLAIM] = {claim_parse, claim_fini, NULL},
    [KIND_PARAMS] = {NULL, family_fini_params, family_parse_param},
    [KIND_HEADERS] = {NULL, family_fini_params, family_parse_header},
    [KIND_HEADER_FILES] = {NULL, family_fini_header_files, family_parse_header_file},
    [KIND_REQUIREMENTS] = {NULL, claim_fini_requirements, claim_parse_requirement},
};

bool value_parse(const struct input *in, void *field, struct buf *shown)
{
    bool good = kinds[in->key->kind].parse(in, field, shown);

    if (!good)
        value_fini(in->key, field);
    return good;
}

bool value_parse_member(const struct input *in, const char *name, void *field, struct buf *shown)
{
    return kinds[in->key->kind].parse_member(in, name, field, shown);
}

void value_fini(const struct config_key *key, void *field)
{
    if (kinds[key->kind].fini != NULL)
        kinds[key->kind].fini(field);
}
