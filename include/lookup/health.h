/*
 * Whether an upstream's lookups come to something: how they ended lately, in all workers together.
 * That is what makes /readyz true; that there is a token says nothing of a token that the upstream
 * rejects, or of an upstream that is down.
 *
 * A lookup that tells its caller something of a postcode is good: an address, "not modified", "no
 * such postcode". Every other end is a failure, whatever the status was, for the caller gets a 429,
 * 502, 503 or 504 in each case. A lookup whose caller left says nothing.
 *
 * Lookups are *down* when failures are HEALTH_DOWN_AFTER or more apart and no lookup was good in
 * between. They stay so until
 *
 *   - one is good;
 *   - the upstream's token is another one, where the token was the reason;
 *   - none has ended for HEALTH_KNOWN_FOR. What they would come to is not known then, and a load
 *     balancer that sends none because of /readyz has to send some again. The next failure begins
 *     anew.
 *
 * So one failure alone never makes them down, nor do failures that are further apart than
 * HEALTH_KNOWN_FOR.
 *
 * Thread: any. A good lookup reads one word, which is written at failures and at the end of a run
 * of them only; there is no lock. Two that end at one moment may be taken in either order: a run of
 * failures then begins with the next failure. A reader may see a failure without those that come
 * at the same moment, never a run that there was not.
 */
#ifndef LOOKUP_HEALTH_H
#define LOOKUP_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "lookup/result.h"
#include "upstream/call.h"

#define HEALTH_DOWN_AFTER (5 * SECOND)
#define HEALTH_KNOWN_FOR (30 * SECOND)

/* Why a lookup failed. */
enum health_reason {
    HEALTH_NO_TOKEN,     /* none was available, or none came before the deadline */
    HEALTH_REJECTED,     /* the upstream rejected the token, or answered 403 */
    HEALTH_NO_RESPONSE,  /* error says why */
    HEALTH_TIMED_OUT,    /* request_timeout passed, and the upstream had not responded */
    HEALTH_QUEUED,       /* request_timeout passed in the queue for a connection */
    HEALTH_RATE_LIMITED, /* 429 */
    HEALTH_MALFORMED,    /* a 200 without an address */
    HEALTH_STATUS,       /* any other status, 503 included */
};

struct health_failure {
    enum health_reason reason;
    int status;              /* the upstream's; 0: none */
    enum client_error error; /* HEALTH_NO_RESPONSE */
    uint64_t generation;     /* of the token that it had; 0: none */
};

/* A cache line: what is so far apart is never on the same one. */
#define HEALTH_APART 64

/* Shared by all workers, with no neighbour that is written; all zero at first. Private. */
struct lookup_health {
    char apart_before[HEALTH_APART];
    _Atomic int64_t failing_since; /* 0: the last lookup was good, or there was none */
    _Atomic int64_t last_failure;
    _Atomic uint64_t failure; /* struct health_failure, packed */
    char apart_behind[HEALTH_APART];
};

/* Notes how a lookup ended. `generation` of the token that it had, 0 for none. */
void lookup_health_note(struct lookup_health *health, const struct lookup_result *result,
                        uint64_t generation, struct mono_time now);
/* Its deadline passed; `calling`: it waited for the upstream, and else for a token. */
void lookup_health_timed_out(struct lookup_health *health, bool calling, uint64_t generation,
                             struct mono_time now);

struct health_state {
    bool failing;           /* the last lookups failed; the rest is of use only then */
    bool down;              /* for HEALTH_DOWN_AFTER or longer */
    struct mono_time since; /* the first failure since a good one */
    struct mono_time last;
    struct health_failure failure; /* the last */
};

/* `generation` of the present token, or of the last one; `have`: it can be used. */
void lookup_health_read(struct lookup_health *health, uint64_t generation, bool have,
                        struct mono_time now, struct health_state *out);

/* "the upstream responded with 503"; out has at least HEALTH_TEXT. */
#define HEALTH_TEXT 192
void health_failure_text(const struct health_failure *failure, char out[HEALTH_TEXT]);

#endif
