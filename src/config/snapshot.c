/*
 * A snapshot's life, and what can be asked of it later: where a key's value came from, and what
 * changed since another snapshot. The values' texts were made when they were parsed, so that
 * nothing here depends on the kinds.
 */
#include "config/snapshot.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config/credential.h"
#include "config/route_index.h"
#include "config/value.h"

#define CONFIG_MAGIC 0xc0f16001u

struct snapshot *snapshot_new(void)
{
    struct snapshot *snapshot = mem_zalloc(sizeof(*snapshot));

    snapshot->origins = mem_zalloc(KEY_PROCESS_COUNT * sizeof(*snapshot->origins));
    MAGIC_SET(&snapshot->config, CONFIG_MAGIC);
    atomic_init(&snapshot->refs, 1);
    return snapshot;
}

void snapshot_make_upstreams(struct snapshot *snapshot, size_t count)
{
    struct config *config = &snapshot->config;

    MUST(config->upstreams == NULL && count > 0);
    config->upstreams = mem_zalloc(count * sizeof(*config->upstreams));
    config->upstream_count = count;
    snapshot->upstreams = mem_zalloc(count * sizeof(*snapshot->upstreams));
}

void snapshot_make_routes(struct snapshot *snapshot, size_t count)
{
    struct config *config = &snapshot->config;

    MUST(config->routes == NULL && count > 0);
    config->routes = mem_zalloc(count * sizeof(*config->routes));
    config->route_count = count;
    snapshot->routes = mem_zalloc(count * sizeof(*snapshot->routes));
}

size_t snapshot_owners(const struct config *config, enum config_owner owner)
{
    switch (owner) {
    case OWNER_UPSTREAM:
        return config->upstream_count;
    case OWNER_ROUTE:
        return config->route_count;
    default:
        return 1;
    }
}

static void free_value(struct snapshot *snapshot, const struct config_key *key, size_t which)
{
    value_fini(key, snapshot_field(snapshot, key, which));
    mem_free(snapshot_origin(snapshot, key, which)->text);
    mem_free(snapshot_origin(snapshot, key, which)->holds);
}

static void free_values(struct snapshot *snapshot)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        const size_t count = snapshot_owners(&snapshot->config, key->owner);
        for (size_t which = 0; which < count; which++)
            free_value(snapshot, key, which);
    }
}

static void free_members(struct snapshot_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        mem_free(members->items[i].name);
        mem_free(members->items[i].text);
    }
    mem_free(members->items);
}

static void free_secrets(struct config_upstream *upstream)
{
    for (size_t i = 0; i < upstream->client_secret_count; i++)
        secret_unref(upstream->client_secrets[i]);
}

static void free_upstream(struct snapshot *snapshot, size_t upstream)
{
    struct config_upstream *public = &snapshot->config.upstreams[upstream];

    free_secrets(public);
    mem_free(public->name);
    free_members(&snapshot->upstreams[upstream].members);
}

/* All but its own array, and the references to secrets in there, is the base's. */
static void free_derived(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;
    struct config *base = snapshot->base;

    for (size_t i = 0; i < config->upstream_count; i++) {
        free_secrets(&config->upstreams[i]);
        secret_unref(config->upstreams[i].auth_key_file.bytes);
    }
    mem_free(config->upstreams);
    MAGIC_CLEAR(config);
    mem_free(snapshot);
    config_unref(base);
}

static void snapshot_free(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;

    if (snapshot->base != NULL) {
        free_derived(snapshot);
        return;
    }
    free_values(snapshot);
    for (size_t i = 0; i < config->upstream_count; i++)
        free_upstream(snapshot, i);
    for (size_t i = 0; i < config->route_count; i++)
        mem_free(config->routes[i].name);
    for (size_t i = 0; i < snapshot->file_count; i++)
        mem_free(snapshot->files[i]);
    for (size_t i = 0; i < snapshot->path_count; i++)
        mem_free(snapshot->paths[i]);
    mem_free(snapshot->paths);
    free_members(&snapshot->members);
    route_index_free(config->route_index);
    mem_free(config->routes);
    mem_free(snapshot->routes);
    mem_free(config->upstreams);
    mem_free(snapshot->upstreams);
    mem_free(snapshot->origins);
    mem_free(snapshot->files);
    MAGIC_CLEAR(config);
    mem_free(snapshot);
}

const struct snapshot *snapshot_of(const struct config *config)
{
    MAGIC_OK(config, CONFIG_MAGIC);
    return (const struct snapshot *)(const void *)((const char *)config -
                                                   offsetof(struct snapshot, config));
}

struct config *config_ref(struct config *config)
{
    MAGIC_OK(config, CONFIG_MAGIC);
    struct snapshot *snapshot = CONTAINER_OF(config, struct snapshot, config);
    MUST(atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed) > 0);
    return config;
}

