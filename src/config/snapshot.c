/*
 * A snapshot's life, and what can be asked of it later: each key's value as text, where it came
 * from, and what changed since another snapshot. The values' texts were made when they were parsed,
 * so that nothing here depends on the kinds.
 */
#include "config/snapshot.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config/expand.h"
#include "config/input.h"
#include "config/value.h"

#define CONFIG_MAGIC 0xc0f16001u

/* A place's text: a path and a number. */
#define PLACE_MAX 8192

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

static void free_value(struct snapshot *snapshot, const struct config_key *key, size_t upstream)
{
    value_fini(key, snapshot_field(snapshot, key, upstream));
    mem_free(snapshot_origin(snapshot, key, upstream)->text);
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

    for (size_t i = KEY_PROCESS_COUNT; i < KEY_COUNT; i++)
        free_value(snapshot, &config_keys[i], upstream);
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
    for (size_t i = 0; i < KEY_PROCESS_COUNT; i++)
        free_value(snapshot, &config_keys[i], 0);
    for (size_t i = 0; i < config->upstream_count; i++)
        free_upstream(snapshot, i);
    for (size_t i = 0; i < snapshot->file_count; i++)
        mem_free(snapshot->files[i]);
    for (size_t i = 0; i < snapshot->path_count; i++)
        mem_free(snapshot->paths[i]);
    mem_free(snapshot->paths);
    free_members(&snapshot->members);
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
                                        const struct config_key *key, size_t upstream)
{
    size_t index = config_key_index(key);

    if (!key->of_upstream)
        return &snapshot->origins[index];
    MUST(upstream < snapshot->config.upstream_count);
    return &snapshot->upstreams[upstream].origins[index - KEY_PROCESS_COUNT];
}

void *snapshot_field(struct snapshot *snapshot, const struct config_key *key, size_t upstream)
{
    struct config *config = &snapshot->config;

    if (!key->of_upstream)
        return (char *)config + key->offset;
    MUST(upstream < config->upstream_count);
    return (char *)&config->upstreams[upstream] + key->offset;
}

char *snapshot_section(const struct config *config, const struct config_key *key, size_t upstream)
{
    if (!key->of_upstream)
        return mem_strdup(key->section);
    return mem_printf("%s %s", key->section, config->upstreams[upstream].name);
}

void snapshot_add_member(struct snapshot *snapshot, size_t upstream,
                         const struct config_key *family, const char *name, const char *text,
                         struct config_place place)
{
    struct snapshot_members *to =
        family->of_upstream ? &snapshot->upstreams[upstream].members : &snapshot->members;

    to->items = mem_grow(to->items, to->count, sizeof(*to->items));
    to->items[to->count++] = (struct snapshot_member){
        .family = family, .name = mem_strdup(name), .text = mem_strdup(text), .place = place};
}

static const struct config_upstream *find_upstream(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (strcmp(config->upstreams[i].name, name) == 0)
            return &config->upstreams[i];
    }
    return NULL;
}

const struct config_upstream *snapshot_counterpart(const struct config *before,
                                                   const struct config *after, size_t upstream)
{
    const struct config_upstream *same = find_upstream(before, after->upstreams[upstream].name);

    if (same != NULL || upstream >= before->upstream_count)
        return same;
    const struct config_upstream *there = &before->upstreams[upstream];
    return find_upstream(after, there->name) == NULL ? there : NULL;
}

static const struct snapshot_members *members_of(const struct snapshot *snapshot,
                                                 const struct config_key *family, size_t upstream)
{
    return family->of_upstream ? &snapshot->upstreams[upstream].members : &snapshot->members;
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
                                    size_t upstream, const char *name)
{
    struct config_place place = config_key_prefix(key) > 0
                                    ? place_of_member(members_of(snapshot, key, upstream), name)
                                    : snapshot_origin(snapshot, key, upstream)->place;

    if (place.file == NULL)
        place.file = snapshot->files[0];
    return place;
}

__attribute__((format(printf, 7, 0))) static void report(struct config_faults *faults,
                                                         const struct config *config, bool note,
                                                         const char *section, size_t upstream,
                                                         const char *name, const char *format,
                                                         va_list args)
{
    const struct config_key *key = config_key_find(section, name);

    MUST(key != NULL);
    char *shown = snapshot_section(config, key, upstream);
    faults_vadd(faults, place_of(snapshot_of(config), key, upstream, name), note, shown, name,
                format, args);
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
    report(faults, config, false, CONFIG_NAMED_SECTION, (size_t)(upstream - config->upstreams), key,
           format, args);
    va_end(args);
}

void config_upstream_note(struct config_faults *faults, const struct config *config,
                          const struct config_upstream *upstream, const char *key,
                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, true, CONFIG_NAMED_SECTION, (size_t)(upstream - config->upstreams), key,
           format, args);
    va_end(args);
}

static const char *put_place(struct buf *out, struct config_place place)
{
    if (place.file == NULL)
        return "default";
    buf_reset(out);
    buf_printf(out, "%s:%u", place.file, place.line);
    return buf_text(out);
}

/* One config_each. */
struct visiting {
    const struct snapshot *snapshot;
    config_visit *visit;
    void *arg;
};

