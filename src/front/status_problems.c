/*
 * The last requests that ended with a problem, as tables: those of the service first; those of
 * callers below, closed, for there is nothing to be done about them here.
 */
#include "front/html.h"
#include "front/status_page_internal.h"

/* Of a path the first bytes; of callers' mistakes the newest. */
#define PATH_SHOWN 40
#define CALLERS_SHOWN 8

static void put_row(const struct overview *overview, const struct problem_entry *entry,
                    struct buf *out)
{
    const struct problem *problem = problem_of(entry->ending);

    buf_puts(out, "<tr><th scope=\"row\">");
    html_time(out, entry->at, overview->wall);
    buf_printf(out, "</th><td>%s <small>%d</small></td><td class=\"n\">", problem->code,
               entry->status);
    html_duration(out, entry->duration);
    buf_puts(out, "</td><td>");
    html_text_cut(out, entry->path, PATH_SHOWN);
    buf_puts(out, "</td><td>");
    html_text(out, entry->guid);
    buf_puts(out, "</td></tr>");
}

static void put_table(const struct overview *overview, enum problem_side side, size_t most,
                      const char *id, const char *caption, struct buf *out)
{
    buf_printf(out,
               "<table id=\"%s\" class=\"stack\"><caption>%s</caption><thead><tr>"
               "<th scope=\"col\">Time</th><th scope=\"col\">Code</th>"
               "<th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Path</th>"
               "<th scope=\"col\">GUID</th></tr></thead><tbody>",
               id, caption);
    for (size_t i = 0; i < overview->problem_count[side] && i < most; i++)
        put_row(overview, &overview->problems[side][i], out);
    buf_puts(out, "</tbody></table>");
}

void status_problems_write(const struct overview *overview, struct buf *out)
{
    status_section_begin(out, "last-problems", "Last problems", "newest first");
    if (overview->problem_count[PROBLEM_OF_SERVICE] == 0)
        buf_puts(out, "<p class=\"calm\">None since the start.</p>");
    else
        put_table(overview, PROBLEM_OF_SERVICE, PROBLEM_LOG_ENTRIES, "problems",
                  "Search the log for a GUID to see what happened.", out);
    if (overview->problem_count[PROBLEM_OF_CALLER] > 0) {
        buf_printf(out, "<details><summary>Mistakes of callers (%zu)</summary>",
                   overview->problem_count[PROBLEM_OF_CALLER]);
        put_table(overview, PROBLEM_OF_CALLER, CALLERS_SHOWN, "caller-problems",
                  "The caller has to change something, not the daemon.", out);
        buf_puts(out, "</details>");
    }
    status_section_end(out);
}
