/*
 * Several upstreams at a glance: which routes there are and whom their lookups go to now, and a
 * line for each upstream. What is wrong comes first, and of hundreds of routes that are well not
 * all are shown.
 */
#include "base/check.h"
#include "front/html.h"
#include "front/overview_routes.h"
#include "front/status_page_internal.h"

/* Rows; the data has all of them. */
#define ROUTES_SHOWN 40
/* Of a route's postcodes and upstreams. */
#define LISTED 8

/* ---- routes ---- */

enum standing {
    STANDING_NOT_READY,
    STANDING_STOOD_IN,
    STANDING_READY,
};

static enum standing standing_of(const struct overview *overview, const struct config_route *route)
{
    struct mono_time since;

    if (!readiness_of_route(&overview->readiness, route, &since))
        return STANDING_NOT_READY;
    return route->upstream_count > 0 && overview_serving(overview, route) !=
                                            overview_upstream_at(overview, route->upstreams[0])
               ? STANDING_STOOD_IN
               : STANDING_READY;
}

static void put_more(size_t count, struct buf *out)
{
    if (count > LISTED)
        buf_printf(out, " <small>and %zu more</small>", count - LISTED);
}

static void put_postcodes(const struct config_route *route, struct buf *out)
{
    buf_puts(out, "<code>");
    html_text_cut(out, route->prefix, 128);
    buf_puts(out, "</code>");
    for (size_t i = 0; i < route->postcodes.count && i < LISTED; i++) {
        buf_puts(out, i == 0 ? " " : ", ");
        html_text(out, route->postcodes.items[i]);
        buf_putc(out, '*');
    }
    put_more(route->postcodes.count, out);
}

static void put_way_of(const struct overview *overview, const struct config_route *route,
                       enum standing standing, struct buf *out)
{
    const struct overview_upstream *serving = overview_serving(overview, route);

    for (size_t i = 0; i < route->upstream_count && i < LISTED; i++) {
        const struct overview_upstream *upstream =
            overview_upstream_at(overview, route->upstreams[i]);
        const bool serves = upstream == serving && standing != STANDING_NOT_READY;

        if (upstream == NULL)
            continue;
        buf_printf(out, "%s<code>%s", i == 0 ? "" : ", ", serves ? "<b>" : "");
        html_text(out, upstream->name);
        buf_printf(out, "%s</code>", serves ? "</b>" : "");
    }
    put_more(route->upstream_count, out);
    if (standing == STANDING_STOOD_IN && serving != NULL) {
        buf_puts(out, " <small>lookups go to ");
        html_text(out, serving->name);
        buf_puts(out, "</small>");
    }
    if (standing == STANDING_NOT_READY)
        buf_puts(out, " <small>none is ready</small>");
}

static void put_route(const struct overview *overview, const struct config_route *route,
                      enum standing standing, struct buf *out)
{
    static const char *const values[] = {[STANDING_NOT_READY] = "not-ready",
                                         [STANDING_STOOD_IN] = "stood-in",
                                         [STANDING_READY] = "ready"};

    buf_puts(out, "<tr data-route=\"");
    html_text(out, route->name);
    buf_printf(out, "\" data-value=\"%s\"><th scope=\"row\">", values[standing]);
    html_text(out, route->name);
    buf_puts(out, "</th><td>");
    put_postcodes(route, out);
    buf_puts(out, "</td><td>");
    put_way_of(overview, route, standing, out);
    buf_puts(out, "</td></tr>");
}

/* Gives how many there are room for still. */
static size_t put_routes(const struct overview *overview, enum standing standing, size_t room,
                         struct buf *out)
{
    const struct config *config = overview->readiness.config;

    for (size_t i = 0; i < config->route_count && room > 0; i++) {
        if (standing_of(overview, &config->routes[i]) != standing)
            continue;
        put_route(overview, &config->routes[i], standing, out);
        room--;
    }
    return room;
}

