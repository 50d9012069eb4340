/*
 * The timer that recycles a store. It is a block of its own, because libuv lets go of a handle only
 * a turn after it was closed, and the store may be gone by then.
 */
#include "storage/store_internal.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#define RECYCLER_MAGIC 0x2ec1c1e2u

struct recycler {
    unsigned magic;
    uv_timer_t timer;
    struct store *store;
};

static void on_interval(uv_timer_t *timer)
{
    MAGIC_CAST(struct recycler, recycler, timer->data, RECYCLER_MAGIC);
    size_t count = store_recycle(recycler->store, mono_now());

    if (count > 0)
        metric_add(METRIC_STORE_RECYCLED, 0, (int64_t)count);
}

static struct recycler *recycler_new(struct store *store, uv_loop_t *loop)
{
    struct recycler *recycler = mem_zalloc(sizeof(*recycler));

    MAGIC_SET(recycler, RECYCLER_MAGIC);
    recycler->store = store;
    MUST(uv_timer_init(loop, &recycler->timer) == 0);
    recycler->timer.data = recycler;
    return recycler;
}

void store_recycler_start(struct store *store, uv_loop_t *loop, int64_t interval)
{
    uint64_t ms = (uint64_t)((interval + MILLISECOND - 1) / MILLISECOND);

    MAGIC_OK(store, STORE_MAGIC);
    MUST(interval > 0);
    if (store->recycler == NULL)
        store->recycler = recycler_new(store, loop);
    MUST(store->recycler->timer.loop == loop);
    MUST(uv_timer_start(&store->recycler->timer, on_interval, ms, ms) == 0);
}

static void on_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct recycler, recycler, handle->data, RECYCLER_MAGIC);

    MAGIC_CLEAR(recycler);
    mem_free(recycler);
}

void store_recycler_stop(struct store *store)
{
    MAGIC_OK(store, STORE_MAGIC);
    if (store->recycler == NULL)
        return;
    uv_close((uv_handle_t *)&store->recycler->timer, on_closed);
    store->recycler = NULL;
}
