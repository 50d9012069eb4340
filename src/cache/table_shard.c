/* Three structures over one array of entries: chains of a hash table, and two queues. */
#include "cache/table_shard.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define PIECE 64
#define PIECE_SIZE (PIECE * sizeof(struct shard_entry))
#define USES_MAX 3
/* Used so often, an answer goes from the small to the main queue. */
#define USES_TO_MAIN 2
/*
 * Where all answers are in use, one has to go through many to evict one. So many are gone through
 * under the lock, some ten microseconds; then the next one goes, used or not.
 */
#define MOVES_MAX 1024
/* Each may be a miss of the processor's cache: some ten microseconds, too. */
#define SWEEP_LOOKS 256
#define INDEX_MASK (UINT32_MAX >> 2)

/* What an entry and an answer take, about: as many buckets and ghosts are made. */
#define USUAL_SIZE 224
/* The smallest: it bounds the number of pieces. */
#define LEAST_SIZE (sizeof(struct shard_entry) + 32)

_Static_assert(sizeof(struct shard_entry) == 40, "as the header says");

/* ---- entries ---- */

static struct shard_entry *entry_at(const struct shard *shard, uint32_t index)
{
    return &shard->pieces[index / PIECE][index % PIECE];
}

/* One more piece; its entries become spare ones. */
static void grow(struct shard *shard)
{
    const uint32_t first = (uint32_t)(shard->piece_count * PIECE);

    MUST(shard->piece_count < shard->piece_room);
    shard->pieces[shard->piece_count++] = mem_zalloc(PIECE_SIZE);
    shard->bytes += PIECE_SIZE;
    for (uint32_t i = PIECE; i-- > (first == 0 ? 1 : 0);) {
        entry_at(shard, first + i)->chain = shard->spare;
        shard->spare = first + i;
    }
}

static uint32_t take_spare(struct shard *shard)
{
    if (shard->spare == 0)
        grow(shard);
    const uint32_t index = shard->spare;

    shard->spare = entry_at(shard, index)->chain;
    return index;
}

static void give_spare(struct shard *shard, uint32_t index)
{
    struct shard_entry *entry = entry_at(shard, index);

    memset(entry, 0, sizeof(*entry));
    entry->chain = shard->spare;
    shard->spare = index;
}

void shard_init(struct shard *shard, size_t share)
{
    memset(shard, 0, sizeof(*shard));
    MUST(pthread_mutex_init(&shard->lock, NULL) == 0);
    shard->share = share;
    shard->bucket_count = share / USUAL_SIZE + 1;
    shard->buckets = mem_zalloc(shard->bucket_count * sizeof(*shard->buckets));
    shard->piece_room = share / LEAST_SIZE / PIECE + 2;
    MUST(shard->piece_room * PIECE < UINT32_C(1) << 30);
    shard->pieces = mem_zalloc(shard->piece_room * sizeof(void *));
    ghost_init(&shard->ghost, share / USUAL_SIZE * 9 / 10);
    shard->bytes = sizeof(*shard) + shard->bucket_count * sizeof(*shard->buckets) +
                   shard->piece_room * sizeof(void *) + ghost_size(&shard->ghost);
}

void shard_fini(struct shard *shard)
{
    MUST(shard_items(shard) == 0);
    for (size_t i = 0; i < shard->piece_count; i++)
        mem_free(shard->pieces[i]);
    mem_free(shard->pieces);
    mem_free(shard->buckets);
    ghost_fini(&shard->ghost);
    pthread_mutex_destroy(&shard->lock);
}

size_t shard_items(const struct shard *shard)
{
    return shard->small.items + shard->main.items;
}

/* ---- the hash table ---- */

/* The first word's highest bits chose the shard; those behind them choose the bucket. */
static uint32_t *bucket_of(const struct shard *shard, const uint64_t words[2])
{
    const uint64_t bits = words[0] >> 20 & UINT32_MAX;

    return &shard->buckets[bits * shard->bucket_count >> 32];
}

