/*
 * The last requests that ended with a problem, as tables: those of the service first; those of
 * callers below, closed, for there is nothing to be done about them here.
 */
#include <string.h>

#include "front/html.h"
#include "front/status_page_internal.h"

/* Of a path the first bytes; of callers' mistakes the newest. */
#define PATH_SHOWN 40
#define CALLERS_SHOWN 8

static bool are_alike(const struct problem_entry *a, const struct problem_entry *b)
{
    return a->ending == b->ending && a->status == b->status && strcmp(a->path, b->path) == 0;
}

/* Of `count` that are alike the newest. */
static void put_row(const struct overview *overview, const struct problem_entry *entry,
                    size_t count, struct buf *out)
{
    const struct problem *problem = problem_of(entry->ending);

    buf_puts(out, "<tr><th scope=\"row\">");
    html_time(out, entry->at, overview->wall);
    buf_printf(out, "</th><td>%s <small>%d</small>", problem->code, entry->status);
    if (count > 1)
        buf_printf(out, " <b>\xc3\x97%zu</b>", count);
    buf_puts(out, "</td><td class=\"n\">");
    html_duration(out, entry->duration);
    buf_puts(out, "</td><td>");
    html_text_cut(out, entry->path, PATH_SHOWN);
    buf_puts(out, "</td><td>");
    html_text(out, entry->guid);
    buf_puts(out, "</td></tr>");
}

/* Rows of problems that follow each other and are alike are one. */
static void put_rows(const struct overview *overview, enum problem_side side, size_t most,
                     struct buf *out)
{
    const struct problem_entry *entries = overview->problems[side];
    size_t rows = 0;

    for (size_t i = 0; i < overview->problem_count[side] && rows < most; rows++) {
        const size_t first = i++;

        while (i < overview->problem_count[side] && are_alike(&entries[first], &entries[i]))
            i++;
        put_row(overview, &entries[first], i - first, out);
    }
}

/* The service's that there were lately: the list is cut, and a number says how much of it. */
static int64_t failed_lately(const struct overview *overview)
{
    struct series_column sum;

    series_sum(overview, 5 * MINUTE, &sum);
    return status_traffic_of(&sum).failed;
}

static void put_table(const struct overview *overview, enum problem_side side, size_t most,
                      struct buf *out)
{
    buf_puts(out, "<thead><tr>"
                  "<th scope=\"col\">Time</th><th scope=\"col\">Code</th>"
                  "<th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Path</th>"
                  "<th scope=\"col\">GUID</th></tr></thead><tbody>");
    put_rows(overview, side, most, out);
    buf_puts(out, "</tbody></table>");
}

static void put_service(const struct overview *overview, struct buf *out)
{
    const int64_t lately = failed_lately(overview);

    buf_puts(out, "<table id=\"problems\" class=\"stack\"><caption>");
    if (overview->problem_count[PROBLEM_OF_SERVICE] == PROBLEM_LOG_ENTRIES &&
        lately > PROBLEM_LOG_ENTRIES) {
        buf_printf(out, "The newest %d of ", PROBLEM_LOG_ENTRIES);
        html_count(out, lately);
        buf_puts(out, " in five minutes. ");
    }
    buf_puts(out, "What happened is in the log: <code>journalctl -u postcoded -g GUID</code>"
                  "</caption>");
    put_table(overview, PROBLEM_OF_SERVICE, PROBLEM_LOG_ENTRIES, out);
}

void status_problems_write(const struct overview *overview, struct buf *out)
{
    status_section_begin(out, "last-problems", "Last problems", "newest first");
    if (overview->problem_count[PROBLEM_OF_SERVICE] == 0)
        buf_puts(out, "<p class=\"calm\">None since the start.</p>");
    else
        put_service(overview, out);
    if (overview->problem_count[PROBLEM_OF_CALLER] > 0) {
        buf_printf(out,
                   "<details><summary>Mistakes of callers (%zu)</summary>"
                   "<table id=\"caller-problems\" class=\"stack\"><caption>The caller has to "
                   "change something, not the daemon.</caption>",
                   overview->problem_count[PROBLEM_OF_CALLER]);
        put_table(overview, PROBLEM_OF_CALLER, CALLERS_SHOWN, out);
        buf_puts(out, "</details>");
    }
    status_section_end(out);
}
