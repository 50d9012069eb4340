/* What bars and marks are called in the page, and where a time is in the picture. */
#include <math.h>

#include "front/status_timeline_internal.h"

static const char *const names[] = {
    [SHAPE_USE] = "use",       [SHAPE_AHEAD] = "use ahead",   [SHAPE_WINDOW] = "window",
    [SHAPE_NONE] = "none",     [SHAPE_DOUBT] = "doubt",       [SHAPE_OBTAINED] = "obtained",
    [SHAPE_FAILED] = "failed", [SHAPE_REJECTED] = "rejected", [SHAPE_GONE] = "gone",
    [SHAPE_NEXT] = "next",     [SHAPE_EXPIRY] = "expiry",
};

const char *timeline_shape_name(enum timeline_shape shape)
{
    return names[shape];
}

bool timeline_has_token(const struct timeline *line)
{
    return keeper_status_has_token(&line->upstream->token);
}

struct mono_time timeline_later(struct mono_time a, struct mono_time b)
{
    return mono_before(a, b) ? b : a;
}

double timeline_place(const struct timeline *line, struct mono_time at)
{
    const double since = (double)mono_diff(at, line->now);

    if (since <= 0)
        return TIMELINE_NOW + TIMELINE_NOW * since / (double)mono_diff(line->now, line->from);
    return TIMELINE_NOW + (100 - TIMELINE_NOW) * since / (double)mono_diff(line->to, line->now);
}

double timeline_percent(const struct timeline *line, struct mono_time at)
{
    return fmin(fmax(timeline_place(line, at), 0), 100);
}
