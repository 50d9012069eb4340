/* What the page's sections have in common: their frame, a figure with its title, whose error it is.
 */
#include "front/html.h"
#include "front/status_page_internal.h"

void status_section_begin(struct buf *out, const char *id, const char *title, const char *note)
{
    buf_puts(out, "<section id=\"");
    html_text(out, id);
    buf_puts(out, "\" aria-labelledby=\"h-");
    html_text(out, id);
    buf_puts(out, "\"><h2 id=\"h-");
    html_text(out, id);
    buf_puts(out, "\">");
    html_text(out, title);
    if (note != NULL) {
        buf_puts(out, " <small>");
        html_text(out, note);
        buf_puts(out, "</small>");
    }
    buf_puts(out, "</h2><div>");
}

void status_section_end(struct buf *out)
{
    buf_puts(out, "</div></section>");
}

void status_fact_begin(struct buf *out, const char *id, const char *title)
{
    buf_puts(out, "<div><dt>");
    html_text(out, title);
    buf_puts(out, "</dt><dd");
    if (id != NULL)
        buf_printf(out, " id=\"%s\"", id);
    buf_putc(out, '>');
}

void status_fact_end(struct buf *out)
{
    buf_puts(out, "</dd></div>");
}

bool status_is_service_error(enum problem_id ending)
{
    return ending > ENDED_CANCELLED && problem_of(ending)->level > LOG_LEVEL_INFO;
}
