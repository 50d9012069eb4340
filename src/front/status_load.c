/*
 * What the status page shows of the whole process: lookups, errors by code, and how busy it is.
 *
 * Errors stand for the service: what its token, its upstream or the daemon itself did not do. What
 * callers did wrong (a mistyped postcode) is in the table alone, or a caller in error would look
 * like an outage.
 */

#include "base/check.h"
#include "front/html.h"
#include "front/status_page_internal.h"

/* As many codes have a colour; the others share one. */
#define CODES_SHOWN 4
/* So many of the service and of callers have a row; all are in /status.json. */
#define CODES_LISTED 6

/* ---- lookups ---- */

static void put_rate(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "rate", NULL, "Requests", PLOT_RATE);
    double *values = plot_add(&work->plot, "");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct series_column *column = &work->columns[i];

        if (column->length > 0)
            values[i] = status_rate(status_traffic_of(column).all, column->length);
    }
    plot_write(&work->plot, &work->span, out);
}

static void put_latency(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "latency", NULL, "Time of a request", PLOT_SECONDS);
    double *p50 = plot_add(&work->plot, "median");
    double *p99 = plot_add(&work->plot, "99 of 100 in");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct history_durations *lookups = &work->columns[i].lookups;

        if (history_durations_count(lookups) == 0)
            continue;
        p50[i] = (double)history_percentile(lookups, 0.5) / (double)SECOND;
        p99[i] = (double)history_percentile(lookups, 0.99) / (double)SECOND;
    }
    plot_write(&work->plot, &work->span, out);
}

/* ---- errors ---- */

/* Sums of three times, and the codes in the order of the second one. */
struct errors {
    struct series_column minutes, hours;
    enum problem_id order[PROBLEM_COUNT];
    size_t shown;   /* of the service, with any in two hours: these are plotted */
    size_t service; /* codes of the service; those of callers follow */
    int64_t total;  /* of the service, since the start */
    bool young;     /* two hours are all that there were */
};

static void sort_codes(struct errors *errors)
{
    size_t count = 0;

    for (int id = 0; id < PROBLEM_COUNT; id++) {
        size_t at = count++;

        for (; at > 0 && errors->hours.codes[errors->order[at - 1]] < errors->hours.codes[id]; at--)
            errors->order[at] = errors->order[at - 1];
        errors->order[at] = (enum problem_id)id;
    }
}

/* The service's errors first, the most frequent one first. */
static void sum_errors(const struct overview *overview, struct errors *errors)
{
    enum problem_id callers[PROBLEM_COUNT];
    size_t service = 0, others = 0;

    series_sum(overview, 5 * MINUTE, &errors->minutes);
    series_sum(overview, HISTORY_SPAN, &errors->hours);
    sort_codes(errors);
    errors->shown = 0;
    errors->total = 0;
    errors->young = mono_diff(overview->now, overview->began) <= HISTORY_SPAN;
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        const enum problem_id id = errors->order[i];

        if (!status_is_service_error(id)) {
            callers[others++] = id;
            continue;
        }
        errors->order[service++] = id;
        errors->total += overview->codes[id];
        errors->shown += errors->hours.codes[id] > 0;
    }
    errors->service = service;
    for (size_t i = 0; i < others; i++)
        errors->order[service + i] = callers[i];
}

/* In which series a code of this rank is. */
static size_t series_of(size_t rank)
{
    return rank < CODES_SHOWN ? rank : CODES_SHOWN;
}

static void put_errors_plot(const struct errors *errors, struct status_work *work, struct buf *out)
{
    struct plot *plot = &work->plot;

    plot_begin(plot, "errors", NULL, "Errors", PLOT_RATE);
    plot->stacked = true;
    for (size_t i = 0; i < errors->shown && i <= CODES_SHOWN; i++)
        plot_add(plot, i < CODES_SHOWN ? problem_of(errors->order[i])->code : "others");
    for (size_t column = 0; column < work->span.columns; column++) {
        const struct series_column *from = &work->columns[column];

        if (from->length == 0)
            continue;
        for (size_t i = 0; i < plot->count; i++)
            plot->series[i].values[column] = 0;
        for (size_t rank = 0; rank < errors->shown; rank++)
            plot->series[series_of(rank)].values[column] +=
                status_rate(from->codes[errors->order[rank]], from->length);
    }
    plot_write(&work->plot, &work->span, out);
}

/* A code, which may be broken behind its underscores. */
static void put_name(const char *code, struct buf *out)
{
    for (; *code != '\0'; code++) {
        buf_putc(out, *code);
        if (*code == '_')
            buf_puts(out, "<wbr>");
    }
}

static void put_counts(const struct errors *errors, const int64_t counts[3], struct buf *out)
{
    for (size_t i = 0; i < 3; i++) {
        if (i == 1 && errors->young)
            continue;
        buf_puts(out, "<td class=\"n\">");
        html_count(out, counts[i]);
        buf_puts(out, "</td>");
    }
    buf_puts(out, "</tr>");
}

