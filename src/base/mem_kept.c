/*
 * malloc keeps seven freed blocks of a size where it finds them quickly. A turn of a busy loop
 * begins and ends some dozens of requests, each with the same few blocks, so most of them went the
 * long way, through lists that all sizes share. Here each thread keeps a list a size, in steps of
 * STEP bytes, as long as its longest turn needs, and no longer than KEPT_A_SIZE.
 *
 * A thread's lists are freed when it ends; those of the main thread end with the process.
 */
#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

#define STEP 64
#define SIZES (MEM_KEPT_MAX / STEP)
#define KEPT_A_SIZE 1024

struct spare {
    struct spare *next;
};

struct kept {
    struct spare *spares;
    size_t count;
};

#ifdef POSTCODED_COSTLY_CHECKS
static const size_t kept_a_size = 0;
#else
static const size_t kept_a_size = KEPT_A_SIZE;
#endif

static _Thread_local struct kept sizes[SIZES];
static _Thread_local bool will_be_freed;
static pthread_key_t at_thread_end;
static pthread_once_t key_made = PTHREAD_ONCE_INIT;

static void free_all(void *lists)
{
    struct kept *kept = lists;

    for (size_t i = 0; i < SIZES; i++) {
        while (kept[i].spares != NULL) {
            struct spare *spare = kept[i].spares;

            kept[i].spares = spare->next;
            mem_free(spare);
        }
        kept[i].count = 0;
    }
}

static void make_key(void)
{
    MUST(pthread_key_create(&at_thread_end, free_all) == 0);
}

static void free_at_thread_end(void)
{
    MUST(pthread_once(&key_made, make_key) == 0);
    MUST(pthread_setspecific(at_thread_end, sizes) == 0);
    will_be_freed = true;
}

static struct kept *kept_of(size_t size)
{
    MUST(size > 0 && size <= MEM_KEPT_MAX);
    return &sizes[(size - 1) / STEP];
}

void *mem_take(size_t size)
{
    struct kept *kept = kept_of(size);
    struct spare *spare = kept->spares;

    if (spare == NULL)
        return mem_alloc(kept_a_size > 0 ? (size + STEP - 1) / STEP * STEP : size);
    kept->spares = spare->next;
    kept->count--;
    return spare;
}

void *mem_ztake(size_t size)
{
    return memset(mem_take(size), 0, size);
}

void mem_give(void *p, size_t size)
{
    struct kept *kept = kept_of(size);
    struct spare *spare = p;

    if (p == NULL)
        return;
    if (kept->count >= kept_a_size) {
        mem_free(p);
        return;
    }
    if (!will_be_freed)
        free_at_thread_end();
    spare->next = kept->spares;
    kept->spares = spare;
    kept->count++;
}
