/*
 * From one file to settings. Three hands are at work: scan.c has looked at the bytes, libini_config
 * takes keys and values apart, and this file knows the table: which sections and keys there are,
 * and that each stands once.
 *
 * Each file is parsed by itself, for merged objects no longer say which file a value came from. The
 * library is told to keep duplicates, so that each is a fault with a line of its own instead of the
 * end of parsing. It looks everything up by name and one by one; the bound on sections and keys
 * keeps that in milliseconds.
 */
#include "config/settings.h"

#include <ini_configobj.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
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
    struct ini_cfgobj *ini; /* NULL while there is nothing in it */
    mode_t mode;
};

/* One of its sections. */
struct section {
    const char *shown; /* as in the file: "upstream location" */
    const char *known; /* as in the table: "upstream" */
    bool keep;         /* false: its keys are judged, but count for nothing */
};

static struct config_place at(const struct reading *reading, unsigned line)
{
    struct config_place place = reading->place;

    place.line = line;
    return place;
}

static void parse(struct reading *reading)
{
    struct ini_cfgfile *file = NULL;
    struct buf *clean = &reading->scan.clean;

    /* A stream over no bytes cannot be opened. */
    if (reading->scan.section_count == 0)
        return;
    if (ini_config_create(&reading->ini) != 0)
        mem_exhausted();
    if (ini_config_file_from_mem(clean->data, (uint32_t)clean->len, &file) != 0)
        mem_exhausted();
    int error =
        ini_config_parse(file, INI_STOP_ON_ANY, INI_MV1S_ALLOW | INI_MV2S_ALLOW | INI_MS_MERGE,
                         INI_PARSE_NOWRAP | INI_PARSE_NO_C_COMMENTS, reading->ini);
    /* The scan took out whatever is known to fail; what it missed must not be read in part. */
    if (error != 0)
        faults_add(reading->faults, reading->place, NULL, NULL,
                   "the file cannot be parsed: %s; postcoded.ini(5) tells its form",
                   strerrordesc_np(error));
    ini_config_file_destroy(file);
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

/* A key in the wrong section is told its own: the nearest name here would be another key. */
static void unknown_key(struct reading *reading, const struct section *section, const char *name,
                        unsigned line)
{
    const char *near = config_key_near(section->known, name);
    struct buf owners;

    buf_init(&owners, OWNERS_MAX);
    put_owners(name, &owners);
    if (owners.len > 0)
        faults_add(reading->faults, at(reading, line), section->shown, name,
                   "unknown key; it belongs in %s", buf_text(&owners));
    else if (near != NULL)
        faults_add(reading->faults, at(reading, line), section->shown, name,
                   "unknown key; did you mean \"%s\"?", near);
    else
        faults_add(reading->faults, at(reading, line), section->shown, name,
                   "unknown key; postcoded.ini(5) lists the keys");
    buf_fini(&owners);
}

/* The value that the scan took out of a line; NULL for an empty one. A reference for the caller. */
static struct secret *secret_of(const struct scan *scan, unsigned line)
{
    for (size_t i = 0; i < scan->secret_count; i++) {
        const struct scan_secret *s = &scan->secrets[i];
        if (s->line == line)
            return s->value != NULL ? secret_ref(s->value) : NULL;
    }
    return NULL;
}

static void append(struct settings *settings, struct setting setting)
{
    size_t size = (settings->count + 1) * sizeof(*settings->items);
    struct setting *items = mem_try_realloc(settings->items, size);

    if (items == NULL)
        mem_exhausted();
    settings->items = items;
    items[settings->count++] = setting;
}

/* auth_param.NAME keeps its name as written, any other key is spelt as in the table. */
static char *shown_name(const struct config_key *key, const char *name)
{
    if (key->kind == KIND_PARAMS)
        return mem_printf("%s%s", CONFIG_PARAM_PREFIX, name + strlen(CONFIG_PARAM_PREFIX));
    return mem_strdup(key->name);
}

static void take(struct reading *reading, const struct section *section, const char *name,
                 const char *text, unsigned line)
{
    const struct config_key *key = config_key_find(section->known, name);

    if (key == NULL) {
        unknown_key(reading, section, name, line);
        return;
    }
    if (!section->keep)
        return;

    bool is_secret = key->kind == KIND_SECRET;
    struct setting setting = {
        .key = key,
        .name = shown_name(key, name),
        .text = is_secret ? NULL : mem_strdup(text),
        .secret = is_secret ? secret_of(&reading->scan, line) : NULL,
        .place = at(reading, line),
    };
    if (setting.secret != NULL && (reading->mode & FILES_OTHERS) != 0)
        faults_add(reading->faults, setting.place, section->shown, key->name,
                   "others can read this file (mode %04o); chmod 0640 %s", reading->mode,
                   reading->place.file);
    append(reading->settings, setting);
}

/* All values of one name: the first is taken, the others are faults. */
static void take_name(struct reading *reading, const struct section *section, const char *name)
{
    struct value_obj *value = NULL;
    uint32_t first = 0;
    int mode = INI_GET_FIRST_VALUE;

    while (ini_get_config_valueobj(section->shown, name, reading->ini, mode, &value) == 0 &&
           value != NULL) {
        uint32_t line = 0;
        MUST(value_get_line(value, &line) == 0);
        if (mode == INI_GET_FIRST_VALUE) {
            take(reading, section, name, ini_get_const_string_config_value(value, NULL), line);
            first = line;
        } else {
            faults_add(reading->faults, at(reading, line), section->shown, name,
                       "given twice, first in line %u; remove one", first);
        }
        mode = INI_GET_NEXT_VALUE;
        value = NULL;
    }
}

static bool among(char **names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (text_equal_ci(names[i], name))
            return true;
    }
    return false;
}