static uint32_t find(const struct shard *shard, const struct cache_key *key)
{
    uint32_t index = *bucket_of(shard, key->words);

    while (index != 0) {
        const struct shard_entry *entry = entry_at(shard, index);

        if (entry->words[0] == key->words[0] && entry->words[1] == key->words[1])
            break;
        index = entry->chain;
    }
    return index;
}

static void chain_add(struct shard *shard, uint32_t index)
{
    struct shard_entry *entry = entry_at(shard, index);
    uint32_t *bucket = bucket_of(shard, entry->words);

    entry->chain = *bucket;
    *bucket = index;
}

static void chain_remove(struct shard *shard, uint32_t index)
{
    const struct shard_entry *entry = entry_at(shard, index);
    uint32_t *link = bucket_of(shard, entry->words);

    while (*link != index) {
        MUST(*link != 0);
        link = &entry_at(shard, *link)->chain;
    }
    *link = entry->chain;
}

/* ---- the queues ---- */

static size_t weight_of(const struct answer *answer)
{
    return answer_size(answer) + sizeof(struct shard_entry);
}

static struct shard_queue *queue_of(struct shard *shard, const struct shard_entry *entry)
{
    return entry->in_main ? &shard->main : &shard->small;
}

/* Behind the newest; the counts are left as they are. */
static void link_in(struct shard *shard, struct shard_queue *queue, uint32_t index)
{
    struct shard_entry *entry = entry_at(shard, index);

    entry->newer = 0;
    entry->older = queue->newest & INDEX_MASK;
    if (queue->newest != 0)
        entry_at(shard, queue->newest)->newer = index & INDEX_MASK;
    else
        queue->oldest = index;
    queue->newest = index;
}

static void link_out(struct shard *shard, struct shard_queue *queue, uint32_t index)
{
    const struct shard_entry *entry = entry_at(shard, index);

    if (entry->newer != 0)
        entry_at(shard, entry->newer)->older = entry->older;
    else
        queue->newest = entry->older;
    if (entry->older != 0)
        entry_at(shard, entry->older)->newer = entry->newer;
    else
        queue->oldest = entry->newer;
}

static void queue_add(struct shard *shard, uint32_t index, bool in_main)
{
    struct shard_entry *entry = entry_at(shard, index);

    entry->in_main = in_main;
    struct shard_queue *queue = queue_of(shard, entry);

    link_in(shard, queue, index);
    queue->items++;
    queue->bytes += weight_of(entry->answer);
}

static void queue_remove(struct shard *shard, uint32_t index)
{
    const struct shard_entry *entry = entry_at(shard, index);
    struct shard_queue *queue = queue_of(shard, entry);

    link_out(shard, queue, index);
    queue->items--;
    queue->bytes -= weight_of(entry->answer);
}

/* ---- all three ---- */

static struct answer *take_out(struct shard *shard, uint32_t index)
{
    struct answer *answer = entry_at(shard, index)->answer;

    queue_remove(shard, index);
    chain_remove(shard, index);
    give_spare(shard, index);
    shard->bytes -= answer_size(answer);
    return answer;
}

static void remember(struct shard *shard, const struct shard_entry *entry)
{
    const struct cache_key key = {.words = {entry->words[0], entry->words[1]}};

    ghost_add(&shard->ghost, &key);
}

/* The oldest that was not used twice; those before it go to the main queue. */
static struct answer *evict_small(struct shard *shard)
{
    for (size_t moves = 0; shard->small.oldest != 0; moves++) {
        const uint32_t index = shard->small.oldest;
        struct shard_entry *entry = entry_at(shard, index);

        if (entry->uses < USES_TO_MAIN || moves == MOVES_MAX) {
            remember(shard, entry);
            return take_out(shard, index);
        }
        queue_remove(shard, index);
        entry->uses = 0;
        queue_add(shard, index, true);
    }
    return NULL;
}

