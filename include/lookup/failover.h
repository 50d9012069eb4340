/*
 * Why a lookup leaves an upstream for the next one of its route.
 *
 * Any thread.
 */
#ifndef LOOKUP_FAILOVER_H
#define LOOKUP_FAILOVER_H

#include <stddef.h>

/*
 * X(id, name in metrics, what a log line says). The first ones come of a call or of a token that
 * was asked for, and are charged to the retry budget of the upstream that the lookup goes to; the
 * last ones are the upstream's state, because of which it was not asked.
 */
#define FAILOVER_REASONS(X)                                                                        \
    X(FAILOVER_NO_CONNECTION, "no_connection", "no response")                                      \
    X(FAILOVER_STATUS, "status", "502, 503 or 504")                                                \
    X(FAILOVER_RATE_LIMITED, "rate_limited", "429")                                                \
    X(FAILOVER_NO_TOKEN, "no_token", "no token")                                                   \
    X(FAILOVER_TIMEOUT, "timeout", "no response in its share of the time")                         \
    X(FAILOVER_RATE, "rate", "its rate is used up")                                                \
    X(FAILOVER_EJECTED, "ejected", "it is left out after failures")                                \
    X(FAILOVER_HELD, "held", "it said 429 before")

enum failover_reason {
#define FAILOVER_ENUM(id, name, phrase) id,
    FAILOVER_REASONS(FAILOVER_ENUM)
#undef FAILOVER_ENUM
        FAILOVER_REASON_COUNT
};

const char *failover_reason_name(enum failover_reason reason);

/* Counts a lookup that went from one upstream to another, both by their index in the metrics. */
void failover_count(size_t from, size_t to, enum failover_reason reason);

#endif
