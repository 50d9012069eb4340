/*
 * A token that lives for a minute has a hundred successors in two hours. Bars that are too narrow
 * to be told apart are joined, so the picture has a bounded size. Numbers are written last, over
 * all that hatches a bar.
 */
#include "front/html.h"
#include "front/status_timeline_internal.h"

/*
 * Percent of the width: narrower bars are joined, a number fits into one of the second width, on a
 * telephone of the third, and a refresh window or a gap that is narrower is not worth a bar.
 */
#define BAR_LEAST 2.5
#define BAR_LABELLED 3.6
#define BAR_BROAD 8.0
#define WINDOW_LEAST 0.25
#define GAP_LEAST 0.3

/* All numbers: one for each bar that has room, and the present token's. */
#define LABELS_MAX 8192

/* A token in use, or several that follow each other. */
struct life {
    bool some;
    uint64_t first, generation;
    struct mono_time from, renew_at, expires_at;
};

static void put_rect(struct timeline *line, enum timeline_shape shape, struct mono_time from,
                     struct mono_time until)
{
    const double x = timeline_percent(line, from);
    const double width = timeline_percent(line, until) - x;

    if (width <= 0)
        return;
    buf_printf(line->out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\"/>",
               timeline_shape_name(shape), x, width);
    line->drawn |= 1u << shape;
}

/* A gap that nobody would see is none: the legend would speak of it. */
static void put_gap(struct timeline *line, struct mono_time until)
{
    if (timeline_percent(line, until) - timeline_percent(line, line->known) >= GAP_LEAST)
        put_rect(line, SHAPE_NONE, line->known, until);
}

/* Where there is room: on a narrow screen, or beside many upstreams, for the broad ones alone. */
static void put_number(struct timeline *line, const struct life *life, double x, double width)
{
    const bool broad = width >= BAR_BROAD;

    if (width < BAR_LABELLED || (!broad && line->overview->upstream_count > 2))
        return;
    buf_printf(&line->labels, "<text%s x=\"%.2f%%\">%s%llu</text>", broad ? "" : " class=\"odd\"",
               x, life->first < life->generation ? "to #" : "#",
               (unsigned long long)life->generation);
}

/* The past is what was used; of the future it is told from when on the token is renewed. */
static void put_life(struct timeline *line, const struct life *life, struct mono_time until)
{
    const struct mono_time end = mono_min(until, life->expires_at);
    const double x = timeline_percent(line, life->from);
    struct mono_time renewed = mono_min(life->renew_at, end);

    if (mono_before(end, line->from))
        return;
    if (timeline_percent(line, end) - timeline_percent(line, renewed) < WINDOW_LEAST)
        renewed = end;
    put_gap(line, mono_min(life->from, line->now));
    put_rect(line, SHAPE_USE, life->from, mono_min(end, line->now));
    put_number(line, life, x, timeline_percent(line, mono_min(end, line->now)) - x);
    if (mono_before(line->now, end)) {
        put_rect(line, line->doubted ? SHAPE_DOUBT : SHAPE_AHEAD, line->now, renewed);
        put_rect(line, line->doubted ? SHAPE_DOUBT : SHAPE_WINDOW,
                 timeline_later(line->now, renewed), end);
        put_number(line, life, TIMELINE_NOW, BAR_BROAD);
    }
    line->known = timeline_later(line->known, end);
}

/* Is the bar so narrow that the next one is joined to it? */
static bool is_narrow(const struct timeline *line, const struct life *life, struct mono_time until)
{
    return !mono_before(life->expires_at, until) &&
           timeline_place(line, until) - timeline_place(line, life->from) < BAR_LEAST;
}

static void begin_life(struct timeline *line, struct life *life, const struct history_event *event)
{
    const struct life next = {.some = true,
                              .first = event->generation,
                              .generation = event->generation,
                              .from = event->at,
                              .renew_at = event->renew_at,
                              .expires_at = event->expires_at};
    const bool joined = life->some && is_narrow(line, life, event->at);

    if (life->some && !joined)
        put_life(line, life, event->at);
    const struct life before = *life;
    *life = next;
    if (joined) {
        life->first = before.first;
        life->from = before.from;
    }
}

/* The token of which the status tells, where no event does. */
static struct life present_life(const struct timeline *line)
{
    const struct keeper_status *token = &line->upstream->token;
    const struct mono_time expires_at = mono_add(line->now, token->expires_in);

    return (struct life){.some = true,
                         .first = token->generation,
                         .generation = token->generation,
                         .from = mono_add(line->now, -token->age),
                         .renew_at = mono_add(expires_at, -token->refresh_window),
                         .expires_at = expires_at};
}

static void put_lives(struct timeline *line)
{
    const struct history *history = line->overview->history;
    const size_t index = line->upstream->index;
    struct life life = {0};

    /* Of what was before the oldest event that is kept, nothing is known. */
    if (history_event_count(history, index) == HISTORY_EVENTS)
        line->known =
            timeline_later(line->known, history_event_at(history, index, HISTORY_EVENTS - 1)->at);
    for (size_t age = history_event_count(history, index); age-- > 0;) {
        const struct history_event *event = history_event_at(history, index, age);

        if (event->kind == HISTORY_OBTAINED) {
            begin_life(line, &life, event);
        } else if (event->kind == HISTORY_GONE && life.some) {
            put_life(line, &life, event->at);
            life.some = false;
        }
    }
    if (timeline_has_token(line) &&
        (!life.some || life.generation != line->upstream->token.generation)) {
        if (life.some)
            put_life(line, &life, line->now);
        life = present_life(line);
    }
    if (life.some)
        put_life(line, &life, line->to);
    put_gap(line, line->now);
}

/* A column's state is that at its end; of the last one it is the present one. */
static void put_doubt(struct timeline *line, const struct series_span *span,
                      const struct series_upstream_column *columns)
{
    const int64_t newest = span->now.ns / span->step;

    for (size_t i = 0; i < span->columns; i++) {
        const size_t first = i;

        while (i < span->columns &&
               (columns[i].suspect || (line->doubted && i + 1 == span->columns)))
            i++;
        if (i == first)
            continue;
        const int64_t begins = newest - (int64_t)(span->columns - 1 - first);
        const struct mono_time from = {begins * span->step};
        const struct mono_time until = mono_add(from, (int64_t)(i - first) * span->step);
        put_rect(line, SHAPE_DOUBT, from, mono_min(until, line->now));
    }
    if (line->doubted && line->upstream->health.failing)
        put_rect(line, SHAPE_DOUBT, line->upstream->health.since, line->now);
}

void timeline_put_bars(struct timeline *line, const struct series_span *span,
                       const struct series_upstream_column *columns)
{
    buf_init(&line->labels, LABELS_MAX);
    put_lives(line);
    put_doubt(line, span, columns);
    buf_puts(line->out, "<g class=\"gen\">");
    buf_append(line->out, line->labels.data, line->labels.len);
    buf_puts(line->out, "</g>");
    buf_fini(&line->labels);
}
