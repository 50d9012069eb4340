/*
 * The top of the status page: whether lookups are answered and until when, and what is wrong. Each
 * thing is said once: a reason for which a condition stands below is left to the condition.
 */
#include <string.h>

#include "front/html.h"
#include "front/status_page_internal.h"

/* Bytes of what a reason says, and of why. */
#define REASON_SHOWN 320

/* ---- ready or not ---- */

/* The worst of all; NOTE also where there is none. */
static enum condition_level worst(const struct overview *overview)
{
    enum condition_level level = CONDITION_NOTE;

    for (size_t i = 0; i < overview->condition_count; i++)
        if (overview->conditions[i].level < level)
            level = overview->conditions[i].level;
    return level;
}

/* When lookups fail that are answered now; {0}: that is not to be expected. */
static struct mono_time ready_until(const struct overview *overview)
{
    struct mono_time until = MONO_NEVER;

    for (size_t i = 0; i < overview->condition_count && overview->ready; i++)
        if (overview->conditions[i].until.ns != 0)
            until = mono_min(until, overview->conditions[i].until);
    return until.ns == MONO_NEVER.ns ? (struct mono_time){0} : until;
}

void status_verdict_text(const struct overview *overview, struct buf *out)
{
    const struct mono_time until = ready_until(overview);

    if (overview->draining) {
        buf_puts(out, "Draining");
    } else if (!overview->ready) {
        buf_puts(out, "Not ready");
    } else if (until.ns == 0) {
        buf_puts(out, "Ready");
    } else {
        buf_puts(out, "Ready until ");
        html_clock(out, series_wall(overview, until), overview->wall);
        buf_puts(out, " UTC");
    }
}

enum status_sign status_sign_of(const struct overview *overview)
{
    if (!overview->ready)
        return SIGN_BAD;
    return worst(overview) < CONDITION_NOTE ? SIGN_WARNING : SIGN_GOOD;
}

static const char *state_of(const struct overview *overview)
{
    if (overview->draining)
        return "draining";
    return overview->ready ? "ready" : "not-ready";
}

