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

static void forget(struct lookup_health *health)
{
    atomic_store_explicit(&health->failing_since, 0, memory_order_relaxed);
    atomic_store_explicit(&health->run, 0, memory_order_relaxed);
}

static void note_good(struct lookup_health *health)
{
    if (atomic_load_explicit(&health->run, memory_order_relaxed) != 0 ||
        atomic_load_explicit(&health->failing_since, memory_order_relaxed) != 0)
        forget(health);
}

void lookup_health_begin(struct lookup_health *health, struct mono_time now)
{
    atomic_store_explicit(&health->began, now.ns, memory_order_relaxed);
    forget(health);
}

bool lookup_health_covers(struct lookup_health *health, struct mono_time lookup_began)
{
    return lookup_began.ns >= atomic_load_explicit(&health->began, memory_order_relaxed);
}

/* ---- of which postcodes ---- */

/* In `postcodes`: one postcode, or ANY where that is no question or there were two. */
#define ANY (UINT32_C(1) << 31)

uint32_t lookup_health_postcode(const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash & ~ANY;
}

/* It may be that the upstream answers all others. */
static bool is_own_fault(const struct health_failure *failure)
{
    switch (failure->reason) {
    case HEALTH_ALONE:
    case HEALTH_MALFORMED:
        return true;
    case HEALTH_REJECTED:
        return failure->status == 403;
    case HEALTH_STATUS:
        return failure->status >= 400 && failure->status < 500;
    default:
        return false;
    }
}

static void note_postcode(struct lookup_health *health, uint32_t postcode, bool first)
{
    const uint32_t before = atomic_load_explicit(&health->postcodes, memory_order_relaxed);
    const uint32_t now = first || before == postcode ? postcode : ANY;

    if (now != before)
        atomic_store_explicit(&health->postcodes, now, memory_order_relaxed);
}

static bool is_forgotten(int64_t last, struct mono_time now)
{
    return now.ns - last > HEALTH_KNOWN_FOR;
}

/* The first failure after a good lookup begins the run. */
static void count(struct lookup_health *health, struct mono_time now)
{
    if (atomic_load_explicit(&health->run, memory_order_relaxed) == 0)
        atomic_store_explicit(&health->run_since, now.ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&health->run, 1, memory_order_relaxed);
}

static void note_failure(struct lookup_health *health, const struct health_failure *failure,
                         uint32_t postcode, struct mono_time now)
{
    int64_t since = atomic_load_explicit(&health->failing_since, memory_order_relaxed);
    const int64_t last = atomic_load_explicit(&health->last_failure, memory_order_relaxed);

    count(health, now);
    note_postcode(health, is_own_fault(failure) ? postcode : ANY,
                  since == 0 || is_forgotten(last, now));
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
        *reason = result->alone ? HEALTH_ALONE : HEALTH_REJECTED;
        break;
    case LOOKUP_NO_TURN: /* of our making; lookups do not note it */
        *reason = HEALTH_QUEUED;
        break;
    case LOOKUP_NO_TOKEN: /* with a status there was one, and it was rejected */
        *reason = result->status != 0 ? HEALTH_REJECTED : HEALTH_NO_TOKEN;
        break;
    }
    return true;
}

void lookup_health_note(struct lookup_health *health, const struct lookup_result *result,
                        uint64_t generation, uint32_t postcode, struct mono_time now)
{
    struct health_failure failure = {
        .status = result->status, .error = result->error, .generation = generation};

    if (reason_of(result, &failure.reason))
        note_failure(health, &failure, postcode, now);
    else
        note_good(health);
}

void lookup_health_timed_out(struct lookup_health *health, enum health_reason reason,
                             uint64_t generation, struct mono_time now)
{
    const struct health_failure failure = {.reason = reason, .generation = generation};

    note_failure(health, &failure, ANY, now);
}

/* The token was the reason, and there is another one now. */
static bool is_cured(const struct health_failure *failure, uint64_t generation, bool have)
{
    if (failure->reason != HEALTH_NO_TOKEN && failure->reason != HEALTH_REJECTED)
        return false;
    return have && (failure->generation == 0 || failure->generation != (uint32_t)generation);
}

static bool has_two_postcodes(struct lookup_health *health)
{
    return atomic_load_explicit(&health->postcodes, memory_order_relaxed) == ANY;
}

void lookup_health_read(struct lookup_health *health, uint64_t generation, bool have,
                        struct mono_time now, struct health_state *out)
{
    const int64_t last = atomic_load_explicit(&health->last_failure, memory_order_acquire);
    const int64_t since = atomic_load_explicit(&health->failing_since, memory_order_relaxed);

    *out = (struct health_state){
        .since = {since},
        .run = atomic_load_explicit(&health->run, memory_order_relaxed),
        .run_since = {atomic_load_explicit(&health->run_since, memory_order_relaxed)},
        .began = {atomic_load_explicit(&health->began, memory_order_relaxed)},
        .last = {last},
        .failure = unpack(atomic_load_explicit(&health->failure, memory_order_relaxed)),
    };
    if (is_cured(&out->failure, generation, have))
        out->run = 0;
    if (since == 0 || is_forgotten(last, now) || out->run == 0)
        return;
    out->failing = true;
    out->down = last - since >= HEALTH_DOWN_AFTER && has_two_postcodes(health);
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
    case HEALTH_ALONE:
        snprintf(out, HEALTH_TEXT,
                 "the upstream rejected the token (status %d), which it accepts for other lookups",
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
