/*
 * From one file to settings. scan.c has taken the file apart; this file knows the table: which
 * sections and keys there are, that each stands once, and which name may have been meant.
 *
 * The keys of a section that is given twice are judged under the first, so that the one fault about
 * the second header is all that it costs.
 */
#include "config/settings.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/files.h"
#include "config/input.h"
#include "config/scan.h"

/* The longest name of an upstream or a route. */
#define SECTION_NAME_MAX 64

/* Names of sections. */
#define OWNERS_MAX 1024

/* One file while it is read. */
struct reading {
    struct config_place place;
    struct settings *settings;
    struct config_faults *faults;
    struct scan scan;
    mode_t mode;
};

/* One of its sections. */
struct section {
    const char *shown; /* as in the file: "upstream location" */
    const char *known; /* as in the table: "upstream" */
    bool keep;         /* false: its keys are judged, but count for nothing */
    size_t which;      /* of an upstream or route that is kept: its index */
};

static struct config_place at(const struct reading *reading, unsigned line)
{
    struct config_place place = reading->place;

    place.line = line;
    return place;
}

/* The sections that have a key of this name: "[server], [metrics] or [admin]"; nothing for none. */
static void put_owners(const char *name, struct buf *out)
{
    const char *owners[KEY_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (config_key_is_named(&config_keys[i], name))
            owners[count++] = config_keys[i].section;
    }
    for (size_t i = 0; i < count; i++) {
        const char *between = i == 0 ? "" : i + 1 < count ? ", " : " or ";
        buf_printf(out, "%s[%s%s]", between, owners[i], config_section_rest(owners[i]));
    }
}

/* There is no key that turns TLS on. */
static bool is_tls_switch(const struct section *section, const char *name)
{
    return strcmp(section->known, "server") == 0 &&
           (text_equal_ci(name, "tls") || text_equal_ci(name, "ssl") ||
            text_equal_ci(name, "https") || text_equal_ci(name, "tls_listen") ||
            text_equal_ci(name, "listen_tls"));
}

/*
 * The keys of [fleet] have common names: who writes timeout or tls in another section means
 * something there, such as auth_timeout.
 */
static bool is_of_another(const struct buf *owners, const char *name, const char *near)
{
    return strcmp(buf_text(owners), "[fleet]") == 0 &&
           ((near != NULL && strcasestr(near, name) != NULL) || text_equal_ci(name, "tls"));
}

/* What the keys of other programs' caches are called, and what there is instead. */
static const char *cache_hint(const char *name)
{
    static const struct {
        const char *names;
        const char *hint;
    } all[] = {
        {"enable enabled active on off mode", "the section alone turns the cache on; remove this "
                                              "line, or all of [cache] to turn it off"},
        {"size items entries max_items max_entries memory",
         "write max_size = 64M for about 300,000 answers"},
        {"age max_age min_ttl lifetime expire expires expiry timeout",
         "the upstream says how long an answer is fresh; ttl_max bounds that, ttl overrides it"},
        {"stale grace keep use_stale",
         "write stale_if_error or stale_while_revalidate for how long a stale answer is given"},
        {"path dir directory file disk storage backend redis servers",
         "answers are in the memory of each daemon alone; remove the line"},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (*name != '\0' && input_find_word(all[i].names, name) != NULL)
            return all[i].hint;
    }
    return NULL;
}

/*
 * What to say of a key that its section does not have. The right section of a key in the wrong one
 * comes first: the nearest name here would be another key. Caller frees.
 */
static char *unknown_hint(const struct section *section, const char *name)
{
    const bool cache = strcmp(section->known, "cache") == 0;
    const char *near = config_key_near(section->known, name);
    const char *of_name = config_section_find(name);
    char *hint = cache && cache_hint(name) != NULL ? mem_strdup(cache_hint(name)) : NULL;
    struct buf owners;

    buf_init(&owners, OWNERS_MAX);
    put_owners(name, &owners);
    if (hint == NULL && owners.len > 0 && !is_of_another(&owners, name, near))
        hint = mem_printf("it belongs in %s", buf_text(&owners));
    buf_fini(&owners);
    if (hint == NULL && is_tls_switch(section, name))
        hint = mem_strdup("write tls: before the address in listen, such as listen = "
                          "tls:127.0.0.1:8443");
    if (hint == NULL && near != NULL)
        hint = mem_printf("did you mean \"%s\"?", near);
    if (hint == NULL && of_name != NULL && strcmp(of_name, section->known) != 0)
        hint = mem_printf("[%s%s] is a section of its own", of_name, config_section_rest(of_name));
    return hint != NULL ? hint : mem_strdup("postcoded.ini(5) lists the keys");
}

