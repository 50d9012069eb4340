/*
 * Whether an upstream is left out of routes that have another one, because its lookups failed.
 *
 *     closed --(eject_after failures in a row)--> ejected for 5 s --> one trial lookup
 *        ^                                          ^                   |          |
 *        |__________________ good __________________|___ failed: twice as long, 60 s at most
 *
 * A failure is what a lookup fails over for: no connection, 502, 503 or 504, no token, no response
 * in time. Any other response is good, for the upstream works.
 *
 * A good response closes it if its call began after the ejection: a trial's, or one of the last
 * upstream of a route, which is never left out and is asked without a trial. If it was a rare one,
 * eject_after failures more are needed to eject it again. What a call from before the ejection
 * comes to, good or not, changes nothing: of many under way when an upstream dies, some still
 * succeed.
 *
 * Any thread: relaxed atomics, no lock. A good lookup of a closed breaker reads two words and
 * writes none.
 */
#ifndef LOOKUP_BREAKER_H
#define LOOKUP_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define BREAKER_EJECTED (5 * SECOND)
#define BREAKER_EJECTED_MAX (60 * SECOND)

/* All zero at first: closed. Private. */
struct breaker {
    /* 0: it is closed. A trial may begin then; while one is under way, its latest end. */
    _Atomic int64_t until;
    _Atomic uint32_t failures;  /* in a row */
    _Atomic uint32_t ejections; /* in a row: without a good lookup between them */
    _Atomic int64_t since;      /* when it was ejected first */
};

enum breaker_pass {
    BREAKER_CLOSED,      /* go on */
    BREAKER_TRIAL,       /* go on; you alone. Say how it ended, with `trial` */
    BREAKER_EJECTED_NOW, /* leave it out */
};

/*
 * `trial_end`: when a trial that begins now has ended at the latest, which is the lookup's
 * deadline. A trial that says nothing is over a second after it: then another one may begin.
 */
enum breaker_pass breaker_ask(struct breaker *breaker, struct mono_time now,
                              struct mono_time trial_end);

/* `called`: when its call began. True: it was ejected, and this closed it. */
bool breaker_good(struct breaker *breaker, struct mono_time called);
/* True: this failure ejected it, or ejected it again. */
bool breaker_failed(struct breaker *breaker, int64_t eject_after, bool trial, struct mono_time now);
/* A trial came to no end of its own: the caller left. The next lookup is the trial. */
void breaker_abandoned(struct breaker *breaker, struct mono_time now);

struct breaker_state {
    bool ejected;
    struct mono_time since; /* when ejected */
    struct mono_time until; /* when the next trial may begin */
    unsigned failures;
};
struct breaker_state breaker_read(const struct breaker *breaker);

#endif
