/*
 * One upstream of the status page: what its token does, in a sentence, as a timeline and as a
 * table; what the token and the connections are; and what calls to it took and brought.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/fleet_text.h"
#include "front/html.h"
#include "front/status_page_internal.h"
#include "front/status_timeline.h"
#include "front/token_events.h"

/* ---- the token ---- */

static const char *sentence_of(const struct keeper_status *token)
{
    static const char *const words[] = {
        [KEEPER_NONE] = "There is no token, and none has been asked for.",
        [KEEPER_FETCHING] = "There is no token; a request is under way.",
        [KEEPER_BACKOFF] = "There is no token: the last request failed.",
        [KEEPER_EXHAUSTED] = "There is no token, and the budget allows no request.",
        [KEEPER_VALID] = "Token #%llu is valid.",
        [KEEPER_RENEWING] = "Token #%llu is valid; a request for its successor is under way.",
        [KEEPER_OVERDUE] = "Token #%llu is still valid, but cannot be renewed.",
        [KEEPER_SUSPECT] = "The upstream rejected token #%llu; it is still tried.",
    };

    if (token->state == KEEPER_VALID && token->last_error != NULL)
        return "Token #%llu is valid, but cannot be renewed.";
    return words[token->state];
}

static void put_sentence(const struct keeper_status *token, struct buf *out)
{
    const char *text = sentence_of(token);
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

static void put_left(const struct overview *overview, const char *title, int64_t left,
                     struct buf *out)
{
    const struct mono_time at = mono_add(overview->now, left);

    buf_printf(out, "<p>%s in <b>", title);
    status_countdown(overview, at, out);
    buf_puts(out, "</b> at ");
    status_when(overview, at, out);
    buf_puts(out, "</p>");
}

/* Large only where the token is what is wrong: a reader with another trouble is not to read them.
 */
static void put_countdowns(const struct overview *overview, const struct keeper_status *token,
                           struct buf *out)
{
    const bool calm = token->last_error == NULL && keeper_status_has_token(token);
    const char *title = !calm && token->cause.kind == TOKEN_CAUSE_FLEET_ALONE
                            ? "Next token request when the fleet's store is back, at the latest"
                            : "Next token request";

    buf_printf(out, "<div class=\"count%s\">", calm ? "" : " grave");
    if (token->next_request_in >= 0)
        put_left(overview, title, token->next_request_in, out);
    else
        buf_puts(out, "<p>No token request is planned</p>");
    if (keeper_status_has_token(token))
        put_left(overview, "Token expires", token->expires_in, out);
    buf_puts(out, "</div>");
}

static bool is_told(const struct overview *overview, const char *upstream)
{
    for (size_t i = 0; i < overview->condition_count; i++) {
        const char *of = overview->conditions[i].upstream;

        if (of != NULL && strcmp(of, upstream) == 0)
            return true;
    }
    return false;
}

/* A condition has the last error already. */
static void put_note(const struct overview *overview, const struct overview_upstream *upstream,
                     struct buf *out)
{
    const struct keeper_status *token = &upstream->token;

    buf_puts(out, "<p class=\"note\">");
    if (token->last_error != NULL && !is_told(overview, upstream->name)) {
        buf_puts(out, "Last error, at ");
        status_when(overview, mono_add(overview->now, -token->last_error_age), out);
        buf_puts(out, ": ");
        html_text(out, token->last_error);
    } else if (keeper_status_has_token(token)) {
        buf_printf(out, "Token #%llu was obtained at ", (unsigned long long)token->generation);
        status_when(overview, mono_add(overview->now, -token->age), out);
        buf_puts(out, " and lives ");
        html_span(out, token->lifetime);
        buf_puts(out, "; it is renewed ");
        html_span(out, token->refresh_window);
        buf_puts(out, " before its expiry.");
    }
    buf_puts(out, "</p>");
}

/* ---- facts ---- */

static void put_origin(const char *title, const char *origin, struct buf *out)
{
    status_fact_begin(out, NULL, title, NULL);
    buf_puts(out, "<code>");
    html_text(out, origin);
    buf_puts(out, "</code>");
    status_fact_end(out);
}

static void put_token_facts(const struct overview_upstream *upstream, struct buf *out)
{
    const struct keeper_status *token = &upstream->token;

    status_fact_begin(out, NULL, "Token fingerprint", NULL);
    if (keeper_status_has_token(token)) {
        buf_puts(out, "<code>");
        html_text(out, token->fingerprint);
        buf_puts(out, "</code>");
    } else {
        buf_puts(out, "none");
    }
    status_fact_end(out);
    status_fact_begin(out, NULL, "Token requests", "last hour");
    html_count(out, token->requests_last_hour);
    buf_puts(out, " <small>");
    html_count(out, token->charged_last_hour);
    buf_puts(out, " of ");
    html_count(out, upstream->budget);
    buf_puts(out, " an hour used (auth_budget)</small>");
    status_fact_end(out);
    status_fact_begin(out, NULL, "Waiting for the token", "now");
    html_count(out, upstream->waiters);
    status_fact_end(out);
}

/* ---- the fleet ---- */

/* "follows as a.1, of 5 members; b.2 asked last", "alone since 14:03:10 UTC as a.1, ..." */
static void put_member(const struct overview *overview, const struct fleet_status *member,
                       struct buf *out)
{
    static const char *const words[] = {
        [FLEET_JOINING] = "joins",
        [FLEET_FOLLOWING] = "follows",
        [FLEET_LEADING] = "leads: it requests the token",
        [FLEET_ALONE] = "alone",
    };

    buf_puts(out, words[member->state]);
    if (member->state == FLEET_ALONE) {
        buf_puts(out, " since ");
        status_when(overview, member->since, out);
    }
    buf_puts(out, " <small>as <code>");
    html_text(out, member->member);
    buf_puts(out, "</code>");
    if (member->members > 0) {
        buf_puts(out, ", of ");
        html_count(out, member->members);
        buf_puts(out, member->members == 1 ? " member" : " members");
    }
    if (member->leader[0] != '\0' && member->state != FLEET_LEADING) {
        buf_puts(out, "; <code>");
        html_text(out, member->leader);
        buf_puts(out, "</code> asked last");
    }
    buf_puts(out, "</small>");
}

static void put_store(const struct overview *overview, struct buf *out)
{
    char error[FLEET_STORE_TEXT];

    if (!overview->has_store || !fleet_text_store(&overview->store, error))
        return;
    buf_puts(out, " <small>store: ");
    html_text(out, error);
    buf_puts(out, "</small>");
}

static void put_fleet(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out)
{
    if (!upstream->in_fleet)
        return;
    status_fact_begin(out, NULL, "Fleet", NULL);
    put_member(overview, &upstream->member, out);
    put_store(overview, out);
    status_fact_end(out);
}

/* ---- connections ---- */

/* Each call passes the queue; with a free connection it takes it microseconds. */
static bool waited(const struct history_durations *queued)
{
    return history_durations_over(queued, MILLISECOND) > 0;
}

static void put_queue(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out)
{
    struct series_upstream_column sum;

    series_sum_upstream(overview, upstream->index, MINUTE, &sum);
    status_fact_begin(out, NULL, "Waiting for a connection", "now");
    html_count(out, upstream->queue_length);
    if (waited(&sum.queued)) {
        buf_puts(out, " <small>99 of 100 within ");
        html_estimate(out, history_percentile(&sum.queued, 0.99));
        buf_puts(out, " in the last minute</small>");
    }
    if (sum.queue_refused > 0) {
        buf_puts(out, " <small>");
        html_count(out, sum.queue_refused);
        buf_puts(out, " turned away in the last minute</small>");
    }
    status_fact_end(out);
}

/* Of an upstream that always was open, and has no rate, nothing is to be told. */
static void put_way(const struct overview *overview, const struct overview_upstream *upstream,
                    struct buf *out)
{
    if (overview->readiness.config != NULL || upstream->hold.held) {
        status_fact_begin(out, NULL, "Taken by routes", "now");
        status_way_write(overview, upstream, out);
        status_fact_end(out);
    }
    if (upstream->rate == 0)
        return;
    status_fact_begin(out, NULL, "Waiting for their turn", "now");
    html_count(out, upstream->rate_waiting);
    buf_puts(out, " <small>of ");
    html_count(out, upstream->rate_queue);
    buf_puts(out, "; rate allows ");
    html_rate(out, (double)SECOND / (double)upstream->rate);
    if (upstream->in_fleet && upstream->member.members > 1) {
        buf_puts(out, " to ");
        html_count(out, upstream->member.members);
        buf_puts(out, " members together");
    }
    buf_puts(out, "</small>");
    status_fact_end(out);
}

static void put_facts(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out)
{
    buf_puts(out, "<dl class=\"facts\">");
    put_origin("Address", upstream->address, out);
    put_origin("Token endpoint", upstream->token_endpoint, out);
    put_token_facts(upstream, out);
    put_fleet(overview, upstream, out);
    status_fact_begin(out, NULL, "Connections", "now");
    html_count(out, upstream->connections_active);
    buf_puts(out, " active <small>");
    html_count(out, upstream->connections_idle);
    buf_puts(out, " idle</small>");
    status_fact_end(out);
    put_queue(overview, upstream, out);
    put_way(overview, upstream, out);
    buf_puts(out, "</dl>");
}

/* ---- plots ---- */

static void put_durations(const char *id, const char *title, bool queued, const char *name,
                          struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, id, name, title, PLOT_SECONDS);
    double *half = plot_add(&work->plot, "median");
    double *most = plot_add(&work->plot, "99 of 100 in");
    for (size_t i = 0; i < work->span.columns; i++) {
        const struct series_upstream_column *column = &work->upstream[i];
        const struct history_durations *durations = queued ? &column->queued : &column->calls;

        if (history_durations_count(durations) == 0)
            continue;
        half[i] = (double)history_percentile(durations, 0.5) / (double)SECOND;
        most[i] = (double)history_percentile(durations, 0.99) / (double)SECOND;
    }
    plot_write(&work->plot, &work->span, out);
}

