/*
 * The parts of the status page: its style and script, and the sections that have a file of their
 * own. Ids and data- attributes that tests and scripts of operators may rely on are named in
 * src/front/status_page.c.
 */
#ifndef FRONT_STATUS_PAGE_INTERNAL_H
#define FRONT_STATUS_PAGE_INTERNAL_H

#include "base/buf.h"
#include "front/overview.h"
#include "front/status_plot.h"
#include "front/status_series.h"

extern const char status_style[];
extern const char status_script[];

/* What the sections share; too large for the stack. */
struct status_work {
    struct series_span span;
    struct plot plot;
    unsigned drawn; /* in timelines */
    union {
        struct series_column columns[SERIES_MAX];
        struct series_upstream_column upstream[SERIES_MAX];
    };
};

/* What the page's head says, too, and its icon. */
enum status_sign {
    SIGN_GOOD,
    SIGN_WARNING,
    SIGN_BAD,
};

enum status_sign status_sign_of(const struct overview *overview);
/* "Ready", "Ready until 14:05:00 UTC", "Not ready", "Draining". */
void status_verdict_text(const struct overview *overview, struct buf *out);
void status_verdict_write(const struct overview *overview, struct buf *out);
void status_conditions_write(const struct overview *overview, struct buf *out);

/* Which routes there are and whom their lookups go to; nothing where no route has a name. */
void status_routes_write(const struct overview *overview, struct buf *out);
/* All upstreams in a table, a line each; nothing where there is one. */
void status_upstreams_write(const struct overview *overview, struct buf *out);
/* "serves", "left out until 12:00:05 UTC": what the breaker and a 429 make of it. */
void status_way_write(const struct overview *overview, const struct overview_upstream *upstream,
                      struct buf *out);
void status_upstream_write(const struct overview *overview,
                           const struct overview_upstream *upstream, struct status_work *work,
                           struct buf *out);
/* Lookups, errors by code, load. work->columns are filled. */
void status_load_write(const struct overview *overview, struct status_work *work, struct buf *out);
/* What the cache holds and spares; nothing where there is none. work->columns are filled. */
void status_cache_write(const struct overview *overview, struct status_work *work, struct buf *out);
void status_problems_write(const struct overview *overview, struct buf *out);

/* <section id=... aria-labelledby=...><h2>...</h2><div>; `note` under the heading may be NULL. */
void status_section_begin(struct buf *out, const char *id, const char *title, const char *note);
/* The same of an upstream. */
void status_section_upstream(struct buf *out, const char *id, const char *name);
void status_section_end(struct buf *out);
/* <div><dt>...</dt><dd ID>, which the caller closes with status_fact_end. `id` and `note`, which
 * says of when it is, may be NULL. */
void status_fact_begin(struct buf *out, const char *id, const char *title, const char *note);
void status_fact_end(struct buf *out);

/* upstream <code>NAME</code> */
void status_upstream_name(const char *name, struct buf *out);
/* "14:03:10 UTC" in a <time>. */
void status_when(const struct overview *overview, struct mono_time at, struct buf *out);
/* How long ago something was, and how long it is until then, as clocks that are shown differ; the
 * script counts on. */
void status_age(const struct overview *overview, struct mono_time since, struct buf *out);
void status_countdown(const struct overview *overview, struct mono_time until, struct buf *out);

/* Requests that ended, and those of them that failed for the service. */
struct status_traffic {
    int64_t all, failed;
};
struct status_traffic status_traffic_of(const struct series_column *column);
/* A second; `length` is not 0. */
double status_rate(int64_t count, int64_t length);

/* Does an ending say something of the daemon, its token or its upstream, and not of the caller? */
bool status_is_service_error(enum problem_id ending);

#endif
