/*
 * A configuration as people are shown it: each key with its value and where it came from. The
 * values' texts were made when they were parsed, so that nothing here depends on the kinds.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/cache.h"
#include "config/expand.h"
#include "config/input.h"
#include "config/snapshot.h"

/* A place's text: a path and a number. */
#define PLACE_MAX 8192

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
                          const struct config_key *key, size_t which)
{
    const struct snapshot_members *from = snapshot_members_of(visiting->snapshot, key, which);
    struct buf place;

    buf_init(&place, PLACE_MAX);
    for (size_t i = 0; i < from->count; i++) {
        const struct snapshot_member *member = &from->items[i];
        if (member->family != key)
            continue;
        const struct config_entry entry = {
            .section = section,
            .key = member->name,
            .value = member->text,
            .origin = put_place(&place, member->place),
            .meaning = key->meaning,
            .holds = "",
        };
        visiting->visit(visiting->arg, &entry);
    }
    buf_fini(&place);
}

/* Read back, a key of [cache] would turn on a cache that is off. */
static bool is_off(const struct visiting *visiting, const struct config_key *key)
{
    return config_key_index(key) >= KEY_cache_max_size &&
           config_key_index(key) <= KEY_cache_coalesce && !visiting->snapshot->has_cache;
}

static void visit_key(const struct visiting *visiting, const char *section,
                      const struct config_key *key, size_t which)
{
    const struct snapshot_origin *origin = snapshot_origin(visiting->snapshot, key, which);
    bool hidden = (key->flags & CONFIG_SECRET_VALUE) != 0 && origin->given;
    struct buf place;

    buf_init(&place, PLACE_MAX);
    const struct config_entry entry = {
        .section = section,
        .key = key->name,
        .value = hidden                                           ? "(set)"
                 : origin->text != NULL && !is_off(visiting, key) ? origin->text
                                                                  : "",
        .origin = put_place(&place, origin->place),
        .meaning = key->meaning,
        .holds = origin->holds != NULL ? origin->holds : "",
    };
    visiting->visit(visiting->arg, &entry);
    buf_fini(&place);
}

static void visit_keys(const struct visiting *visiting, enum config_owner owner, size_t which)
{
    for (size_t i = config_owners[owner].first; i < config_owners[owner].end; i++) {
        const struct config_key *key = &config_keys[i];
        char *section = snapshot_section(&visiting->snapshot->config, key, which);
        if (config_key_prefix(key) > 0)
            visit_members(visiting, section, key, which);
        else
            visit_key(visiting, section, key, which);
        mem_free(section);
    }
}

void config_each(const struct config *config, config_visit *visit, void *arg)
{
    const struct visiting visiting = {snapshot_of(config), visit, arg};

    for (enum config_owner owner = 0; owner < OWNER_COUNT; owner++) {
        for (size_t i = 0; i < snapshot_owners(config, owner); i++) {
            /* The built-in route stands in no file. */
            if (owner != OWNER_ROUTE || config->routes[i].name[0] != '\0')
                visit_keys(&visiting, owner, i);
        }
    }
}

/* For --print-config. */
struct printing {
    FILE *out;
    char *section; /* the one under way; NULL before the first */
    bool cache_is_on;
};

/* A file's name may hold anything, and a comment must stay on its line. */
static void print_comment(FILE *out, const char *text)
{
    fputs("# ", out);
    for (const char *p = text; *p != '\0'; p++)
        fputc(input_is_plain(p, 1) ? *p : '?', out);
    fputc('\n', out);
}

static void print_section(struct printing *printing, const char *section)
{
    const bool first = printing->section == NULL;
    const bool off = strcmp(section, "cache") == 0 && !printing->cache_is_on;

    if (!first && strcmp(printing->section, section) == 0) {
        fputc('\n', printing->out);
        return;
    }
    fprintf(printing->out, "%s%s[%s]\n", first ? "" : "\n", off ? "# " : "", section);
    mem_free(printing->section);
    printing->section = mem_strdup(section);
}

static void print_key(void *arg, const struct config_entry *entry)
{
    struct printing *printing = arg;
    FILE *out = printing->out;

    print_section(printing, entry->section);
    print_comment(out, entry->meaning);
    print_comment(out, entry->origin);
    if (*entry->holds != '\0') {
        char *sentence = mem_printf("It holds %s.", entry->holds);
        print_comment(out, sentence);
        mem_free(sentence);
    }
    if (*entry->value == '\0') {
        fprintf(out, "# %s =\n", entry->key);
    } else {
        fprintf(out, "%s%s = ", config_name_is_secret(entry->key) ? "# " : "", entry->key);
        expand_print(entry->value, out);
        fputc('\n', out);
    }
}

void config_print(const struct config *config, FILE *out)
{
    struct printing printing = {.out = out, .cache_is_on = config_cache_is_on(config)};

    config_each(config, print_key, &printing);
    mem_free(printing.section);
}
