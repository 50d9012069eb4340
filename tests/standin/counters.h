/*
 * What the stand-in has seen, read with GET /standin/counters. Connections are counted from their
 * first lookup or token request on, so that those who only read the counters do not change them.
 */
#ifndef STANDIN_COUNTERS_H
#define STANDIN_COUNTERS_H

#define COUNTER_TABLE(X)                                                                           \
    X(COUNTER_TOKEN_REQUESTS, "token_requests")                                                    \
    X(COUNTER_TOKENS_ISSUED, "tokens_issued")                                                      \
    X(COUNTER_LOOKUPS, "lookups")                                                                  \
    X(COUNTER_LOOKUPS_OK, "lookups_ok")                     /* 200 and 304 */                      \
    X(COUNTER_LOOKUPS_CONDITIONAL, "lookups_conditional")   /* If-None-Match, If-Modified-Since */ \
    X(COUNTER_LOOKUPS_NOT_MODIFIED, "lookups_not_modified") /* 304 */                              \
    X(COUNTER_LOOKUPS_UNAUTHORIZED, "lookups_unauthorized")                                        \
    X(COUNTER_CONCURRENT_NOW, "concurrent_now") /* lookups not yet answered */                     \
    X(COUNTER_CONCURRENT_MAX, "concurrent_max")                                                    \
    X(COUNTER_CONNECTIONS, "connections") /* since the start */                                    \
    X(COUNTER_CONNECTIONS_NOW, "connections_now")                                                  \
    X(COUNTER_ABORTED, "aborted") /* lookups whose caller went away before the answer */

enum counter {
#define COUNTER_ENUM(id, name) id,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

#endif
