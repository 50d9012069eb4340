/*
 * A rate with a burst, as the generic cell rate algorithm keeps it (ITU-T I.371): one number, the
 * time at which the next one would be due if all came evenly. Two that come in the same moment are
 * told apart by one compare-and-swap; there is no lock.
 *
 * Whoever takes a turn has it, though it lies in the future: turns are given in order of asking,
 * `interval` apart, but for `burst` of them at once after a pause. So in any time T there are at
 * most T / interval + burst turns.
 *
 * The rate may be another one at each call (a reload). Turns that were taken stay taken; what is
 * then remembered of them is a used-up burst at most, so a slow rate does not hold up a faster one.
 * Two rates in turn on one meter, as in the moment of a reload, are bounded by the faster one.
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

/*
 * What one of `members` may take of a rate that they share and that none of them sees the others
 * use: an interval so many times as long, and its part of the burst, at least 1. All together have
 * the rate, and a burst of `burst` or `members`, whichever is more. Below 2 members it is the rate.
 */
struct rate rate_share(const struct rate *rate, int64_t members);

/* All zero at first: as after a long pause. */
struct rate_meter {
    _Atomic int64_t due;    /* ns of the monotonic clock */
    _Atomic int64_t window; /* burst intervals of the rate that `due` was reckoned with */
};

/*
 * Takes a turn, at *turn, which is `now` or later. False: it would be later than `latest`; *turn is
 * when it would have been, and none is taken.
 */
bool rate_take(struct rate_meter *meter, const struct rate *rate, struct mono_time now,
               struct mono_time latest, struct mono_time *turn);

/*
 * Gives back a turn that lies in the future and is not used. False: another one was taken after it,
 * so that it cannot be given back; it is still the caller's.
 */
bool rate_give_back(struct rate_meter *meter, const struct rate *rate, struct mono_time turn);

/* When a turn could be had, asked at `now`; none is taken. */
struct mono_time rate_next(const struct rate_meter *meter, const struct rate *rate,
                           struct mono_time now);

#endif
