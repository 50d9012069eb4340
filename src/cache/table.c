/*
 * The shards' locks: what is done under them is in cache/table_shard.h, what is done after them is
 * here. The change that an operation makes to a shard is the difference of its counts, and goes to
 * the metrics when the lock is free.
 */
#include "cache/table.h"

#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "cache/table_shard.h"

#define TABLE_MAGIC 0x7ab1e001u
#define SHARD_BITS 4
#define SHARDS (1 << SHARD_BITS)
#define BATCH 32
/* A few milliseconds; 64M are gone through in about five calls. */
#define EXPIRE_STEPS 256

struct table {
    unsigned magic;
    size_t max_size;
    _Atomic uint64_t epoch;
    struct shard *shards;
    /* Where table_expire goes on. */
    size_t expiring;
    uint32_t expire_at;
};

/* One turn under a shard's lock: what the shard had before, and what leaves it. */
struct turn {
    struct shard *shard;
    size_t items;
    size_t bytes;
    size_t evictions;
    size_t leaving;
    struct answer *answers[BATCH + 1];
};

static void turn_begin(struct turn *turn, struct shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    turn->shard = shard;
    turn->items = shard_items(shard);
    turn->bytes = shard->bytes;
    turn->evictions = 0;
    turn->leaving = 0;
}

static void turn_leaves(struct turn *turn, struct answer *answer)
{
    if (answer != NULL)
        turn->answers[turn->leaving++] = answer;
}

static void count(enum metric id, size_t before, size_t after)
{
    if (before != after)
        metric_add(id, 0, (int64_t)after - (int64_t)before);
}

static void turn_end(struct turn *turn)
{
    const size_t items = shard_items(turn->shard);
    const size_t bytes = turn->shard->bytes;

    pthread_mutex_unlock(&turn->shard->lock);
    count(METRIC_CACHE_ITEMS, turn->items, items);
    count(METRIC_CACHE_BYTES, turn->bytes, bytes);
    count(METRIC_CACHE_EVICTIONS, 0, turn->evictions);
    for (size_t i = 0; i < turn->leaving; i++)
        answer_unref(turn->answers[i]);
}

struct table *table_new(size_t max_size)
{
    struct table *table = mem_zalloc(sizeof(*table));

    MAGIC_SET(table, TABLE_MAGIC);
    table->max_size = max_size;
    atomic_init(&table->epoch, 1);
    table->shards = mem_zalloc(SHARDS * sizeof(*table->shards));
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];

        shard_init(shard, (max_size - sizeof(*table)) / SHARDS);
        MUST(shard->bytes < shard->share / 2);
    }
    metric_add(METRIC_CACHE_BYTES, 0, (int64_t)table_totals(table).bytes);
    return table;
}

/* One step under the lock; true: there is more behind it. Adds to *sum. */
static bool sweep_step(struct shard *shard, uint32_t *at, const struct sweep *sweep, size_t *sum)
{
    struct turn turn;

    turn_begin(&turn, shard);
    const bool more = shard_sweep(shard, at, sweep, turn.answers, BATCH, &turn.leaving);

    *sum += turn.leaving;
    turn_end(&turn);
    return more;
}

static size_t shard_forget(struct shard *shard, const uint64_t *postcode)
{
    const struct sweep sweep = {.postcode = postcode};
    uint32_t at = 0;
    size_t sum = 0;

    while (sweep_step(shard, &at, &sweep, &sum))
        ;
    return sum;
}

void table_free(struct table *table)
{
    MAGIC_OK(table, TABLE_MAGIC);
    for (size_t i = 0; i < SHARDS; i++)
        (void)shard_forget(&table->shards[i], NULL);
    metric_add(METRIC_CACHE_BYTES, 0, -(int64_t)table_totals(table).bytes);
    for (size_t i = 0; i < SHARDS; i++)
        shard_fini(&table->shards[i]);
    mem_free(table->shards);
    MAGIC_CLEAR(table);
    mem_free(table);
}

static struct shard *shard_of(struct table *table, const struct cache_key *key)
{
    MAGIC_OK(table, TABLE_MAGIC);
    return &table->shards[key->words[0] >> (64 - SHARD_BITS)];
}

struct answer *table_get(struct table *table, const struct cache_key *key)
{
    struct shard *shard = shard_of(table, key);

    pthread_mutex_lock(&shard->lock);
    struct answer *answer = shard_use(shard, key);

    if (answer != NULL)
        (void)answer_ref(answer);
    pthread_mutex_unlock(&shard->lock);
    return answer;
}

enum step { STEP_MORE_ROOM, STEP_PUT, STEP_REFUSED };

/* Under the lock. */
static enum step put_step(struct turn *turn, const struct cache_key *key, struct answer *answer)
{
    while (!shard_has_room(turn->shard, key, answer)) {
        struct answer *evicted;

        if (turn->leaving == BATCH)
            return STEP_MORE_ROOM;
        evicted = shard_evict(turn->shard);
        if (evicted == NULL)
            return STEP_REFUSED; /* what entries have taken before is not given back */
        turn_leaves(turn, evicted);
        turn->evictions++;
    }
    turn_leaves(turn, shard_put(turn->shard, key, answer_ref(answer)));
    return STEP_PUT;
}

bool table_put(struct table *table, const struct cache_key *key, struct answer *answer,
               uint64_t since)
{
    struct shard *shard = shard_of(table, key);
    enum step step = STEP_MORE_ROOM;
    struct turn turn;

    if (answer_size(answer) > shard->share / 10)
        return false;
    while (step == STEP_MORE_ROOM) {
        turn_begin(&turn, shard);
        step = since == table_now(table) ? put_step(&turn, key, answer) : STEP_REFUSED;
        turn_end(&turn);
    }
    return step == STEP_PUT;
}

void table_remove(struct table *table, const struct cache_key *key, const struct answer *answer)
{
    struct turn turn;

    turn_begin(&turn, shard_of(table, key));
    turn_leaves(&turn, shard_remove(turn.shard, key, answer));
    turn_end(&turn);
}

uint64_t table_now(const struct table *table)
{
    return atomic_load(&table->epoch);
}

size_t table_forget(struct table *table, const uint64_t *postcode)
{
    size_t sum = 0;

    MAGIC_OK(table, TABLE_MAGIC);
    atomic_fetch_add(&table->epoch, 1);
    for (size_t i = 0; i < SHARDS; i++)
        sum += shard_forget(&table->shards[i], postcode);
    return sum;
}

size_t table_expire(struct table *table, struct mono_time now, int64_t renewable)
{
    const struct sweep sweep = {.now = &now, .renewable = renewable};
    size_t sum = 0;

    MAGIC_OK(table, TABLE_MAGIC);
    for (size_t i = 0; i < EXPIRE_STEPS; i++) {
        if (sweep_step(&table->shards[table->expiring], &table->expire_at, &sweep, &sum))
            continue;
        table->expire_at = 0;
        table->expiring = (table->expiring + 1) % SHARDS;
        if (table->expiring == 0)
            break;
    }
    return sum;
}

struct table_totals table_totals(const struct table *table)
{
    struct table_totals totals = {.bytes = sizeof(*table), .max_size = table->max_size};

    MAGIC_OK(table, TABLE_MAGIC);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];

        pthread_mutex_lock(&shard->lock);
        totals.items += shard_items(shard);
        totals.bytes += shard->bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    return totals;
}
