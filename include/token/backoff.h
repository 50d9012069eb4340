/*
 * How long to wait before the token endpoint is asked again after it failed: 1 s, doubling to
 * 60 s, with full jitter (uniform between nothing and that), so that many daemons that failed at
 * one moment do not come back at one moment.
 *
 * One thread; the keeper's.
 */
#ifndef TOKEN_BACKOFF_H
#define TOKEN_BACKOFF_H

#include <stdint.h>

#include "base/clock.h"

#define BACKOFF_FIRST (1 * SECOND)
#define BACKOFF_MAX (60 * SECOND)

/* All zero: nothing has failed. */
struct backoff {
    unsigned failures; /* in a row */
};

/* What the next wait is drawn from, in ns: 0 to this. */
int64_t backoff_ceiling(const struct backoff *backoff);

/* One more failure: the wait in ns. `random`: 0 to UINT32_MAX, uniformly. */
int64_t backoff_next(struct backoff *backoff, uint32_t random);

void backoff_reset(struct backoff *backoff);

#endif