void config_unref(struct config *config)
{
    if (config == NULL)
        return;
    MAGIC_OK(config, CONFIG_MAGIC);
    struct snapshot *snapshot = CONTAINER_OF(config, struct snapshot, config);
    /* The last thread must see all that the others did with it. */
    if (atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) == 1)
        snapshot_free(snapshot);
}

static void ref_secrets(struct config_upstream *upstream)
{
    for (size_t i = 0; i < upstream->client_secret_count; i++)
        secret_ref(upstream->client_secrets[i]);
    if (upstream->auth_key_file.bytes != NULL)
        secret_ref(upstream->auth_key_file.bytes);
}

struct snapshot *snapshot_derive(struct config *base)
{
    const struct snapshot *from = snapshot_of(base);
    struct snapshot *snapshot = mem_alloc(sizeof(*snapshot));
    const size_t size = base->upstream_count * sizeof(*base->upstreams);

    memcpy(snapshot, from, sizeof(*snapshot));
    atomic_init(&snapshot->refs, 1);
    /* Not what was derived itself: its secrets are over, and would live as long as this one. */
    snapshot->base = config_ref(from->base != NULL ? from->base : base);
    snapshot->config.upstreams = mem_alloc(size);
    memcpy(snapshot->config.upstreams, base->upstreams, size);
    for (size_t i = 0; i < base->upstream_count; i++)
        ref_secrets(&snapshot->config.upstreams[i]);
    return snapshot;
}

struct snapshot_origin *snapshot_origin(const struct snapshot *snapshot,
                                        const struct config_key *key, size_t which)
{
    const size_t index = config_key_index(key) - config_owners[key->owner].first;

    switch (key->owner) {
    case OWNER_UPSTREAM:
        MUST(which < snapshot->config.upstream_count);
        return &snapshot->upstreams[which].origins[index];
    case OWNER_ROUTE:
        MUST(which < snapshot->config.route_count);
        return &snapshot->routes[which].origins[index];
    default:
        return &snapshot->origins[index];
    }
}

bool snapshot_takes_open_secrets(const struct snapshot *snapshot)
{
    return snapshot->config.server_secret_files == SECRET_FILES_ANY ||
           snapshot->origins[KEY_server_secret_files].text == NULL;
}

void *snapshot_field(struct snapshot *snapshot, const struct config_key *key, size_t which)
{
    struct config *config = &snapshot->config;

    switch (key->owner) {
    case OWNER_UPSTREAM:
        MUST(which < config->upstream_count);
        return (char *)&config->upstreams[which] + key->offset;
    case OWNER_ROUTE:
        MUST(which < config->route_count);
        return (char *)&config->routes[which] + key->offset;
    default:
        return (char *)config + key->offset;
    }
}

char *snapshot_section(const struct config *config, const struct config_key *key, size_t which)
{
    switch (key->owner) {
    case OWNER_UPSTREAM:
        return mem_printf("%s %s", key->section, config->upstreams[which].name);
    case OWNER_ROUTE:
        return mem_printf("%s %s", key->section, config->routes[which].name);
    default:
        return mem_strdup(key->section);
    }
}

void snapshot_add_member(struct snapshot *snapshot, size_t which, const struct config_key *family,
                         const char *name, const char *text, struct config_place place)
{
    struct snapshot_members *to =
        family->owner == OWNER_UPSTREAM ? &snapshot->upstreams[which].members : &snapshot->members;

    to->items = mem_grow(to->items, to->count, sizeof(*to->items));
    to->items[to->count++] = (struct snapshot_member){
        .family = family, .name = mem_strdup(name), .text = mem_strdup(text), .place = place};
}

const struct config_upstream *snapshot_counterpart(const struct config *before, const char *name)
{
    for (size_t i = 0; i < before->upstream_count; i++) {
        if (strcmp(before->upstreams[i].name, name) == 0)
            return &before->upstreams[i];
    }
    return NULL;
}

const struct snapshot_members *snapshot_members_of(const struct snapshot *snapshot,
                                                   const struct config_key *family, size_t which)
{
    return family->owner == OWNER_UPSTREAM ? &snapshot->upstreams[which].members
                                           : &snapshot->members;
}

static struct config_place place_of_member(const struct snapshot_members *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++) {
        if (config_key_same_name(members->items[i].family, members->items[i].name, name))
            return members->items[i].place;
    }
    return (struct config_place){0};
}

/* Where a key, or the member of a family of that name, came from. */
static struct config_place place_of(const struct snapshot *snapshot, const struct config_key *key,
                                    size_t which, const char *name)
{
    struct config_place place =
        config_key_prefix(key) > 0
            ? place_of_member(snapshot_members_of(snapshot, key, which), name)
            : snapshot_origin(snapshot, key, which)->place;

    if (place.file == NULL)
        place.file = snapshot->files[0];
    return place;
}

