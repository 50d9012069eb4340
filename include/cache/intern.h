/*
 * Byte strings of which a few occur over and over: each is kept once, for the process's life, and
 * is named by a number from 1 to 254. What finds no place has to be kept by its owner.
 *
 * Append-only and bounded, so that readers need no lock: 254 strings of at most INTERN_LEN bytes.
 * An upstream that sends ever new values fills the set with some of them, which costs memory a
 * value and changes no answer.
 *
 * The lock: one mutex, taken to append, so at most 254 times in the process's life and by those who
 * come while the set grows. Nothing else is called under it but the allocator.
 *
 * Any thread.
 */
#ifndef CACHE_INTERN_H
#define CACHE_INTERN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE 0
#define INTERN_MAX 254
#define INTERN_LEN 256

struct intern {
    pthread_mutex_t lock;
    atomic_uint count; /* those below it do not change any more */
    uint32_t sums[INTERN_MAX];
    size_t lens[INTERN_MAX];
    char *texts[INTERN_MAX]; /* with a NUL behind them */
};

/* For one of static storage; there is no end to it. */
#define INTERN_INIT                                                                                \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }

/* Its number, or INTERN_NONE: the set is full, or it is too long. */
uint8_t intern_number(struct intern *intern, const void *bytes, size_t len);
/* By its number; NUL-terminated, for ever. */
const char *intern_text(const struct intern *intern, uint8_t number);

#endif
