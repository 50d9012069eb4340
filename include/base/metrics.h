/*
 * Counters, declared once, kept per thread and summed when they are read.
 *
 * A family is an array of cells; what a cell's index means (a problem code, an HTTP status, a
 * histogram's bucket) is known to the code that counts and to front/exposition, which renders it. A
 * family of the process has the array once. A family of upstreams has it once for each upstream,
 * and its functions take the upstream's index (struct config_upstream), which a reload does not
 * change.
 *
 * Each thread adds to a block of its own with plain relaxed stores: no lock and no shared cache
 * line on a lookup's path. A gauge is a family that is added to and subtracted from; its sum is the
 * value, whichever threads did which.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

enum metric_scope {
    METRIC_PROCESS,
    METRIC_UPSTREAM,
};

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
};

/*
 * The bounds of a duration histogram's buckets, in seconds: from less than what a lookup costs the
 * daemon itself to more than any deadline. One further cell counts all, one sums ns.
 */
#define METRIC_BUCKET_TABLE(X)                                                                     \
    X(0.00005)                                                                                     \
    X(0.0001)                                                                                      \
    X(0.00025)                                                                                     \
    X(0.0005)                                                                                      \
    X(0.001)                                                                                       \
    X(0.0025)                                                                                      \
    X(0.005)                                                                                       \
    X(0.01)                                                                                        \
    X(0.025)                                                                                       \
    X(0.05)                                                                                        \
    X(0.1)                                                                                         \
    X(0.25)                                                                                        \
    X(0.5)                                                                                         \
    X(1)                                                                                           \
    X(2.5)                                                                                         \
    X(5)                                                                                           \
    X(10)
#define METRIC_BUCKET_BOUND(seconds) seconds,
#define METRIC_BUCKETS                                                                             \
    {                                                                                              \
        METRIC_BUCKET_TABLE(METRIC_BUCKET_BOUND)                                                   \
    }
#define METRIC_BUCKET_COUNT 17
#define METRIC_HISTOGRAM_COUNT METRIC_BUCKET_COUNT
#define METRIC_HISTOGRAM_SUM (METRIC_BUCKET_COUNT + 1)
#define METRIC_HISTOGRAM_CELLS (METRIC_BUCKET_COUNT + 2)

/* The indexes of upstreams are below this. */
#define METRIC_UPSTREAMS 64

/* Cells of a family indexed by status: 0 stands for "no response". */
#define METRIC_STATUS_CELLS 600
/* Cells of postcoded_requests_total, one for each problem code: at most this many. */
#define METRIC_CODE_CELLS 64

/* Cells of postcoded_identity_rejected_total, one for each reason (jose/result.h). */
#define METRIC_IDENTITY_CELLS 10

/*
 * Cells of postcoded_upstream_failovers_total, which is the upstream's that a lookup left: for each
 * upstream that it went to, one for each reason (lookup/failover.h).
 */
#define METRIC_FAILOVER_REASONS 8
#define METRIC_FAILOVER_CELLS (METRIC_UPSTREAMS * METRIC_FAILOVER_REASONS)

/* Cells of postcoded_cache_total, one for each result (cache/outcome.h). */
#define METRIC_CACHE_CELLS 6

/* Cells of postcoded_tls_handshakes_failed_total, one for each reason (front/tls_session.h). */
#define METRIC_TLS_CELLS 7

/*
 * The table: id, exported name, scope, kind, cells, help. Values that exist once and change seldom
 * (a token's expiry, items in the store, process_*) are not here: front/exposition asks their
 * owners.
 */