static void put_code(const struct errors *errors, size_t rank, const int64_t counts[3],
                     struct buf *out)
{
    const struct problem *problem = problem_of(errors->order[rank]);

    buf_printf(out, "<tr data-code=\"%s\"><th scope=\"row\">", problem->code);
    if (rank < errors->shown)
        buf_printf(out, "<i class=\"k e%zu\"></i>", series_of(rank));
    put_name(problem->code, out);
    buf_printf(out, " <small>%d ", problem->status);
    html_text(out, problem->title);
    buf_puts(out, "</small></th>");
    put_counts(errors, counts, out);
}

/* The codes of these ranks that occurred; what is beyond CODES_LISTED in one row. */
static void put_ranks(const struct overview *overview, const struct errors *errors, size_t from,
                      size_t to, struct buf *out)
{
    int64_t rest[3] = {0};
    size_t count = 0;

    for (size_t rank = from; rank < to; rank++) {
        const enum problem_id id = errors->order[rank];
        const int64_t counts[] = {errors->minutes.codes[id], errors->hours.codes[id],
                                  overview->codes[id]};

        if (overview->codes[id] == 0)
            continue;
        if (count++ < CODES_LISTED) {
            put_code(errors, rank, counts, out);
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(rest); i++)
            rest[i] += counts[i];
    }
    if (count <= CODES_LISTED)
        return;
    buf_printf(out, "<tr data-code=\"\"><th scope=\"row\">%zu more codes</th>",
               count - CODES_LISTED);
    put_counts(errors, rest, out);
}

static void put_codes(const struct overview *overview, const struct errors *errors, struct buf *out)
{
    buf_printf(out,
               "<table id=\"codes\"><caption>Requests by how they ended</caption><thead><tr>"
               "<th scope=\"col\">Code</th><th scope=\"col\" class=\"n\">5 min</th>%s"
               "<th scope=\"col\" class=\"n\">since start</th></tr></thead><tbody>",
               errors->young ? "" : "<th scope=\"col\" class=\"n\">2 h</th>");
    put_ranks(overview, errors, 0, errors->service, out);
    put_ranks(overview, errors, errors->service, PROBLEM_COUNT, out);
    buf_puts(out, "</tbody></table>");
}

static void put_errors(const struct overview *overview, struct status_work *work, struct buf *out)
{
    struct errors errors;

    sum_errors(overview, &errors);
    status_section_begin(out, "errors", "Errors", "by code");
    if (errors.shown > 0)
        put_errors_plot(&errors, work, out);
    else if (errors.total == 0)
        buf_puts(out, "<p class=\"calm\">No lookup has failed since the start.</p>");
    else if (!errors.young)
        buf_puts(out, "<p class=\"calm\">No lookup failed in the last two hours.</p>");
    put_codes(overview, &errors, out);
    status_section_end(out);
}

/* ---- load ---- */

static void put_open(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "open", NULL, "Callers' connections", PLOT_COUNT);
    double *values = plot_add(&work->plot, "");
    for (size_t i = 0; i < work->span.columns; i++)
        if (work->columns[i].length > 0)
            values[i] = work->columns[i].connections;
    plot_write(&work->plot, &work->span, out);
}

static void put_in_flight(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "in-flight", NULL, "In flight", PLOT_COUNT);
    double *all = plot_add(&work->plot, "all");
    double *waiters = plot_add(&work->plot, "waiting for a token");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct series_column *column = &work->columns[i];

        if (column->length == 0)
            continue;
        all[i] = column->in_flight;
        waiters[i] = column->token_waiters;
    }
    plot_write(&work->plot, &work->span, out);
}

static void put_busy(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "busy", NULL, "Busiest worker", PLOT_SHARE);
    double *values = plot_add(&work->plot, "");
    for (size_t i = 0; i < work->span.columns; i++)
        if (work->columns[i].length > 0)
            values[i] = work->columns[i].busy_permille / 1000.0;
    plot_write(&work->plot, &work->span, out);
}

void status_load_write(const struct overview *overview, struct status_work *work, struct buf *out)
{
    series_fill(overview, &work->span, work->columns);
    status_section_begin(out, "lookups", "Requests", "of callers");
    buf_puts(out, "<div class=\"plots\">");
    put_rate(work, out);
    put_latency(work, out);
    buf_puts(out, "</div>");
    status_section_end(out);
    put_errors(overview, work, out);
    status_section_begin(out, "load", "Load", NULL);
    buf_puts(out, "<div class=\"plots\">");
    put_open(work, out);
    put_in_flight(work, out);
    put_busy(work, out);
    buf_puts(out, "</div>");
    status_section_end(out);
}
