/*
 * A linear search: what is asked for is nearly always among the first. When the set is full of
 * values that do not come again, it is a scan of 254 numbers, far less than the call that brought
 * the answer.
 */
#include "cache/intern.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* FNV-1a; only to tell most strings apart without a look at them. */
static uint32_t sum_of(const unsigned char *bytes, size_t len)
{
    uint32_t sum = UINT32_C(2166136261);

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT32_C(16777619);
    return sum;
}

/* Among those from `first` to `end`. */
static uint8_t find(const struct intern *intern, unsigned first, unsigned end, uint32_t sum,
                    const void *bytes, size_t len)
{
    for (unsigned i = first; i < end; i++)
        if (intern->sums[i] == sum && intern->lens[i] == len &&
            memcmp(intern->texts[i], bytes, len) == 0)
            return (uint8_t)(i + 1);
    return INTERN_NONE;
}

/* Under the lock. */
static uint8_t append(struct intern *intern, unsigned at, uint32_t sum, const void *bytes,
                      size_t len)
{
    char *text = mem_alloc(len + 1);

    memcpy(text, bytes, len);
    text[len] = '\0';
    intern->sums[at] = sum;
    intern->lens[at] = len;
    intern->texts[at] = text;
    atomic_store_explicit(&intern->count, at + 1, memory_order_release);
    return (uint8_t)(at + 1);
}

uint8_t intern_number(struct intern *intern, const void *bytes, size_t len)
{
    if (len > INTERN_LEN)
        return INTERN_NONE;
    const uint32_t sum = sum_of(bytes, len);
    const unsigned seen = atomic_load_explicit(&intern->count, memory_order_acquire);
    uint8_t number = find(intern, 0, seen, sum, bytes, len);

    if (number != INTERN_NONE || seen == INTERN_MAX)
        return number;
    pthread_mutex_lock(&intern->lock);
    const unsigned count = atomic_load_explicit(&intern->count, memory_order_relaxed);
    number = find(intern, seen, count, sum, bytes, len);
    if (number == INTERN_NONE && count < INTERN_MAX)
        number = append(intern, count, sum, bytes, len);
    pthread_mutex_unlock(&intern->lock);
    return number;
}

const char *intern_text(const struct intern *intern, uint8_t number)
{
    MUST(number != INTERN_NONE &&
         number <= atomic_load_explicit(&intern->count, memory_order_acquire));
    return intern->texts[number - 1];
}
