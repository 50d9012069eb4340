/*
 * The table as data. In config.h it is text for the preprocessor; here it becomes an
 * array, so that parser, documents and --print-config are loops, and a key is added in one line.
 */
#include "config/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/units.h"

const struct config_key config_keys[KEY_COUNT] = {
#define KEY_ENTRY(section_, name_, kind_, def_, min_, max_, choices_, flags_, meaning_, struct_,   \
                  field_, owner_)                                                                  \
    {                                                                                              \
        .section = section_,                                                                       \
        .name = name_,                                                                             \
        .kind = KIND_##kind_,                                                                      \
        .def = def_,                                                                               \
        .min = min_,                                                                               \
        .max = max_,                                                                               \
        .choices = choices_,                                                                       \
        .flags = flags_,                                                                           \
        .meaning = meaning_,                                                                       \
        .owner = owner_,                                                                           \
        .offset = offsetof(struct struct_, field_),                                                \
    },
#define PROCESS_ENTRY(section, name, field, kind, def, min, max, choices, flags, meaning)          \
    KEY_ENTRY(section, name, kind, def, min, max, choices, flags, meaning, config, field,          \
              OWNER_PROCESS)
#define UPSTREAM_ENTRY(section, name, field, kind, def, min, max, choices, flags, meaning)         \
    KEY_ENTRY(section, name, kind, def, min, max, choices, flags, meaning, config_upstream, field, \
              OWNER_UPSTREAM)
#define ROUTE_ENTRY(section, name, field, kind, def, min, max, choices, flags, meaning)            \
    KEY_ENTRY(section, name, kind, def, min, max, choices, flags, meaning, config_route, field,    \
              OWNER_ROUTE)
    CONFIG_KEYS(PROCESS_ENTRY) CONFIG_UPSTREAM_KEYS(UPSTREAM_ENTRY) CONFIG_ROUTE_KEYS(ROUTE_ENTRY)
#undef ROUTE_ENTRY
#undef UPSTREAM_ENTRY
#undef PROCESS_ENTRY
#undef KEY_ENTRY
};

const struct config_owner_keys config_owners[OWNER_COUNT] = {
    [OWNER_PROCESS] = {NULL, 0, KEY_PROCESS_COUNT},
    [OWNER_UPSTREAM] = {"upstream", KEY_PROCESS_COUNT, KEY_UPSTREAM_END},
    [OWNER_ROUTE] = {"route", KEY_UPSTREAM_END, KEY_COUNT},
};

const char *config_section_rest(const char *section)
{
    for (enum config_owner owner = OWNER_PROCESS + 1; owner < OWNER_COUNT; owner++) {
        if (strcmp(config_owners[owner].section, section) == 0)
            return " NAME";
    }
    return "";
}

enum config_key_index config_key_index(const struct config_key *key)
{
    MUST(key >= config_keys && key < config_keys + KEY_COUNT);
    return (enum config_key_index)(key - config_keys);
}

size_t config_key_prefix(const struct config_key *key)
{
    return key->kind >= KIND_PARAMS ? strcspn(key->name, ".") + 1 : 0;
}

bool config_key_is_named(const struct config_key *key, const char *name)
{
    size_t prefix = config_key_prefix(key);

    return prefix > 0 ? strncasecmp(key->name, name, prefix) == 0 : text_equal_ci(key->name, name);
}

bool config_key_same_name(const struct config_key *key, const char *a, const char *b)
{
    size_t prefix = config_key_prefix(key);

    if (key->kind != KIND_REQUIREMENTS)
        return text_equal_ci(a, b);
    return strncasecmp(a, b, prefix) == 0 && strcmp(a + prefix, b + prefix) == 0;
}

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (text_equal_ci(key->section, section) && config_key_is_named(key, name))
            return key;
    }
    return NULL;
}

const char *config_section_find(const char *section)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (text_equal_ci(config_keys[i].section, section))
            return config_keys[i].section;
    }
    return NULL;
}

bool config_name_is_secret(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if ((key->flags & CONFIG_SECRET_VALUE) != 0 && text_equal_ci(key->name, name))
            return true;
    }
    return false;
}

