/*
 * A series is drawn into a box of its own, one unit wide for a column and 1000 units high, which
 * the browser stretches; lines keep their width (vector-effect). The script reads the values back
 * from the path, so that no number has to be sent twice: its names are in data- attributes.
 *
 *   figure.plot#plot-ID     a plot; .info in it is the line that tells values
 *   svg.chart               data-unit, data-min and data-max (what 1000 and 0 are), data-log,
 *                           data-stacked; of main: data-end (ms since 1970, where the last column
 *                           ends), data-step (s), data-columns
 *   path[data-name]         a series
 */
#include "front/status_plot.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "front/html.h"

#define BOX_TOP 16
#define BOX_HEIGHT 96
#define BOX_BOTTOM (BOX_TOP + BOX_HEIGHT)
#define SCALE 1000
/* Percent of the width. */
#define TICK_ROOM 4

/* The bounds of the vertical axis. */
struct axis {
    bool log;
    double min, max;
};

void plot_begin(struct plot *plot, const char *id, const char *of, const char *title,
                enum plot_unit unit)
{
    plot->id = id;
    plot->of = of;
    plot->title = title;
    plot->unit = unit;
    plot->stacked = false;
    plot->count = 0;
}

double *plot_add(struct plot *plot, const char *name)
{
    MUST(plot->count < PLOT_SERIES);
    struct plot_series *series = &plot->series[plot->count++];
    series->name = name;
    series->colour = plot->count - 1;
    for (size_t i = 0; i < SERIES_MAX; i++)
        series->values[i] = NAN;
    return series->values;
}

/* "12.3 ms" and the like. */
static void put_value(struct buf *out, enum plot_unit unit, double value)
{
    switch (unit) {
    case PLOT_RATE:
        html_rate(out, value);
        break;
    case PLOT_SECONDS:
        html_estimate(out, llround(value * (double)SECOND));
        break;
    case PLOT_COUNT:
        html_count(out, llround(value));
        break;
    case PLOT_SHARE:
        html_share(out, value);
        break;
    }
}

/* ---- the axes ---- */

/* What a column's series reach together, where they are stacked, or the highest of them. */
static double top_of(const struct plot *plot, size_t column)
{
    double top = 0;

    for (size_t i = 0; i < plot->count; i++) {
        const double value = plot->series[i].values[column];
        if (!isnan(value))
            top = plot->stacked ? top + value : fmax(top, value);
    }
    return top;
}

/* One of these times a power of ten, and not below `value`; the half of each is short, too. */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 3, 4, 6, 8, 10};
    const double power = pow(10, floor(log10(value)));
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(steps) && steps[i] * power < value * 0.9999)
        i++;
    return steps[i] * power;
}

static struct axis linear_axis(const struct plot *plot, size_t columns)
{
    double most = plot->unit == PLOT_RATE ? 1 : plot->unit == PLOT_COUNT ? 4 : 0;

    for (size_t i = 0; i < columns; i++)
        most = fmax(most, top_of(plot, i));
    return (struct axis){.max = plot->unit == PLOT_SHARE ? 1 : round_up(most)};
}

/* Whole decades, two at least. */
static struct axis log_axis(const struct plot *plot, size_t columns)
{
    double least = 0.001, most = 0.1;
    bool first = true;

    for (size_t i = 0; i < plot->count; i++) {
        for (size_t k = 0; k < columns; k++) {
            const double value = plot->series[i].values[k];
            if (isnan(value) || value <= 0)
                continue;
            least = first ? value : fmin(least, value);
            most = first ? value : fmax(most, value);
            first = false;
        }
    }
    const double low = fmax(floor(log10(least)), -6);
    const double high = fmax(ceil(log10(most)), low + 2);
    return (struct axis){.log = true, .min = pow(10, low), .max = pow(10, high)};
}

