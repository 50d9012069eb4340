/*
 * The status page's frame: its head with the policy's style and script, whether the daemon is
 * ready, what is wrong, and the sections in their order. It is written in one pass into one buffer.
 *
 * What tests and others may rely on:
 *
 *   main                      data-now (ms since 1970), and what front/status_plot.c says
 *   #ready                    data-value: "ready", "not-ready", "draining"; li: the reasons
 *   #conditions               data-value: how many; .cond with data-level (down, warning, note) and
 *                             data-upstream; in it h3, .why, .since, .do
 *   #figures                  dd#lookup-rate, #failed-share, #p50, #p99, #in-flight, #connections
 *   #upstream-NAME            data-state (as in /tokens), data-generation; .count b[data-until]
 *                             (ms since 1970); svg.timeline, .mark (front/status_timeline.c); .note
 *                             tells what a mark is; table.events; plots #plot-calls-NAME and
 *                             #plot-call-latency-NAME
 *   #lookups, #errors, #load  sections; plots #plot-rate, #plot-latency, #plot-errors, #plot-open,
 *                             #plot-busy (front/status_plot.c); #codes: a row for each code, with
 *                             data-code and three .n
 *   #problems, #caller-problems  tables, a row for each problem, whose cells
 *                             are time, code and status, duration, path, GUID
 *   #reload                   data-value: "ok" or "failed"
 *   #pause, #asof, #stale, #local  the script's
 */
#include "front/status_page.h"

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

/* ---- ready or not ---- */

static const char *state_of(const struct overview *overview)
{
    if (overview->draining)
        return "draining";
    return overview->ready ? "ready" : "not-ready";
}

static const char *verdict_of(const struct overview *overview)
{
    if (overview->draining)
        return "Draining";
    return overview->ready ? "Ready" : "Not ready";
}

/* The forms differ, too. */
static void put_sign(bool good, struct buf *out)
{
    buf_puts(out, "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">");
    if (good)
        buf_puts(out, "<circle cx=\"8\" cy=\"8\" r=\"8\"/><path class=\"cross\" d=\"M4.5 8.3 7 "
                      "10.8l4.6-5.4\"/>");
    else
        buf_puts(out, "<path d=\"M5 0h6l5 5v6l-5 5H5l-5-5V5z\"/><path class=\"cross\" d=\"M5.2 5.2l"
                      "5.6 5.6M10.8 5.2l-5.6 5.6\"/>");
    buf_puts(out, "</svg>");
}

/* The lines of `reasons`. */
static void put_reasons(const char *lines, struct buf *out)
{
    buf_puts(out, "<ul>");
    while (*lines != '\0') {
        const size_t len = strcspn(lines, "\n");
        char *line = mem_strndup(lines, len);

        buf_puts(out, "<li>");
        html_text(out, line);
        buf_puts(out, "</li>");
        mem_free(line);
        lines += len + (lines[len] == '\n');
    }
    buf_puts(out, "</ul>");
}

static void put_verdict(const struct overview *overview, struct buf *out)
{
    buf_printf(out, "<div id=\"ready\" class=\"%s\" data-value=\"%s\">",
               overview->ready ? "good" : "bad", state_of(overview));
    put_sign(overview->ready, out);
    buf_printf(out, "<h1>%s</h1>", verdict_of(overview));
    if (!overview->ready)
        put_reasons(buf_text(&overview->reasons), out);
    else if (overview->condition_count > 0)
        buf_puts(out, "<p>Lookups are answered, but something is wrong.</p>");
    else
        buf_puts(out, "<p>Lookups are answered.</p>");
    buf_puts(out, "</div>");
}

/* ---- figures ---- */

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
        html_duration(out, duration);
}

/* Of the last minute. */
static void put_traffic(const struct series_column *sum, struct buf *out)
{
    int64_t all = 0, failed = 0;

    for (int id = 0; id < PROBLEM_COUNT; id++) {
        all += sum->codes[id];
        failed += status_is_service_error((enum problem_id)id) ? sum->codes[id] : 0;
    }
    status_fact_begin(out, "lookup-rate", "Requests, last minute");
    html_rate(out, sum->length > 0 ? (double)all * (double)SECOND / (double)sum->length : 0);
    status_fact_end(out);
    status_fact_begin(out, "failed-share", "Failed");
    html_share(out, all > 0 ? (double)failed / (double)all : 0);
    status_fact_end(out);
    status_fact_begin(out, "p50", "Median time");
    put_percentile(sum, 0.5, out);
    status_fact_end(out);
    status_fact_begin(out, "p99", "99 of 100 within");
    put_percentile(sum, 0.99, out);
    status_fact_end(out);
}

static void put_figures(const struct overview *overview, struct buf *out)
{
    struct series_column sum;

    series_sum(overview, MINUTE, &sum);
    buf_puts(out, "<dl id=\"figures\" class=\"figures\">");
    put_traffic(&sum, out);
    status_fact_begin(out, "in-flight", "In flight");
    put_of(out, overview->in_flight, overview->max_in_flight);
    status_fact_end(out);
    status_fact_begin(out, "connections", "Callers' connections");
    put_of(out, overview->connections, overview->max_connections);
    status_fact_end(out);
    buf_puts(out, "</dl>");
}

