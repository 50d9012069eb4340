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

#include "base/mem.h"
#include "base/text.h"
#include "config/files.h"
#include "config/scan.h"

#define UPSTREAM_NAME_MAX 64

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
    size_t upstream;   /* of an upstream that is kept: its index */
};

static struct config_place at(const struct reading *reading, unsigned line)
{
    struct config_place place = reading->place;

    place.line = line;
    return place;
}

/* What follows the word in a section's header. */
static const char *header_rest(const char *section)
{
    return strcmp(section, CONFIG_NAMED_SECTION) == 0 ? " NAME" : "";
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
        buf_printf(out, "%s[%s%s]", between, owners[i], header_rest(owners[i]));
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

/* The fault about a key in the wrong section names the right one: the nearest name here would be
 * another key. */
static void unknown_key(struct reading *reading, const struct section *section,
                        const struct scan_key *k)
{
    const char *name = k->name;
    struct config_place place = at(reading, k->line);
    const char *near = config_key_near(section->known, name);
    struct buf owners;

    buf_init(&owners, OWNERS_MAX);
    put_owners(name, &owners);
    if (owners.len > 0)
        faults_add(reading->faults, place, section->shown, name, "unknown key; it belongs in %s",
                   buf_text(&owners));
    else if (is_tls_switch(section, name))
        faults_add(reading->faults, place, section->shown, name,
                   "unknown key; write tls: before the address in listen, such as listen = "
                   "tls:127.0.0.1:8443");
    else if (near != NULL)
        faults_add(reading->faults, place, section->shown, name,
                   "unknown key; did you mean \"%s\"?", near);
    else
        faults_add(reading->faults, place, section->shown, name,
                   "unknown key; postcoded.ini(5) lists the keys");
    buf_fini(&owners);
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
        .upstream = section->upstream,
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

static bool is_upstream_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= UPSTREAM_NAME_MAX && text_is_all(name, len, TEXT_LABEL);
}

static void add_upstream(struct settings *settings, const char *name, struct config_place place)
{
    settings->upstreams =
        mem_grow(settings->upstreams, settings->upstream_count, sizeof(*settings->upstreams));
    settings->upstreams[settings->upstream_count++] =
        (struct settings_upstream){.name = mem_strdup(name), .place = place};
}

/* [upstream NAME]: the upstream of that name, a new one where there is none yet. */
static void judge_upstream(struct reading *reading, const struct scan_section *s, const char *name,
                           struct section *section)
{
    struct settings *settings = reading->settings;
    struct config_place place = at(reading, s->line);

    for (size_t i = 0; i < settings->upstream_count; i++) {
        section->upstream = i;
        if (text_equal_ci(settings->upstreams[i].name, name))
            return;
    }
    if (settings->upstream_count == CONFIG_UPSTREAMS_MAX) {
        const struct settings_upstream *first = &settings->upstreams[0];
        faults_add(reading->faults, place, s->name, NULL,
                   "a second upstream, beside [" CONFIG_NAMED_SECTION " %s] at %s:%u; this version "
                   "takes exactly one",
                   first->name, first->place.file, first->place.line);
        section->keep = false;
        return;
    }
    section->upstream = settings->upstream_count;
    add_upstream(settings, name, place);
    if (!s->broken && !is_upstream_name(name))
        faults_add(reading->faults, place, s->name, NULL,
                   "an upstream needs a name of at most %d letters, digits, - and _; write "
                   "[" CONFIG_NAMED_SECTION " NAME]",
                   UPSTREAM_NAME_MAX);
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
                   "unknown section; did you mean [%s%s]?", near, header_rest(near));
    mem_free(first);
}

/* The section with the table's name for it; known is NULL when there is none. */
static struct section judge_section(struct reading *reading, const struct scan_section *s)
{
    struct section section = {.shown = s->name, .keep = true};
    const char *rest = s->name + strlen(CONFIG_NAMED_SECTION);

    if (text_equal_ci(s->name, CONFIG_NAMED_SECTION) ||
        text_starts_ci(s->name, CONFIG_NAMED_SECTION " ")) {
        section.known = CONFIG_NAMED_SECTION;
        judge_upstream(reading, s, *rest == ' ' ? rest + 1 : "", &section);
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
        if (section.known != NULL)
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
    for (size_t i = 0; i < settings->upstream_count; i++)
        mem_free(settings->upstreams[i].name);
    mem_free(settings->items);
    mem_free(settings->upstreams);
    *settings = (struct settings){0};
}

const struct setting *settings_last(const struct settings *settings, const struct config_key *key,
                                    size_t upstream)
{
    for (size_t i = settings->count; i > 0; i--) {
        const struct setting *setting = &settings->items[i - 1];
        if (setting->key == key && (!key->of_upstream || setting->upstream == upstream))
            return setting;
    }
    return NULL;
}
