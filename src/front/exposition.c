/*
 * Which labels a family's cells have is a table of functions beside the table of families: what a
 * cell's index means is known here and where it is counted, and nowhere else. A family of upstreams
 * is written once for each upstream, with the upstream's name as the first label.
 */
#include "front/exposition.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "cache/outcome.h"
#include "exchange/problem.h"
#include "front/exposition_owned.h"
#include "front/exposition_text.h"
#include "front/process_metrics.h"
#include "front/tls_session.h"
#include "jose/result.h"
#include "lookup/failover.h"

#define LABELS_MAX 256

/* Writes a cell's own labels, without braces. False: there is no such cell. */
typedef bool label_cell(size_t cell, char out[LABELS_MAX]);

static bool label_none(size_t cell, char out[LABELS_MAX])
{
    out[0] = '\0';
    return cell == 0;
}

static bool label_ending(size_t cell, char out[LABELS_MAX])
{
    if (cell >= PROBLEM_COUNT)
        return false;
    const struct problem *problem = problem_of((enum problem_id)cell);
    snprintf(out, LABELS_MAX, "code=\"%s\",status=\"%d\"", problem->code, problem->status);
    return true;
}

static bool label_status(size_t cell, char out[LABELS_MAX])
{
    if (cell == 0)
        snprintf(out, LABELS_MAX, "status=\"none\"");
    else
        snprintf(out, LABELS_MAX, "status=\"%zu\"", cell);
    return true;
}

static bool label_word(const char *name, const char *const *words, size_t count, size_t cell,
                       char out[LABELS_MAX])
{
    if (cell >= count)
        return false;
    snprintf(out, LABELS_MAX, "%s=\"%s\"", name, words[cell]);
    return true;
}

static bool label_connection(size_t cell, char out[LABELS_MAX])
{
    static const char *const states[] = {"active", "idle"};
    return label_word("state", states, ARRAY_LEN(states), cell, out);
}

static bool label_result(size_t cell, char out[LABELS_MAX])
{
    static const char *const results[] = {"success", "failure"};
    return label_word("result", results, ARRAY_LEN(results), cell, out);
}

static bool label_token_request(size_t cell, char out[LABELS_MAX])
{
    static const char *const results[] = {"success", "failure", "shared"};
    return label_word("result", results, ARRAY_LEN(results), cell, out);
}

static bool label_fleet_ask(size_t cell, char out[LABELS_MAX])
{
    static const char *const answers[] = {
#define ANSWER(id, name) [id] = (name),
        FLEET_ASKS(ANSWER)
#undef ANSWER
    };
    return label_word("answer", answers, ARRAY_LEN(answers), cell, out);
}

static bool label_fleet_lead(size_t cell, char out[LABELS_MAX])
{
    static const char *const results[] = {
#define RESULT(id, name) [id] = (name),
        FLEET_LEADS(RESULT)
#undef RESULT
    };
    return label_word("result", results, ARRAY_LEN(results), cell, out);
}

static bool label_store_error(size_t cell, char out[LABELS_MAX])
{
    static const char *const kinds[] = {
#define KIND(id, name, phrase) [id] = (name),
        RESP_ERRORS(KIND)
#undef KIND
    };
    return label_word("kind", kinds, ARRAY_LEN(kinds), cell, out);
}

static bool label_eviction(size_t cell, char out[LABELS_MAX])
{
    static const char *const reasons[] = {
#define REASON(id, name) [id] = (name),
        KEEPER_EVICTIONS(REASON)
#undef REASON
    };
    return label_word("reason", reasons, ARRAY_LEN(reasons), cell, out);
}

static bool label_identity(size_t cell, char out[LABELS_MAX])
{
    if (cell >= IDENTITY_REASON_COUNT)
        return false;
    const char *reason = identity_reason_text((enum identity_reason)cell);
    snprintf(out, LABELS_MAX, "reason=\"%s\"", reason);
    return true;
}

static bool label_tls(size_t cell, char out[LABELS_MAX])
{
    static const char *const reasons[] = {
#define REASON(id, name) [id] = (name),
        TLS_FAILURES(REASON)
#undef REASON
    };
    return label_word("reason", reasons, ARRAY_LEN(reasons), cell, out);
}

static bool label_quota(size_t cell, char out[LABELS_MAX])
{
    static const char *const results[] = {"allowed", "exceeded"};
    return label_word("result", results, ARRAY_LEN(results), cell, out);
}

static bool label_cache(size_t cell, char out[LABELS_MAX])
{
    if (cell >= CACHE_RESULT_COUNT)
        return false;
    snprintf(out, LABELS_MAX, "result=\"%s\"", cache_result_word((enum cache_result)cell));
    return true;
}