/* Longer names have no neighbour in the table, and cost nothing. */
#define NEAR_MAX 64

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance, one row at a time, without case. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAR_MAX + 1];
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            bool same = strncasecmp(a + i, b + j, 1) == 0;
            size_t change = diagonal + (same ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = smallest(change, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[b_len];
}

/* Keeps the candidate when it is nearer than what came before. */
static void consider(const char *given, const char *candidate, const char **best, size_t *least)
{
    size_t d = distance(given, candidate);

    /* A third of the letters may be wrong; more is another word. */
    if (d < *least && d <= 1 + strlen(candidate) / 3 && d < strlen(candidate)) {
        *best = candidate;
        *least = d;
    }
}

const char *config_section_near(const char *section)
{
    const char *best = NULL;
    size_t least = NEAR_MAX;

    if (strlen(section) > NEAR_MAX)
        return NULL;
    for (size_t i = 0; i < KEY_COUNT; i++)
        consider(section, config_keys[i].section, &best, &least);
    return best;
}

const char *config_name_near(const char *const *names, size_t count, const char *name)
{
    const char *best = NULL;
    size_t least = NEAR_MAX;

    for (size_t i = 0; i < count && strlen(name) <= NEAR_MAX; i++)
        consider(name, names[i], &best, &least);
    return best;
}

/* Whether a word of `text`, between underscores, is this one, or begins with it unless `whole`. */
static bool has_word(const char *text, const char *word, size_t len, bool whole)
{
    for (;;) {
        size_t n = strcspn(text, "_");
        if (len > 1 && (whole ? n == len : n >= len) && strncasecmp(text, word, len) == 0)
            return true;
        if (text[n] == '\0')
            return false;
        text += n + 1;
    }
}

/* How many words `text` has, all of which has_word finds in `other`; 0 when one is not there. */
static size_t words_in(const char *text, const char *other, bool whole)
{
    size_t count = 0;

    for (;;) {
        size_t n = strcspn(text, "_");
        if (!has_word(other, text, n, whole))
            return 0;
        count++;
        if (text[n] == '\0')
            return count;
        text += n + 1;
    }
}

/*
 * A key may be written shorter, tls_cert, or with a word too many, tls_key_file. By edit distance
 * another key may be nearer.
 */
static const char *near_by_words(const char *section, const char *name)
{
    const char *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *candidate = config_keys[i].name;
        if (!text_equal_ci(config_keys[i].section, section))
            continue;
        size_t shorter = words_in(name, candidate, false);
        size_t longer = words_in(candidate, name, true);
        size_t count = shorter > longer ? shorter : longer;
        if (count > most) {
            best = candidate;
            most = count;
        }
    }
    return best;
}

const char *config_key_near(const char *section, const char *name)
{
    size_t least = NEAR_MAX;

    if (strlen(name) > NEAR_MAX)
        return NULL;
    const char *best = near_by_words(section, name);
    if (best != NULL)
        return best;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (text_equal_ci(config_keys[i].section, section))
            consider(name, config_keys[i].name, &best, &least);
    }
    return best;
}

typedef void format_number(int64_t number, struct buf *out);

static void format_count(int64_t number, struct buf *out)
{
    buf_printf(out, "%lld", (long long)number);
}

static void put_range(const char *what, const struct config_key *key, format_number *format,
                      struct buf *out)
{
    buf_printf(out, "%s from ", what);
    format(key->min, out);
    buf_puts(out, " to ");
    format(key->max, out);
}

static void put_choices(const char *choices, struct buf *out)
{
    buf_puts(out, "one of: ");
    for (const char *p = choices; *p != '\0'; p++) {
        if (*p == ' ')
            buf_puts(out, ", ");
        else
            buf_putc(out, *p);
    }
}

static void put_addresses(const char *choices, struct buf *out)
{
    if (strcmp(choices, "unix") == 0)
        buf_puts(out, "a Unix socket, unix:PATH, or off");
    else
        buf_printf(out, "addresses of the form HOST:PORT, [V6]:PORT or unix:PATH, with commas%s",
                   strcmp(choices, "off") == 0   ? ", or off"
                   : strcmp(choices, "tls") == 0 ? ", and tls: before HOST or [V6] for TLS"
                                                 : "");
}

