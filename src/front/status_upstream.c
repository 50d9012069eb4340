/*
 * One upstream of the status page: what its token does, in a sentence, as a timeline and as a
 * table; what the token and the connections are; and what calls to it took and brought.
 */
#include <string.h>

#include "base/mem.h"
#include "front/html.h"
#include "front/status_page_internal.h"
#include "front/status_timeline.h"
#include "front/token_events.h"

static bool has_token(const struct keeper_status *token)
{
    return token->fingerprint[0] != '\0';
}

/* ---- the token ---- */

static void put_sentence(const struct keeper_status *token, struct buf *out)
{
    static const char *const words[] = {
        [KEEPER_NONE] = "There is no token, and none has been asked for.",
        [KEEPER_FETCHING] = "There is no token; a request is under way.",
        [KEEPER_BACKOFF] = "There is no token: the last request failed.",
        [KEEPER_EXHAUSTED] = "There is no token, and the budget allows no request.",
        [KEEPER_VALID] = "Token #%llu is valid.",
        [KEEPER_RENEWING] = "Token #%llu is valid; a request for its successor is under way.",
        [KEEPER_OVERDUE] = "Token #%llu is still valid, but its successor could not be obtained.",
        [KEEPER_SUSPECT] = "The upstream rejected token #%llu; it is still tried.",
    };
    const char *text = words[token->state];
    const char *number = strstr(text, "%llu");

    buf_puts(out, "<p class=\"lead\">");
    if (number == NULL) {
        buf_puts(out, text);
    } else {
        buf_append(out, text, (size_t)(number - text));
        html_count(out, (int64_t)token->generation);
        buf_puts(out, number + strlen("%llu"));
    }
    buf_puts(out, "</p>");
}

static void put_countdown(const struct overview *overview, const char *title, int64_t left,
                          struct buf *out)
{
    const struct wall_time at = series_wall(overview, mono_add(overview->now, left));

    buf_printf(out, "<p><span>%s in</span> <b data-until=\"%lld\">", title,
               (long long)(at.ns / MILLISECOND));
    html_span(out, left);
    buf_puts(out, "</b> <span>at ");
    html_time(out, at, overview->wall);
    buf_puts(out, "</span></p>");
}

static void put_countdowns(const struct overview *overview, const struct keeper_status *token,
                           struct buf *out)
{
    buf_puts(out, "<div class=\"count\">");
    if (token->next_request_in >= 0)
        put_countdown(overview, "next request", token->next_request_in, out);
    else
        buf_puts(out, "<p><span>no request is planned</span></p>");
    if (has_token(token))
        put_countdown(overview, "expires", token->expires_in, out);
    buf_puts(out, "</div>");
}

static void put_note(const struct keeper_status *token, struct buf *out)
{
    buf_puts(out, "<p class=\"note\">");
    if (token->last_error == NULL && has_token(token)) {
        buf_puts(out, "It was obtained ");
        html_span(out, token->age);
        buf_puts(out, " ago and lives ");
        html_span(out, token->lifetime);
        buf_puts(out, "; it is renewed ");
        html_span(out, token->refresh_window);
        buf_puts(out, " before its expiry.");
    } else if (token->last_error != NULL) {
        buf_puts(out, "Last error, ");
        html_span(out, token->last_error_age);
        buf_puts(out, " ago: ");
        html_text(out, token->last_error);
    }
    buf_puts(out, "</p>");
}

/* ---- facts ---- */

static void put_token_facts(const struct overview_upstream *upstream, struct buf *out)
{
    const struct keeper_status *token = &upstream->token;

    status_fact_begin(out, NULL, "Token");
    if (has_token(token)) {
        buf_puts(out, "<code>");
        html_text(out, token->fingerprint);
        buf_puts(out, "</code> <small>lives ");
        html_span(out, token->lifetime);
        buf_puts(out, "</small>");
    } else {
        buf_puts(out, "none");
    }
    status_fact_end(out);
    status_fact_begin(out, NULL, "Token requests, last hour");
    html_count(out, token->requests_last_hour);
    buf_puts(out, " <small>charged ");
    html_count(out, token->charged_last_hour);
    buf_puts(out, " of ");
    html_count(out, upstream->budget);
    buf_puts(out, "</small>");
    status_fact_end(out);
}

