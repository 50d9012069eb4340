/*
 * A map from keys to items under one mutex. An item that leaves the map leaves it under the lock
 * and is freed after it: freeing overwrites and unmaps the value, and that is no work for a lock.
 *
 * Recycling walks all items. There are as many as there are upstreams, or as a cache's limit
 * allows; an index by expiry would cost more on every put than the walk saves every half minute.
 */
#include "storage/store_internal.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) mem_free(p)
#include <uthash.h>

struct item {
    UT_hash_handle hh;
    struct item *next; /* once it has left the map */
    struct secret *value;
    struct mono_time expires;
    char *key;
};

struct store *store_new(size_t max_items)
{
    struct store *store = mem_zalloc(sizeof(*store));

    MAGIC_SET(store, STORE_MAGIC);
    MUST(pthread_mutex_init(&store->lock, NULL) == 0);
    store->max_items = max_items;
    return store;
}

static void item_free(struct item *item)
{
    secret_unref(item->value);
    mem_free(item->key);
    mem_free(item);
}

void store_free(struct store *store)
{
    struct item *item, *next;

    MAGIC_OK(store, STORE_MAGIC);
    MUST(store->recycler == NULL);
    HASH_ITER(hh, store->items, item, next)
    {
        HASH_DEL(store->items, item);
        item_free(item);
    }
    pthread_mutex_destroy(&store->lock);
    MAGIC_CLEAR(store);
    mem_free(store);
}

static struct item *find(struct store *store, const char *key)
{
    struct item *item;

    HASH_FIND_STR(store->items, key, item);
    return item;
}

static bool has_expired(const struct item *item, struct mono_time now)
{
    return item->expires.ns != MONO_NEVER.ns && !mono_before(now, item->expires);
}

/* Puts `item` in the map; the one it replaces goes to *replaced. Under the lock. */
static enum err put_locked(struct store *store, struct item *item, struct item **replaced)
{
    *replaced = find(store, item->key);
    if (*replaced != NULL)
        HASH_DEL(store->items, *replaced);
    else if (HASH_COUNT(store->items) >= store->max_items)
        return ERR_FULL;
    HASH_ADD_KEYPTR(hh, store->items, item->key, strlen(item->key), item);
    return ERR_OK;
}

enum err store_put(struct store *store, const char *key, struct secret *value,
                   struct mono_time expires)
{
    struct item *item = mem_zalloc(sizeof(*item));
    struct item *replaced;

    MAGIC_OK(store, STORE_MAGIC);
    item->key = mem_strdup(key);
    item->value = secret_ref(value);
    item->expires = expires;
    pthread_mutex_lock(&store->lock);
    enum err err = put_locked(store, item, &replaced);
    pthread_mutex_unlock(&store->lock);
    if (err != ERR_OK)
        item_free(item);
    if (replaced != NULL)
        item_free(replaced);
    return err;
}

struct secret *store_load(struct store *store, const char *key, struct mono_time now)
{
    struct secret *value = NULL;

    MAGIC_OK(store, STORE_MAGIC);
    pthread_mutex_lock(&store->lock);
    struct item *item = find(store, key);
    if (item != NULL && !has_expired(item, now))
        value = secret_ref(item->value);
    pthread_mutex_unlock(&store->lock);
    return value;
}

enum err store_delete(struct store *store, const char *key)
{
    MAGIC_OK(store, STORE_MAGIC);
    pthread_mutex_lock(&store->lock);
    struct item *item = find(store, key);
    if (item != NULL)
        HASH_DEL(store->items, item);
    pthread_mutex_unlock(&store->lock);
    if (item == NULL)
        return ERR_NOT_FOUND;
    item_free(item);
    return ERR_OK;
}

/* Takes what has expired out of the map, as a list. Under the lock. */
static struct item *take_expired_locked(struct store *store, struct mono_time now)
{
    struct item *expired = NULL;
    struct item *item, *next;

    HASH_ITER(hh, store->items, item, next)
    {
        if (!has_expired(item, now))
            continue;
        HASH_DEL(store->items, item);
        item->next = expired;
        expired = item;
    }
    return expired;
}

size_t store_recycle(struct store *store, struct mono_time now)
{
    size_t count = 0;

    MAGIC_OK(store, STORE_MAGIC);
    pthread_mutex_lock(&store->lock);
    struct item *item = take_expired_locked(store, now);
    pthread_mutex_unlock(&store->lock);
    while (item != NULL) {
        struct item *next = item->next;

        item_free(item);
        item = next;
        count++;
    }
    return count;
}

size_t store_count(struct store *store)
{
    MAGIC_OK(store, STORE_MAGIC);
    pthread_mutex_lock(&store->lock);
    size_t count = HASH_COUNT(store->items);
    pthread_mutex_unlock(&store->lock);
    return count;
}
