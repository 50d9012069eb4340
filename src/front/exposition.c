/*
 * Which labels a family's cells have is a table of functions beside the table of families: what an
 * index means is known here and where it is counted, and nowhere else.
 */
#include "front/exposition.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "exchange/problem.h"
#include "front/process.h"

#define LABELS_MAX 256

/* Writes a cell's labels, without braces. False: there is no such cell. */
typedef bool label_cell(const struct exposition *exposition, size_t cell, char out[LABELS_MAX]);

static bool label_none(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    (void)exposition;
    out[0] = '\0';
    return cell == 0;
}

static bool label_upstream(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    snprintf(out, LABELS_MAX, "upstream=\"%s\"", exposition->upstream);
    return cell == 0;
}

static bool label_ending(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    (void)exposition;
    if (cell >= PROBLEM_COUNT)
        return false;
    const struct problem *problem = problem_of((enum problem_id)cell);
    snprintf(out, LABELS_MAX, "code=\"%s\",status=\"%d\"", problem->code, problem->status);
    return true;
}

static bool label_status(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    if (cell == 0)
        snprintf(out, LABELS_MAX, "upstream=\"%s\",status=\"none\"", exposition->upstream);
    else
        snprintf(out, LABELS_MAX, "upstream=\"%s\",status=\"%zu\"", exposition->upstream, cell);
    return true;
}

static bool label_connection(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    static const char *const states[] = {"active", "idle"};
    if (cell >= ARRAY_LEN(states))
        return false;
    snprintf(out, LABELS_MAX, "upstream=\"%s\",state=\"%s\"", exposition->upstream, states[cell]);
    return true;
}

static const char *const results[] = {"success", "failure"};

static bool label_upstream_result(const struct exposition *exposition, size_t cell,
                                  char out[LABELS_MAX])
{
    if (cell >= ARRAY_LEN(results))
        return false;
    snprintf(out, LABELS_MAX, "upstream=\"%s\",result=\"%s\"", exposition->upstream, results[cell]);
    return true;
}

static bool label_result(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    (void)exposition;
    if (cell >= ARRAY_LEN(results))
        return false;
    snprintf(out, LABELS_MAX, "result=\"%s\"", results[cell]);
    return true;
}

static bool label_eviction(const struct exposition *exposition, size_t cell, char out[LABELS_MAX])
{
    static const char *const reasons[] = {
#define REASON(id, name) [id] = (name),
        KEEPER_EVICTIONS(REASON)
#undef REASON
    };
    if (cell >= ARRAY_LEN(reasons))
        return false;
    snprintf(out, LABELS_MAX, "upstream=\"%s\",reason=\"%s\"", exposition->upstream, reasons[cell]);
    return true;
}

static const struct {
    label_cell *label;
    bool sparse; /* cells that are 0 are left out */
} labels[METRIC_COUNT] = {
    [METRIC_REQUESTS] = {label_ending, false},
    [METRIC_REQUEST_DURATION] = {label_none, false},
    [METRIC_IN_FLIGHT] = {label_none, false},
    [METRIC_CANCELLED] = {label_none, false},
    [METRIC_UPSTREAM_REQUESTS] = {label_status, true},
    [METRIC_UPSTREAM_DURATION] = {label_upstream, false},
    [METRIC_UPSTREAM_CONNECTIONS] = {label_connection, false},
    [METRIC_UPSTREAM_QUEUE_REFUSED] = {label_upstream, false},
    [METRIC_TOKEN_REQUESTS] = {label_upstream_result, false},
    [METRIC_TOKEN_WAITERS] = {label_upstream, false},
    [METRIC_TOKEN_WAITERS_REFUSED] = {label_upstream, false},
    [METRIC_TOKEN_EVICTIONS] = {label_eviction, false},
    [METRIC_TOKEN_BUDGET_REFUSED] = {label_upstream, false},
    [METRIC_STORE_RECYCLED] = {label_none, false},
    [METRIC_CONNECTIONS] = {label_none, false},
    [METRIC_CONNECTIONS_REFUSED] = {label_none, false},
    [METRIC_RELOADS] = {label_result, false},
};

static void put_head(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_cells(const struct exposition *exposition, enum metric id, struct buf *out)
{
    const struct metric_family *family = metric_family(id);
    char text[LABELS_MAX];
    for (size_t cell = 0; cell < family->cells; cell++) {
        int64_t value = metric_sum(id, cell);
        if ((labels[id].sparse && value == 0) || !labels[id].label(exposition, cell, text))
            continue;
        if (text[0] == '\0')
            buf_printf(out, "%s %lld\n", family->name, (long long)value);
        else
            buf_printf(out, "%s{%s} %lld\n", family->name, text, (long long)value);
    }
}

/* Cells of a histogram: one for each bucket by itself, then the sum in ns, then the count. */
static void put_histogram(const struct exposition *exposition, enum metric id, struct buf *out)
{
    static const double bounds[] = METRIC_BUCKETS;
    const char *name = metric_family(id)->name;
    char text[LABELS_MAX];
    labels[id].label(exposition, 0, text);
    const char *comma = text[0] == '\0' ? "" : ",";
    long long below = 0;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        below += metric_sum(id, i);
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %lld\n", name, text, comma, bounds[i], below);
    }
    long long count = metric_sum(id, METRIC_HISTOGRAM_COUNT);
    double seconds = (double)metric_sum(id, METRIC_HISTOGRAM_SUM) / (double)SECOND;
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", name, text, comma, count);
    const char *open = text[0] == '\0' ? "" : "{";
    const char *close = text[0] == '\0' ? "" : "}";
    buf_printf(out, "%s_sum%s%s%s %.9g\n", name, open, text, close, seconds);
    buf_printf(out, "%s_count%s%s%s %lld\n", name, open, text, close, count);
}

static void put_family(const struct exposition *exposition, enum metric id, struct buf *out)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const struct metric_family *family = metric_family(id);
    put_head(out, family->name, kinds[family->kind], family->help);
    if (family->kind == METRIC_HISTOGRAM)
        put_histogram(exposition, id, out);
    else
        put_cells(exposition, id, out);
}

static void put_owned(const struct exposition *exposition, struct buf *out)
{
    struct keeper_status status;
    keeper_status(exposition->keeper, mono_now(), &status);
    put_head(out, "postcoded_token_expiry_timestamp_seconds", "gauge",
             "When the present token expires; 0 without one.");
    double expiry = status.fingerprint[0] == '\0'
                        ? 0
                        : (double)(wall_now().ns + status.expires_in) / (double)SECOND;
    buf_printf(out, "postcoded_token_expiry_timestamp_seconds{upstream=\"%s\"} %.3f\n",
               exposition->upstream, expiry);

    put_head(out, "postcoded_store_items", "gauge", "Items in the store.");
    buf_printf(out, "postcoded_store_items %zu\n", store_count(exposition->store));

    put_head(out, "postcoded_log_lines_dropped_total", "counter",
             "Log lines dropped because nobody took them fast enough.");
    buf_printf(out, "postcoded_log_lines_dropped_total %llu\n", (unsigned long long)log_dropped());

    put_head(out, "postcoded_build_info", "gauge", "The version, as a label; always 1.");
    buf_printf(out, "postcoded_build_info{version=\"%s\"} 1\n", POSTCODED_VERSION);
}

void exposition_write(const struct exposition *exposition, struct buf *out)
{
    for (enum metric id = 0; id < METRIC_COUNT; id++)
        put_family(exposition, id, out);
    put_owned(exposition, out);
    process_metrics_write(out);
}