/* ---- what is wrong ---- */

static void put_paragraph(const char *class, const char *lead, const char *text, struct buf *out)
{
    if (text[0] == '\0')
        return;
    buf_printf(out, "<p class=\"%s\">%s", class, lead);
    html_text(out, text);
    buf_puts(out, "</p>");
}

static void put_since(const struct overview *overview, const struct condition *condition,
                      struct buf *out)
{
    const struct wall_time since = series_wall(overview, condition->since);

    if (condition->since.ns == 0)
        return;
    buf_puts(out, "<p class=\"since\">Since ");
    html_time(out, since, overview->wall);
    buf_printf(out, " UTC, for <span data-since=\"%lld\">", (long long)(since.ns / MILLISECOND));
    html_span(out, mono_diff(overview->now, condition->since));
    buf_puts(out, "</span>.</p>");
}

static void put_condition(const struct overview *overview, const struct condition *condition,
                          struct buf *out)
{
    static const struct {
        const char *class, *words;
    } levels[] = {
        [CONDITION_DOWN] = {"down", "Lookups fail"},
        [CONDITION_WARNING] = {"warning", "Warning"},
        [CONDITION_NOTE] = {"note", "Note"},
    };
    const char *class = levels[condition->level].class;

    buf_printf(out, "<li class=\"cond %s\" data-level=\"%s\" data-upstream=\"", class, class);
    html_text(out, condition->upstream == NULL ? "" : condition->upstream);
    buf_printf(out, "\"><h3><span class=\"tag\">%s", levels[condition->level].words);
    if (condition->upstream != NULL) {
        buf_puts(out, ", upstream ");
        html_text(out, condition->upstream);
    }
    buf_puts(out, "</span> ");
    html_text(out, condition->what);
    buf_puts(out, "</h3>");
    put_since(overview, condition, out);
    put_paragraph("why", "", condition->why, out);
    put_paragraph("do", "<b>What to do:</b> ", condition->action, out);
    buf_puts(out, "</li>");
}

static void put_conditions(const struct overview *overview, struct buf *out)
{
    const size_t count = overview->condition_count;

    status_section_begin(out, "conditions", "What is wrong", NULL);
    buf_printf(out, "<ul data-value=\"%zu\">", count);
    if (count == 0)
        buf_puts(out, "<li class=\"calm\">Nothing is wrong.</li>");
    for (size_t i = 0; i < count; i++)
        put_condition(overview, &overview->conditions[i], out);
    buf_puts(out, "</ul>");
    status_section_end(out);
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

static void put_icon(bool good, struct buf *out)
{
    buf_puts(out, "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/"
                  "2000/svg' viewBox='0 0 16 16'%3E");
    buf_puts(out, good ? "%3Ccircle cx='8' cy='8' r='7' fill='%232a7564'/%3E"
                       : "%3Cpath d='M1 1h14v14H1z' fill='%23c9392c'/%3E");
    buf_puts(out, "%3C/svg%3E\">");
}

static void put_head(const struct overview *overview, const char *host, struct buf *out)
{
    buf_puts(out,
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    buf_printf(out, "%s: postcoded on ", verdict_of(overview));
    html_text(out, host);
    buf_printf(out, "</title><noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>",
               RELOAD_EVERY);
    put_icon(overview->ready, out);
    buf_puts(out, "<style>");
    buf_puts(out, status_style);
    buf_puts(out, "</style></head>\n");
}

static void put_header(const struct overview *overview, const char *host, struct buf *out)
{
    buf_puts(out, "<body><header><b>postcoded</b><span>version ");
    html_text(out, overview->version);
    buf_puts(out, "</span><span>on <b>");
    html_text(out, host);
    buf_puts(out, "</b></span><span id=\"asof\" class=\"push\">as of ");
    html_clock(out, overview->wall, overview->wall);
    buf_puts(out, " UTC</span><button id=\"pause\" type=\"button\" hidden>Pause</button></header>"
                  "<div id=\"stale\" role=\"alert\"></div>\n");
}

static void put_footer(struct buf *out)
{
    buf_puts(out,
             "<footer><span>All times are UTC. <span id=\"local\"></span></span>"
             "<span>A sample each 10 seconds, for two hours.</span>"
             "<span><a href=\"/status.json\">The same as JSON</a>, <a href=\"/metrics\">metrics"
             "</a>, <a href=\"/readyz\">readyz</a>, <a href=\"/healthz\">healthz</a></span>"
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
    put_verdict(overview, out);
    put_figures(overview, out);
    put_conditions(overview, out);
    for (size_t i = 0; i < overview->upstream_count; i++)
        status_upstream_write(overview, &overview->upstreams[i], work, out);
    status_load_write(overview, work, out);
    status_problems_write(overview, out);
    put_reload(overview, out);
    buf_puts(out, "</main>\n");
}

void status_page_write(const struct overview *overview, struct buf *out)
{
    char host[HOST_MAX] = "";
    struct status_work *work = mem_alloc(sizeof(*work));

    (void)gethostname(host, sizeof(host) - 1);
    work->span = series_span_of(overview);
    put_head(overview, host, out);
    put_header(overview, host, out);
    timeline_write_shapes(out);
    put_main(overview, work, out);
    put_footer(out);
    mem_free(work);
}
