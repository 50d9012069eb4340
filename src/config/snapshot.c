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
#include "base/text.h"
#include "config/expand.h"
#include "config/value.h"

#define CONFIG_MAGIC 0xc0f16001u

/* A place's text: a path and a number. */
#define PLACE_MAX 8192

struct snapshot *snapshot_new(void)
{
    struct snapshot *snapshot = mem_zalloc(sizeof(*snapshot));

    MAGIC_SET(&snapshot->config, CONFIG_MAGIC);
    atomic_init(&snapshot->refs, 1);
    return snapshot;
}

static void snapshot_free(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        value_fini(&config_keys[i], config);
        mem_free(snapshot->origins[i].text);
    }
    for (size_t i = 0; i < config->client_secret_count; i++)
        secret_unref(config->client_secrets[i]);
    for (size_t i = 0; i < snapshot->file_count; i++)
        mem_free(snapshot->files[i]);
    snapshot_free_paths(snapshot);
    mem_free(config->upstream_name);
    mem_free(snapshot->files);
    mem_free(snapshot->params);
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
    /* Whoever is last must see all that the others did with it. */
    if (atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) == 1)
        snapshot_free(snapshot);
}

char *snapshot_section(const struct config *config, const char *section)
{
    if (strcmp(section, CONFIG_NAMED_SECTION) == 0 && config->upstream_name != NULL)
        return mem_printf(CONFIG_NAMED_SECTION " %s", config->upstream_name);
    return mem_strdup(section);
}

/* Where a key, or the parameter of that name, came from. */
static struct config_place place_of(const struct snapshot *snapshot, const char *section,
                                    const char *name)
{
    const struct config_params *params = &snapshot->config.upstream_auth_param;
    const struct config_key *key = config_key_find(section, name);
    struct config_place place = {0};

    MUST(key != NULL);
    if (key->kind != KIND_PARAMS)
        place = snapshot->origins[config_key_index(key)].place;
    for (size_t i = 0; key->kind == KIND_PARAMS && i < params->count; i++) {
        if (strcmp(params->items[i].name, name + strlen(CONFIG_PARAM_PREFIX)) == 0)
            place = snapshot->params[i];
    }
    if (place.file == NULL)
        place.file = snapshot->files[0];
    return place;
}

__attribute__((format(printf, 6, 0))) static void report(struct config_faults *faults,
                                                         const struct config *config, bool note,
                                                         const char *section, const char *key,
                                                         const char *format, va_list args)
{
    char *shown = snapshot_section(config, section);

    faults_vadd(faults, place_of(snapshot_of(config), section, key), note, shown, key, format,
                args);
    mem_free(shown);
}

void config_fault(struct config_faults *faults, const struct config *config, const char *section,
                  const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, false, section, key, format, args);
    va_end(args);
}

void config_note(struct config_faults *faults, const struct config *config, const char *section,
                 const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(faults, config, true, section, key, format, args);
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

static void visit_params(const struct snapshot *snapshot, const char *section,
                         const struct config_key *key, config_visit *visit, void *arg)
{
    const struct config_params *params = &snapshot->config.upstream_auth_param;
    struct buf place;

    buf_init(&place, PLACE_MAX);
    for (size_t i = 0; i < params->count; i++) {
        char *name = mem_printf("%s%s", CONFIG_PARAM_PREFIX, params->items[i].name);
        visit(arg, section, name, params->items[i].value, put_place(&place, snapshot->params[i]),
              key->meaning);
        mem_free(name);
    }
    buf_fini(&place);
}

static void visit_key(const struct snapshot *snapshot, const char *section,
                      const struct config_key *key, config_visit *visit, void *arg)
{
    const struct snapshot_origin *origin = &snapshot->origins[config_key_index(key)];
    bool hidden = (key->flags & CONFIG_SECRET_VALUE) != 0 && origin->given;
    const char *value = hidden ? "(set)" : origin->text != NULL ? origin->text : "";
    struct buf place;

    buf_init(&place, PLACE_MAX);
    visit(arg, section, key->name, value, put_place(&place, origin->place), key->meaning);
    buf_fini(&place);
}

void config_each(const struct config *config, config_visit *visit, void *arg)
{
    const struct snapshot *snapshot = snapshot_of(config);

    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        char *section = snapshot_section(config, key->section);
        if (key->kind == KIND_PARAMS)
            visit_params(snapshot, section, key, visit, arg);
        else
            visit_key(snapshot, section, key, visit, arg);
        mem_free(section);
    }
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
        fputc(value_is_plain(p, 1) ? *p : '?', out);
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

    MUST(key != NULL);
    return snapshot_of(config)->origins[config_key_index(key)].given;
}

void config_unreloadable(const struct config *before, const struct config *after,
                         void (*changed)(void *arg, const char *section, const char *key),
                         void *arg)
{
    const struct snapshot *a = snapshot_of(before);
    const struct snapshot *b = snapshot_of(after);

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if ((config_keys[i].flags & CONFIG_RELOADS) == 0 &&
            (b->origins[i].kept || !same_text(a->origins[i].text, b->origins[i].text)))
            changed(arg, config_keys[i].section, config_keys[i].name);
    }
    if (b->name_kept || strcmp(before->upstream_name, after->upstream_name) != 0)
        changed(arg, CONFIG_NAMED_SECTION, "NAME");
}