static int height_of(const struct axis *axis, double value)
{
    double share = value / axis->max;

    if (axis->log)
        share = log10(fmax(value, axis->min) / axis->min) / log10(axis->max / axis->min);
    return SCALE - (int)lround(SCALE * fmin(fmax(share, 0), 1));
}

/* The least step that leaves room for the labels. */
static int64_t tick_step(int64_t length, int most)
{
    static const int64_t seconds[] = {10,       30,       60,        2 * 60,   5 * 60,
                                      10 * 60,  15 * 60,  30 * 60,   60 * 60,  2 * 60 * 60,
                                      3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600};
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(seconds) && length / (seconds[i] * SECOND) > most)
        i++;
    return seconds[i] * SECOND;
}

static void put_label(const struct plot *plot, const struct axis *axis, double value,
                      struct buf *out)
{
    const int y = BOX_TOP + height_of(axis, value) * BOX_HEIGHT / SCALE;

    buf_printf(out, "<text y=\"%d\">", y - 3);
    if (plot->unit == PLOT_SECONDS)
        buf_printf(out, value >= 1 ? "%g s" : "%g ms", value >= 1 ? value : value * 1000);
    else if (plot->unit == PLOT_RATE)
        buf_printf(out, value < 10 ? "%g/s" : "%.0f/s", value);
    else
        put_value(out, plot->unit, value);
    buf_puts(out, "</text>");
}

/* Lines across: at the half and the whole, or at each decade. The lowest is the base. */
static int count_lines(const struct axis *axis)
{
    return axis->log ? (int)lround(log10(axis->max / axis->min)) + 1 : 3;
}

static double line_at(const struct axis *axis, int which)
{
    return axis->log ? axis->min * pow(10, which) : axis->max / 2 * which;
}

/* What the lines stand for; drawn over the series. */
static void put_labels(const struct plot *plot, const struct axis *axis, struct buf *out)
{
    buf_puts(out, "<g class=\"labels\">");
    for (int i = axis->log ? 0 : 1; i < count_lines(axis); i++)
        put_label(plot, axis, line_at(axis, i), out);
    buf_puts(out, "</g>");
}

/* The lines across, behind the series, in the units of the box; at 2 and 5 of a decade finer ones,
 * which
 * show that the scale is logarithmic. */
static void put_grid(const struct axis *axis, size_t columns, struct buf *out)
{
    if (axis->log) {
        buf_puts(out, "<path class=\"fine\" d=\"");
        for (int i = 0; i + 1 < count_lines(axis); i++)
            buf_printf(out, "M0 %dH%zuM0 %dH%zu", height_of(axis, 2 * line_at(axis, i)), columns,
                       height_of(axis, 5 * line_at(axis, i)), columns);
        buf_puts(out, "\"/>");
    }
    buf_puts(out, "<path class=\"grid\" d=\"");
    for (int i = 1; i < count_lines(axis); i++)
        buf_printf(out, "M0 %dH%zu", height_of(axis, line_at(axis, i)), columns);
    buf_printf(out, "\"/><path class=\"base\" d=\"M-1 %dH%zu\"/>", SCALE, columns);
}

static void put_tick_label(double x, int y, int64_t at, int64_t step, struct buf *out)
{
    const long long second = at / SECOND;

    buf_printf(out, "<text x=\"%.2f%%\" y=\"%d\"%s>%02lld:%02lld", x, y,
               at / step % 2 == 0 ? "" : " class=\"odd\"", second / 3600 % 24, second / 60 % 60);
    if (step < MINUTE)
        buf_printf(out, ":%02lld", second % 60);
    buf_puts(out, "</text>");
}

