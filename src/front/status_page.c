/*
 * The status page's frame: its head with the policy's style and script, whether the daemon is
 * ready, what is wrong, and the sections in their order. It is written in one pass into one buffer.
 *
 * What tests and others may rely on:
 *
 *   main                      data-now (ms since 1970), and what front/status_plot.c says
 *   #ready                    data-value: "ready", "not-ready", "draining"; li: reasons that no
 *                             condition tells
 *   #conditions               its ul has data-value: how many; .cond with data-level (down,
 *                             warning, note) and data-upstream; in it h3, .since, .why, .do, .where
 *   #conditions-left          how many there was no room for, where there are
 *   #routes                   where routes have names: a row for each, with data-route and
 *                             data-value ("ready", "stood-in": by another than the first,
 *                             "not-ready"); its cells are name, prefix and postcodes, upstreams,
 *                             of which <b> is the one that lookups go to now
 *   #upstreams                where there are several: a row for each, with data-upstream and
 *                             data-way ("open", "ejected", "held", "unready"); its cells are name,
 *                             state, calls a second, the share of them that failed, 99 of 100,
 *                             turns refused by rate, token
 *   #figures                  dd#lookup-rate, #failed-share, #p50, #p99, #in-flight, #connections
 *   #upstream-NAME            .token with data-state (as in /tokens) and data-generation; in it
 *                             .count b [data-until] (ms since 1970); svg.timeline, .mark
 *                             (front/status_timeline.c); .note, which tells what a mark is;
 *                             table.events. Plots #plot-calls-NAME, #plot-call-latency-NAME and,
 *                             where lookups waited for a connection, #plot-queue-NAME
 *   #lookups, #errors, #load  sections; plots #plot-rate, #plot-latency, #plot-errors, #plot-open,
 *                             #plot-in-flight, #plot-busy (front/status_plot.c); #codes: a row for
 *                             each code, with data-code and two or three .n, the last one since
 *                             the start
 *   #cache                    where there is a cache: dd#cache-share, #cache-items, #cache-memory,
 *                             #cache-evictions, #cache-joined, #cache-stale; plot #plot-cache
 *   #problems, #caller-problems  tables, a row for each problem or for several that follow each
 *                             other and are alike, whose cells are time, code with status and
 *                             number, duration, path, GUID of the newest
 *   #reload                   data-value: "ok" or "failed"
 *   #about, #pause, #asof, #stale, #local  the script's
 */
#include "front/status_page.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/html.h"
#include "front/status_page_internal.h"
#include "front/status_timeline.h"

#define HOST_MAX 256

/* Seconds after which a browser without JavaScript asks again. */
#define RELOAD_EVERY 10

/* ---- the policy ---- */

#define SHA256_SIZE 32
/* Base64, and the NUL that EVP_EncodeBlock adds. */
#define SHA256_TEXT 45

static void digest_text(const char *text, char out[SHA256_TEXT])
{
    unsigned char digest[SHA256_SIZE];

    MUST(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) == 1);
    MUST(EVP_EncodeBlock((unsigned char *)out, digest, SHA256_SIZE) == SHA256_TEXT - 1);
}

const char *status_page_policy(void)
{
    static char policy[320];
    char style[SHA256_TEXT], script[SHA256_TEXT];

    if (policy[0] != '\0')
        return policy;
    digest_text(status_style, style);
    digest_text(status_script, script);
    int len = snprintf(policy, sizeof(policy),
                       "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
                       "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'",
                       style, script);
    MUST(len > 0 && (size_t)len < sizeof(policy));
    return policy;
}

/* ---- figures ---- */

static const char in_minute[] = "last minute";

static void put_of(struct buf *out, int64_t value, int64_t most)
{
    html_count(out, value);
    if (most > 0) {
        buf_puts(out, " <small>of ");
        html_count(out, most);
        buf_puts(out, "</small>");
    }
}

static void put_percentile(const struct series_column *sum, double share, struct buf *out)
{
    const int64_t duration = history_percentile(&sum->lookups, share);

    if (duration < 0)
        buf_puts(out, "<small>none</small>");
    else
        html_estimate(out, duration);
}

/* What it was at its best, so that a loss can be seen in figures. */
static void put_peak(const struct status_work *work, struct buf *out)
{
    double most = 0;

    for (size_t i = 0; i < work->span.columns; i++) {
        const struct series_column *column = &work->columns[i];

        if (column->length > 0)
            most = fmax(most, status_rate(status_traffic_of(column).all, column->length));
    }
    if (most == 0)
        return;
    buf_puts(out, " <small>peak ");
    html_rate(out, most);
    buf_puts(out, "</small>");
}

static void put_traffic(const struct overview *overview, const struct status_work *work,
                        struct buf *out)
{
    struct series_column sum;

    series_sum(overview, MINUTE, &sum);
    const struct status_traffic traffic = status_traffic_of(&sum);

    status_fact_begin(out, "lookup-rate", "Requests", in_minute);
    if (sum.length > 0)
        html_rate(out, status_rate(traffic.all, sum.length));
    else
        buf_puts(out, "<small>not known yet</small>");
    put_peak(work, out);
    status_fact_end(out);
    status_fact_begin(out, "failed-share", "Failed", in_minute);
    html_share(out, traffic.all > 0 ? (double)traffic.failed / (double)traffic.all : 0);
    status_fact_end(out);
    status_fact_begin(out, "p50", "Median time", in_minute);
    put_percentile(&sum, 0.5, out);
    status_fact_end(out);
    status_fact_begin(out, "p99", "99 of 100 within", in_minute);
    put_percentile(&sum, 0.99, out);
    status_fact_end(out);
}

