/*
 * The table says in rows what the timeline says in a picture, for those who cannot see it and for
 * those who want to copy it. Failures that follow each other are one row, so that an endpoint that
 * is down does not push out what came before. It has the newest events: all are in /status.json.
 */
#include "front/token_events.h"

#include "front/html.h"
#include "front/status_series.h"

/* Bytes of a reason. */
#define REASON_SHOWN 64

static void put_clock(const struct overview *overview, struct mono_time at, struct buf *out)
{
    html_clock(out, series_wall(overview, at), overview->wall);
}

void token_event_text(const struct overview *overview, const struct history_event *event,
                      struct buf *out)
{
    const unsigned long long generation = event->generation;

    switch (event->kind) {
    case HISTORY_OBTAINED:
        buf_printf(out, "token #%llu obtained; renewed from ", generation);
        put_clock(overview, event->renew_at, out);
        buf_puts(out, ", expires ");
        put_clock(overview, event->expires_at, out);
        break;
    case HISTORY_REQUEST_FAILED:
        buf_puts(out, "token request failed: ");
        html_text_cut(out, event->reason, REASON_SHOWN);
        break;
    case HISTORY_REJECTED:
        buf_printf(out, "the upstream rejected token #%llu", generation);
        break;
    case HISTORY_GONE:
        buf_printf(out, "token #%llu out of use: ", generation);
        html_text_cut(out, event->reason, REASON_SHOWN);
        break;
    }
}

static void put_when(const struct overview *overview, struct mono_time at, struct buf *out)
{
    buf_puts(out, "<tr><th scope=\"row\">");
    put_clock(overview, at, out);
    buf_puts(out, "</th><td>");
}

static void put_plan(const struct overview *overview, int64_t in, const char *what, struct buf *out)
{
    put_when(overview, mono_add(overview->now, in), out);
    buf_printf(out, "planned: %s</td></tr>", what);
}

/* How many that begin with the one of `age` and go back from it are failures. */
static size_t count_failures(const struct history *history, size_t index, size_t age)
{
    const size_t count = history_event_count(history, index);
    size_t same = 0;

    while (age + same < count &&
           history_event_at(history, index, age + same)->kind == HISTORY_REQUEST_FAILED)
        same++;
    return same;
}

static void put_rows(const struct overview *overview, const struct overview_upstream *upstream,
                     size_t most, struct buf *out)
{
    const struct keeper_status *token = &upstream->token;
    const size_t index = upstream->index;
    const size_t count = history_event_count(overview->history, index);

    if (keeper_status_has_token(token))
        put_plan(overview, token->expires_in, "the token expires", out);
    if (token->next_request_in >= 0)
        put_plan(overview, token->next_request_in, "next token request", out);
    for (size_t age = 0, rows = 0; age < count && rows < most; rows++) {
        const struct history_event *event = history_event_at(overview->history, index, age);
        const size_t failures = count_failures(overview->history, index, age);

        put_when(overview, event->at, out);
        if (failures > 1) {
            buf_printf(out, "%zu times since ", failures);
            put_clock(overview, history_event_at(overview->history, index, age + failures - 1)->at,
                      out);
            buf_puts(out, ": ");
        }
        token_event_text(overview, event, out);
        buf_puts(out, "</td></tr>");
        age += failures > 1 ? failures : 1;
    }
}

void token_events_write(const struct overview *overview, const struct overview_upstream *upstream,
                        size_t most, struct buf *out)
{
    const size_t count = history_event_count(overview->history, upstream->index);

    buf_puts(out, "<details><summary>The timeline as a table</summary><div class=\"scroll\" "
                  "tabindex=\"0\" role=\"region\" aria-label=\"Events of the token of ");
    html_text(out, upstream->name);
    buf_printf(out,
               "\"><table class=\"events\"><caption>What is planned, then the newest of %zu "
               "event%s.</caption><thead><tr><th scope=\"col\">Time</th>"
               "<th scope=\"col\">Event</th></tr></thead><tbody>",
               count, count == 1 ? "" : "s");
    put_rows(overview, upstream, most, out);
    buf_puts(out, "</tbody></table></div></details>");
}
