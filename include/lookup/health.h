/*
 * Whether an upstream's lookups succeed: how they ended lately, in all workers together. That is
 * what makes /readyz true; that there is a token says nothing of a token that the upstream rejects,
 * or of an upstream that is down.
 *
 * A lookup that tells its caller something of a postcode is good: an address, "not modified", "no
 * such postcode". Every other end is a failure, whatever the status was, for the caller gets a 429,
 * 502, 503 or 504 in each case. A lookup whose caller left says nothing.
 *
 * Lookups are *down* when failures are HEALTH_DOWN_AFTER or more apart and no lookup was good in
 * between. Where each of them may be the postcode's own fault (403, another 4xx, no address, a 401
 * for it alone), they have to be of two postcodes. They stay down until
 *
 *   - one is good;
 *   - the upstream's token is another one, where the token was the reason;
 *   - none has ended for HEALTH_KNOWN_FOR. Whether lookups would succeed is then unknown, and a
 * load balancer that sends none because of /readyz has to send some again. The next failure begins
 *     anew.
 *
 * So one failure alone never makes them down, nor do failures that are further apart than
 * HEALTH_KNOWN_FOR. Those are counted all the same: the *run* is all failures since a good lookup.
 *
 * Thread: any. A good lookup reads two words of a line that is written at failures and at the end
 * of a run of them only; there is no lock. Two that end at one moment may be taken in either order:
 * a run of failures then begins with the next failure. A reader may see a failure without those
 * that come at the same moment, never a run that there was not.
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
    HEALTH_ALONE,        /* it rejected the token, and accepts it for other lookups */
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
    _Atomic uint32_t
        run; /* failures since a good lookup; 0: the last was good, or there was none */
    _Atomic uint32_t postcodes; /* of those since failing_since */
    _Atomic int64_t run_since;
    _Atomic int64_t failing_since; /* the run, or the part of it that goes without a long break */
    _Atomic int64_t last_failure;
    _Atomic uint64_t failure; /* struct health_failure, packed */
    _Atomic int64_t began;
    char apart_behind[HEALTH_APART];
};

/*
 * Another upstream is asked from now on: what is known is forgotten. Lookups that began before say
 * nothing; for them `covers` is false. Main thread.
 */
void lookup_health_begin(struct lookup_health *health, struct mono_time now);
bool lookup_health_covers(struct lookup_health *health, struct mono_time lookup_began);

/* A postcode as it is told from others, mostly. */
uint32_t lookup_health_postcode(const char *text);
/*
 * Notes how a lookup ended. `generation` of the token that it had, 0 for none; `postcode` as above.
 */
void lookup_health_note(struct lookup_health *health, const struct lookup_result *result,
                        uint64_t generation, uint32_t postcode, struct mono_time now);
/* Its deadline passed: HEALTH_NO_TOKEN, HEALTH_QUEUED or HEALTH_TIMED_OUT, by what it waited for.
 */
void lookup_health_timed_out(struct lookup_health *health, enum health_reason reason,
                             uint64_t generation, struct mono_time now);

struct health_state {
    bool failing;           /* the last lookups failed, the last one lately */
    bool down;              /* for HEALTH_DOWN_AFTER or longer */
    struct mono_time since; /* the first failure since a good one */
    /* Of use while run is not 0. */
    unsigned run; /* failures since a good lookup, however far apart */
    struct mono_time run_since;
    struct mono_time last;
    struct health_failure failure; /* the last */
    struct mono_time began;        /* lookup_health_begin; {0}: the start */
};

/*
 * `generation` of the present token, or of the last one; `have`: it can be used, and lookups do not
 * wait for it. (One that was asked for because of a 401 is tried at once, and cures nothing before
 * that.)
 */
void lookup_health_read(struct lookup_health *health, uint64_t generation, bool have,
                        struct mono_time now, struct health_state *out);

/* "the upstream responded with 503"; out has at least HEALTH_TEXT. */
#define HEALTH_TEXT 192
void health_failure_text(const struct health_failure *failure, char out[HEALTH_TEXT]);

#endif
