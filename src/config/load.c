/*
 * From files to a snapshot, in four steps: all files are read to settings, variables of the
 * environment are put in, each key's last setting (or default) becomes its field, and the rules
 * over several keys look at the whole. Only values that count are expanded and parsed: what a
 * drop-in overrides may name a variable or a file that is no longer there.
 *
 * The snapshot is mended until config_load returns it, and then never again; so its references are
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
#include "config/expand.h"
#include "config/faults.h"
#include "config/files.h"
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

/*
 * [server] stands first in the table, so its keys are there for all others. A value of secret_files
 * that is at fault makes no fault elsewhere.
 */
static bool takes_open_secrets(const struct snapshot *snapshot)
{
    return snapshot->config.server_secret_files == SECRET_FILES_ANY ||
           snapshot->origins[KEY_server_secret_files].text == NULL;
}

/* Whether a later file has the same key, or the same parameter. */
static bool is_overridden(const struct settings *settings, size_t i)
{
    for (size_t j = i + 1; j < settings->count; j++) {
        if (settings->items[j].key == settings->items[i].key &&
            text_equal_ci(settings->items[j].name, settings->items[i].name))
            return true;
    }
    return false;
}

/* The variables in the values that count. */
static void expand(struct loading *loading)
{
    for (size_t i = 0; i < loading->settings.count; i++) {
        struct setting *setting = &loading->settings.items[i];
        if (is_overridden(&loading->settings, i))
            continue;
        char *section = snapshot_section(&loading->snapshot->config, setting->key->section);
        setting->broken = !expand_setting(setting, section, loading->faults);
        mem_free(section);
    }
}

/* What parsers are told, for a setting or (NULL) a default. dir is the caller's to free. */
static struct value_input input_for(struct loading *loading, const struct config_key *key,
                                    const struct setting *setting, const char *section, char *dir)
{
    return (struct value_input){
        .key = key,
        .text = setting != NULL ? setting->text : key->def,
        .secret = setting != NULL ? setting->secret : NULL,
        .dir = dir,
        .credentials_optional = loading->credentials_optional,
        .secrets_anywhere = takes_open_secrets(loading->snapshot),
        .names_file = snapshot_names_file,
        .names_arg = loading->snapshot,
        .faults = loading->faults,
        .place = setting != NULL ? setting->place : place_of_file(loading->snapshot, 0),
        .section = section,
        .name = setting != NULL ? setting->name : key->name,
    };
}

/* What was parsed well; a default needs no note. */
static void take_value(const struct value_input *in, bool written, struct snapshot_origin *origin,
                       const struct buf *shown)
{
    if (in->key->kind != KIND_SECRET)
        origin->text = mem_strdup(buf_text(shown));
    if (written)
        value_judge_form(in);
}

/* An empty value takes away what an earlier file set, where there is no default to go back to. */
static void load_key(struct loading *loading, const struct config_key *key, const char *section)
{
    const struct setting *setting = settings_last(&loading->settings, key);
    struct snapshot_origin *origin = &loading->snapshot->origins[config_key_index(key)];
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
    struct value_input in = input_for(loading, key, setting, section, dir);
    if (setting != NULL && !origin->given)
        value_not_allowed(&in);
    else if (value_parse(&in, &loading->snapshot->config, &shown))
        take_value(&in, setting != NULL, origin, &shown);
    mem_free(dir);
    buf_fini(&shown);
}

static void load_param(struct loading *loading, const struct setting *setting, const char *section)
{
    struct snapshot *snapshot = loading->snapshot;
    struct config_params *params = &snapshot->config.upstream_auth_param;
    struct value_input in = input_for(loading, setting->key, setting, section, NULL);
    struct snapshot_origin *origin = &snapshot->origins[KEY_upstream_auth_param];

    if (!origin->given)
        origin->place = setting->place;
    origin->given = true;
    if (setting->broken ||
        !value_parse_param(&in, setting->name + strlen(CONFIG_PARAM_PREFIX), params))
        return;
    value_judge_form(&in);
    snapshot->params = mem_grow(snapshot->params, params->count - 1, sizeof(*snapshot->params));
    snapshot->params[params->count - 1] = setting->place;
}

static void load_params(struct loading *loading, const char *section)
{
    const struct settings *settings = &loading->settings;

    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        if (setting->key->kind == KIND_PARAMS && is_set(setting) && !is_overridden(settings, i))
            load_param(loading, setting, section);
    }
}

