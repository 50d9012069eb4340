/*
 * What the cache's table costs: ns of CPU time a hit and a put that evicts, by one thread and by
 * several at once (what they wait for a lock is in the elapsed time alone), and the bytes of an
 * answer as the table counts them and as the process grows.
 *
 * usage: cache_cost [THREADS]
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "cache/table.h"

enum { MAX_THREADS = 64, ENTRIES = 100000, OPERATIONS = 3000000 };

static struct table *table;

static uint64_t mix(uint64_t n)
{
    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

static struct cache_key key_of(uint64_t n)
{
    return (struct cache_key){.words = {mix(n), mix(n + (UINT64_C(1) << 40))}};
}

static struct answer *answer_of(uint64_t n)
{
    static const char body[110];
    char etag[24];
    const struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = "application/json",
                   [ANSWER_CACHE_CONTROL] = "public, max-age=86400",
                   [ANSWER_ETAG] = etag},
        .body = body,
        .body_len = sizeof(body),
        .terms = {.born = mono_now(), .lifetime = 24 * HOUR},
    };

    (void)snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)n);
    return answer_new(&parts);
}

static void put(uint64_t n)
{
    const struct cache_key key = key_of(n);
    struct answer *answer = answer_of(n);

    MUST(table_put(table, &key, answer, table_now(table)));
    answer_unref(answer);
}

struct work {
    uint64_t seed;
    bool puts;
    double cpu, elapsed; /* ns an operation */
};

static int64_t cpu_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void *work(void *p)
{
    struct work *own = p;
    const struct mono_time start = mono_now();
    const int64_t cpu = cpu_now();
    uint64_t n = own->seed << 48;

    for (int i = 0; i < OPERATIONS; i++) {
        const uint64_t random = mix(n++);

        if (own->puts) {
            put(random);
        } else {
            const struct cache_key key = key_of((random >> 32) * ENTRIES >> 32);

            answer_unref(table_get(table, &key));
        }
    }
    own->cpu = (double)(cpu_now() - cpu) / OPERATIONS;
    own->elapsed = (double)mono_diff(mono_now(), start) / OPERATIONS;
    return NULL;
}

static void measure(const char *what, int threads, bool puts)
{
    struct work all[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    double cpu = 0, elapsed = 0;

    for (int i = 0; i < threads; i++) {
        all[i] = (struct work){.seed = (uint64_t)i + 1 + 100 * puts, .puts = puts};
        MUST(pthread_create(&ids[i], NULL, work, &all[i]) == 0);
    }
    for (int i = 0; i < threads; i++) {
        MUST(pthread_join(ids[i], NULL) == 0);
        cpu += all[i].cpu / threads;
        elapsed += all[i].elapsed / threads;
    }
    printf("%s, %d at once: %.0f ns of CPU, %.0f elapsed\n", what, threads, cpu, elapsed);
}

/* Resident bytes of the process, as the kernel counts them. */
static size_t resident(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    unsigned long size, pages;

    MUST(statm != NULL && fscanf(statm, "%lu %lu", &size, &pages) == 2);
    (void)fclose(statm);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t allocated(void)
{
    const struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void memory(void)
{
    const size_t heap = allocated(), pages = resident();

    table = table_new(64 << 20);
    for (uint64_t n = 0; n < 1000000; n++)
        put(n);
    const struct table_totals totals = table_totals(table);

    printf("64M: %zu answers; bytes: %zu counted, %zu allocated, %zu resident\n", totals.items,
           totals.bytes, allocated() - heap, resident() - pages);
    printf("bytes an answer: %.1f counted, %.1f allocated, %.1f resident\n",
           (double)totals.bytes / (double)totals.items,
           (double)(allocated() - heap) / (double)totals.items,
           (double)(resident() - pages) / (double)totals.items);
    table_free(table);
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;

    MUST(threads >= 1 && threads <= MAX_THREADS);
    memory();
    table = table_new(32 << 20);
    for (uint64_t n = 0; n < ENTRIES; n++)
        put(n);
    measure("a hit", 1, false);
    measure("a hit", threads, false);
    measure("a put with eviction", 1, true);
    measure("a put with eviction", threads, true);
    table_free(table);
    return 0;
}
