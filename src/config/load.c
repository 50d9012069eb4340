/*
 * From files to a snapshot, in four steps: all files are read to settings, variables of the
 * environment are put in, each key's last setting (or default) becomes its field, and the rules
 * over several keys look at the whole. Only values that count are expanded and parsed: what a
 * drop-in overrides may name a variable or a file that is no longer there.
 *
 * The snapshot is changed until config_load returns it, and then never again; so its references are
 * the only thing that threads share.
 */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/credential.h"
#include "config/expand.h"
#include "config/faults.h"
#include "config/files.h"
#include "config/gather.h"
#include "config/input.h"
#include "config/metric_place.h"
#include "config/paths.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/snapshot.h"
#include "config/value.h"

/* The longest text of a value: a list of addresses whose relative paths became absolute. */
#define SHOWN_MAX (64 * 1024)

/* What one config_load needs on its way. */
struct loading {
    struct snapshot *snapshot;
    struct settings settings;
    struct config_faults *faults;
    bool credentials_optional;
    const struct snapshot *before; /* NULL unless reloading */
};

static struct config_place place_of_file(const struct snapshot *snapshot, size_t i)
{
    return (struct config_place){.file = snapshot->files[i], .order = (unsigned)i};
}

/* The name is the snapshot's from now on. */
static void add_file(struct snapshot *snapshot, char *name)
{
    snapshot->files = mem_grow(snapshot->files, snapshot->file_count, sizeof(*snapshot->files));
    snapshot->files[snapshot->file_count++] = name;
}