static void unknown_key(struct reading *reading, const struct section *section,
                        const struct scan_key *k)
{
    char *hint = unknown_hint(section, k->name);

    faults_add(reading->faults, at(reading, k->line), section->shown, k->name, "unknown key; %s",
               hint);
    mem_free(hint);
}

static void append(struct settings *settings, struct setting setting)
{
    settings->items = mem_grow(settings->items, settings->count, sizeof(*settings->items));
    settings->items[settings->count++] = setting;
}

/* What a file chose of a name stays as written, all else is spelt as in the table. */
static char *shown_name(const struct config_key *key, const char *name)
{
    size_t prefix = config_key_prefix(key);

    if (prefix > 0)
        return mem_printf("%.*s%s", (int)prefix, key->name, name + prefix);
    return mem_strdup(key->name);
}

static void take(struct reading *reading, const struct section *section, const struct scan_key *k)
{
    const struct config_key *key = config_key_find(section->known, k->name);

    if (key == NULL) {
        unknown_key(reading, section, k);
        return;
    }
    if (!section->keep)
        return;

    struct setting setting = {
        .key = key,
        .name = shown_name(key, k->name),
        .text = k->text != NULL ? mem_strdup(k->text) : NULL,
        .secret = k->secret != NULL ? secret_ref(k->secret) : NULL,
        .which = section->which,
        .place = at(reading, k->line),
    };
    if (setting.secret != NULL)
        setting.mode = reading->mode;
    append(reading->settings, setting);
}

/* Whether two keys of a section are the same; `known` is its name in the table. */
static bool same_key(const char *known, const char *a, const char *b)
{
    const struct config_key *key = config_key_find(known, a);

    return key != NULL ? config_key_same_name(key, a, b) : text_equal_ci(a, b);
}

/* The first key of that section and name. */
static const struct scan_key *first_of_name(const struct scan *scan, const char *known,
                                            const struct scan_key *k)
{
    const struct scan_key *first = scan->keys;

    while (first->section != k->section || !text_equal_ci(first->name, k->name) ||
           !same_key(known, k->name, first->name))
        first++;
    return first;
}

/* The keys of all sections of that name: the first of each name is taken, the others are faults. */
static void take_keys(struct reading *reading, size_t index, const struct section *section)
{
    const struct scan *scan = &reading->scan;

    for (size_t i = 0; i < scan->key_count; i++) {
        const struct scan_key *k = &scan->keys[i];
        if (k->section != index)
            continue;
        const struct scan_key *first = first_of_name(scan, section->known, k);
        if (first == k)
            take(reading, section, k);
        else
            faults_add(reading->faults, at(reading, k->line), section->shown, first->name,
                       "given twice, first in line %u; remove one", first->line);
    }
}

static bool is_section_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= SECTION_NAME_MAX && text_is_all(name, len, TEXT_LABEL);
}

/* What is said of the sections of one kind. */
static const struct named {
    const char *one;  /* "an upstream needs a name" */
    const char *many; /* "more than 32 upstreams" */
    size_t max;
} nameds[OWNER_COUNT] = {
    [OWNER_UPSTREAM] = {"an upstream", "upstreams", CONFIG_UPSTREAMS_MAX},
    [OWNER_ROUTE] = {"a route", "routes", CONFIG_ROUTES_MAX},
};

static void add_section(struct settings_sections *sections, const char *name,
                        struct config_place place)
{
    sections->items = mem_grow(sections->items, sections->count, sizeof(*sections->items));
    sections->items[sections->count++] =
        (struct settings_section){.name = mem_strdup(name), .place = place};
}

/* [upstream NAME] or [route NAME]: the one of that name, a new one where there is none yet. */
static void judge_named(struct reading *reading, const struct scan_section *s,
                        enum config_owner owner, const char *name, struct section *section)
{
    struct settings_sections *sections = &reading->settings->sections[owner];
    const struct named *named = &nameds[owner];
    struct config_place place = at(reading, s->line);

    for (section->which = 0; section->which < sections->count; section->which++) {
        if (text_equal_ci(sections->items[section->which].name, name))
            return;
    }
    if (sections->count == named->max) {
        faults_add(reading->faults, place, s->name, NULL,
                   "is one more than the %zu %s that are allowed; remove one", named->max,
                   named->many);
        section->keep = false;
        return;
    }
    add_section(sections, name, place);
    if (!s->broken && !is_section_name(name))
        faults_add(reading->faults, place, s->name, NULL,
                   "%s needs a name of at most %d letters, digits, - and _; write [%s NAME]",
                   named->one, SECTION_NAME_MAX, section->known);
}