/* What came of calls, by classes that are told apart. Those that did not come are not drawn. */
static const struct call_kind {
    const char *words;
    unsigned classes; /* bits */
} call_kinds[] = {
    {"answered", 1u << HISTORY_GOOD},
    {"401, 403", 1u << HISTORY_REFUSED},
    {"429, other 4xx", 1u << HISTORY_LIMITED | 1u << HISTORY_CLIENT_ERROR},
    {"5xx, no response", 1u << HISTORY_NONE | 1u << HISTORY_SERVER_ERROR},
};

static int64_t count_of(const struct series_upstream_column *column, unsigned classes)
{
    int64_t count = 0;

    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        count += (classes & 1u << i) != 0 ? column->classes[i] : 0;
    return count;
}

static bool came(const struct status_work *work, unsigned classes)
{
    for (size_t i = 0; i < work->span.columns; i++)
        if (count_of(&work->upstream[i], classes) > 0)
            return true;
    return false;
}

static void put_calls(const char *name, struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "calls", name, "Calls", PLOT_RATE);
    for (size_t kind = 0; kind < ARRAY_LEN(call_kinds); kind++) {
        const unsigned classes = call_kinds[kind].classes;

        if (kind > 0 && !came(work, classes))
            continue;
        double *values = plot_add(&work->plot, call_kinds[kind].words);
        work->plot.series[work->plot.count - 1].colour = kind;
        for (size_t i = 0; i < work->span.columns; i++)
            if (work->upstream[i].length > 0)
                values[i] =
                    status_rate(count_of(&work->upstream[i], classes), work->upstream[i].length);
    }
    plot_write(&work->plot, &work->span, out);
}

