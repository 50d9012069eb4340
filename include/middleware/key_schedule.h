/*
 * When the set of [identity] key_url is fetched: the facts, and the one moment that follows from
 * them. It has no loop: each entry takes `now`, and whoever holds it fetches at key_schedule_next.
 *
 * One thread; the main loop's.
 */
#ifndef MIDDLEWARE_KEY_SCHEDULE_H
#define MIDDLEWARE_KEY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "token/backoff.h"

/* Between two successful fetches, where neither the operator nor the server says another time. */
#define KEY_SCHEDULE_PERIOD HOUR
/* The bounds of what a server says. */
#define KEY_SCHEDULE_MAX_AGE_LEAST MINUTE
#define KEY_SCHEDULE_MAX_AGE_MOST (24 * HOUR)
/* Since the last fetch of any kind, before a key that nobody knows causes another. */
#define KEY_SCHEDULE_UNKNOWN (30 * SECOND)

/* All zero: nothing was fetched, and the first fetch is due at any time. */
struct key_schedule {
    int64_t refresh;        /* ns, as configured; 0: it is not */
    int64_t max_age;        /* ns, of the last good response; negative: it gave none */
    bool fetched;           /* a fetch has ended */
    struct mono_time ended; /* the last one */
    bool succeeded;         /* one of them did */
    struct mono_time good;  /* the last one that did */
    uint32_t random;        /* of its jitter */
    struct backoff backoff;
    struct mono_time retry; /* after a failure */
    bool wanted;            /* a key that nobody knows asks for a fetch */
};

/* The operator's bound; 0: none. From now on, for the fetch that is due too. */
void key_schedule_refresh(struct key_schedule *schedule, int64_t refresh);

/*
 * A fetch ended. max_age in ns, negative where the response gave none; `random`: 0 to UINT32_MAX,
 * uniformly.
 */
void key_schedule_succeeded(struct key_schedule *schedule, struct mono_time now, int64_t max_age,
                            uint32_t random);
void key_schedule_failed(struct key_schedule *schedule, struct mono_time now, uint32_t random);

/*
 * A token names a key that is not in the set. True: a fetch is due at once. Otherwise the last one
 * ended too short a while ago, and nothing changes.
 */
bool key_schedule_unknown(struct key_schedule *schedule, struct mono_time now);

/* When the next fetch is due; a time that has passed: at once. */
struct mono_time key_schedule_next(const struct key_schedule *schedule);

#endif
