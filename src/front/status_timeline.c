/*
 * The bars are tokens: full while a token was used, light where it lies ahead, hatched in its
 * refresh window; red where there was none. Marks under them are events. What has passed stands
 * left of "now", what is planned right of it.
 *
 * A token that lives for a minute has a hundred successors in two hours. Bars that are too narrow
 * to be told apart are joined, and marks of one kind that would cover each other are one mark with
 * a number; so the picture has a bounded size.
 *
 *   svg.timeline              data-from, data-to (ms since 1970)
 *   .use, .window, .none      bars; .ahead: in the future; .doubt: rejected, still tried
 *   .mark                     can be focused; data-kind (obtained, failed, rejected, gone, next,
 *                             expiry), data-at (ms, which tells it from others of its kind),
 *                             data-count where it is several; its <title> tells all
 */
#include "front/status_timeline.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "front/html.h"
#include "front/status_plot.h"
#include "front/token_events.h"

/* Bars have their place from the style. */
#define BAR_TEXT 39
#define GOOD_LANE 62
#define BAD_LANE 79
#define AXIS 92
/* Percent of the width that are left of "now". */
#define NOW 62.0

#define MARKS_MAX 16
/*
 * Percent of the width: narrower bars are joined, a number fits into one of the second width, and a
 * refresh window that was left at once is not worth a bar.
 */
#define BAR_LEAST 4
#define BAR_LABELLED 7.0
#define WINDOW_LEAST 0.25

/* What the legend explains, where it was drawn. */
enum shape {
    SHAPE_USE,
    SHAPE_AHEAD,
    SHAPE_WINDOW,
    SHAPE_NONE,
    SHAPE_DOUBT,
    SHAPE_OBTAINED,
    SHAPE_FAILED,
    SHAPE_REJECTED,
    SHAPE_GONE,
    SHAPE_NEXT,
    SHAPE_EXPIRY,
    SHAPES,
};

static const struct {
    const char *name; /* a bar's class, a mark's kind */
    const char *words;
} shapes[] = {
    [SHAPE_USE] = {"use", "token in use"},
    [SHAPE_AHEAD] = {"use ahead", "valid from now on"},
    [SHAPE_WINDOW] = {"window", "refresh window"},
    [SHAPE_NONE] = {"none", "no token"},
    [SHAPE_DOUBT] = {"doubt", "rejected, still tried"},
    [SHAPE_OBTAINED] = {"obtained", "obtained"},
    [SHAPE_FAILED] = {"failed", "request failed"},
    [SHAPE_REJECTED] = {"rejected", "rejected by the upstream"},
    [SHAPE_GONE] = {"gone", "out of use"},
    [SHAPE_NEXT] = {"next", "next request"},
    [SHAPE_EXPIRY] = {"expiry", "expiry"},
};

struct timeline {
    const struct overview *overview;
    const struct overview_upstream *upstream;
    struct mono_time from, now, to;
    struct mono_time known; /* up to here it is drawn which token was in use */
    size_t marks;           /* how many there may be */
    unsigned drawn;         /* bits of enum shape */
    struct buf *out;
};

/* A token in use, or several that follow each other. */
struct life {
    bool some;
    uint64_t first, generation;
    struct mono_time from, renew_at, expires_at;
};

static bool has_token(const struct keeper_status *token)
{
    return token->fingerprint[0] != '\0';
}

static struct mono_time later_of(struct mono_time a, struct mono_time b)
{
    return mono_before(a, b) ? b : a;
}

/* Where it is across; beyond 0 and 100 where it is outside. */
static double place(const struct timeline *line, struct mono_time at)
{
    const double since = (double)mono_diff(at, line->now);

    if (since <= 0)
        return NOW + NOW * since / (double)mono_diff(line->now, line->from);
    return NOW + (100 - NOW) * since / (double)mono_diff(line->to, line->now);
}

static double percent(const struct timeline *line, struct mono_time at)
{
    return fmin(fmax(place(line, at), 0), 100);
}