static bool came_to_wait(const struct status_work *work)
{
    for (size_t i = 0; i < work->span.columns; i++)
        if (waited(&work->upstream[i].queued))
            return true;
    return false;
}

/* ---- the section ---- */

void status_upstream_write(const struct overview *overview,
                           const struct overview_upstream *upstream, struct status_work *work,
                           struct buf *out)
{
    const struct keeper_status *token = &upstream->token;
    char *id = mem_printf("upstream-%s", upstream->name);

    series_fill_upstream(overview, &work->span, upstream->index, work->upstream);
    status_section_upstream(out, id, upstream->name);
    mem_free(id);
    buf_printf(out, "<div class=\"token\" data-state=\"%s\" data-generation=\"%llu\">",
               token->state_name, (unsigned long long)token->generation);
    put_sentence(token, out);
    put_countdowns(overview, token, out);
    timeline_write(overview, upstream, &work->span, work->upstream, &work->drawn, out);
    put_note(overview, upstream, out);
    token_events_write(overview, upstream, work->span.events, out);
    buf_puts(out, "</div>");
    put_facts(overview, upstream, out);
    buf_puts(out, "<div class=\"plots\">");
    put_calls(upstream->name, work, out);
    put_durations("call-latency", "Time of a call", false, upstream->name, work, out);
    if (came_to_wait(work))
        put_durations("queue", "Wait for a connection", true, upstream->name, work, out);
    buf_puts(out, "</div>");
    status_section_end(out);
}