_Static_assert(METRIC_CACHE_CELLS == CACHE_RESULT_COUNT, "a cell for each result");
_Static_assert(METRIC_TLS_CELLS == TLS_FAILURE_COUNT, "a cell for each reason");
_Static_assert(METRIC_FAILOVER_REASONS == FAILOVER_REASON_COUNT, "a cell for each reason");
_Static_assert(FLEET_ASK_COUNT == 6 && FLEET_LEAD_COUNT == 3 && RESP_ERROR_COUNT == 7,
               "a cell for each, in base/metrics.h");
_Static_assert(METRIC_IDENTITY_CELLS == IDENTITY_REASON_COUNT, "a cell for each reason");

static const struct {
    label_cell *label;
    bool sparse; /* cells that are 0 are left out */
} labels[METRIC_COUNT] = {
    [METRIC_REQUESTS] = {label_ending, false},
    [METRIC_REQUEST_DURATION] = {label_none, false},
    [METRIC_IN_FLIGHT] = {label_none, false},
    [METRIC_CANCELLED] = {label_none, false},
    [METRIC_IDENTITY_REJECTED] = {label_identity, false},
    [METRIC_UPSTREAM_REQUESTS] = {label_status, true},
    [METRIC_UPSTREAM_DURATION] = {label_none, false},
    [METRIC_UPSTREAM_CONNECTIONS] = {label_connection, false},
    [METRIC_UPSTREAM_QUEUE_REFUSED] = {label_none, false},
    [METRIC_UPSTREAM_QUEUE_LENGTH] = {label_none, false},
    [METRIC_UPSTREAM_QUEUE_DURATION] = {label_none, false},
    [METRIC_TOKEN_REQUESTS] = {label_token_request, false},
    [METRIC_TOKEN_REQUEST_DURATION] = {label_none, false},
    [METRIC_TOKEN_REJECTED] = {label_none, false},
    [METRIC_TOKEN_WAITERS] = {label_none, false},
    [METRIC_TOKEN_WAITERS_REFUSED] = {label_none, false},
    [METRIC_TOKEN_EVICTIONS] = {label_eviction, false},
    [METRIC_TOKEN_BUDGET_REFUSED] = {label_none, false},
    [METRIC_FLEET_ASKS] = {label_fleet_ask, false},
    [METRIC_FLEET_LEADS] = {label_fleet_lead, false},
    [METRIC_FLEET_LATE_PUTS] = {label_none, false},
    [METRIC_FLEET_RESTORES] = {label_none, false},
    [METRIC_FLEET_ALONE] = {label_none, false},
    [METRIC_FLEET_UNOPENED] = {label_none, false},
    [METRIC_FLEET_STORE_ERRORS] = {label_store_error, false},
    [METRIC_FLEET_STORE_DURATION] = {label_none, false},
    [METRIC_FAILOVERS] = {NULL, true}, /* put_failovers */
    [METRIC_RATE_REFUSED] = {label_none, false},
    [METRIC_RETRY_BUDGET_REFUSED] = {label_none, false},
    [METRIC_QUOTA] = {label_quota, false},
    [METRIC_CACHE] = {label_cache, false},
    [METRIC_CACHE_STALE_IF_ERROR] = {label_none, false},
    [METRIC_CACHE_ITEMS] = {label_none, false},
    [METRIC_CACHE_BYTES] = {label_none, false},
    [METRIC_CACHE_EVICTIONS] = {label_none, false},
    [METRIC_STORE_RECYCLED] = {label_none, false},
    [METRIC_CONNECTIONS] = {label_none, false},
    [METRIC_CONNECTIONS_REFUSED] = {label_none, false},
    [METRIC_TLS_FAILED] = {label_tls, false},
    [METRIC_RELOADS] = {label_result, false},
    [METRIC_KEY_FETCHES] = {label_result, false},
    [METRIC_IDENTITY_KEYS] = {label_none, false},
};

/* The third result of a token request: another member of the fleet made it. */
#define TOKEN_REQUEST_SHARED 2

/* Without a fleet there is nothing of one in /metrics. */
static bool is_of_fleet(enum metric id)
{
    return id >= METRIC_FLEET_ASKS && id <= METRIC_FLEET_STORE_DURATION;
}

/* Likewise of a cache. */
static bool is_of_cache(enum metric id)
{
    return id >= METRIC_CACHE && id <= METRIC_CACHE_EVICTIONS;
}

static bool is_shown(enum metric id, size_t cell, bool fleet)
{
    return fleet || id != METRIC_TOKEN_REQUESTS || cell != TOKEN_REQUEST_SHARED;
}