#define METRICS_TABLE(X)                                                                           \
    X(METRIC_REQUESTS, "postcoded_requests_total", PROCESS, COUNTER, METRIC_CODE_CELLS,            \
      "Requests ended, by problem code (ok: a response of the upstream) and status.")              \
    X(METRIC_REQUEST_DURATION, "postcoded_request_duration_seconds", PROCESS, HISTOGRAM,           \
      METRIC_HISTOGRAM_CELLS, "Time from a request's header section to the end of its response.")  \
    X(METRIC_IN_FLIGHT, "postcoded_requests_in_flight", PROCESS, GAUGE, 1,                         \
      "Requests not yet ended.")                                                                   \
    X(METRIC_CANCELLED, "postcoded_requests_cancelled_total", PROCESS, COUNTER, 1,                 \
      "Requests whose caller disconnected before the response.")                                   \
    X(METRIC_IDENTITY_REJECTED, "postcoded_identity_rejected_total", PROCESS, COUNTER,             \
      METRIC_IDENTITY_CELLS, "Identities rejected with 401 or 403, by reason.")                    \
    X(METRIC_UPSTREAM_REQUESTS, "postcoded_upstream_requests_total", UPSTREAM, COUNTER,            \
      METRIC_STATUS_CELLS, "Calls to the upstream, by status (none: no response).")                \
    X(METRIC_UPSTREAM_DURATION, "postcoded_upstream_duration_seconds", UPSTREAM, HISTOGRAM,        \
      METRIC_HISTOGRAM_CELLS, "Time of a call to the upstream.")                                   \
    X(METRIC_UPSTREAM_CONNECTIONS, "postcoded_upstream_connections", UPSTREAM, GAUGE, 2,           \
      "Connections to the upstream, by state.")                                                    \
    X(METRIC_UPSTREAM_QUEUE_REFUSED, "postcoded_upstream_queue_refused_total", UPSTREAM, COUNTER,  \
      1, "Calls refused because the queue for a connection was full: a reload lowered its limit.") \
    X(METRIC_UPSTREAM_QUEUE_LENGTH, "postcoded_upstream_queue_length", UPSTREAM, GAUGE, 1,         \
      "Calls waiting for a connection to the upstream.")                                           \
    X(METRIC_UPSTREAM_QUEUE_DURATION, "postcoded_upstream_queue_seconds", UPSTREAM, HISTOGRAM,     \
      METRIC_HISTOGRAM_CELLS,                                                                      \
      "Time that a call waited for a connection to the upstream; 0 for one that got it at once.")  \
    X(METRIC_TOKEN_REQUESTS, "postcoded_token_requests_total", UPSTREAM, COUNTER, 3,               \
      "Requests to the token endpoint, by result.")                                                \
    X(METRIC_TOKEN_REQUEST_DURATION, "postcoded_token_request_duration_seconds", UPSTREAM,         \
      HISTOGRAM, METRIC_HISTOGRAM_CELLS, "Time of a request to the token endpoint.")               \
    X(METRIC_TOKEN_REJECTED, "postcoded_token_rejected_total", UPSTREAM, COUNTER, 1,               \
      "Responses of the upstream that rejected the token.")                                        \
    X(METRIC_TOKEN_WAITERS, "postcoded_token_waiters", UPSTREAM, GAUGE, 1,                         \
      "Lookups waiting for a token.")                                                              \
    X(METRIC_TOKEN_WAITERS_REFUSED, "postcoded_token_waiters_refused_total", UPSTREAM, COUNTER, 1, \
      "Lookups that were not allowed to wait for a token because too many did.")                   \
    X(METRIC_TOKEN_EVICTIONS, "postcoded_token_evictions_total", UPSTREAM, COUNTER, 4,             \
      "Tokens taken out of use, by reason.")                                                       \
    X(METRIC_TOKEN_BUDGET_REFUSED, "postcoded_token_budget_refused_total", UPSTREAM, COUNTER, 1,   \
      "Token requests not made because auth_budget was used up.")                                  \
    X(METRIC_FLEET_ASKS, "postcoded_fleet_asks_total", UPSTREAM, COUNTER, 6,                       \
      "Times that the fleet's store was asked whether a token may be requested, by answer.")       \
    X(METRIC_FLEET_LEADS, "postcoded_fleet_leads_total", UPSTREAM, COUNTER, 3,                     \
      "Leases to request a token for the fleet, by result.")                                       \
    X(METRIC_FLEET_LATE_PUTS, "postcoded_fleet_late_puts_total", UPSTREAM, COUNTER, 1,             \
      "Tokens not put into the fleet's store because it had a newer one.")                         \
    X(METRIC_FLEET_RESTORES, "postcoded_fleet_restores_total", UPSTREAM, COUNTER, 1,               \
      "Tokens put back into the fleet's store after it had lost them.")                            \
    X(METRIC_FLEET_ALONE, "postcoded_fleet_alone_requests_total", UPSTREAM, COUNTER, 1,            \
      "Token requests made while the fleet's store was out of reach.")                             \
    X(METRIC_FLEET_UNOPENED, "postcoded_fleet_unopened_total", UPSTREAM, COUNTER, 1,               \
      "Tokens in the fleet's store that could not be opened: damaged, or sealed by another.")      \
    X(METRIC_FLEET_STORE_ERRORS, "postcoded_fleet_store_errors_total", PROCESS, COUNTER, 7,        \
      "Failures of the fleet's store, by kind.")                                                   \
    X(METRIC_FLEET_STORE_DURATION, "postcoded_fleet_store_duration_seconds", PROCESS, HISTOGRAM,   \
      METRIC_HISTOGRAM_CELLS, "Time of a command to the fleet's store.")                           \
    X(METRIC_FAILOVERS, "postcoded_upstream_failovers_total", UPSTREAM, COUNTER,                   \
      METRIC_FAILOVER_CELLS,                                                                       \
      "Lookups that went on to another upstream of their route, by where to and why.")             \
    X(METRIC_RATE_REFUSED, "postcoded_upstream_rate_refused_total", UPSTREAM, COUNTER, 1,          \
      "Lookups refused because their turn by rate would have come too late.")                      \
    X(METRIC_RETRY_BUDGET_REFUSED, "postcoded_upstream_retry_budget_refused_total", UPSTREAM,      \
      COUNTER, 1, "Retries and failovers to the upstream not made because of retry_budget.")       \
    X(METRIC_QUOTA, "postcoded_quota_total", PROCESS, COUNTER, 2,                                  \
      "Lookups judged by [quota] per_user, by result.")                                            \
    X(METRIC_CACHE, "postcoded_cache_total", PROCESS, COUNTER, METRIC_CACHE_CELLS,                 \
      "Lookups by how the cache dealt with them.")                                                 \
    X(METRIC_CACHE_STALE_IF_ERROR, "postcoded_cache_stale_if_error_total", PROCESS, COUNTER, 1,    \
      "Stale answers given because the lookup failed.")                                            \
    X(METRIC_CACHE_ITEMS, "postcoded_cache_items", PROCESS, GAUGE, 1, "Answers in the cache.")     \
    X(METRIC_CACHE_BYTES, "postcoded_cache_bytes", PROCESS, GAUGE, 1,                              \
      "Memory that the cache takes, its table included.")                                          \
    X(METRIC_CACHE_EVICTIONS, "postcoded_cache_evictions_total", PROCESS, COUNTER, 1,              \
      "Answers removed from the cache to make room.")                                              \
    X(METRIC_STORE_RECYCLED, "postcoded_store_recycled_total", PROCESS, COUNTER, 1,                \
      "Expired items removed from the store.")                                                     \
    X(METRIC_CONNECTIONS, "postcoded_connections", PROCESS, GAUGE, 1,                              \
      "Callers' connections open.")                                                                \
    X(METRIC_CONNECTIONS_REFUSED, "postcoded_connections_refused_total", PROCESS, COUNTER, 1,      \
      "Connections closed at once because max_connections was reached.")                           \
    X(METRIC_TLS_FAILED, "postcoded_tls_handshakes_failed_total", PROCESS, COUNTER,                \
      METRIC_TLS_CELLS, "TLS handshakes of callers that failed, by reason.")                       \
    X(METRIC_RELOADS, "postcoded_reloads_total", PROCESS, COUNTER, 2, "Reloads, by result.")       \
    X(METRIC_KEY_FETCHES, "postcoded_identity_key_fetches_total", PROCESS, COUNTER, 2,             \
      "Fetches of [identity] key_url, by result.")                                                 \
    X(METRIC_IDENTITY_KEYS, "postcoded_identity_keys", PROCESS, GAUGE, 1,                          \
      "Keys that identities are verified with.")

