/*
 * A run of failures is two moments: when it began and its last one. Whoever fails first writes the
 * beginning, a good lookup removes it; everything else is worked out by the reader, so that nothing
 * has to happen at a time when nobody looks anything up.
 *
 * The order of the writes matters in one place: a reader that sees the last failure has to see the
 * beginning of its run and not that of an older one. So the last failure is written last, and read
 * first.
 */
#include "lookup/health.h"

#include <stdio.h>

#include "base/check.h"

#define REASON_SHIFT 56
#define ERROR_SHIFT 48
#define STATUS_SHIFT 32
#define BYTE 0xffu
#define STATUS_MASK 0xffffu

/* Of a generation the lower half is enough to tell two of them apart. */
static uint64_t pack(const struct health_failure *failure)
{
    return (uint64_t)failure->reason << REASON_SHIFT | (uint64_t)failure->error << ERROR_SHIFT |
           (uint64_t)failure->status << STATUS_SHIFT | (uint32_t)failure->generation;
}

static struct health_failure unpack(uint64_t packed)
{
    return (struct health_failure){
        .reason = (enum health_reason)(packed >> REASON_SHIFT),
        .error = (enum client_error)(packed >> ERROR_SHIFT & BYTE),
        .status = (int)(packed >> STATUS_SHIFT & STATUS_MASK),
        .generation = (uint32_t)packed,
    };
}

static void note_good(struct lookup_health *health)
{
    if (atomic_load_explicit(&health->failing_since, memory_order_relaxed) != 0)
        atomic_store_explicit(&health->failing_since, 0, memory_order_relaxed);
}

static bool is_forgotten(int64_t last, struct mono_time now)
{
    return now.ns - last > HEALTH_KNOWN_FOR;
}

static void note_failure(struct lookup_health *health, const struct health_failure *failure,
                         struct mono_time now)
{
    int64_t since = atomic_load_explicit(&health->failing_since, memory_order_relaxed);
    const int64_t last = atomic_load_explicit(&health->last_failure, memory_order_relaxed);

    /* Where another worker has begun the run meanwhile, that one's beginning is as good. */
    if (since == 0 || is_forgotten(last, now))
        atomic_compare_exchange_strong_explicit(&health->failing_since, &since, now.ns,
                                                memory_order_relaxed, memory_order_relaxed);
    atomic_store_explicit(&health->failure, pack(failure), memory_order_relaxed);
    atomic_store_explicit(&health->last_failure, now.ns, memory_order_release);
}

/* False: it was good. */
static bool reason_of(const struct lookup_result *result, enum health_reason *reason)
{
    switch (result->kind) {
    case LOOKUP_ADDRESS:
    case LOOKUP_NOT_MODIFIED:
    case LOOKUP_INVALID:
    case LOOKUP_UNKNOWN:
        return false;
    case LOOKUP_RATE_LIMITED:
        *reason = HEALTH_RATE_LIMITED;
        break;
    case LOOKUP_BUSY:
    case LOOKUP_UPSTREAM_STATUS:
        *reason = HEALTH_STATUS;
        break;
    case LOOKUP_MALFORMED:
        *reason = HEALTH_MALFORMED;
        break;
    case LOOKUP_FAILED:
        *reason = HEALTH_NO_RESPONSE;
        break;
    case LOOKUP_REJECTED:
        *reason = HEALTH_REJECTED;
        break;
    case LOOKUP_NO_TOKEN:
        *reason = HEALTH_NO_TOKEN;
        break;
    }
    return true;
}

void lookup_health_note(struct lookup_health *health, const struct lookup_result *result,
                        uint64_t generation, struct mono_time now)
{
    struct health_failure failure = {
        .status = result->status, .error = result->error, .generation = generation};

    if (reason_of(result, &failure.reason))
        note_failure(health, &failure, now);
    else
        note_good(health);
}

void lookup_health_timed_out(struct lookup_health *health, bool calling, uint64_t generation,
                             struct mono_time now)
{
    const struct health_failure failure = {.reason = calling ? HEALTH_TIMED_OUT : HEALTH_NO_TOKEN,
                                           .generation = generation};

    note_failure(health, &failure, now);
}

/* The token was the reason, and there is another one now. */
static bool is_cured(const struct health_failure *failure, uint64_t generation, bool have)
{
    if (failure->reason != HEALTH_NO_TOKEN && failure->reason != HEALTH_REJECTED)
        return false;
    return have && (failure->generation == 0 || failure->generation != (uint32_t)generation);
}

void lookup_health_read(struct lookup_health *health, uint64_t generation, bool have,
                        struct mono_time now, struct health_state *out)
{
    const int64_t last = atomic_load_explicit(&health->last_failure, memory_order_acquire);
    const int64_t since = atomic_load_explicit(&health->failing_since, memory_order_relaxed);

    *out = (struct health_state){
        .since = {since},
        .last = {last},
        .failure = unpack(atomic_load_explicit(&health->failure, memory_order_relaxed)),
    };
    if (since == 0 || is_forgotten(last, now) || is_cured(&out->failure, generation, have))
        return;
    out->failing = true;
    out->down = last - since >= HEALTH_DOWN_AFTER;
}

void health_failure_text(const struct health_failure *failure, char out[HEALTH_TEXT])
{
    switch (failure->reason) {
    case HEALTH_NO_TOKEN:
        snprintf(out, HEALTH_TEXT, "no token is available");
        break;
    case HEALTH_REJECTED:
        snprintf(out, HEALTH_TEXT,
                 failure->status == 403 ? "the upstream responded with 403"
                                        : "the upstream rejected the token (status %d)",
                 failure->status);
        break;
    case HEALTH_NO_RESPONSE:
        snprintf(out, HEALTH_TEXT, "the upstream %s", client_error_phrase(failure->error));
        break;
    case HEALTH_TIMED_OUT:
        snprintf(out, HEALTH_TEXT, "the upstream did not respond within request_timeout");
        break;
    case HEALTH_QUEUED:
        snprintf(out, HEALTH_TEXT, "no connection to the upstream was free within request_timeout");
        break;
    case HEALTH_MALFORMED:
        snprintf(out, HEALTH_TEXT, "the upstream's response is not an address");
        break;
    case HEALTH_RATE_LIMITED:
    case HEALTH_STATUS:
        snprintf(out, HEALTH_TEXT, "the upstream responded with %d", failure->status);
        break;
    }
}
