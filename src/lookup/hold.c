/*
 * A time that the upstream said is kept until it is over, whatever comes in between: the responses
 * that arrive while it lasts belong to calls that were made before. A time that it did not say is a
 * guess, and the first good response ends it.
 *
 * All is one word, so that a hold which is said, one which is not and the end of one, in several
 * threads at once, leave one of them and no mixture: until when, in milliseconds; how many seconds
 * the upstream said beyond that; and whether it said any (the lowest bit).
 */
#include "lookup/hold.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* A Retry-After is at most a day (base/text.h). */
#define BEYOND_BITS 17
#define BEYOND_MASK ((UINT64_C(1) << BEYOND_BITS) - 1)

static bool parse(const char *retry_after, struct wall_time wall, int64_t *wait)
{
    size_t len = retry_after != NULL ? strlen(retry_after) : 0;
    int64_t seconds;

    text_trim(&retry_after, &len);
    if (len == 0)
        return false;
    char *trimmed = mem_strndup(retry_after, len);
    const bool valid = text_parse_retry_after(trimmed, wall.ns / SECOND, &seconds);
    mem_free(trimmed);
    if (valid)
        *wait = seconds * SECOND;
    return valid;
}

static uint64_t pack(struct mono_time until, int64_t beyond, bool said)
{
    uint64_t ms = (uint64_t)((until.ns + MILLISECOND - 1) / MILLISECOND);

    return ms << (BEYOND_BITS + 1) | (uint64_t)beyond << 1 | said;
}

static struct hold_state unpack(uint64_t word, struct mono_time now)
{
    const struct mono_time until = {(int64_t)(word >> (BEYOND_BITS + 1)) * MILLISECOND};
    const int64_t beyond = (int64_t)(word >> 1 & BEYOND_MASK) * SECOND;

    if (!mono_before(now, until))
        return (struct hold_state){.held = false};
    if ((word & 1) == 0)
        return (struct hold_state){.unsaid = true, .until = until};
    return (struct hold_state){
        .held = true, .retry_after = mono_diff(until, now) + beyond, .until = until};
}

static void begin_unsaid(struct hold *hold, struct mono_time now)
{
    uint64_t word = atomic_load_explicit(&hold->word, memory_order_relaxed);
    const uint64_t unsaid = pack(mono_add(now, HOLD_UNSAID), 0, false);

    while (!unpack(word, now).held &&
           !atomic_compare_exchange_weak_explicit(&hold->word, &word, unsaid, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void hold_begin(struct hold *hold, const char *retry_after, struct mono_time now,
                struct wall_time wall)
{
    int64_t wait;

    if (!parse(retry_after, wall, &wait)) {
        begin_unsaid(hold, now);
        return;
    }
    const int64_t held = wait < HOLD_MAX ? wait : HOLD_MAX;
    /* No time at all is not rounded up. */
    const uint64_t said = wait > 0 ? pack(mono_add(now, held), (wait - held) / SECOND, true) : 0;
    atomic_store_explicit(&hold->word, said, memory_order_relaxed);
}

void hold_end(struct hold *hold)
{
    uint64_t word = atomic_load_explicit(&hold->word, memory_order_relaxed);

    /* If it fails, another 429 has come, which is newer. */
    if (word != 0 && (word & 1) == 0)
        atomic_compare_exchange_strong_explicit(&hold->word, &word, 0, memory_order_relaxed,
                                                memory_order_relaxed);
}

struct hold_state hold_read(const struct hold *hold, struct mono_time now)
{
    return unpack(atomic_load_explicit(&hold->word, memory_order_relaxed), now);
}