/* The key that is made from the upstream's name. */
static void default_token_key(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;
    struct snapshot_origin *origin = &snapshot->origins[KEY_upstream_auth_token_key];

    if (origin->given)
        return;
    config->upstream_auth_token_key = mem_printf("%s_auth_token", config->upstream_name);
    origin->text = mem_strdup(config->upstream_auth_token_key);
}

/* The secrets of either key, in one place for those who use them. */
static void gather_secrets(struct config *config)
{
    if (config->upstream_client_secret != NULL)
        config->client_secrets[config->client_secret_count++] =
            secret_ref(config->upstream_client_secret);
    for (size_t i = 0; i < config->upstream_client_secret_file.count; i++) {
        struct secret *secret = config->upstream_client_secret_file.files[i].bytes;
        if (secret != NULL && config->client_secret_count < ARRAY_LEN(config->client_secrets))
            config->client_secrets[config->client_secret_count++] = secret_ref(secret);
    }
}

/* All keys of one section, or of [upstream NAME] where there is one. */
static void load_values(struct loading *loading)
{
    struct config *config = &loading->snapshot->config;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        bool upstream = strcmp(key->section, CONFIG_NAMED_SECTION) == 0;
        if (upstream && config->upstream_name == NULL)
            continue;
        char *section = snapshot_section(config, key->section);
        if (key->kind == KIND_PARAMS)
            load_params(loading, section);
        else
            load_key(loading, key, section);
        mem_free(section);
    }
}

/* Files of ours that hold a secret and that others can read, be it overridden or not. */
static void judge_open_files(struct loading *loading)
{
    for (size_t i = 0; i < loading->settings.count; i++) {
        const struct setting *setting = &loading->settings.items[i];
        char *section = snapshot_section(&loading->snapshot->config, setting->key->section);
        const struct value_input in = input_for(loading, setting->key, setting, section, NULL);
        value_others_read(&in, "this file", setting->place.file, setting->mode);
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

/* The old value in place of the new one, by way of its text. */
static void keep_key(struct loading *loading, const struct config_key *key, const char *section)
{
    struct snapshot *snapshot = loading->snapshot;
    struct snapshot_origin *origin = &snapshot->origins[config_key_index(key)];
    const struct snapshot_origin *old = &loading->before->origins[config_key_index(key)];
    struct buf shown;

    /* NULL: the new value is a fault already. */
    if (origin->text == NULL || strcmp(origin->text, old->text) == 0)
        return;
    value_fini(key, &snapshot->config);
    mem_free(origin->text);
    *origin = (struct snapshot_origin){
        .place = adopt_place(snapshot, old->place),
        .given = old->given,
        .kept = true,
    };
    buf_init(&shown, SHOWN_MAX);
    struct value_input in = input_for(loading, key, NULL, section, NULL);
    in.text = old->text;
    if (value_parse(&in, &snapshot->config, &shown))
        origin->text = mem_strdup(buf_text(&shown));
    buf_fini(&shown);
}

static void keep_unreloadable(struct loading *loading)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if ((key->flags & CONFIG_RELOADS) != 0)
            continue;
        char *section = snapshot_section(&loading->snapshot->config, key->section);
        keep_key(loading, key, section);
        mem_free(section);
    }
}

/* The name that the files give, unless the running daemon has another. */
static void name_upstream(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;
    const char *name = loading->settings.upstream;
    const char *old = loading->before != NULL ? loading->before->config.upstream_name : name;

    if (name == NULL) {
        faults_add(loading->faults, place_of_file(snapshot, 0), CONFIG_NAMED_SECTION " NAME", NULL,
                   "is missing; this section names the Location API and its credentials: write "
                   "[upstream location], and below it address, client_id and client_secret_file");
        return;
    }
    snapshot->config.upstream_name = mem_strdup(old);
    snapshot->name_kept = strcmp(old, name) != 0;
}

static void build(struct loading *loading)
{
    struct snapshot *snapshot = loading->snapshot;

    name_upstream(loading);
    expand(loading);
    snapshot_list_paths(snapshot);
    load_values(loading);
    judge_open_files(loading);
    if (snapshot->config.upstream_name != NULL) {
        default_token_key(snapshot);
        gather_secrets(&snapshot->config);
    }
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