/* `upstream` is NULL for a family of the process. */
static int64_t value_of(enum metric id, const struct exposition_upstream *upstream, size_t cell)
{
    return upstream != NULL ? metric_upstream_sum(id, upstream->index, cell) : metric_sum(id, cell);
}

static void put_cells(enum metric id, const struct exposition_upstream *upstream, struct buf *out)
{
    const struct metric_family *family = metric_family(id);
    char text[LABELS_MAX];
    for (size_t cell = 0; cell < family->cells; cell++) {
        int64_t value = value_of(id, upstream, cell);
        const bool fleet = upstream != NULL && upstream->fleet != NULL;
        if ((labels[id].sparse && value == 0) || !is_shown(id, cell, fleet) ||
            !labels[id].label(cell, text))
            continue;
        buf_puts(out, family->name);
        exposition_text_labels(out, upstream, text);
        buf_printf(out, " %lld\n", (long long)value);
    }
}

static void put_bucket(const char *name, const struct exposition_upstream *upstream,
                       const char *bound, long long count, struct buf *out)
{
    char text[LABELS_MAX];
    snprintf(text, sizeof(text), "le=\"%s\"", bound);
    buf_printf(out, "%s_bucket", name);
    exposition_text_labels(out, upstream, text);
    buf_printf(out, " %lld\n", count);
}

/* Cells of a histogram: one for each bucket by itself, then the sum in ns, then the count. */
static void put_histogram(enum metric id, const struct exposition_upstream *upstream,
                          struct buf *out)
{
    static const double bounds[] = METRIC_BUCKETS;
    const char *name = metric_family(id)->name;
    char bound[32];
    long long below = 0;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        below += value_of(id, upstream, i);
        snprintf(bound, sizeof(bound), "%g", bounds[i]);
        put_bucket(name, upstream, bound, below, out);
    }
    /* Read later, and cell by cell: what was counted in between may be in a bucket alone. */
    const long long all = value_of(id, upstream, METRIC_HISTOGRAM_COUNT);
    const long long count = all > below ? all : below;
    double seconds = (double)value_of(id, upstream, METRIC_HISTOGRAM_SUM) / (double)SECOND;
    put_bucket(name, upstream, "+Inf", count, out);
    buf_printf(out, "%s_sum", name);
    exposition_text_labels(out, upstream, "");
    buf_printf(out, " %.9g\n%s_count", seconds, name);
    exposition_text_labels(out, upstream, "");
    buf_printf(out, " %lld\n", count);
}

static void put_series(enum metric id, const struct exposition_upstream *upstream, struct buf *out)
{
    if (metric_family(id)->kind == METRIC_HISTOGRAM)
        put_histogram(id, upstream, out);
    else
        put_cells(id, upstream, out);
}

/*
 * Two upstreams are labels: the one that lookups left, and the one that they went to. Where one of
 * them is gone there is no name for it, and nothing is told.
 */
static void put_failovers(const struct exposition *exposition,
                          const struct exposition_upstream *from, struct buf *out)
{
    for (size_t i = 0; i < exposition->upstream_count; i++) {
        const struct exposition_upstream *to = &exposition->upstreams[i];

        for (size_t reason = 0; reason < METRIC_FAILOVER_REASONS; reason++) {
            const int64_t value = metric_upstream_sum(METRIC_FAILOVERS, from->index,
                                                      to->index * METRIC_FAILOVER_REASONS + reason);

            if (value != 0)
                buf_printf(out, "%s{from=\"%s\",to=\"%s\",reason=\"%s\"} %lld\n",
                           metric_family(METRIC_FAILOVERS)->name, from->name, to->name,
                           failover_reason_name((enum failover_reason)reason), (long long)value);
        }
    }
}

static void put_family(const struct exposition *exposition, enum metric id, struct buf *out)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const struct metric_family *family = metric_family(id);
    exposition_text_head(out, family->name, kinds[family->kind], family->help);
    if (family->scope == METRIC_PROCESS)
        put_series(id, NULL, out);
    for (size_t i = 0; i < exposition->upstream_count && family->scope == METRIC_UPSTREAM; i++) {
        if (id == METRIC_FAILOVERS)
            put_failovers(exposition, &exposition->upstreams[i], out);
        else
            put_series(id, &exposition->upstreams[i], out);
    }
}

void exposition_write(const struct exposition *exposition, const struct readiness *readiness,
                      struct buf *out)
{
    for (enum metric id = 0; id < METRIC_COUNT; id++)
        if ((exposition->fleet != NULL || !is_of_fleet(id)) &&
            (exposition->cache != NULL || !is_of_cache(id)))
            put_family(exposition, id, out);
    exposition_owned_write(exposition, readiness, out);
    process_metrics_write(out);
}