/* The oldest that was not used since it was here last; those before it go round once more. */
static struct answer *evict_main(struct shard *shard)
{
    for (size_t moves = 0; shard->main.oldest != 0; moves++) {
        const uint32_t index = shard->main.oldest;
        struct shard_entry *entry = entry_at(shard, index);

        if (entry->uses == 0 || moves == MOVES_MAX)
            return take_out(shard, index);
        entry->uses = (entry->uses - 1u) & USES_MAX;
        link_out(shard, &shard->main, index);
        link_in(shard, &shard->main, index);
    }
    return NULL;
}

struct answer *shard_evict(struct shard *shard)
{
    struct answer *answer = NULL;

    if (shard->small.bytes >= shard->share / 10)
        answer = evict_small(shard);
    if (answer == NULL)
        answer = evict_main(shard);
    return answer != NULL ? answer : evict_small(shard);
}

struct answer *shard_use(struct shard *shard, const struct cache_key *key)
{
    const uint32_t index = find(shard, key);

    if (index == 0)
        return NULL;
    struct shard_entry *entry = entry_at(shard, index);

    if (entry->uses < USES_MAX)
        entry->uses = (entry->uses + 1u) & USES_MAX;
    return entry->answer;
}

bool shard_has_room(const struct shard *shard, const struct cache_key *key,
                    const struct answer *answer)
{
    const uint32_t index = find(shard, key);
    size_t after = shard->bytes + answer_size(answer);

    if (index != 0)
        after -= answer_size(entry_at(shard, index)->answer);
    else if (shard->spare == 0)
        after += PIECE_SIZE;
    return after <= shard->share;
}

/* It stays where it is in its queue, with its uses: it is the same lookup's answer. */
static struct answer *replace(struct shard *shard, uint32_t index, struct answer *answer)
{
    struct shard_entry *entry = entry_at(shard, index);
    struct shard_queue *queue = queue_of(shard, entry);
    struct answer *before = entry->answer;

    queue->bytes = queue->bytes - weight_of(before) + weight_of(answer);
    shard->bytes = shard->bytes - answer_size(before) + answer_size(answer);
    entry->answer = answer;
    return before;
}

/* As many as the main queue holds of such answers when it has its nine tenths. */
static size_t ghosts_wanted(const struct shard *shard)
{
    return shard_items(shard) * 9 / 10;
}

struct answer *shard_put(struct shard *shard, const struct cache_key *key, struct answer *answer)
{
    uint32_t index = find(shard, key);

    if (index != 0)
        return replace(shard, index, answer);
    index = take_spare(shard);
    *entry_at(shard, index) = (struct shard_entry){
        .words = {key->words[0], key->words[1]},
        .answer = answer,
        .postcode = (uint32_t)key->postcode,
    };
    shard->bytes += answer_size(answer);
    chain_add(shard, index);
    queue_add(shard, index, ghost_take(&shard->ghost, key, ghosts_wanted(shard)));
    return NULL;
}

struct answer *shard_remove(struct shard *shard, const struct cache_key *key,
                            const struct answer *answer)
{
    const uint32_t index = find(shard, key);

    if (index == 0 || entry_at(shard, index)->answer != answer)
        return NULL;
    return take_out(shard, index);
}

static bool is_swept(const struct shard_entry *entry, const struct sweep *sweep)
{
    if (sweep->postcode != NULL && entry->postcode != (uint32_t)*sweep->postcode)
        return false;
    return sweep->now == NULL || !answer_is_of_use(entry->answer, sweep->renewable, *sweep->now);
}

bool shard_sweep(struct shard *shard, uint32_t *at, const struct sweep *sweep,
                 struct answer **removed, size_t max, size_t *count)
{
    const size_t end = shard->piece_count * PIECE;
    size_t looks = 0;

    for (*count = 0; *at < end && *count < max && looks < SWEEP_LOOKS; (*at)++, looks++) {
        const struct shard_entry *entry = entry_at(shard, *at);

        if (entry->answer != NULL && is_swept(entry, sweep))
            removed[(*count)++] = take_out(shard, *at);
    }
    return *at < end;
}
