/*
 * A token's timeline: when it was obtained, from when on it is renewed, when it expires, the next
 * request, failures and rejections, over the span that is looked back on and until the expiry. The
 * same as a table is front/token_events.h.
 *
 * Not shared between threads.
 */
#ifndef FRONT_STATUS_TIMELINE_H
#define FRONT_STATUS_TIMELINE_H

#include "base/buf.h"
#include "front/status_series.h"

/*
 * `columns`: of the upstream. *drawn, 0 before the first upstream, is what has been drawn so far
 * and the legend has to explain.
 */
void timeline_write(const struct overview *overview, const struct overview_upstream *upstream,
                    const struct series_span *span, const struct series_upstream_column *columns,
                    unsigned *drawn, struct buf *out);
/* Once in a page: the shapes that the timelines use. */
void timeline_write_shapes(struct buf *out);

#endif