static void visit_members(const struct visiting *visiting, const char *section,
                          const struct config_key *key, size_t upstream)
{
    const struct snapshot_members *from = members_of(visiting->snapshot, key, upstream);
    struct buf place;

    buf_init(&place, PLACE_MAX);
    for (size_t i = 0; i < from->count; i++) {
        const struct snapshot_member *member = &from->items[i];
        if (member->family == key)
            visiting->visit(visiting->arg, section, member->name, member->text,
                            put_place(&place, member->place), key->meaning);
    }
    buf_fini(&place);
}

static void visit_key(const struct visiting *visiting, const char *section,
                      const struct config_key *key, size_t upstream)
{
    const struct snapshot_origin *origin = snapshot_origin(visiting->snapshot, key, upstream);
    bool hidden = (key->flags & CONFIG_SECRET_VALUE) != 0 && origin->given;
    const char *value = hidden ? "(set)" : origin->text != NULL ? origin->text : "";
    struct buf place;

    buf_init(&place, PLACE_MAX);
    visiting->visit(visiting->arg, section, key->name, value, put_place(&place, origin->place),
                    key->meaning);
    buf_fini(&place);
}

/* The keys from `first` to before `end`. */
static void visit_keys(const struct visiting *visiting, size_t first, size_t end, size_t upstream)
{
    for (size_t i = first; i < end; i++) {
        const struct config_key *key = &config_keys[i];
        char *section = snapshot_section(&visiting->snapshot->config, key, upstream);
        if (config_key_prefix(key) > 0)
            visit_members(visiting, section, key, upstream);
        else
            visit_key(visiting, section, key, upstream);
        mem_free(section);
    }
}

void config_each(const struct config *config, config_visit *visit, void *arg)
{
    const struct visiting visiting = {snapshot_of(config), visit, arg};

    visit_keys(&visiting, 0, KEY_PROCESS_COUNT, 0);
    for (size_t i = 0; i < config->upstream_count; i++)
        visit_keys(&visiting, KEY_PROCESS_COUNT, KEY_COUNT, i);
}

/* For --print-config. */
struct printing {
    FILE *out;
    char *section; /* the one under way; NULL before the first */
};

/* A file's name may hold anything, and a comment must stay on its line. */
static void print_comment(FILE *out, const char *text)
{
    fputs("# ", out);
    for (const char *p = text; *p != '\0'; p++)
        fputc(input_is_plain(p, 1) ? *p : '?', out);
    fputc('\n', out);
}

static void print_key(void *arg, const char *section, const char *key, const char *value,
                      const char *origin, const char *meaning)
{
    struct printing *printing = arg;
    FILE *out = printing->out;

    if (printing->section == NULL || strcmp(printing->section, section) != 0) {
        fprintf(out, "%s[%s]\n", printing->section != NULL ? "\n" : "", section);
        mem_free(printing->section);
        printing->section = mem_strdup(section);
    } else {
        fputc('\n', out);
    }
    print_comment(out, meaning);
    print_comment(out, origin);
    if (*value == '\0') {
        fprintf(out, "# %s =\n", key);
    } else {
        fprintf(out, "%s%s = ", config_name_is_secret(key) ? "# " : "", key);
        expand_print(value, out);
        fputc('\n', out);
    }
}

void config_print(const struct config *config, FILE *out)
{
    struct printing printing = {.out = out};

    config_each(config, print_key, &printing);
    mem_free(printing.section);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool config_is_given(const struct config *config, const char *section, const char *name)
{
    const struct config_key *key = config_key_find(section, name);

    MUST(key != NULL && !key->of_upstream);
    return snapshot_origin(snapshot_of(config), key, 0)->given;
}

/* One config_unreloadable. */
struct comparing {
    const struct snapshot *before;
    const struct snapshot *after;
    void (*changed)(void *arg, const char *section, const char *key);
    void *arg;
};

/* The keys from `first` to before `end`; each upstream by its index. */
static void compare_keys(const struct comparing *comparing, size_t first, size_t end, size_t before,
                         size_t after)
{
    for (size_t i = first; i < end; i++) {
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
    const struct config *after = &comparing->after->config;
    const struct config_upstream *old = snapshot_counterpart(before, after, i);
    const char *name = after->upstreams[i].name;

    if (old != NULL)
        compare_keys(comparing, KEY_PROCESS_COUNT, KEY_COUNT, (size_t)(old - before->upstreams), i);
    if (old != NULL && !comparing->after->upstreams[i].name_kept && strcmp(old->name, name) == 0)
        return;
    char *section = mem_printf("%s %s", CONFIG_NAMED_SECTION, name);
    comparing->changed(comparing->arg, section, "NAME");
    mem_free(section);
}

void config_unreloadable(const struct config *before, const struct config *after,
                         void (*changed)(void *arg, const char *section, const char *key),
                         void *arg)
{
    const struct comparing comparing = {snapshot_of(before), snapshot_of(after), changed, arg};

    compare_keys(&comparing, 0, KEY_PROCESS_COUNT, 0, 0);
    for (size_t i = 0; i < after->upstream_count; i++)
        compare_upstreams(&comparing, i);
}
