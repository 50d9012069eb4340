/*
 * Marks of one kind that would cover each other are one mark with a number beside it, at the place
 * of the first of them, so that there is a bounded number of marks and none lies on another.
 */
#include "base/check.h"
#include "front/html.h"
#include "front/status_timeline_internal.h"
#include "front/token_events.h"

#define GOOD_LANE 62
#define BAD_LANE 79
/* Percent of the width between two marks of a kind: a mark, and its number. */
#define MARK_LEAST 2.2

static void put_clock(const struct timeline *line, struct mono_time at)
{
    html_clock(line->out, series_wall(line->overview, at), line->overview->wall);
}

static const struct {
    enum timeline_shape shape;
    int lane;
} kinds[] = {
    [HISTORY_OBTAINED] = {SHAPE_OBTAINED, GOOD_LANE},
    [HISTORY_REQUEST_FAILED] = {SHAPE_FAILED, BAD_LANE},
    [HISTORY_REJECTED] = {SHAPE_REJECTED, BAD_LANE},
    [HISTORY_GONE] = {SHAPE_GONE, GOOD_LANE},
};

struct mark {
    const struct history_event *last;
    struct mono_time first;
    size_t count;
};

/* Events of one kind that are closer than `least` percent are one mark. False: there are too many.
 */
static bool collect(const struct timeline *line, double least, struct mark marks[TIMELINE_MARKS],
                    size_t *count)
{
    const struct history *history = line->overview->history;
    const size_t index = line->upstream->index;
    struct mark *last[ARRAY_LEN(kinds)] = {NULL};

    *count = 0;
    for (size_t age = history_event_count(history, index); age-- > 0;) {
        const struct history_event *event = history_event_at(history, index, age);
        struct mark *mark = last[event->kind];

        if (mono_before(event->at, line->from))
            continue;
        if (mark == NULL ||
            timeline_percent(line, event->at) - timeline_percent(line, mark->first) >= least) {
            if (*count == line->marks)
                return false;
            mark = &marks[(*count)++];
            *mark = (struct mark){.first = event->at};
            last[event->kind] = mark;
        }
        mark->last = event;
        mark->count++;
    }
    return true;
}

static void put_mark_head(struct timeline *line, enum timeline_shape shape, struct mono_time at,
                          int lane)
{
    const char *kind = timeline_shape_name(shape);

    buf_printf(
        line->out,
        "<use class=\"mark\" data-kind=\"%s\" href=\"#m-%s\" x=\"%.2f%%\" y=\"%d\" role=\"img\"",
        kind, kind, timeline_percent(line, at), lane);
    line->drawn |= 1u << shape;
}

static void put_mark(struct timeline *line, const struct mark *mark)
{
    const enum history_event_kind kind = mark->last->kind;
    struct buf *out = line->out;

    put_mark_head(line, kinds[kind].shape, mark->first, kinds[kind].lane);
    buf_printf(out, " data-at=\"%lld\"", (long long)(mark->first.ns / MILLISECOND));
    if (mark->count > 1)
        buf_printf(out, " data-count=\"%zu\"", mark->count);
    buf_puts(out, "><title>");
    put_clock(line, mark->first);
    if (mark->count > 1) {
        buf_puts(out, " to ");
        put_clock(line, mark->last->at);
        buf_printf(out, ": %zu times; the last: ", mark->count);
    } else {
        buf_puts(out, ": ");
    }
    token_event_text(line->overview, mark->last, out);
    buf_puts(out, "</title></use>");
    if (mark->count > 1)
        buf_printf(out, "<text class=\"odd\" x=\"%.2f%%\" dx=\"6\" y=\"%d\">\xc3\x97%zu</text>",
                   timeline_percent(line, mark->first), kinds[kind].lane + 4, mark->count);
}

void timeline_put_marks(struct timeline *line)
{
    struct mark marks[TIMELINE_MARKS];
    size_t count = 0;

    /* Where all of a kind are one mark there are no fewer to be had. */
    for (double least = MARK_LEAST; least < 200 && !collect(line, least, marks, &count);)
        least *= 2;
    for (size_t i = 0; i < count; i++)
        put_mark(line, &marks[i]);
}

static void put_plan(struct timeline *line, enum timeline_shape shape, const char *text,
                     struct mono_time at)
{
    put_mark_head(line, shape, at, GOOD_LANE);
    buf_puts(line->out, "><title>");
    put_clock(line, at);
    buf_printf(line->out, ": %s</title></use>", text);
}

void timeline_put_plans(struct timeline *line)
{
    const struct keeper_status *token = &line->upstream->token;
    const struct mono_time next = mono_add(line->now, token->next_request_in);

    if (token->next_request_in >= 0 && !mono_before(line->to, next))
        put_plan(line, SHAPE_NEXT, "next token request", next);
    if (!timeline_has_token(line) || token->expires_in < 0)
        return;
    const struct mono_time expiry = mono_add(line->now, token->expires_in);
    if (mono_before(expiry, line->to)) {
        put_plan(line, SHAPE_EXPIRY, "the token expires", expiry);
        return;
    }
    buf_printf(line->out, "<text class=\"end\" x=\"100%%\" dx=\"-6\" y=\"%d\">expires ",
               TIMELINE_BAR_TEXT);
    put_clock(line, expiry);
    buf_puts(line->out, " \xe2\x86\x92</text>");
}
