/*
 * What the files of the timeline share: what it shows, which time is where, and what the legend has
 * to explain. For src/front/status_timeline*.c alone.
 */
#ifndef FRONT_STATUS_TIMELINE_INTERNAL_H
#define FRONT_STATUS_TIMELINE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "front/status_series.h"

/* Percent of the width that are left of "now". */
#define TIMELINE_NOW 62.0
/* Where texts in bars stand; other places of bars are the style's. */
#define TIMELINE_BAR_TEXT 39

#define TIMELINE_MARKS 16

/* What the legend explains, where it was drawn: bars, then marks. */
enum timeline_shape {
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
    TIMELINE_SHAPES,
};

struct timeline {
    const struct overview *overview;
    const struct overview_upstream *upstream;
    struct mono_time from, now, to;
    struct mono_time known; /* up to here it is drawn which token was in use */
    bool doubted;           /* the upstream rejects the present token */
    size_t marks;           /* how many there may be */
    unsigned drawn;         /* bits of enum timeline_shape */
    struct buf labels;      /* numbers of tokens, while bars are drawn */
    struct buf *out;
};

/* status_timeline_place.c */
/* A bar's class or a mark's kind. */
const char *timeline_shape_name(enum timeline_shape shape);
bool timeline_has_token(const struct timeline *line);
struct mono_time timeline_later(struct mono_time a, struct mono_time b);
/* Where it is across; beyond 0 and 100 where it is outside. */
double timeline_place(const struct timeline *line, struct mono_time at);
/* The same from 0 to 100. */
double timeline_percent(const struct timeline *line, struct mono_time at);

/* status_timeline_bars.c: tokens, and when they were rejected. `columns`: of the upstream. */
void timeline_put_bars(struct timeline *line, const struct series_span *span,
                       const struct series_upstream_column *columns);
/* status_timeline_marks.c: events, and what is planned. */
void timeline_put_marks(struct timeline *line);
void timeline_put_plans(struct timeline *line);

#endif