static void put_clock(const struct timeline *line, struct mono_time at)
{
    html_clock(line->out, series_wall(line->overview, at), line->overview->wall);
}

/* ---- bars ---- */

static void put_rect(struct timeline *line, enum shape shape, struct mono_time from,
                     struct mono_time until)
{
    const double x = percent(line, from);
    const double width = percent(line, until) - x;

    if (width <= 0)
        return;
    buf_printf(line->out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\"/>", shapes[shape].name,
               x, width);
    line->drawn |= 1u << shape;
}

/* Parted at "now". */
static void put_bar(struct timeline *line, enum shape shape, enum shape ahead,
                    struct mono_time from, struct mono_time until)
{
    put_rect(line, shape, from, mono_min(until, line->now));
    put_rect(line, ahead, later_of(from, line->now), until);
}

static void put_gap(struct timeline *line, struct mono_time until)
{
    if (mono_diff(until, line->known) > 0)
        put_rect(line, SHAPE_NONE, line->known, until);
}

static void put_life(struct timeline *line, const struct life *life, struct mono_time until)
{
    const struct mono_time end = mono_min(until, life->expires_at);
    struct mono_time renewed = mono_min(life->renew_at, end);

    if (mono_before(end, line->from))
        return;
    if (percent(line, end) - percent(line, renewed) < WINDOW_LEAST)
        renewed = end;
    put_gap(line, mono_min(life->from, line->now));
    put_bar(line, SHAPE_USE, SHAPE_AHEAD, life->from, renewed);
    put_bar(line, SHAPE_WINDOW, SHAPE_WINDOW, renewed, end);
    const double x = percent(line, life->from);
    if (fmin(percent(line, renewed), NOW) - x >= BAR_LABELLED)
        buf_printf(line->out, "<text class=\"gen\" x=\"%.2f%%\" dx=\"6\" y=\"%d\">%s%llu</text>", x,
                   BAR_TEXT, life->first < life->generation ? "to #" : "#",
                   (unsigned long long)life->generation);
    line->known = later_of(line->known, end);
}