static void take_keys(struct reading *reading, const struct section *section)
{
    int count = 0;
    char **names = ini_get_attribute_list(reading->ini, section->shown, &count, NULL);

    for (int i = 0; names != NULL && i < count; i++) {
        /* A name is listed as often as it stands there. */
        if (!among(names, i, names[i]))
            take_name(reading, section, names[i]);
    }
    ini_free_attribute_list(names);
}

static bool is_upstream_name(const char *name)
{
    size_t len = strlen(name);
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_";

    return len > 0 && len <= UPSTREAM_NAME_MAX && strspn(name, allowed) == len;
}

/* [upstream NAME]: whether it is the one upstream there is. */
static bool judge_upstream(struct reading *reading, const struct scan_section *s, const char *name)
{
    struct settings *settings = reading->settings;
    struct config_place place = at(reading, s->line);

    if (settings->upstream != NULL && !text_equal_ci(settings->upstream, name)) {
        const struct config_place *first = &settings->upstream_place;
        faults_add(reading->faults, place, s->name, NULL,
                   "a second upstream, beside [" CONFIG_NAMED_SECTION " %s] at %s:%u; this version "
                   "takes exactly one",
                   settings->upstream, first->file, first->line);
        return false;
    }
    if (settings->upstream != NULL)
        return true;
    settings->upstream = mem_strdup(name);
    settings->upstream_place = place;
    if (!s->broken && !is_upstream_name(name))
        faults_add(reading->faults, place, s->name, NULL,
                   "an upstream needs a name of at most %d letters, digits, - and _; write "
                   "[" CONFIG_NAMED_SECTION " NAME]",
                   UPSTREAM_NAME_MAX);
    return true;
}

static void unknown_section(struct reading *reading, const struct scan_section *s)
{
    size_t word = strcspn(s->name, " ");
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
        section.keep = judge_upstream(reading, s, *rest == ' ' ? rest + 1 : "");
        return section;
    }
    section.known = config_section_find(s->name);
    if (section.known == NULL && !s->broken)
        unknown_section(reading, s);
    return section;
}

/* The first section of that name in the file. */
static const struct scan_section *first_of_name(const struct scan *scan, const char *name)
{
    const struct scan_section *s = scan->sections;

    while (!text_equal_ci(s->name, name))
        s++;
    return s;
}

static void take_sections(struct reading *reading)
{
    for (size_t i = 0; i < reading->scan.section_count; i++) {
        const struct scan_section *s = &reading->scan.sections[i];
        const struct scan_section *first = first_of_name(&reading->scan, s->name);

        /* The library has put the keys of both under the first. */
        if (first != s) {
            if (!s->broken)
                faults_add(reading->faults, at(reading, s->line), s->name, NULL,
                           "given twice, first in line %u; put its keys there", first->line);
            continue;
        }
        struct section section = judge_section(reading, s);
        if (section.known != NULL)
            take_keys(reading, &section);
    }
}

bool settings_read(struct config_place place, struct settings *settings,
                   struct config_faults *faults)
{
    struct reading reading = {.place = place, .settings = settings, .faults = faults};
    struct buf bytes;

    buf_init_secret(&bytes, SETTINGS_MAX_BYTES);
    enum err err = files_read(place.file, &bytes, &reading.mode);
    if (err != ERR_OK) {
        char *why = files_explain(err, SETTINGS_MAX_BYTES);
        faults_add(faults, place, NULL, NULL, "%s", why);
        mem_free(why);
        buf_fini(&bytes);
        return false;
    }
    bool lines = scan_bytes(buf_text(&bytes), bytes.len, place, &reading.scan, faults);
    buf_fini(&bytes);
    if (lines) {
        parse(&reading);
        take_sections(&reading);
    }
    ini_config_destroy(reading.ini);
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
    mem_free(settings->items);
    mem_free(settings->upstream);
    *settings = (struct settings){0};
}

const struct setting *settings_last(const struct settings *settings, const struct config_key *key)
{
    for (size_t i = settings->count; i > 0; i--) {
        if (settings->items[i - 1].key == key)
            return &settings->items[i - 1];
    }
    return NULL;
}
