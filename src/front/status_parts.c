/* What the page's sections have in common: their frame, a figure with its title, times, whose error
 * it is. */
#include "front/html.h"
#include "front/status_page_internal.h"

static void put_section(struct buf *out, const char *id)
{
    buf_puts(out, "<section id=\"");
    html_text(out, id);
    buf_puts(out, "\" aria-labelledby=\"h-");
    html_text(out, id);
    buf_puts(out, "\"><h2 id=\"h-");
    html_text(out, id);
    buf_puts(out, "\">");
}

void status_section_begin(struct buf *out, const char *id, const char *title, const char *note)
{
    put_section(out, id);
    html_text(out, title);
    if (note != NULL) {
        buf_puts(out, " <small>");
        html_text(out, note);
        buf_puts(out, "</small>");
    }
    buf_puts(out, "</h2><div>");
}

void status_section_upstream(struct buf *out, const char *id, const char *name)
{
    put_section(out, id);
    buf_puts(out, "<small>upstream</small> <code>");
    html_text(out, name);
    buf_puts(out, "</code></h2><div>");
}

void status_section_end(struct buf *out)
{
    buf_puts(out, "</div></section>");
}

void status_fact_begin(struct buf *out, const char *id, const char *title, const char *note)
{
    buf_puts(out, "<div><dt>");
    html_text(out, title);
    if (note != NULL) {
        buf_puts(out, " <small>");
        html_text(out, note);
        buf_puts(out, "</small>");
    }
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

void status_upstream_name(const char *name, struct buf *out)
{
    buf_puts(out, "upstream <code>");
    html_text(out, name);
    buf_puts(out, "</code>");
}

void status_when(const struct overview *overview, struct mono_time at, struct buf *out)
{
    html_time(out, series_wall(overview, at), overview->wall);
    buf_puts(out, " UTC");
}

/* In whole seconds, as the clocks beside it. */
static long long stamp_of(struct wall_time at)
{
    return at.ns / SECOND * 1000;
}

void status_age(const struct overview *overview, struct mono_time since, struct buf *out)
{
    const struct wall_time at = series_wall(overview, since);

    buf_printf(out, "<span data-since=\"%lld\">", stamp_of(at));
    html_between(out, at, overview->wall);
    buf_puts(out, "</span>");
}

void status_countdown(const struct overview *overview, struct mono_time until, struct buf *out)
{
    const struct wall_time at = series_wall(overview, until);

    buf_printf(out, "<span data-until=\"%lld\">", stamp_of(at));
    html_between(out, overview->wall, at);
    buf_puts(out, "</span>");
}

struct status_traffic status_traffic_of(const struct series_column *column)
{
    struct status_traffic traffic = {0};

    for (int id = 0; id < PROBLEM_COUNT; id++) {
        traffic.all += column->codes[id];
        if (status_is_service_error((enum problem_id)id))
            traffic.failed += column->codes[id];
    }
    return traffic;
}

double status_rate(int64_t count, int64_t length)
{
    return (double)count * (double)SECOND / (double)length;
}