enum metric {
#define METRIC_ENUM(id, name, scope, kind, cells, help) id,
    METRICS_TABLE(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

struct metric_family {
    const char *name;
    const char *help;
    enum metric_scope scope;
    enum metric_kind kind;
    size_t cells;
};

const struct metric_family *metric_family(enum metric id);

/*
 * Adds to the calling thread's block (made at the first use; it stays counted after the thread
 * ends). The family is one of the process. Cells out of range are a bug: MUST.
 */
void metric_add(enum metric id, size_t cell, int64_t n);
/*
 * Counts a duration in a histogram: in the first bucket whose bound it does not pass (buckets are
 * not cumulative here; past the last bound none counts it), in the count and in the sum.
 */
void metric_observe(enum metric id, int64_t duration_ns);

/* The sum over all threads; any thread. */
int64_t metric_sum(enum metric id, size_t cell);

/* The same for a family of upstreams; `upstream` is an index below METRIC_UPSTREAMS. */
void metric_upstream_add(enum metric id, size_t upstream, size_t cell, int64_t n);
void metric_upstream_observe(enum metric id, size_t upstream, int64_t duration_ns);
int64_t metric_upstream_sum(enum metric id, size_t upstream, size_t cell);
/*
 * Another upstream has this index from now on: its counters and histograms begin at 0, and so do
 * failovers to it. Gauges are left as they are: what still belongs to the one before takes itself
 * off them.
 */
void metric_upstream_restart(size_t upstream);

#endif