void plot_ticks(const struct overview *overview, const struct plot_scale *scale, struct buf *out)
{
    const int64_t length = mono_diff(scale->to, scale->from);
    const int64_t step = tick_step(length, scale->ticks);
    const int64_t began = series_wall(overview, scale->from).ns;
    const double width = scale->right - scale->left;

    for (int64_t at = (began / step + 1) * step; at < began + length; at += step) {
        const double x = scale->left + width * (double)(at - began) / (double)length;

        /* A line that has no room for its time would say nothing. */
        if (x < scale->left + TICK_ROOM || x > scale->right - TICK_ROOM)
            continue;
        buf_printf(out, "<line x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>", x, x, scale->top,
                   scale->bottom);
        put_tick_label(x, scale->bottom + 15, at, step, out);
    }
}

void plot_write_shared(const struct overview *overview, const struct series_span *span,
                       struct buf *out)
{
    const struct mono_time from = series_begin(span);
    const struct plot_scale scale = {.from = from,
                                     .to = mono_add(from, span->length),
                                     .right = 100,
                                     .ticks = 6,
                                     .top = BOX_TOP,
                                     .bottom = BOX_BOTTOM};

    buf_puts(out, "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>"
                  "<g id=\"ticks\" class=\"ticks\">");
    plot_ticks(overview, &scale, out);
    buf_puts(out, "</g></defs></svg>");
}

/* ---- a series ---- */

static void put_int(struct buf *out, int value)
{
    char digits[12];
    size_t at = sizeof(digits);
    unsigned left = value < 0 ? 0u - (unsigned)value : (unsigned)value;

    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    buf_append(out, digits + at, sizeof(digits) - at);
}

/* What was drawn last, and what has not been written yet. */
struct pen {
    struct buf *out;
    size_t run;   /* points so far */
    size_t flat;  /* steps without a change of height that are to be written */
    bool sloping; /* the last command was l, so that numbers alone may follow */
    int height;
};

static void write_flat(struct pen *pen)
{
    if (pen->flat == 0)
        return;
    buf_printf(pen->out, "h%zu", pen->flat);
    pen->flat = 0;
    pen->sloping = false;
}

static void draw_to(struct pen *pen, int height)
{
    const int change = height - pen->height;

    if (change == 0) {
        pen->flat++;
        return;
    }
    write_flat(pen);
    buf_puts(pen->out, pen->sloping ? " 1" : "l1");
    if (change > 0)
        buf_putc(pen->out, ' ');
    put_int(pen->out, change);
    pen->sloping = true;
    pen->height = height;
}

/* A single column would leave no mark, so it is drawn as wide as one. */
static void end_run(struct pen *pen, bool area, size_t first)
{
    write_flat(pen);
    if (pen->run == 1)
        buf_puts(pen->out, "h.9");
    if (area)
        buf_printf(pen->out, "V%dH%zuz", SCALE, first);
    pen->run = 0;
}

/* "M3 990l1-4 1 2h7": runs of known values. With `area` each is closed along the bottom. */
static void put_path(const double *values, size_t columns, const struct axis *axis, bool area,
                     struct buf *out)
{
    struct pen pen = {.out = out};
    size_t first = 0;

    for (size_t i = 0; i < columns; i++) {
        if (isnan(values[i])) {
            if (pen.run > 0)
                end_run(&pen, area, first);
            continue;
        }
        const int height = height_of(axis, values[i]);
        if (pen.run++ == 0) {
            first = i;
            pen.height = height;
            pen.sloping = false;
            buf_printf(out, "M%zu %d", i, height);
        } else {
            draw_to(&pen, height);
        }
    }
    if (pen.run > 0)
        end_run(&pen, area, first);
}

/* The sum up to a series: areas are drawn from the bottom, the highest first. */
static void add_below(const struct plot *plot, size_t series, size_t columns, double *values)
{
    for (size_t i = 0; i < columns; i++) {
        values[i] = 0;
        for (size_t k = 0; k <= series; k++)
            values[i] += plot->series[k].values[i];
    }
}

static void put_series(const struct plot *plot, size_t at, size_t columns, const struct axis *axis,
                       struct buf *out)
{
    double sums[SERIES_MAX];
    const double *values = plot->series[at].values;

