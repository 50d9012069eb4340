/*
 * Rings are made when a thread has its first problem, and kept: threads are few and live as long as
 * the process. An entry is copied under its ring's lock, by its thread and by the reader; nobody
 * else wants that lock, so a thread with many problems waits for nobody.
 */
#include "front/problem_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct side {
    uint64_t added;
    struct problem_entry entries[PROBLEM_LOG_ENTRIES];
};

struct ring {
    struct ring *next;
    pthread_mutex_t lock; /* of the sides */
    struct side sides[PROBLEM_SIDES];
};

static _Atomic(struct ring *) rings;
static _Thread_local struct ring *own;

static struct ring *ring_make(void)
{
    struct ring *ring = mem_zalloc(sizeof(*ring));

    MUST(pthread_mutex_init(&ring->lock, NULL) == 0);
    ring->next = atomic_load_explicit(&rings, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&rings, &ring->next, ring, memory_order_release,
                                                  memory_order_relaxed))
        ;
    return ring;
}

/* What is worth a line at "notice" says something of the service. */
static enum problem_side side_of(enum problem_id ending)
{
    return problem_of(ending)->level >= LOG_LEVEL_NOTICE ? PROBLEM_OF_SERVICE : PROBLEM_OF_CALLER;
}

bool problem_log_wants(enum problem_id ending)
{
    return ending != ENDED_OK && ending != ENDED_NOT_MODIFIED && ending != ENDED_CANCELLED;
}

static void describe(const struct request *request, const char *path, int64_t duration,
                     struct problem_entry *out)
{
    *out = (struct problem_entry){.at = wall_now(),
                                  .ended = mono_now(),
                                  .ending = request->ending,
                                  .status = request->status,
                                  .duration = duration};
    snprintf(out->guid, sizeof(out->guid), "%s", request_guid(request));
    snprintf(out->path, sizeof(out->path), "%s", path);
}

void problem_log_add(const struct request *request, const char *path, int64_t duration)
{
    struct problem_entry entry;

    MUST(problem_log_wants(request->ending));
    if (own == NULL)
        own = ring_make();
    describe(request, path, duration, &entry);
    struct side *side = &own->sides[side_of(request->ending)];
    MUST(pthread_mutex_lock(&own->lock) == 0);
    side->entries[side->added++ % PROBLEM_LOG_ENTRIES] = entry;
    MUST(pthread_mutex_unlock(&own->lock) == 0);
}

void problem_log_forget(void)
{
    for (struct ring *ring = atomic_load_explicit(&rings, memory_order_acquire); ring != NULL;
         ring = ring->next) {
        MUST(pthread_mutex_lock(&ring->lock) == 0);
        memset(ring->sides, 0, sizeof(ring->sides));
        MUST(pthread_mutex_unlock(&ring->lock) == 0);
    }
}

/* Puts an entry where it belongs among the newest; gives their number. */
static size_t insert(struct problem_entry out[PROBLEM_LOG_ENTRIES], size_t count,
                     const struct problem_entry *entry)
{
    size_t at = count;

    while (at > 0 && mono_before(out[at - 1].ended, entry->ended))
        at--;
    if (at == PROBLEM_LOG_ENTRIES)
        return count;
    const size_t behind = (count < PROBLEM_LOG_ENTRIES ? count : PROBLEM_LOG_ENTRIES - 1) - at;
    memmove(&out[at + 1], &out[at], behind * sizeof(*out));
    out[at] = *entry;
    return at + 1 + behind;
}

size_t problem_log_read(enum problem_side side, struct problem_entry out[PROBLEM_LOG_ENTRIES])
{
    size_t count = 0;

    for (struct ring *ring = atomic_load_explicit(&rings, memory_order_acquire); ring != NULL;
         ring = ring->next) {
        struct side copy;

        MUST(pthread_mutex_lock(&ring->lock) == 0);
        copy = ring->sides[side];
        MUST(pthread_mutex_unlock(&ring->lock) == 0);
        for (size_t i = 0; i < PROBLEM_LOG_ENTRIES && i < copy.added; i++)
            count = insert(out, count, &copy.entries[i]);
    }
    return count;
}