/* The forms differ, too. */
static void put_sign(enum status_sign sign, struct buf *out)
{
    static const char *const signs[] = {
        [SIGN_GOOD] = "<circle cx=\"8\" cy=\"8\" r=\"8\"/><path class=\"cross\" d=\"M4.5 8.3 7 "
                      "10.8l4.6-5.4\"/>",
        [SIGN_WARNING] =
            "<path d=\"M8 .6 16 15.4H0z\"/><path class=\"cross\" d=\"M8 6v4M8 12.6v.1\"/>",
        [SIGN_BAD] = "<path d=\"M5 0h6l5 5v6l-5 5H5l-5-5V5z\"/><path class=\"cross\" d=\"M5.2 5.2l"
                     "5.6 5.6M10.8 5.2l-5.6 5.6\"/>",
    };

    buf_puts(out, "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">");
    buf_puts(out, signs[sign]);
    buf_puts(out, "</svg>");
}

/* A condition says the same at greater length. */
static bool is_told(const struct overview *overview, const struct readiness_reason *reason)
{
    for (size_t i = 0; i < overview->condition_count; i++) {
        const struct condition *condition = &overview->conditions[i];

        if (condition->level == CONDITION_DOWN && condition->upstream != NULL &&
            reason->upstream != NULL && strcmp(condition->upstream, reason->upstream) == 0)
            return true;
    }
    return false;
}

static void put_reason(const struct overview *overview, const struct readiness_reason *reason,
                       struct buf *out)
{
    buf_puts(out, "<li>");
    if (reason->upstream != NULL) {
        status_upstream_name(reason->upstream, out);
        buf_puts(out, ": ");
    }
    html_text_cut(out, reason->what, REASON_SHOWN);
    if (reason->since.ns != 0) {
        buf_puts(out, " since ");
        status_when(overview, reason->since, out);
    }
    if (reason->why[0] != '\0') {
        buf_puts(out, ": ");
        html_text_cut(out, reason->why, REASON_SHOWN);
    }
    buf_puts(out, "</li>");
}

static void put_reasons(const struct overview *overview, struct buf *out)
{
    buf_puts(out, "<ul>");
    for (size_t i = 0; i < overview->readiness.count; i++)
        if (!is_told(overview, &overview->readiness.reasons[i]))
            put_reason(overview, &overview->readiness.reasons[i], out);
    buf_puts(out, "</ul>");
}

static bool is_slow(const struct overview *overview)
{
    for (size_t i = 0; i < overview->upstream_count; i++)
        if (overview->upstreams[i].slow)
            return true;
    return false;
}

static bool all_routes_are_ready(const struct overview *overview)
{
    const struct config *config = overview->readiness.config;
    struct mono_time since;

    for (size_t i = 0; config != NULL && i < config->route_count; i++)
        if (!readiness_of_route(&overview->readiness, &config->routes[i], &since))
            return false;
    return true;
}

/* How lookups fare while it is ready; the worst that can be said. */
static void put_fare(const struct overview *overview, struct buf *out)
{
    struct series_column sum;

    series_sum(overview, MINUTE, &sum);
    const struct status_traffic traffic = status_traffic_of(&sum);

    buf_puts(out, "Lookups are answered");
    if (!all_routes_are_ready(overview)) {
        buf_puts(out, ", but not those of every route.");
        return;
    }
    if (is_slow(overview))
        buf_puts(out, ", but slowly");
    if (traffic.failed > 0) {
        buf_puts(out, is_slow(overview) ? ", and " : ", but ");
        html_share(out, (double)traffic.failed / (double)traffic.all);
        buf_puts(out, " of requests failed in the last minute");
    } else if (worst(overview) < CONDITION_NOTE && !is_slow(overview)) {
        buf_puts(out, ", but something is wrong");
    }
    buf_puts(out, ".");
}

static void put_outlook(const struct overview *overview, struct buf *out)
{
    const struct mono_time until = ready_until(overview);

    if (until.ns == 0)
        return;
    buf_puts(out, " They fail in <b>");
    status_countdown(overview, until, out);
    buf_puts(out, "</b>, unless what is wrong ends before.");
}

void status_verdict_write(const struct overview *overview, struct buf *out)
{
    static const char *const classes[] = {
        [SIGN_GOOD] = "good", [SIGN_WARNING] = "warn", [SIGN_BAD] = "bad"};
    const enum status_sign sign = status_sign_of(overview);

    buf_printf(out, "<div id=\"ready\" class=\"%s\" data-value=\"%s\">", classes[sign],
               state_of(overview));
    put_sign(sign, out);
    buf_puts(out, "<h1>");
    status_verdict_text(overview, out);
    buf_puts(out, "</h1>");
    if (overview->ready) {
        buf_puts(out, "<p>");
        put_fare(overview, out);
        put_outlook(overview, out);
        buf_puts(out, "</p>");
    } else {
        if (worst(overview) == CONDITION_DOWN)
            buf_puts(out, "<p>Lookups fail.</p>");
        put_reasons(overview, out);
    }
    buf_puts(out, "</div>");
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
    if (condition->since.ns == 0)
        return;
    buf_puts(out, "<p class=\"since\">Since ");
    status_when(overview, condition->since, out);
    buf_puts(out, ", for ");
    status_age(overview, condition->since, out);
    buf_puts(out, ".</p>");
}

/* Whom to ask. */
static void put_where(const struct overview *overview, const struct condition *condition,
                      struct buf *out)
{
    for (size_t i = 0; i < overview->upstream_count && condition->upstream != NULL; i++) {
        const struct overview_upstream *upstream = &overview->upstreams[i];

        if (strcmp(upstream->name, condition->upstream) != 0)
            continue;
        buf_puts(out, "<p class=\"where\">Upstream");
        if (strcmp(upstream->address, upstream->token_endpoint) != 0) {
            buf_puts(out, " <code>");
            html_text(out, upstream->address);
            buf_puts(out, "</code>, token endpoint");
        } else {
            buf_puts(out, " and token endpoint");
        }
        buf_puts(out, " <code>");
        html_text(out, upstream->token_endpoint);
        buf_puts(out, "</code></p>");
    }
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
    const bool partly = condition->level == CONDITION_DOWN && overview->ready;

    buf_printf(out, "<li class=\"cond %s\" data-level=\"%s\" data-upstream=\"", class, class);
    html_text(out, condition->upstream == NULL ? "" : condition->upstream);
    buf_printf(out, "\"><h3><span class=\"tag\">%s",
               partly ? "Callers are affected" : levels[condition->level].words);
    if (condition->upstream != NULL) {
        buf_puts(out, ", ");
        status_upstream_name(condition->upstream, out);
    }
    buf_puts(out, "</span> ");
    html_text(out, condition->what);
    buf_puts(out, "</h3>");
    put_since(overview, condition, out);
    put_paragraph("why", "", condition->why, out);
    put_paragraph("do", "<b>What to do:</b> ", condition->action, out);
    put_where(overview, condition, out);
    buf_puts(out, "</li>");
}

void status_conditions_write(const struct overview *overview, struct buf *out)
{
    const size_t count = overview->condition_count;

    status_section_begin(out, "conditions", "What is wrong", NULL);
    buf_printf(out, "<ul data-value=\"%zu\">", count + overview->conditions_left);
    if (count == 0)
        buf_puts(out, "<li class=\"calm\">Nothing is wrong.</li>");
    for (size_t i = 0; i < count; i++)
        put_condition(overview, &overview->conditions[i], out);
    if (overview->conditions_left > 0)
        buf_printf(out,
                   "<li id=\"conditions-left\" class=\"calm\">And %zu more, none of them "
                   "worse.</li>",
                   overview->conditions_left);
    buf_puts(out, "</ul>");
    status_section_end(out);
}