__attribute__((format(printf, 7, 0))) static void report(struct config_faults *faults,
                                                         const struct config *config, bool note,
                                                         const char *section, size_t which,
                                                         const char *name, const char *format,
                                                         va_list args)
{
    const struct config_key *key = config_key_find(section, name);

    MUST(key != NULL);
    char *shown = snapshot_section(config, key, which);
    faults_vadd(faults, place_of(snapshot_of(config), key, which, name), note, shown, name, format,
                args);
    mem_free(shown);
}

void config_fault(struct config_faults *faults, const struct config *config, const char *section,
                  const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, false, section, 0, key, format, args);
    va_end(args);
}

void config_note(struct config_faults *faults, const struct config *config, const char *section,
                 const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, true, section, 0, key, format, args);
    va_end(args);
}

void config_upstream_fault(struct config_faults *faults, const struct config *config,
                           const struct config_upstream *upstream, const char *key,
                           const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, false, config_owners[OWNER_UPSTREAM].section,
           (size_t)(upstream - config->upstreams), key, format, args);
    va_end(args);
}

void config_upstream_note(struct config_faults *faults, const struct config *config,
                          const struct config_upstream *upstream, const char *key,
                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, true, config_owners[OWNER_UPSTREAM].section,
           (size_t)(upstream - config->upstreams), key, format, args);
    va_end(args);
}

void config_judge_mode(struct config_faults *faults, const struct config *config,
                       const char *section, const char *key, const struct config_file *file,
                       bool secret)
{
    const struct snapshot *snapshot = snapshot_of(config);
    const struct config_key *row = config_key_find(section, key);

    MUST(row != NULL && row->owner == OWNER_PROCESS);
    const struct input in = {
        .key = row,
        .secrets_anywhere = snapshot_takes_open_secrets(snapshot),
        .faults = faults,
        .place = place_of(snapshot, row, 0, key),
        .section = row->section,
        .name = row->name,
    };
    if (secret)
        (void)credential_others_read(&in, file->path, file->path, file->mode);
    else
        (void)credential_others_write(&in, file->path, file->mode);
}

void config_found(struct config *config, const char *section, const char *key, const char *holds)
{
    const struct config_key *row = config_key_find(section, key);

    MUST(row != NULL && row->owner == OWNER_PROCESS);
    struct snapshot_origin *origin = snapshot_origin(snapshot_of(config), row, 0);
    mem_free(origin->holds);
    origin->holds = mem_strdup(holds);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool config_is_given(const struct config *config, const char *section, const char *name)
{
    const struct config_key *key = config_key_find(section, name);

    MUST(key != NULL && key->owner == OWNER_PROCESS);
    return snapshot_origin(snapshot_of(config), key, 0)->given;
}

/* One config_unreloadable. */
struct comparing {
    const struct snapshot *before;
    const struct snapshot *after;
    void (*changed)(void *arg, const char *section, const char *key);
    void *arg;
};

/* The keys of an owner; each upstream by its index. Those of routes all reload. */
static void compare_keys(const struct comparing *comparing, enum config_owner owner, size_t before,
                         size_t after)
{
    for (size_t i = config_owners[owner].first; i < config_owners[owner].end; i++) {
        const struct config_key *key = &config_keys[i];
        if ((key->flags & CONFIG_RELOADS) != 0)
            continue;
        const struct snapshot_origin *a = snapshot_origin(comparing->before, key, before);
        const struct snapshot_origin *b = snapshot_origin(comparing->after, key, after);
        if (!b->kept && same_text(a->text, b->text))
            continue;
        char *section = snapshot_section(&comparing->after->config, key, after);
        comparing->changed(comparing->arg, section, key->name);
        mem_free(section);
    }
}

static void compare_upstreams(const struct comparing *comparing, size_t i)
{
    const struct config *before = &comparing->before->config;
    const struct config_upstream *old =
        snapshot_counterpart(before, comparing->after->config.upstreams[i].name);

    if (old != NULL)
        compare_keys(comparing, OWNER_UPSTREAM, (size_t)(old - before->upstreams), i);
}

void config_unreloadable(const struct config *before, const struct config *after,
                         void (*changed)(void *arg, const char *section, const char *key),
                         void *arg)
{
    const struct comparing comparing = {snapshot_of(before), snapshot_of(after), changed, arg};

    compare_keys(&comparing, OWNER_PROCESS, 0, 0);
    for (size_t i = 0; i < after->upstream_count; i++)
        compare_upstreams(&comparing, i);
}