/* What follows the word of the owner's sections in a header: "" or " NAME"; NULL: it is another. */
static const char *behind_word(const char *header, enum config_owner owner)
{
    const char *word = config_owners[owner].section;
    const size_t len = strlen(word);

    return text_starts_ci(header, word) && (header[len] == ' ' || header[len] == '\0')
               ? header + len
               : NULL;
}

static void unknown_section(struct reading *reading, const struct scan_section *s)
{
    size_t word = strcspn(s->name, " ._-");
    char *first = mem_strndup(s->name, word);
    const char *near = config_section_near(first);

    if (near == NULL)
        faults_add(reading->faults, at(reading, s->line), s->name, NULL,
                   "unknown section; postcoded.ini(5) lists the sections");
    else
        faults_add(reading->faults, at(reading, s->line), s->name, NULL,
                   "unknown section; did you mean [%s%s]?", near, config_section_rest(near));
    mem_free(first);
}

/* The section with the table's name for it; known is NULL when there is none. */
static struct section judge_section(struct reading *reading, const struct scan_section *s)
{
    struct section section = {.shown = s->name, .keep = true};

    for (enum config_owner owner = OWNER_PROCESS + 1; owner < OWNER_COUNT; owner++) {
        const char *rest = behind_word(s->name, owner);
        if (rest == NULL)
            continue;
        section.known = config_owners[owner].section;
        judge_named(reading, s, owner, *rest == ' ' ? rest + 1 : "", &section);
        return section;
    }
    section.known = config_section_find(s->name);
    if (section.known == NULL && !s->broken)
        unknown_section(reading, s);
    return section;
}

static void take_sections(struct reading *reading)
{
    const struct scan *scan = &reading->scan;

    for (size_t i = 0; i < scan->section_count; i++) {
        const struct scan_section *s = &scan->sections[i];
        if (s->first != i) {
            if (!s->broken)
                faults_add(reading->faults, at(reading, s->line), s->name, NULL,
                           "given twice, first in line %u; put its keys there",
                           scan->sections[s->first].line);
            continue;
        }
        struct section section = judge_section(reading, s);
        if (section.known == NULL)
            continue;
        if (strcmp(section.known, "cache") == 0)
            reading->settings->has_cache = true;
        take_keys(reading, i, &section);
    }
}

/* Right after files_read. A main file that is not there is most often the first start of all. */
static void unreadable(struct config_place place, enum err err, struct config_faults *faults)
{
    bool first_start = place.order == 0 && err == ERR_SYSTEM && errno == ENOENT;
    char *why = files_explain(err, SETTINGS_MAX_BYTES);

    faults_add(faults, place, NULL, NULL, "%s%s", why,
               first_start ? "; name the configuration with -c FILE; make install puts a first one "
                             "at /etc/postcoded/postcoded.ini"
                           : "");
    mem_free(why);
}

bool settings_read(struct config_place place, struct settings *settings,
                   struct config_faults *faults)
{
    struct reading reading = {.place = place, .settings = settings, .faults = faults};
    struct buf bytes;

    buf_init_secret(&bytes, SETTINGS_MAX_BYTES);
    enum err err = files_read(place.file, &bytes, &reading.mode);
    if (err != ERR_OK) {
        unreadable(place, err, faults);
        buf_fini(&bytes);
        return false;
    }
    bool lines = scan_bytes(buf_text(&bytes), bytes.len, place, &reading.scan, faults);
    buf_fini(&bytes);
    if (lines)
        take_sections(&reading);
    scan_fini(&reading.scan);
    return lines;
}

void settings_fini(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        mem_free(settings->items[i].name);
        mem_free(settings->items[i].text);
        secret_unref(settings->items[i].secret);
    }
    for (size_t owner = 0; owner < OWNER_COUNT; owner++) {
        for (size_t i = 0; i < settings->sections[owner].count; i++)
            mem_free(settings->sections[owner].items[i].name);
        mem_free(settings->sections[owner].items);
    }
    mem_free(settings->items);
    *settings = (struct settings){0};
}

const struct setting *settings_last(const struct settings *settings, const struct config_key *key,
                                    size_t which)
{
    for (size_t i = settings->count; i > 0; i--) {
        const struct setting *setting = &settings->items[i - 1];
        if (setting->key == key && setting->which == which)
            return setting;
    }
    return NULL;
}