/* Is the bar so narrow that the next one is joined to it? */
static bool is_narrow(const struct timeline *line, const struct life *life, struct mono_time until)
{
    return !mono_before(life->expires_at, until) &&
           place(line, until) - place(line, life->from) < BAR_LEAST;
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

static void put_bars(struct timeline *line)
{
    const struct history *history = line->overview->history;
    const size_t position = series_position(line->overview, line->upstream);
    struct life life = {0};

    /* Of what was before the oldest event that is kept, nothing is known. */
    if (history_event_count(history, position) == HISTORY_EVENTS)
        line->known =
            later_of(line->known, history_event_at(history, position, HISTORY_EVENTS - 1)->at);
    for (size_t age = history_event_count(history, position); age-- > 0;) {
        const struct history_event *event = history_event_at(history, position, age);

        if (event->kind == HISTORY_OBTAINED) {
            begin_life(line, &life, event);
        } else if (event->kind == HISTORY_GONE && life.some) {
            put_life(line, &life, event->at);
            life.some = false;
        }
    }
    if (has_token(&line->upstream->token) &&
        (!life.some || life.generation != line->upstream->token.generation)) {
        if (life.some)
            put_life(line, &life, line->now);
        life = present_life(line);
    }
    if (life.some)
        put_life(line, &life, line->to);
    put_gap(line, line->now);
}

static void put_doubt(struct timeline *line, const struct series_span *span,
                      const struct series_upstream_column *columns)
{
    const int64_t newest = span->now.ns / span->step;

    for (size_t i = 0; i < span->columns; i++) {
        const size_t first = i;

        while (i < span->columns && columns[i].suspect)
            i++;
        if (i == first)
            continue;
        const int64_t begins = newest - (int64_t)(span->columns - 1 - first);
        const struct mono_time from = {begins * span->step};
        const struct mono_time until = mono_add(from, (int64_t)(i - first) * span->step);
        put_rect(line, SHAPE_DOUBT, from, mono_min(until, line->now));
    }
}

/* ---- marks ---- */

static const struct {
    enum shape shape;
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
static bool collect(const struct timeline *line, double least, struct mark marks[MARKS_MAX],
                    size_t *count)
{
    const struct history *history = line->overview->history;
    const size_t position = series_position(line->overview, line->upstream);
    struct mark *last[ARRAY_LEN(kinds)] = {NULL};

    *count = 0;
    for (size_t age = history_event_count(history, position); age-- > 0;) {
        const struct history_event *event = history_event_at(history, position, age);
        struct mark *mark = last[event->kind];

        if (mono_before(event->at, line->from))
            continue;
        if (mark == NULL || percent(line, event->at) - percent(line, mark->first) >= least) {
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

static void put_mark_head(struct timeline *line, enum shape shape, struct mono_time at, int lane)
{
    const char *kind = shapes[shape].name;

    buf_printf(
        line->out,
        "<use class=\"mark\" data-kind=\"%s\" href=\"#m-%s\" x=\"%.2f%%\" y=\"%d\" role=\"img\" "
        "tabindex=\"-1\"",
        kind, kind, percent(line, at), lane);
    line->drawn |= 1u << shape;
}

static void put_mark(struct timeline *line, const struct mark *mark)
{
    const enum history_event_kind kind = mark->last->kind;
    struct buf *out = line->out;

    put_mark_head(line, kinds[kind].shape, mark->last->at, kinds[kind].lane);
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
}

static void put_marks(struct timeline *line)
{
    struct mark marks[MARKS_MAX];
    size_t count = 0;

    for (double least = 0.8; !collect(line, least, marks, &count);)
        least *= 2;
    for (size_t i = 0; i < count; i++)
        put_mark(line, &marks[i]);
}

static void put_plan(struct timeline *line, enum shape shape, const char *text, struct mono_time at)
{
    put_mark_head(line, shape, at, GOOD_LANE);
    buf_puts(line->out, "><title>");
    put_clock(line, at);
    buf_printf(line->out, ": %s, in ", text);
    html_span(line->out, mono_diff(at, line->now));
    buf_puts(line->out, "</title></use>");
}

static void put_plans(struct timeline *line)
{
    const struct keeper_status *token = &line->upstream->token;
    const struct mono_time next = mono_add(line->now, token->next_request_in);

    if (token->next_request_in >= 0 && !mono_before(line->to, next))
        put_plan(line, SHAPE_NEXT, "next token request", next);
    if (!has_token(token) || token->expires_in < 0)
        return;
    const struct mono_time expiry = mono_add(line->now, token->expires_in);
    if (mono_before(expiry, line->to)) {
        put_plan(line, SHAPE_EXPIRY, "the token expires", expiry);
        return;
    }
    buf_printf(line->out, "<text class=\"beyond\" x=\"100%%\" dx=\"-6\" y=\"%d\">expires ",
               BAR_TEXT);
    put_clock(line, expiry);
    buf_puts(line->out, " \xe2\x86\x92</text>");
}

/* ---- the legend ---- */

/* Of the one timeline what was drawn; of several all, and once. */
static void put_legend(const struct timeline *line)
{
    const bool all = line->overview->upstream_count > 1;
    struct buf *out = line->out;

    if (series_position(line->overview, line->upstream) > 0)
        return;
    buf_puts(out, "<p class=\"legend\">");
    for (size_t i = 0; i < SHAPES; i++) {
        if (!all && (line->drawn & 1u << i) == 0)
            continue;
        if (i < SHAPE_OBTAINED)
            buf_printf(out,
                       "<span><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect class=\"%s\" "
                       "y=\"2\" width=\"14\" height=\"10\"/></svg>%s</span> ",
                       shapes[i].name, shapes[i].words);
        else
            buf_printf(out,
                       "<span><svg viewBox=\"-7 -7 14 14\" aria-hidden=\"true\"><use "
                       "class=\"sign\" data-kind=\"%s\" "
                       "href=\"#m-%s\"/></svg>%s</span> ",
                       shapes[i].name, shapes[i].name, shapes[i].words);
    }
    buf_puts(out, "</p>");
}

/* ---- the picture ---- */

static void put_now(const struct timeline *line)
{
    buf_printf(line->out,
               "<g class=\"now\"><line x1=\"%g%%\" x2=\"%g%%\" y1=\"14\" y2=\"%d\"/>"
               "<text x=\"%g%%\" y=\"10\">now</text></g>",
               NOW, NOW, AXIS, NOW);
}

static void put_scales(const struct timeline *line)
{
    struct plot_scale past = {
        .from = line->from, .to = line->now, .right = NOW, .ticks = 5, .top = 16, .bottom = AXIS};
    struct plot_scale ahead = past;

    ahead.from = line->now;
    ahead.to = line->to;
    ahead.left = NOW;
    ahead.right = 100;
    ahead.ticks = 3;
    buf_printf(line->out, "<rect class=\"future\" x=\"%g%%\" width=\"%g%%\"/><g class=\"ticks\">",
               NOW, 100 - NOW);
    plot_ticks(line->overview, &past, line->out);
    plot_ticks(line->overview, &ahead, line->out);
    buf_puts(line->out, "</g>");
}

static struct timeline timeline_of(const struct overview *overview,
                                   const struct overview_upstream *upstream,
                                   const struct series_span *span, struct buf *out)
{
    const struct keeper_status *token = &upstream->token;
    const int64_t since_start = overview->wall.ns - overview->started.ns;
    const struct mono_time started = mono_add(overview->now, -since_start);
    struct timeline line = {.overview = overview, .upstream = upstream, .out = out};
    int64_t ahead = MINUTE;

    if (has_token(token) && token->expires_in > ahead)
        ahead = token->expires_in;
    if (token->next_request_in > ahead)
        ahead = token->next_request_in;
    ahead += ahead / 40;
    line.marks = span->events < MARKS_MAX ? span->events : MARKS_MAX;
    line.now = overview->now;
    line.from = mono_add(line.now, -span->length);
    line.to = mono_add(line.now, ahead < HISTORY_SPAN ? ahead : HISTORY_SPAN);
    line.known = later_of(line.from, started);
    return line;
}

void timeline_write(const struct overview *overview, const struct overview_upstream *upstream,
                    const struct series_span *span, const struct series_upstream_column *columns,
                    struct buf *out)
{
    struct timeline line = timeline_of(overview, upstream, span, out);

    buf_puts(out, "<svg class=\"timeline\" role=\"group\" aria-label=\"Token timeline of ");
    html_text(out, upstream->name);
    buf_printf(out, "\" data-from=\"%lld\" data-to=\"%lld\">",
               (long long)(series_wall(overview, line.from).ns / MILLISECOND),
               (long long)(series_wall(overview, line.to).ns / MILLISECOND));
    put_scales(&line);
    put_bars(&line);
    put_doubt(&line, span, columns);
    put_now(&line);
    put_marks(&line);
    put_plans(&line);
    buf_puts(out, "</svg>");
    put_legend(&line);
}

void timeline_write_shapes(struct buf *out)
{
    buf_puts(out,
             "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>"
             "<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
             "patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" class=\"hatch-a\"/>"
             "<rect width=\"2\" height=\"5\" class=\"hatch-b\"/></pattern>"
             "<circle id=\"m-obtained\" r=\"4.5\"/>"
             "<path id=\"m-failed\" d=\"M-4-4 4 4M4-4-4 4\"/>"
             "<path id=\"m-rejected\" d=\"M0-5.5 5.5 0 0 5.5-5.5 0z\"/>"
             "<path id=\"m-gone\" d=\"M-4-4H4V4H-4z\"/>"
             "<path id=\"m-next\" d=\"M-4-5 5 0-4 5z\"/>"
             "<path id=\"m-expiry\" d=\"M0-44V6M-4 6H4\"/>"
             "</defs></svg>");
}
