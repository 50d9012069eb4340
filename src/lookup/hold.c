/*
 * A time that the upstream said is kept until it is over, whatever comes in between: the responses
 * that arrive while it lasts belong to calls that were made before. A time that it did not say is a
 * guess, and the first good response ends it.
 */
#include "lookup/hold.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

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

static int64_t load(const _Atomic int64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(struct hold *hold, struct mono_time until, int64_t retry_at)
{
    atomic_store_explicit(&hold->retry_at, retry_at, memory_order_relaxed);
    atomic_store_explicit(&hold->until, until.ns, memory_order_relaxed);
}

void hold_begin(struct hold *hold, const char *retry_after, struct mono_time now,
                struct wall_time wall)
{
    int64_t wait;

    if (parse(retry_after, wall, &wait))
        store(hold, mono_add(now, wait < HOLD_MAX ? wait : HOLD_MAX), mono_add(now, wait).ns);
    else if (!hold_read(hold, now).held)
        store(hold, mono_add(now, HOLD_UNSAID), 0);
}

void hold_end(struct hold *hold)
{
    if (load(&hold->until) != 0 && load(&hold->retry_at) == 0)
        atomic_store_explicit(&hold->until, 0, memory_order_relaxed);
}

struct hold_state hold_read(const struct hold *hold, struct mono_time now)
{
    const struct mono_time until = {load(&hold->until)};
    const struct mono_time retry_at = {load(&hold->retry_at)};

    if (!mono_before(now, until))
        return (struct hold_state){.held = false};
    if (retry_at.ns == 0)
        return (struct hold_state){.unsaid = true, .until = until};
    return (struct hold_state){
        .held = true, .retry_after = mono_diff(retry_at, now), .until = until};
}
