/*
 * A thread's block is one array: the families of the process behind one another, then those of each
 * upstream. So what a lookup counts for its upstream lies together, however many there are. Only
 * the block's thread stores to it, so adding is a load and a store without a lock prefix. Blocks
 * are kept for ever on a list that only grows: a thread that ended has still counted what it
 * counted. Threads are few and live as long as the process; what upstreams do not use is never
 * touched.
 */
#include "base/metrics.h"

#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"

static const struct metric_family families[] = {
#define METRIC_FAMILY(id, exported, s, k, n, h)                                                    \
    [id] = {.name = (exported), .help = (h), .scope = METRIC_##s, .kind = METRIC_##k, .cells = (n)},
    METRICS_TABLE(METRIC_FAMILY)
#undef METRIC_FAMILY
};

/*
 * Each family's cells as a member of one of two structs, so that offsets and sums are the
 * compiler's to work out.
 */
#define METRIC_CELLS(id, exported, scope, kind, cells, help) MEMBER_##scope(id, cells)
#define MEMBER(id, cells) char id##_cells[cells];
#define NO_MEMBER(id, cells)

struct process_layout {
#define MEMBER_PROCESS MEMBER
#define MEMBER_UPSTREAM NO_MEMBER
    METRICS_TABLE(METRIC_CELLS)
#undef MEMBER_PROCESS
#undef MEMBER_UPSTREAM
};

struct upstream_layout {
#define MEMBER_PROCESS NO_MEMBER
#define MEMBER_UPSTREAM MEMBER
    METRICS_TABLE(METRIC_CELLS)
#undef MEMBER_PROCESS
#undef MEMBER_UPSTREAM
};

/* Of the first upstream, for a family of upstreams. */
static const size_t first_cell[] = {
#define FIRST_PROCESS(id) offsetof(struct process_layout, id##_cells)
#define FIRST_UPSTREAM(id)                                                                         \
    sizeof(struct process_layout) + offsetof(struct upstream_layout, id##_cells)
#define METRIC_FIRST(id, exported, scope, kind, cells, help) [id] = FIRST_##scope(id),
    METRICS_TABLE(METRIC_FIRST)
#undef METRIC_FIRST
#undef FIRST_UPSTREAM
#undef FIRST_PROCESS
};

#define BLOCK_CELLS                                                                                \
    (sizeof(struct process_layout) + METRIC_UPSTREAMS * sizeof(struct upstream_layout))

struct block {
    struct block *next;
    char apart[64]; /* from the cache line of whatever lies before */
    atomic_int_least64_t cells[BLOCK_CELLS];
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

/* Where a family's cell lies in a block; `upstream` is 0 for a family of the process. */
static size_t place(enum metric id, size_t upstream, size_t cell)
{
    MUST(cell < metric_family(id)->cells);
    return first_cell[id] + upstream * sizeof(struct upstream_layout) + cell;
}

static size_t process_place(enum metric id, size_t cell)
{
    MUST(metric_family(id)->scope == METRIC_PROCESS);
    return place(id, 0, cell);
}

static size_t upstream_place(enum metric id, size_t upstream, size_t cell)
{
    MUST(metric_family(id)->scope == METRIC_UPSTREAM && upstream < METRIC_UPSTREAMS);
    return place(id, upstream, cell);
}

static void add_to(struct block *block, size_t at, int64_t n)
{
    atomic_int_least64_t *sum = &block->cells[at];

    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static struct block *own_block(void)
{
    if (own == NULL)
        own = block_make();
    return own;
}

static void add(size_t at, int64_t n)
{
    add_to(own_block(), at, n);
}

static const int64_t bounds_ns[] = {
#define BOUND_NS(seconds) (int64_t)((seconds)*1e9 + 0.5),
    METRIC_BUCKET_TABLE(BOUND_NS)
#undef BOUND_NS
};
_Static_assert(ARRAY_LEN(bounds_ns) == METRIC_BUCKET_COUNT, "a bound for each bucket");

/*
 * Most durations are below a millisecond and spread over the first buckets, where the processor
 * would guess a branch for each bound wrongly: there the bounds passed are counted without one.
 */
static size_t bucket_of(int64_t ns)
{
    enum { SHORT = 4 }; /* the bound of 1 ms */
    size_t bucket = 0;

    if (ns <= bounds_ns[SHORT]) {
        for (size_t i = 0; i < SHORT; i++)
            bucket += ns > bounds_ns[i];
        return bucket;
    }
    bucket = SHORT + 1;
    while (bucket < METRIC_BUCKET_COUNT && ns > bounds_ns[bucket])
        bucket++;
    return bucket;
}

/* `first` is the place of the histogram's first cell. */
static void observe(size_t first, int64_t duration_ns)
{
    struct block *block = own_block();
    int64_t ns = duration_ns > 0 ? duration_ns : 0;
    size_t bucket = bucket_of(ns);

    if (bucket < METRIC_BUCKET_COUNT)
        add_to(block, first + bucket, 1);
    add_to(block, first + METRIC_HISTOGRAM_COUNT, 1);
    add_to(block, first + METRIC_HISTOGRAM_SUM, ns);
}

static int64_t sum_over_threads(size_t at)
{
    int64_t sum = 0;

    for (struct block *block = atomic_load_explicit(&blocks, memory_order_acquire); block != NULL;
         block = block->next)
        sum += atomic_load_explicit(&block->cells[at], memory_order_relaxed);
    return sum;
}

void metric_add(enum metric id, size_t cell, int64_t n)
{
    add(process_place(id, cell), n);
}

void metric_observe(enum metric id, int64_t duration_ns)
{
    MUST(metric_family(id)->kind == METRIC_HISTOGRAM);
    observe(process_place(id, 0), duration_ns);
}

int64_t metric_sum(enum metric id, size_t cell)
{
    return sum_over_threads(process_place(id, cell));
}

void metric_upstream_add(enum metric id, size_t upstream, size_t cell, int64_t n)
{
    add(upstream_place(id, upstream, cell), n);
}

void metric_upstream_observe(enum metric id, size_t upstream, int64_t duration_ns)
{
    MUST(metric_family(id)->kind == METRIC_HISTOGRAM);
    observe(upstream_place(id, upstream, 0), duration_ns);
}

int64_t metric_upstream_sum(enum metric id, size_t upstream, size_t cell)
{
    return sum_over_threads(upstream_place(id, upstream, cell));
}

/* Only its owner stores to a block, so it is the caller's that makes up for all others. */
static void restart(size_t at)
{
    const int64_t sum = sum_over_threads(at);

    if (sum != 0)
        add(at, -sum);
}

void metric_upstream_restart(size_t upstream)
{
    for (enum metric id = 0; id < METRIC_COUNT; id++) {
        const struct metric_family *family = metric_family(id);

        if (family->scope != METRIC_UPSTREAM || family->kind == METRIC_GAUGE)
            continue;
        for (size_t cell = 0; cell < family->cells; cell++)
            restart(upstream_place(id, upstream, cell));
    }
    for (size_t from = 0; from < METRIC_UPSTREAMS; from++)
        for (size_t reason = 0; reason < METRIC_FAILOVER_REASONS; reason++)
            restart(upstream_place(METRIC_FAILOVERS, from,
                                   upstream * METRIC_FAILOVER_REASONS + reason));
}
