/*
 * The manager has one entry of an upstream at most, for it has one token. The entry is replaced
 * when there is another token, and removed when there is none: it has expired, or was to be
 * forgotten.
 */
#include "service/token_fdstore.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/*
 * The first upstream's entry has no NAME in it: it is the name of the time when there was one
 * upstream, and an entry of before an upgrade is found under it. What an entry is good for is not
 * decided by its name: it opens with its upstream's credentials alone.
 */
void token_fdstore_init(struct token_fdstore *fdstore, const struct config_upstream *upstream)
{
    fdstore->name = upstream->index == 0 ? mem_strdup(SYSTEMD_KEPT)
                                         : mem_printf("%s-%s", SYSTEMD_KEPT, upstream->name);
}

void token_fdstore_fini(struct token_fdstore *fdstore)
{
    mem_free(fdstore->name);
    fdstore->name = NULL;
}

void token_fdstore_keep(struct token_fdstore *fdstore, const void *bytes, size_t len)
{
    if (bytes != NULL)
        systemd_fdstore_put(fdstore->name, bytes, len);
    else
        systemd_fdstore_remove(fdstore->name);
}

/* ---- after a restart ---- */

/* One that was offered to all. */
struct entry {
    const char *name;
    unsigned char *bytes;
    size_t len;           /* 0: it cannot be read */
    struct reason reason; /* then, why */
    const struct token_fdstore *user;
};

struct entries {
    struct entry *items; /* the newest last */
    size_t count;
};

static void read_entries(struct entries *entries, const struct systemd_inherited *inherited)
{
    entries->count = inherited->kept_count;
    entries->items = mem_zalloc((entries->count + 1) * sizeof(*entries->items));
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->items[i];

        entry->name = inherited->kept_names[i];
        entry->bytes = mem_alloc(SEALED_TOKEN_MAX);
        entry->len = systemd_fdstore_read(inherited->kept[i], entry->bytes, SEALED_TOKEN_MAX,
                                          &entry->reason);
    }
}

static void free_entries(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        mem_free(entries->items[i].bytes);
    mem_free(entries->items);
}

static bool is_own(const struct token_fdstore *fdstore, const struct entry *entry)
{
    return strcmp(fdstore->name, entry->name) == 0;
}

/* The entry that is of use to it, of its own name or of another; NULL: none. */
static struct entry *find(struct token_fdstore *fdstore, struct entries *entries, bool own)
{
    for (size_t i = entries->count; i > 0; i--) {
        struct entry *entry = &entries->items[i - 1];
        struct reason reason;

        if (entry->user != NULL || is_own(fdstore, entry) != own || entry->len == 0)
            continue;
        if (token_service_restore(fdstore->tokens, entry->bytes, entry->len, &reason)) {
            entry->user = fdstore;
            return entry;
        }
        if (own)
            entry->reason = reason;
    }
    return NULL;
}

/* Of those under its name: all, or those that are newer than the one that was found. */
static void complain(const struct token_fdstore *fdstore, const struct entries *entries,
                     const struct entry *found)
{
    for (size_t i = entries->count; i > 0; i--) {
        const struct entry *entry = &entries->items[i - 1];

        if (entry == found)
            return;
        if (entry->user == NULL && is_own(fdstore, entry))
            log_warning(NULL, "the token kept by the service manager is not used: %s",
                        entry->reason.text);
    }
}

/* Is an entry of this name of use to whom it belongs? */
static bool is_used(const struct entries *entries, const char *name)
{
    bool used = false;

    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->items[i];

        used = used || (strcmp(entry->name, name) == 0 && entry->user != NULL &&
                        is_own(entry->user, entry));
    }
    return used;
}

static void remove_unused(const struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const char *name = entries->items[i].name;
        bool before = false;

        for (size_t k = 0; k < i; k++)
            before = before || strcmp(entries->items[k].name, name) == 0;
        if (!before && !is_used(entries, name))
            systemd_fdstore_remove(name);
    }
}

void token_fdstore_restore(struct token_fdstore *const fdstores[], size_t count,
                           const struct systemd_inherited *inherited)
{
    struct entry **found = mem_zalloc((count + 1) * sizeof(struct entry *));
    struct entries entries;

    read_entries(&entries, inherited);
    for (size_t i = 0; i < count; i++)
        found[i] = find(fdstores[i], &entries, true);
    for (size_t i = 0; i < count; i++)
        if (found[i] == NULL)
            found[i] = find(fdstores[i], &entries, false);
    for (size_t i = 0; i < count; i++)
        complain(fdstores[i], &entries, found[i]);
    remove_unused(&entries);
    for (size_t i = 0; i < count; i++)
        if (found[i] != NULL && !is_own(fdstores[i], found[i]))
            token_fdstore_keep(fdstores[i], found[i]->bytes, found[i]->len);
    free_entries(&entries);
    mem_free(found);
}
