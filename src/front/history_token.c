/*
 * A token's events are found by comparing what the keeper says with what it said before: the keeper
 * tells that something may have changed, not what. It does so after each request, verdict and
 * expiry, and each sample looks too, so two of a kind never fall together unseen, but for a token
 * that is replaced and replaced again within one call.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "front/history_internal.h"

/* A token that was not rejected for so long was good in between. */
#define REJECTED_AGAIN MINUTE

static struct history_event *note(struct history_upstream *upstream, enum history_event_kind kind,
                                  uint64_t generation, struct mono_time now)
{
    struct history_event *event = &upstream->events[upstream->events_noted % HISTORY_EVENTS];

    upstream->events_noted++;
    *event = (struct history_event){.at = now, .kind = kind, .generation = generation};
    return event;
}

static const char *eviction_name(enum keeper_eviction reason)
{
    static const char *const names[] = {
#define NAME(id, name) [id] = (name),
        KEEPER_EVICTIONS(NAME)
#undef NAME
    };

    return names[reason];
}

/* Which evictions were counted since the last look, as a bit for each. */
static unsigned read_evictions(struct history_token_seen *seen, size_t index)
{
    unsigned bits = 0;

    for (size_t i = 0; i < EVICTED_COUNT; i++)
        if (history_grown(&seen->evicted[i],
                          metric_upstream_sum(METRIC_TOKEN_EVICTIONS, index, i)) > 0)
            bits |= 1u << i;
    return bits;
}

static void note_end(struct history_upstream *upstream, unsigned evictions, struct mono_time now)
{
    const struct history_token_seen *seen = &upstream->seen;
    const enum keeper_eviction reason = evictions & 1u << EVICTED_FORGOTTEN  ? EVICTED_FORGOTTEN
                                        : evictions & 1u << EVICTED_REJECTED ? EVICTED_REJECTED
                                                                             : EVICTED_EXPIRED;
    struct history_event *event = note(upstream, HISTORY_GONE, seen->generation, now);

    snprintf(event->reason, sizeof(event->reason), "%s", eviction_name(reason));
}

static void note_token(struct history_upstream *upstream, const struct keeper_status *status,
                       struct mono_time expires_at, struct mono_time now)
{
    struct history_event *event = note(upstream, HISTORY_OBTAINED, status->generation, now);

    event->expires_at = expires_at;
    event->renew_at = mono_add(expires_at, -status->refresh_window);
}

static void note_failure(struct history_upstream *upstream, const struct keeper_status *status,
                         struct mono_time failed_at)
{
    struct history_event *event =
        note(upstream, HISTORY_REQUEST_FAILED, status->generation, failed_at);

    snprintf(event->reason, sizeof(event->reason), "%s", status->last_error);
}

/*
 * Is another event due: the first rejection of a token, or the first after a while? Those between
 * are in the samples.
 */
static bool read_rejections(struct history_upstream *upstream, size_t index,
                            const struct keeper_status *status, unsigned evictions,
                            struct mono_time now)
{
    struct history_token_seen *seen = &upstream->seen;
    const uint64_t generation = seen->present ? seen->generation : status->generation;
    const bool suspect = status->state == KEEPER_SUSPECT && seen->state != KEEPER_SUSPECT;
    const bool counted =
        history_grown(&seen->rejected, metric_upstream_sum(METRIC_TOKEN_REJECTED, index, 0)) > 0;

    if (!suspect && !counted && (evictions & 1u << EVICTED_REJECTED) == 0)
        return false;
    const bool first = seen->rejected_at.ns == 0 || seen->rejected_generation != generation ||
                       mono_diff(now, seen->rejected_at) >= REJECTED_AGAIN;
    seen->rejected_at = now;
    seen->rejected_generation = generation;
    return first;
}

void history_token_begin(struct history_token_seen *seen, size_t index)
{
    (void)read_evictions(seen, index);
    seen->rejected = metric_upstream_sum(METRIC_TOKEN_REJECTED, index, 0);
}

void history_token(struct history *history, size_t index, const struct keeper_status *status,
                   struct mono_time now)
{
    MAGIC_OK(history, HISTORY_MAGIC);
    MUST(index < METRIC_UPSTREAMS && history->upstreams[index] != NULL);
    struct history_upstream *own = history->upstreams[index];
    struct history_token_seen *seen = &own->seen;
    const bool present = keeper_status_has_token(status);
    const struct mono_time expires_at =
        present ? mono_add(now, status->expires_in) : (struct mono_time){0};
    const struct mono_time failed_at =
        status->last_error != NULL ? mono_add(now, -status->last_error_age) : (struct mono_time){0};
    const unsigned evictions = read_evictions(seen, index);
    const bool replaced = present && (!seen->present || status->generation != seen->generation);

    if (failed_at.ns != 0 && failed_at.ns != seen->failed_at.ns)
        note_failure(own, status, failed_at);
    if (read_rejections(own, index, status, evictions, now))
        note(own, HISTORY_REJECTED, seen->rejected_generation, now);
    if (seen->present && !present)
        note_end(own, evictions, now);
    if (replaced || (present && expires_at.ns != seen->expires_at.ns))
        note_token(own, status, expires_at, now);
    seen->present = present;
    seen->generation = status->generation;
    seen->expires_at = expires_at;
    seen->failed_at = failed_at;
    seen->state = status->state;
}

size_t history_event_count(const struct history *history, size_t index)
{
    MAGIC_OK(history, HISTORY_MAGIC);
    MUST(index < METRIC_UPSTREAMS);
    if (history->upstreams[index] == NULL)
        return 0;
    const uint64_t noted = history->upstreams[index]->events_noted;

    return noted < HISTORY_EVENTS ? (size_t)noted : HISTORY_EVENTS;
}

const struct history_event *history_event_at(const struct history *history, size_t index,
                                             size_t age)
{
    MUST(age < history_event_count(history, index));
    const struct history_upstream *own = history->upstreams[index];

    return &own->events[(own->events_noted - 1 - age) % HISTORY_EVENTS];
}