static bool takes_query(const struct config_key *key)
{
    return strcmp(key->choices, "query") == 0;
}

/* The kinds that have a grammar of the web, of JSON or of HTTP. */
static void put_grammar(const struct config_key *key, struct buf *out)
{
    switch (key->kind) {
    case KIND_URL:
        buf_printf(out, "a URL of http or https without user%s fragment",
                   takes_query(key) ? " and" : ", query and");
        break;
    case KIND_PROXY:
        buf_puts(out, "a URL of http or https without password, query and fragment");
        break;
    case KIND_HEADER:
        buf_printf(out, "the name of a header, of at most %lld bytes", (long long)key->max);
        break;
    case KIND_PATH:
        buf_printf(out, "the path of a URL, beginning with a slash%s",
                   takes_query(key)                      ? ", and perhaps a query"
                   : strcmp(key->choices, "prefix") == 0 ? " and ending with one"
                                                         : "");
        break;
    case KIND_TARGET:
        buf_puts(
            out,
            "the path of a URL, beginning with a slash, and perhaps a query, with " CONFIG_POSTCODE
            " once");
        break;
    case KIND_POINTER:
        buf_printf(out, "a JSON Pointer such as /results/0%s",
                   strcmp(key->choices, "constant") == 0 ? ", or a text in quotes" : "");
        break;
    case KIND_NAMES:
        buf_puts(out, "one or two names of JSON members, separated by a space");
        break;
    case KIND_TOKEN:
        buf_printf(out, "a word of at most %lld letters, digits and !#$%%&'*+-.^_`|~",
                   (long long)key->max);
        break;
    case KIND_LIST:
        buf_printf(out, "one or more texts with commas between them, of at most %lld bytes",
                   (long long)key->max);
        break;
    case KIND_POSTCODES:
        buf_puts(out, "how postcodes begin, with commas between them, such as BT*, GY*");
        break;
    case KIND_RATE:
        buf_printf(out, "a number from %lld to %lld, a slash and s, m or h, such as 10/s%s",
                   (long long)key->min, (long long)key->max,
                   strcmp(key->choices, "off") == 0 ? "; or off" : "");
        break;
    case KIND_CLAIM:
        buf_puts(out, "the name of a claim, or a JSON Pointer");
        break;
    default:
        MUST(false); /* a kind without words */
    }
}

void config_key_allowed(const struct config_key *key, struct buf *out)
{
    switch (key->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
    case KIND_PARAMS:
    case KIND_HEADERS:
    case KIND_REQUIREMENTS:
        buf_printf(out, "text of at most %lld bytes", (long long)key->max);
        break;
    case KIND_DURATION:
        if (strcmp(key->choices, "0s") == 0)
            buf_puts(out, "0s, or ");
        put_range("a duration", key, units_format_duration, out);
        if (strcmp(key->choices, "off") == 0)
            buf_puts(out, ", or off");
        break;
    case KIND_SIZE:
        put_range("a size", key, units_format_size, out);
        break;
    case KIND_COUNT:
        put_range("a number", key, format_count, out);
        break;
    case KIND_WORKERS:
        put_range("a number", key, format_count, out);
        buf_puts(out, ", or auto");
        break;
    case KIND_MODE:
        put_range("an octal mode", key, units_format_mode, out);
        break;
    case KIND_BOOL:
        buf_puts(out, "on or off");
        break;
    case KIND_CHOICE:
        put_choices(key->choices, out);
        break;
    case KIND_ADDRESSES:
        put_addresses(key->choices, out);
        break;
    case KIND_FILE:
    case KIND_KEYFILE:
    case KIND_HEADER_FILES:
    case KIND_PASSWORD:
        buf_puts(out, "a path, or credential:NAME");
        break;
    case KIND_SECRETS:
        buf_puts(out, "a path, or credential:NAME; or two of them with a comma");
        break;
    default:
        put_grammar(key, out);
        break;
    }
}
