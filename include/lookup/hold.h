/*
 * An upstream's 429: until its Retry-After no lookup goes to the upstream, HOLD_MAX at most.
 *
 * Any thread: relaxed atomics, no lock.
 */
#ifndef LOOKUP_HOLD_H
#define LOOKUP_HOLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define HOLD_MAX (60 * SECOND)
/* For a 429 without a Retry-After that can be used: where a route has another upstream. */
#define HOLD_UNSAID (1 * SECOND)

/* All zero at first: not held. Private. */
struct hold {
    _Atomic uint64_t word;
};

/*
 * `retry_after`: the field's value, a number of seconds or an HTTP date (RFC 9110, 10.2.3); NULL:
 * there was none.
 */
void hold_begin(struct hold *hold, const char *retry_after, struct mono_time now,
                struct wall_time wall);
/*
 * A response that was no 429 ends a hold without a said time. A said one lasts: responses that come
 * while it does are of calls from before it.
 */
void hold_end(struct hold *hold);

struct hold_state {
    bool held;           /* by a time that the upstream said */
    bool unsaid;         /* without one: leave it out where there is another */
    int64_t retry_after; /* held: ns until what the upstream said */
    struct mono_time until;
};
struct hold_state hold_read(const struct hold *hold, struct mono_time now);

#endif