    if (plot->stacked) {
        add_below(plot, at, columns, sums);
        values = sums;
    }
    buf_printf(out, "<path class=\"%c%zu\" data-name=\"", plot->stacked ? 'e' : 'l',
               plot->series[at].colour);
    html_text(out, plot->series[at].name);
    buf_puts(out, "\" d=\"");
    put_path(values, columns, axis, plot->stacked, out);
    buf_puts(out, "\"/>");
}

/* ---- the plot ---- */

/* The values of the newest column of which something is known, and how long it is. */
static void put_newest(const struct plot *plot, const struct series_span *span, struct buf *out)
{
    size_t at = span->columns;

    while (at > 0 && isnan(plot->series[0].values[at - 1]))
        at--;
    if (at == 0) {
        buf_puts(out, "none yet");
        return;
    }
    buf_puts(out, "last ");
    html_span(out, span->step);
    buf_puts(out, ": ");
    for (size_t i = 0; i < plot->count; i++) {
        buf_puts(out, i == 0 ? "" : " ");
        if (plot->count > 1)
            buf_printf(out, "<i class=\"k %c%zu\"></i>", plot->stacked ? 'e' : 'l',
                       plot->series[i].colour);
        html_text(out, plot->series[i].name);
        buf_puts(out, plot->series[i].name[0] == '\0' ? "" : " ");
        put_value(out, plot->unit, plot->series[i].values[at - 1]);
    }
}

static void put_id(const struct plot *plot, struct buf *out)
{
    html_text(out, plot->id);
    if (plot->of != NULL) {
        buf_putc(out, '-');
        html_text(out, plot->of);
    }
}

static void put_caption(const struct plot *plot, const struct series_span *span, struct buf *out)
{
    buf_puts(out, "<figcaption><b>");
    html_text(out, plot->title);
    buf_printf(out, "</b>%s <span class=\"info\">",
               plot->unit == PLOT_SECONDS ? " <small>log scale</small>" : "");
    put_newest(plot, span, out);
    buf_puts(out, "</span></figcaption>");
}

static void put_chart_head(const struct plot *plot, const struct series_span *span,
                           const struct axis *axis, struct buf *out)
{
    static const char *const units[] = {"rate", "s", "count", "share"};

    buf_puts(out, "<svg class=\"chart\" tabindex=\"0\" role=\"img\" aria-label=\"");
    html_text(out, plot->title);
    buf_puts(out, ", the last ");
    buf_printf(out, "%lld minutes", (long long)(span->length / MINUTE));
    buf_printf(out, "\" data-unit=\"%s\" data-min=\"%g\" data-max=\"%g\"%s%s>", units[plot->unit],
               axis->min, axis->max, axis->log ? " data-log=\"\"" : "",
               plot->stacked ? " data-stacked=\"\"" : "");
}

void plot_write(const struct plot *plot, const struct series_span *span, struct buf *out)
{
    const struct axis axis = plot->unit == PLOT_SECONDS ? log_axis(plot, span->columns)
                                                        : linear_axis(plot, span->columns);

    buf_puts(out, "<figure class=\"plot\" id=\"plot-");
    put_id(plot, out);
    buf_puts(out, "\">");
    put_caption(plot, span, out);
    put_chart_head(plot, span, &axis, out);
    buf_puts(out, "<use href=\"#ticks\"/>");
    buf_printf(out,
               "<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"-.5 0 %zu %d\" "
               "preserveAspectRatio=\"none\" class=\"%s\">",
               BOX_TOP, BOX_HEIGHT, span->columns, SCALE, plot->stacked ? "areas" : "lines");
    put_grid(&axis, span->columns, out);
    for (size_t i = plot->count; i-- > 0;)
        put_series(plot, i, span->columns, &axis, out);
    buf_puts(out, "</svg>");
    put_labels(plot, &axis, out);
    buf_puts(out, "</svg></figure>");
}
