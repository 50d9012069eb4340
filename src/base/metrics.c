/*
 * A thread's block is one array with all families behind one another, and only that thread stores
 * to it, so adding is a load and a store without a lock prefix. Blocks are kept for ever on a list
 * that only grows: a thread that ended has still counted what it counted. Threads are few and
 * live as long as the process.
 */
#include "base/metrics.h"

#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"

static const struct metric_family families[] = {
#define METRIC_FAMILY(id, exported, k, n, h)                                                       \
    [id] = {.name = (exported), .help = (h), .kind = METRIC_##k, .cells = (n)},
    METRICS_TABLE(METRIC_FAMILY)
#undef METRIC_FAMILY
};

/* Each family's cells as a member, so that offsets and the sum are the compiler's to work out. */
struct layout {
#define METRIC_CELLS(id, exported, k, n, h) char id##_cells[n];
    METRICS_TABLE(METRIC_CELLS)
#undef METRIC_CELLS
};

static const size_t first_cell[] = {
#define METRIC_FIRST(id, exported, k, n, h) [id] = offsetof(struct layout, id##_cells),
    METRICS_TABLE(METRIC_FIRST)
#undef METRIC_FIRST
};

struct block {
    struct block *next;
    char apart[64]; /* from the cache line of whatever lies before */
    atomic_int_least64_t cells[sizeof(struct layout)];
    char behind[64];
};

static _Atomic(struct block *) blocks;
static _Thread_local struct block *own;

const struct metric_family *metric_family(enum metric id)
{
    MUST((size_t)id < METRIC_COUNT);
    return &families[id];
}

static struct block *block_make(void)
{
    struct block *block = mem_zalloc(sizeof(*block));

    block->next = atomic_load_explicit(&blocks, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&blocks, &block->next, block,
                                                  memory_order_release, memory_order_relaxed))
        ;
    return block;
}

/* Where a family's cell lies in a block. */
static size_t place(enum metric id, size_t cell)
{
    MUST(cell < metric_family(id)->cells);
    return first_cell[id] + cell;
}

void metric_add(enum metric id, size_t cell, int64_t n)
{
    size_t at = place(id, cell);

    if (own == NULL)
        own = block_make();
    atomic_int_least64_t *sum = &own->cells[at];
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void metric_observe(enum metric id, int64_t duration_ns)
{
    static const double bounds[METRIC_BUCKET_COUNT] = METRIC_BUCKETS;
    int64_t ns = duration_ns > 0 ? duration_ns : 0;
    double seconds = (double)ns / 1e9;
    size_t bucket = 0;

    MUST(metric_family(id)->kind == METRIC_HISTOGRAM);
    while (bucket < METRIC_BUCKET_COUNT && seconds > bounds[bucket])
        bucket++;
    if (bucket < METRIC_BUCKET_COUNT)
        metric_add(id, bucket, 1);
    metric_add(id, METRIC_HISTOGRAM_COUNT, 1);
    metric_add(id, METRIC_HISTOGRAM_SUM, ns);
}

int64_t metric_sum(enum metric id, size_t cell)
{
    size_t at = place(id, cell);
    int64_t sum = 0;

    for (struct block *block = atomic_load_explicit(&blocks, memory_order_acquire); block != NULL;
         block = block->next)
        sum += atomic_load_explicit(&block->cells[at], memory_order_relaxed);
    return sum;
}