static void put_figures(const struct overview *overview, struct status_work *work, struct buf *out)
{
    series_fill(overview, &work->span, work->columns);
    buf_puts(out, "<dl id=\"figures\" class=\"figures\">");
    put_traffic(overview, work, out);
    status_fact_begin(out, "in-flight", "In flight", "now");
    put_of(out, overview->in_flight, overview->max_in_flight);
    status_fact_end(out);
    status_fact_begin(out, "connections", "Callers' connections", "now");
    put_of(out, overview->connections, overview->max_connections);
    status_fact_end(out);
    buf_puts(out, "</dl>");
}

/* ---- the configuration ---- */

static void put_reload(const struct overview *overview, struct buf *out)
{
    const struct reload_status *reload = &overview->reload;

    status_section_begin(out, "configuration", "Configuration", NULL);
    buf_printf(out, "<p id=\"reload\" data-value=\"%s\">The present configuration was taken at ",
               reload->failed ? "failed" : "ok");
    html_time(out, reload->at, overview->wall);
    buf_puts(out, " UTC");
    if (reload->failed) {
        buf_puts(out, ". <b>The last reload, at ");
        html_time(out, reload->tried_at, overview->wall);
        buf_puts(out, " UTC, failed</b>; the log says why");
    }
    buf_printf(out, ". %zu worker%s; started at ", overview->workers,
               overview->workers == 1 ? "" : "s");
    html_time(out, overview->started, overview->wall);
    buf_puts(out, " UTC.</p>");
    status_section_end(out);
}

/* ---- the frame ---- */

static void put_icon(enum status_sign sign, struct buf *out)
{
    static const char *const icons[] = {
        [SIGN_GOOD] = "%3Ccircle cx='8' cy='8' r='7' fill='%232a7564'/%3E",
        [SIGN_WARNING] = "%3Cpath d='M8 1 15.5 15H.5z' fill='%23c8790f'/%3E",
        [SIGN_BAD] = "%3Cpath d='M1 1h14v14H1z' fill='%23c9392c'/%3E",
    };

    buf_puts(out, "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/"
                  "2000/svg' viewBox='0 0 16 16'%3E");
    buf_puts(out, icons[sign]);
    buf_puts(out, "%3C/svg%3E\">");
}

static void put_head(const struct overview *overview, const char *host, struct buf *out)
{
    buf_puts(out,
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    status_verdict_text(overview, out);
    buf_puts(out, ": postcoded on ");
    html_text(out, host);
    buf_printf(out, "</title><noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>",
               RELOAD_EVERY);
    put_icon(status_sign_of(overview), out);
    buf_puts(out, "<style>");
    buf_puts(out, status_style);
    buf_puts(out, "</style></head>\n");
}

static void put_header(const struct overview *overview, const char *host, struct buf *out)
{
    buf_puts(out, "<body><header><b>postcoded</b><span id=\"about\">version ");
    html_text(out, overview->version);
    buf_puts(out, " on <b>");
    html_text(out, host);
    buf_puts(out, "</b>, up ");
    status_age(overview, overview->began, out);
    buf_puts(out, "</span><span id=\"asof\" class=\"push\">as of ");
    html_clock(out, overview->wall, overview->wall);
    buf_puts(out, " UTC</span><button id=\"pause\" type=\"button\" hidden>Pause updates</button>"
                  "</header><div id=\"stale\" role=\"alert\"></div>\n");
}

static void put_footer(struct buf *out)
{
    buf_puts(
        out,
        "<footer><span>All times are UTC. <span id=\"local\"></span></span>"
        "<span>A sample each 10 seconds, for two hours; medians and 99 of 100 are estimates.</span>"
        "<span><a href=\"status.json\">The same as JSON</a>, <a href=\"metrics\">metrics"
        "</a>, <a href=\"readyz\">readyz</a>, <a href=\"healthz\">healthz</a></span>"
        "</footer>\n<script>");
    buf_puts(out, status_script);
    buf_puts(out, "</script></body></html>\n");
}

static void put_main(const struct overview *overview, struct status_work *work, struct buf *out)
{
    const struct series_span *span = &work->span;
    const struct mono_time end = mono_add(series_begin(span), span->length);

    buf_printf(out,
               "<main data-now=\"%lld\" data-end=\"%lld\" data-step=\"%lld\" data-columns=\"%zu\">",
               (long long)(overview->wall.ns / MILLISECOND),
               (long long)(series_wall(overview, end).ns / MILLISECOND),
               (long long)(span->step / SECOND), span->columns);
    plot_write_shared(overview, span, out);
    status_verdict_write(overview, out);
    status_conditions_write(overview, out);
    put_figures(overview, work, out);
    status_routes_write(overview, out);
    status_upstreams_write(overview, out);
    for (size_t i = 0; i < overview->upstream_count; i++)
        status_upstream_write(overview, &overview->upstreams[i], work, out);
    status_load_write(overview, work, out);
    status_cache_write(overview, work, out);
    status_problems_write(overview, out);
    put_reload(overview, out);
    buf_puts(out, "</main>\n");
}

void status_page_write(const struct overview *overview, struct buf *out)
{
    char host[HOST_MAX] = "";
    struct status_work *work = mem_alloc(sizeof(*work));

    (void)gethostname(host, sizeof(host) - 1);
    work->drawn = 0;
    work->span = series_span_of(overview);
    put_head(overview, host, out);
    put_header(overview, host, out);
    timeline_write_shapes(out);
    put_main(overview, work, out);
    put_footer(out);
    mem_free(work);
}