static void put_facts(const struct overview_upstream *upstream, struct buf *out)
{
    buf_puts(out, "<dl class=\"facts\">");
    put_token_facts(upstream, out);
    status_fact_begin(out, NULL, "Waiting for the token");
    html_count(out, upstream->waiters);
    status_fact_end(out);
    status_fact_begin(out, NULL, "Connections");
    html_count(out, upstream->connections_active);
    buf_puts(out, " active <small>");
    html_count(out, upstream->connections_idle);
    buf_puts(out, " idle</small>");
    status_fact_end(out);
    status_fact_begin(out, NULL, "Waiting for a connection");
    html_count(out, upstream->queue_length);
    status_fact_end(out);
    buf_puts(out, "</dl>");
}

/* ---- plots ---- */

static double rate(int64_t count, int64_t length)
{
    return (double)count * (double)SECOND / (double)length;
}

static void put_latency(const char *name, struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "call-latency", name, "Time of a call", PLOT_SECONDS);
    double *p50 = plot_add(&work->plot, "p50");
    double *p99 = plot_add(&work->plot, "p99");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct history_durations *calls = &work->upstream[i].calls;

        if (history_durations_count(calls) == 0)
            continue;
        p50[i] = (double)history_percentile(calls, 0.5) / (double)SECOND;
        p99[i] = (double)history_percentile(calls, 0.99) / (double)SECOND;
    }
    plot_write(&work->plot, &work->span, out);
}

/* Those that brought an answer, those that the upstream turned away, and those that failed. */
static void put_calls(const char *name, struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "calls", name, "Calls", PLOT_RATE);
    double *good = plot_add(&work->plot, "answered");
    double *refused = plot_add(&work->plot, "refused");
    double *failed = plot_add(&work->plot, "failed");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct series_upstream_column *column = &work->upstream[i];
        const int64_t *classes = column->classes;

        if (column->length == 0)
            continue;
        good[i] = rate(classes[HISTORY_GOOD], column->length);
        refused[i] = rate(classes[HISTORY_REFUSED] + classes[HISTORY_LIMITED] +
                              classes[HISTORY_CLIENT_ERROR],
                          column->length);
        failed[i] = rate(classes[HISTORY_NONE] + classes[HISTORY_SERVER_ERROR], column->length);
    }
    plot_write(&work->plot, &work->span, out);
}

/* ---- the section ---- */

void status_upstream_write(const struct overview *overview,
                           const struct overview_upstream *upstream, struct status_work *work,
                           struct buf *out)
{
    const struct keeper_status *token = &upstream->token;
    char *id = mem_printf("upstream-%s", upstream->name);

    series_fill_upstream(overview, &work->span, series_position(overview, upstream),
                         work->upstream);
    status_section_begin(out, id, upstream->name, "upstream");
    mem_free(id);
    buf_printf(out, "<div class=\"token\" data-state=\"%s\" data-generation=\"%llu\">",
               token->state_name, (unsigned long long)token->generation);
    put_sentence(token, out);
    put_countdowns(overview, token, out);
    timeline_write(overview, upstream, &work->span, work->upstream, out);
    put_note(token, out);
    token_events_write(overview, upstream, work->span.events, out);
    buf_puts(out, "</div>");
    put_facts(upstream, out);
    buf_puts(out, "<div class=\"plots\">");
    put_calls(upstream->name, work, out);
    put_latency(upstream->name, work, out);
    buf_puts(out, "</div>");
    status_section_end(out);
}