void status_routes_write(const struct overview *overview, struct buf *out)
{
    const struct config *config = overview->readiness.config;
    size_t room = ROUTES_SHOWN;

    if (config == NULL)
        return;
    status_section_begin(out, "routes", "Routes", "whom lookups go to now");
    buf_puts(out, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Route</th>"
                  "<th scope=\"col\">Lookups</th><th scope=\"col\">Upstreams, in turn</th></tr>"
                  "</thead><tbody>");
    for (enum standing standing = STANDING_NOT_READY; standing <= STANDING_READY; standing++)
        room = put_routes(overview, standing, room, out);
    buf_puts(out, "</tbody></table></div>");
    if (config->route_count > ROUTES_SHOWN)
        buf_printf(out,
                   "<p class=\"calm\">And %zu more, which are no worse; all of them are in "
                   "<a href=\"status.json\">the data</a>.</p>",
                   config->route_count - ROUTES_SHOWN);
    status_section_end(out);
}

/* ---- upstreams ---- */

static const char *way_name(const struct overview_upstream *upstream)
{
    if (upstream->breaker.ejected)
        return "ejected";
    if (upstream->hold.held || upstream->hold.unsaid)
        return "held";
    return upstream->unready ? "unready" : "open";
}

void status_way_write(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out)
{
    if (upstream->breaker.ejected) {
        buf_puts(out, "ejected <small>since ");
        status_when(overview, upstream->breaker.since, out);
        buf_puts(out, ", next trial from ");
        status_when(overview, upstream->breaker.until, out);
        buf_puts(out, "</small>");
    } else if (upstream->hold.held || upstream->hold.unsaid) {
        buf_puts(out, "held <small>by its 429, until ");
        status_when(overview, upstream->hold.until, out);
        buf_puts(out, "</small>");
    } else {
        buf_puts(out, upstream->unready ? "not ready" : "open");
    }
}

static void put_link(const char *name, struct buf *out)
{
    buf_puts(out, "<a href=\"#upstream-");
    html_text(out, name);
    buf_puts(out, "\"><code>");
    html_text(out, name);
    buf_puts(out, "</code></a>");
}

static void put_calls(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out)
{
    struct series_upstream_column sum;
    int64_t all = 0;

    series_sum_upstream(overview, upstream->index, MINUTE, &sum);
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        all += sum.classes[i];
    buf_puts(out, "<td class=\"n\">");
    if (sum.length > 0)
        html_rate(out, status_rate(all, sum.length));
    buf_puts(out, "</td><td class=\"n\">");
    if (all > 0)
        html_share(out, (double)(all - sum.classes[HISTORY_GOOD]) / (double)all);
    buf_puts(out, "</td><td class=\"n\">");
    if (all > 0 && history_durations_count(&sum.calls) > 0)
        html_estimate(out, history_percentile(&sum.calls, 0.99));
    buf_puts(out, "</td><td class=\"n\">");
    html_count(out, sum.rate_refused);
    buf_puts(out, "</td>");
}

static void put_upstream(const struct overview *overview, const struct overview_upstream *upstream,
                         struct buf *out)
{
    buf_puts(out, "<tr data-upstream=\"");
    html_text(out, upstream->name);
    buf_printf(out, "\" data-way=\"%s\"><th scope=\"row\">", way_name(upstream));
    put_link(upstream->name, out);
    buf_puts(out, "</th><td>");
    status_way_write(overview, upstream, out);
    buf_puts(out, "</td>");
    put_calls(overview, upstream, out);
    buf_printf(out, "<td>%s</td></tr>", upstream->token.state_name);
}

void status_upstreams_write(const struct overview *overview, struct buf *out)
{
    if (overview->upstream_count < 2)
        return;
    status_section_begin(out, "upstreams", "Upstreams", "last minute");
    buf_puts(out, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Upstream</th>"
                  "<th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Calls</th>"
                  "<th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\" class=\"n\">99 of "
                  "100 within</th><th scope=\"col\" class=\"n\">Refused by rate</th>"
                  "<th scope=\"col\">Token</th></tr></thead><tbody>");
    for (size_t i = 0; i < overview->upstream_count; i++)
        put_upstream(overview, &overview->upstreams[i], out);
    buf_puts(out, "</tbody></table></div>");
    status_section_end(out);
}
