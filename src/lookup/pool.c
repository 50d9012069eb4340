/*
 * Nothing but a count beside a client: the client knows its calls, but not the lookup that waits
 * for a token and will call only then.
 */
#include "lookup/pool.h"

#include "base/check.h"
#include "base/mem.h"

#define POOL_MAGIC 0x9001c0deu

struct pool {
    unsigned magic;
    unsigned refs;
    struct client *client;
};

enum err pool_new(struct loop *loop, const struct client_settings *settings, struct pool **out)
{
    struct client *client = NULL;
    enum err err = client_new(loop, settings, &client);

    if (err != ERR_OK)
        return err;
    struct pool *pool = mem_zalloc(sizeof(*pool));
    MAGIC_SET(pool, POOL_MAGIC);
    pool->refs = 1;
    pool->client = client;
    *out = pool;
    return ERR_OK;
}

struct pool *pool_ref(struct pool *pool)
{
    MAGIC_OK(pool, POOL_MAGIC);
    pool->refs++;
    return pool;
}

void pool_unref(struct pool *pool)
{
    if (pool == NULL)
        return;
    MAGIC_OK(pool, POOL_MAGIC);
    MUST(pool->refs > 0);
    if (--pool->refs > 0)
        return;
    client_free(pool->client);
    MAGIC_CLEAR(pool);
    mem_free(pool);
}

struct client *pool_client(const struct pool *pool)
{
    MAGIC_OK(pool, POOL_MAGIC);
    return pool->client;
}
