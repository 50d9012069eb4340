/*
 * Text for the status page: the one place where something is escaped, and numbers, durations and
 * times as people write them: 1,234/s, 12.3 ms, 0.4 %, 4 min 10 s, 14:03:10.
 *
 * Not shared between threads. Each function appends to `out`, whose failure sticks.
 */
#ifndef FRONT_HTML_H
#define FRONT_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

/*
 * Any bytes as text or as the value of an attribute in quotes. Control characters, what turns the
 * direction of writing, and bytes that are no UTF-8 become U+FFFD.
 */
void html_text(struct buf *out, const char *text);
/* The same of its first `most` bytes or fewer, with an ellipsis where it is longer. */
void html_text_cut(struct buf *out, const char *text, size_t most);

/* Plain text, none of which needs escaping. */
void html_count(struct buf *out, int64_t number);      /* 1,234,567 */
void html_size(struct buf *out, size_t bytes);         /* 12.3 MiB; 64 MiB; 512 KiB */
void html_rate(struct buf *out, double per_second);    /* 1,234/s; 12.3/s; 0.05/s */
void html_duration(struct buf *out, int64_t duration); /* 0.08 ms; 12.3 ms; 1.23 s */
/* Two digits, of what is known no better: 0.08 ms; 3.8 ms; 120 ms; 2.5 s. */
void html_estimate(struct buf *out, int64_t duration);
void html_share(struct buf *out, double share); /* 0.4 %, of 0.004 */
/* Two units at most: 45 s; 4 min 10 s; 3 h 12 min; 2 d 4 h. Nothing below 0. */
void html_span(struct buf *out, int64_t duration);
/* The span between two clocks as html_clock writes them: what a reader who subtracts them gets. */
void html_between(struct buf *out, struct wall_time from, struct wall_time to);

/* 14:03:10, and "26 Nov 14:03:10" where it is another day than `now`; UTC. */
void html_clock(struct buf *out, struct wall_time at, struct wall_time now);
/* The same in a <time> element, which the script reads. */
void html_time(struct buf *out, struct wall_time at, struct wall_time now);

#endif
