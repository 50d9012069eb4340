/*
 * The bars are tokens: full while a token was used, light where it lies ahead, hatched in its
 * refresh window, hatched in the colour of a warning where the upstream rejects it; red where there
 * was none. Marks under them are events. What has passed stands left of "now", what is planned
 * right of it, on a scale of its own.
 *
 *   svg.timeline              data-from, data-to (ms since 1970)
 *   .use, .window, .none      bars; .ahead: in the future; .doubt: rejected, still tried; .gen:
 *                             a token's number
 *   .mark                     can be focused; data-kind (obtained, failed, rejected, gone, next,
 *                             expiry), data-at (ms, which tells it from others of its kind),
 *                             data-count where it is several; its <title> tells all
 */
#include "front/status_timeline.h"

#include "front/html.h"
#include "front/status_plot.h"
#include "front/status_timeline_internal.h"

#define AXIS 92

static const char *const words[] = {
    [SHAPE_USE] = "in use",
    [SHAPE_AHEAD] = "until renewal",
    [SHAPE_WINDOW] = "refresh window, still valid",
    [SHAPE_NONE] = "no token",
    [SHAPE_DOUBT] = "rejected, still tried",
    [SHAPE_OBTAINED] = "token obtained",
    [SHAPE_FAILED] = "token request failed",
    [SHAPE_REJECTED] = "rejected by the upstream",
    [SHAPE_GONE] = "out of use",
    [SHAPE_NEXT] = "next token request",
    [SHAPE_EXPIRY] = "token expires",
};

/* ---- the legend ---- */

/* Of what was drawn: of one or two upstreams below each, of more below the last, of all. */
static void put_legend(const struct timeline *line, unsigned drawn)
{
    const size_t count = line->overview->upstream_count;
    struct buf *out = line->out;

    if (count > 2 && series_position(line->overview, line->upstream) + 1 < count)
        return;
    buf_puts(out, "<p class=\"legend\">");
    for (size_t i = 0; i < TIMELINE_SHAPES; i++) {
        if ((drawn & 1u << i) == 0)
            continue;
        if (i < SHAPE_OBTAINED)
            buf_printf(out, "<span><i class=\"b %s\"></i>%s</span> ",
                       timeline_shape_name((enum timeline_shape)i), words[i]);
        else
            buf_printf(out,
                       "<span><svg viewBox=\"-7 -7 14 14\" aria-hidden=\"true\"><use "
                       "class=\"sign\" data-kind=\"%s\" "
                       "href=\"#m-%s\"/></svg>%s</span> ",
                       timeline_shape_name((enum timeline_shape)i),
                       timeline_shape_name((enum timeline_shape)i), words[i]);
    }
    buf_puts(out, "</p>");
}

/* ---- the picture ---- */

static void put_now(const struct timeline *line)
{
    buf_printf(line->out,
               "<g class=\"now\"><line x1=\"%g%%\" x2=\"%g%%\" y1=\"14\" y2=\"%d\"/>"
               "<text x=\"%g%%\" y=\"10\">now</text></g>",
               TIMELINE_NOW, TIMELINE_NOW, AXIS, TIMELINE_NOW);
}

static void put_scales(const struct timeline *line)
{
    struct plot_scale past = {.from = line->from,
                              .to = line->now,
                              .right = TIMELINE_NOW,
                              .ticks = 5,
                              .top = 16,
                              .bottom = AXIS};
    struct plot_scale ahead = past;

    ahead.from = line->now;
    ahead.to = line->to;
    ahead.left = TIMELINE_NOW;
    ahead.right = 100;
    ahead.ticks = 4;
    buf_printf(line->out, "<rect class=\"future\" x=\"%g%%\" width=\"%g%%\"/><g class=\"ticks\">",
               TIMELINE_NOW, 100 - TIMELINE_NOW);
    plot_ticks(line->overview, &past, line->out);
    plot_ticks(line->overview, &ahead, line->out);
    buf_puts(line->out, "</g>");
}

