/*
 * A rate with a burst, as the generic cell rate algorithm keeps it (ITU-T I.371): one number, the
 * time at which the next one would be due if all came evenly. Two that come in the same moment are
 * told apart by one compare-and-swap; there is no lock.
 *
 * Whoever takes a turn has it, though it lies in the future: turns are given in order of asking,
 * `interval` apart, but for `burst` of them at once after a pause. So in any time T there are at
 * most T / interval + burst turns.
 *
 * Any thread.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct rate {
    int64_t interval; /* ns from one turn to the next; 0: no limit */
    int64_t burst;    /* at least 1 */
};

/* All zero at first: as after a long pause. */
struct rate_meter {
    _Atomic int64_t due; /* ns of the monotonic clock */
};

/*
 * Takes a turn, at *turn, which is `now` or later. False: it would be later than `latest`; *turn is
 * when it would have been, and none is taken.
 */
bool rate_take(struct rate_meter *meter, const struct rate *rate, struct mono_time now,
               struct mono_time latest, struct mono_time *turn);

/* When a turn could be had, asked at `now`; none is taken. */
struct mono_time rate_next(const struct rate_meter *meter, const struct rate *rate,
                           struct mono_time now);

#endif
