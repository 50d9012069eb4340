/*
 * Plots of the status page as SVG: lines, or areas on top of each other, over the span that is
 * looked back on. Positions across are percentages, so that a plot is as wide as the page allows
 * and its text keeps its form.
 *
 * Not shared between threads.
 */
#ifndef FRONT_STATUS_PLOT_H
#define FRONT_STATUS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "front/status_series.h"

#define PLOT_SERIES 6

enum plot_unit {
    PLOT_RATE,    /* a second */
    PLOT_SECONDS, /* on a logarithmic scale */
    PLOT_COUNT,
    PLOT_SHARE, /* 0 to 1 */
};

struct plot_series {
    const char *name;          /* "" where the plot's title says it */
    size_t colour;             /* its place, where not said otherwise */
    double values[SERIES_MAX]; /* NAN: nothing is known */
};

/* Large: make one, and fill it for one plot after the other. */
struct plot {
    const char *id; /* "plot-ID"; escaped here, as are all texts */
    const char *of; /* further in the id: an upstream; NULL: none */
    const char *title;
    enum plot_unit unit;
    bool stacked; /* the first series is the lowest */
    size_t count;
    struct plot_series series[PLOT_SERIES];
};

void plot_begin(struct plot *plot, const char *id, const char *of, const char *title,
                enum plot_unit unit);
/* A further series, all NAN; the caller fills it. */
double *plot_add(struct plot *plot, const char *name);
void plot_write(const struct plot *plot, const struct series_span *span, struct buf *out);
/* Once in a page: the time axis that all plots use. */
void plot_write_shared(const struct overview *overview, const struct series_span *span,
                       struct buf *out);

/* A time axis, or a part of one: its times, where it is across in percent, and its lines. */
struct plot_scale {
    struct mono_time from, to;
    double left, right;
    int ticks; /* at most */
    int top, bottom;
};
/* Hours and minutes under the axis, with a line each. */
void plot_ticks(const struct overview *overview, const struct plot_scale *scale, struct buf *out);

#endif