/* The two scales differ, and nothing else says so. */
static void put_lengths(const struct timeline *line)
{
    buf_puts(line->out, "<text y=\"10\">last ");
    html_span(line->out, mono_diff(line->now, line->from));
    buf_puts(line->out, "</text><text class=\"end\" x=\"100%\" y=\"10\">next ");
    html_span(line->out, mono_diff(line->to, line->now));
    buf_puts(line->out, "<tspan class=\"odd\">, on its own scale</tspan></text>");
}

/* Hatched, too, while lookups fail for it. */
static bool is_doubted(const struct overview_upstream *upstream)
{
    const struct health_state *health = &upstream->health;

    return upstream->token.state == KEEPER_SUSPECT ||
           (health->failing && health->failure.reason == HEALTH_REJECTED &&
            health->failure.status != 403);
}

static struct timeline timeline_of(const struct overview *overview,
                                   const struct overview_upstream *upstream,
                                   const struct series_span *span, struct buf *out)
{
    const struct keeper_status *token = &upstream->token;
    struct timeline line = {.overview = overview, .upstream = upstream, .out = out};
    int64_t ahead = MINUTE;

    if (timeline_has_token(&line) && token->expires_in > ahead)
        ahead = token->expires_in;
    if (token->next_request_in > ahead)
        ahead = token->next_request_in;
    ahead += ahead / 40;
    line.doubted = timeline_has_token(&line) && is_doubted(upstream);
    line.marks = span->events < TIMELINE_MARKS ? span->events : TIMELINE_MARKS;
    line.now = overview->now;
    line.from = mono_add(line.now, -span->length);
    line.to = mono_add(line.now, ahead < HISTORY_SPAN ? ahead : HISTORY_SPAN);
    line.known = timeline_later(line.from, overview->began);
    line.known =
        timeline_later(line.known, history_upstream_since(overview->history, upstream->index));
    return line;
}

void timeline_write(const struct overview *overview, const struct overview_upstream *upstream,
                    const struct series_span *span, const struct series_upstream_column *columns,
                    unsigned *drawn, struct buf *out)
{
    struct timeline line = timeline_of(overview, upstream, span, out);

    buf_puts(out, "<svg class=\"timeline\" role=\"group\" aria-label=\"Token timeline of ");
    html_text(out, upstream->name);
    buf_printf(out, "\" data-from=\"%lld\" data-to=\"%lld\">",
               (long long)(series_wall(overview, line.from).ns / MILLISECOND),
               (long long)(series_wall(overview, line.to).ns / MILLISECOND));
    put_scales(&line);
    put_lengths(&line);
    timeline_put_bars(&line, span, columns);
    put_now(&line);
    timeline_put_marks(&line);
    timeline_put_plans(&line);
    buf_puts(out, "</svg>");
    *drawn |= line.drawn;
    put_legend(&line, overview->upstream_count > 2 ? *drawn : line.drawn);
}

void timeline_write_shapes(struct buf *out)
{
    buf_puts(out,
             "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>"
             "<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
             "patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" class=\"hatch-a\"/>"
             "<rect width=\"2\" height=\"5\" class=\"hatch-b\"/></pattern>"
             "<pattern id=\"wrong\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
             "patternTransform=\"rotate(-45)\"><rect width=\"6\" height=\"6\" class=\"wrong-a\"/>"
             "<rect width=\"3\" height=\"6\" class=\"wrong-b\"/></pattern>"
             "<circle id=\"m-obtained\" r=\"4.5\"/>"
             "<path id=\"m-failed\" d=\"M-4-4 4 4M4-4-4 4\"/>"
             "<path id=\"m-rejected\" d=\"M0-5.5 5.5 0 0 5.5-5.5 0z\"/>"
             "<path id=\"m-gone\" d=\"M-4-4H4V4H-4z\"/>"
             "<path id=\"m-next\" d=\"M-4-5 5 0-4 5z\"/>"
             "<path id=\"m-expiry\" d=\"M0-44V6M-4 6H4\"/>"
             "</defs></svg>");
}