static void find_drop_ins(struct loading *loading, const char *path)
{
    char *dir = mem_printf("%s.d", path);
    struct dirent **entries = NULL;
    int count = files_find_drop_ins(dir, &entries);

    /* Most configurations have none. */
    if (count < 0 && errno != ENOENT) {
        const struct config_place place = {.file = dir};
        faults_add(loading->faults, place, NULL, NULL,
                   "cannot be read (%s); it must be a directory of drop-ins, or not be there",
                   strerrordesc_np(errno));
    }
    for (int i = 0; i < count; i++) {
        add_file(loading->snapshot, mem_printf("%s/%s", dir, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    mem_free(dir);
}

/* False when the main file gave nothing to go on with. */
static bool read_files(struct loading *loading, const char *path)
{
    bool main_read = true;

    add_file(loading->snapshot, mem_strdup(path));
    find_drop_ins(loading, path);
    for (size_t i = 0; i < loading->snapshot->file_count; i++) {
        struct config_place place = place_of_file(loading->snapshot, i);
        bool read = settings_read(place, &loading->settings, loading->faults);
        main_read = main_read && (read || i > 0);
    }
    return main_read;
}

static bool is_set(const struct setting *setting)
{
    return setting->broken || setting->secret != NULL ||
           (setting->text != NULL && *setting->text != '\0');
}

/* Whether a later file has the same key of the same section, or the same parameter. */
static bool is_overridden(const struct settings *settings, size_t i)
{
    for (size_t j = i + 1; j < settings->count; j++) {
        if (settings->items[j].key == settings->items[i].key &&
            settings->items[j].which == settings->items[i].which &&
            config_key_same_name(settings->items[i].key, settings->items[j].name,
                                 settings->items[i].name))
            return true;
    }
    return false;
}

/* The variables in the values that count. */
static void expand(struct loading *loading)
{
    for (size_t i = 0; i < loading->settings.count; i++) {
        struct setting *setting = &loading->settings.items[i];
        /* Its file holds no secret, be it overridden or not. */
        if (setting->secret != NULL && expand_is_bare(secret_text(setting->secret)))
            setting->mode = 0;
        if (is_overridden(&loading->settings, i))
            continue;
        char *section = snapshot_section(&loading->snapshot->config, setting->key, setting->which);
        setting->broken = !expand_setting(setting, section, loading->faults);
        mem_free(section);
    }
}

/* [identity] mode and [fleet] servers stand before these in the table, so their values are there.
 */
static bool is_unused(const struct snapshot *snapshot, const struct config_key *key)
{
    const enum config_key_index index = config_key_index(key);

    if (index > KEY_fleet_servers && index <= KEY_fleet_look_interval)
        return !snapshot_origin(snapshot, &config_keys[KEY_fleet_servers], 0)->given;
    return (index == KEY_identity_key_file || index == KEY_identity_key_ca_file) &&
           snapshot_origin(snapshot, &config_keys[KEY_identity_mode], 0)->text != NULL &&
           snapshot->config.identity_mode != IDENTITY_JWT;
}

/* The input of a parser, for a setting or (NULL) a default. dir is the caller's to free. */
static struct input input_for(struct loading *loading, const struct config_key *key,
                              const struct setting *setting, const char *section, char *dir)
{
    return (struct input){
        .key = key,
        .text = setting != NULL ? setting->text : key->def,
        .secret = setting != NULL ? setting->secret : NULL,
        .dir = dir,
        .credentials_optional = loading->credentials_optional,
        .unused = is_unused(loading->snapshot, key),
        /* [server] stands first in the table, so its keys are there for all others. */
        .secrets_anywhere = snapshot_takes_open_secrets(loading->snapshot),
        .names_file = paths_add,
        .names_arg = loading->snapshot,
        .faults = loading->faults,
        .place = setting != NULL ? setting->place : place_of_file(loading->snapshot, 0),
        .section = section,
        .name = setting != NULL ? setting->name : key->name,
    };
}

/* What was parsed well; a default needs no note. */
static void take_value(const struct input *in, bool written, struct snapshot_origin *origin,
                       const struct buf *shown)
{
    if (in->key->kind != KIND_SECRET)
        origin->text = mem_strdup(buf_text(shown));
    if (written)
        input_note_form(in);
}

/* An empty value takes away what an earlier file set, where there is no default to go back to. */
static void load_key(struct loading *loading, const struct config_key *key, size_t which,
                     const char *section)
{
    const struct setting *setting = settings_last(&loading->settings, key, which);
    struct snapshot_origin *origin = snapshot_origin(loading->snapshot, key, which);
    struct buf shown;

    if (setting != NULL) {
        origin->place = setting->place;
        origin->given = is_set(setting);
        if (setting->broken || (!origin->given && key->def == NULL))
            return;
    } else if (key->def == NULL) {
        return;
    }
    buf_init(&shown, SHOWN_MAX);
    char *dir = files_directory(setting != NULL ? setting->place.file : "/");
    struct input in = input_for(loading, key, setting, section, dir);
    if (setting != NULL && !origin->given)
        input_not_allowed(&in);
    else if (value_parse(&in, snapshot_field(loading->snapshot, key, which), &shown))
        take_value(&in, setting != NULL, origin, &shown);
    mem_free(dir);
    buf_fini(&shown);
}

static void load_member(struct loading *loading, const struct setting *setting, const char *section)
{
    struct snapshot *snapshot = loading->snapshot;
    struct snapshot_origin *origin = snapshot_origin(snapshot, setting->key, setting->which);
    void *field = snapshot_field(snapshot, setting->key, setting->which);
    struct buf shown;

    if (!origin->given)
        origin->place = setting->place;
    origin->given = true;
    if (setting->broken)
        return;
    buf_init(&shown, SHOWN_MAX);
    char *dir = files_directory(setting->place.file);
    struct input in = input_for(loading, setting->key, setting, section, dir);
    if (value_parse_member(&in, setting->name + config_key_prefix(setting->key), field, &shown)) {
        snapshot_add_member(snapshot, setting->which, setting->key, setting->name, buf_text(&shown),
                            setting->place);
        input_note_form(&in);
    }
    mem_free(dir);
    buf_fini(&shown);
}

/* The latest one before it that has its name and sets something; NULL: none. */
static const struct setting *overridden(const struct settings *settings, size_t i)
{
    const struct setting *setting = &settings->items[i];

    for (size_t j = i; j-- > 0;) {
        const struct setting *earlier = &settings->items[j];
        if (earlier->key == setting->key && is_set(earlier) &&
            config_key_same_name(setting->key, earlier->name, setting->name))
            return earlier;
    }
    return NULL;
}

/* An empty one that takes nothing away was meant to hold, and would let everybody in. */
static void judge_removal(struct loading *loading, size_t i, const char *section)
{
    const struct setting *setting = &loading->settings.items[i];
    const struct setting *earlier = overridden(&loading->settings, i);

    if (earlier == NULL)
        faults_add(loading->faults, setting->place, section, setting->name,
                   "is empty; write what the claim must be, or remove the line");
    else
        faults_note(loading->faults, setting->place, section, setting->name,
                    "is empty, which removes the requirement of %s:%u", earlier->place.file,
                    earlier->place.line);
}

/* An empty one takes away what an earlier file set. */
static void load_family(struct loading *loading, const struct config_key *key, size_t which,
                        const char *section)
{
    const struct settings *settings = &loading->settings;

    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        if (setting->key != key || setting->which != which || is_overridden(settings, i))
            continue;
        if (is_set(setting))
            load_member(loading, setting, section);
        else if (key->kind == KIND_REQUIREMENTS)
            judge_removal(loading, i, section);
    }
}

static void load_value(struct loading *loading, const struct config_key *key, size_t which)
{
    char *section = snapshot_section(&loading->snapshot->config, key, which);

    if (config_key_prefix(key) > 0)
        load_family(loading, key, which, section);
    else
        load_key(loading, key, which, section);
    mem_free(section);
}

static void load_values(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;

    for (enum config_owner owner = 0; owner < OWNER_COUNT; owner++) {
        for (size_t which = 0; which < snapshot_owners(&snapshot->config, owner); which++) {
            for (size_t i = config_owners[owner].first; i < config_owners[owner].end; i++)
                load_value(loading, &config_keys[i], which);
        }
    }
    for (size_t i = 0; i < snapshot->config.upstream_count; i++)
        gather_upstream(snapshot, i);
    gather_routes(snapshot);
}

/* Files of ours that hold a secret and that others can read, be it overridden or not. */
static void judge_open_files(struct loading *loading)
{
    for (size_t i = 0; i < loading->settings.count; i++) {
        const struct setting *setting = &loading->settings.items[i];
        char *section = snapshot_section(&loading->snapshot->config, setting->key, setting->which);
        const struct input in = input_for(loading, setting->key, setting, section, NULL);
        credential_others_read(&in, "this file", setting->place.file, setting->mode);
        mem_free(section);
    }
}

/* A place of the old snapshot as one of the new, which must outlive it. */
static struct config_place adopt_place(struct snapshot *snapshot, struct config_place place)
{
    if (place.file == NULL)
        return place;
    for (size_t i = 0; i < snapshot->file_count; i++) {
        if (strcmp(snapshot->files[i], place.file) == 0) {
            place.file = snapshot->files[i];
            return place;
        }
    }
    add_file(snapshot, mem_strdup(place.file));
    place.file = snapshot->files[snapshot->file_count - 1];
    return place;
}

/*
 * The old value in place of the new one, by way of its text. The indexes are the upstream's, before
 * and now.
 */
static void keep_key(struct loading *loading, const struct config_key *key, size_t before,
                     size_t now)
{
    struct snapshot *snapshot = loading->snapshot;
    struct snapshot_origin *origin = snapshot_origin(snapshot, key, now);
    const struct snapshot_origin *old = snapshot_origin(loading->before, key, before);
    void *field = snapshot_field(snapshot, key, now);
    struct buf shown;

    /* NULL: the new value is a fault already. */
    if (origin->text == NULL || strcmp(origin->text, old->text) == 0)
        return;
    value_fini(key, field);
    mem_free(origin->text);
    *origin = (struct snapshot_origin){
        .place = adopt_place(snapshot, old->place),
        .given = old->given,
        .kept = true,
    };
    buf_init(&shown, SHOWN_MAX);
    char *section = snapshot_section(&snapshot->config, key, now);
    struct input in = input_for(loading, key, NULL, section, NULL);
    in.text = old->text;
    if (value_parse(&in, field, &shown))
        origin->text = mem_strdup(buf_text(&shown));
    mem_free(section);
    buf_fini(&shown);
}

/* Those of an owner's keys that cannot reload. */
static void keep_keys(struct loading *loading, enum config_owner owner, size_t before, size_t now)
{
    for (size_t i = config_owners[owner].first; i < config_owners[owner].end; i++) {
        if ((config_keys[i].flags & CONFIG_RELOADS) == 0)
            keep_key(loading, &config_keys[i], before, now);
    }
}

static void keep_unreloadable(struct loading *loading)
{
    const struct config *before = &loading->before->config;
    const struct config *config = &loading->snapshot->config;

    keep_keys(loading, OWNER_PROCESS, 0, 0);
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *old = snapshot_counterpart(before, config->upstreams[i].name);
        if (old != NULL)
            keep_keys(loading, OWNER_UPSTREAM, (size_t)(old - before->upstreams), i);
    }
}

static void make_upstreams(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;
    const struct settings_sections *upstreams = &loading->settings.sections[OWNER_UPSTREAM];

    if (upstreams->count == 0) {
        faults_add(loading->faults, place_of_file(snapshot, 0), "upstream NAME", NULL,
                   "is missing; this section names the Location API and its credentials: write "
                   "[upstream location], and below it address, client_id and client_secret_file");
        return;
    }
    snapshot_make_upstreams(snapshot, upstreams->count);
    for (size_t i = 0; i < upstreams->count; i++) {
        snapshot->config.upstreams[i].name = mem_strdup(upstreams->items[i].name);
        snapshot->upstreams[i].place = upstreams->items[i].place;
    }
    metric_place_upstreams(snapshot, loading->before);
}

/* Without one there is the built-in route, whose values are the defaults. */
static void make_routes(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;
    const struct settings_sections *routes = &loading->settings.sections[OWNER_ROUTE];

    snapshot_make_routes(snapshot, routes->count > 0 ? routes->count : 1);
    for (size_t i = 0; i < routes->count; i++) {
        snapshot->config.routes[i].name = mem_strdup(routes->items[i].name);
        snapshot->routes[i].place = routes->items[i].place;
    }
    if (routes->count == 0)
        snapshot->config.routes[0].name = mem_strdup("");
}

static void build(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;

    snapshot->has_cache = loading->settings.has_cache;
    make_upstreams(loading);
    make_routes(loading);
    expand(loading);
    paths_begin(snapshot);
    load_values(loading);
    judge_open_files(loading);
    if (loading->before != NULL)
        keep_unreloadable(loading);
    rules_check(snapshot, place_of_file(snapshot, 0), loading->faults);
}

struct config *config_load(const struct config *old, const char *path, bool credentials_optional,
                           config_look *look, void *arg, struct config_faults *faults)
{
    struct loading loading = {
        .snapshot = snapshot_new(),
        .faults = faults,
        .credentials_optional = credentials_optional,
        .before = old != NULL ? snapshot_of(old) : NULL,
    };
    size_t first = faults->count;
    size_t before = faults->faults;

    if (read_files(&loading, path)) {
        build(&loading);
        if (look != NULL)
            look(arg, &loading.snapshot->config, faults);
    }
    settings_fini(&loading.settings);
    faults_sort(faults, first);
    if (faults->faults == before)
        return &loading.snapshot->config;
    config_unref(&loading.snapshot->config);
    return NULL;
}
