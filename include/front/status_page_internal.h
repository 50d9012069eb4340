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
    union {
        struct series_column columns[SERIES_MAX];
        struct series_upstream_column upstream[SERIES_MAX];
    };
};

void status_upstream_write(const struct overview *overview,
                           const struct overview_upstream *upstream, struct status_work *work,
                           struct buf *out);
/* Lookups, errors by code, load. work->columns are filled. */
void status_load_write(const struct overview *overview, struct status_work *work, struct buf *out);
void status_problems_write(const struct overview *overview, struct buf *out);

/* <section id=... aria-labelledby=...><h2>...</h2><div>; `note` under the heading may be NULL. */
void status_section_begin(struct buf *out, const char *id, const char *title, const char *note);
void status_section_end(struct buf *out);
/* <div><dt>...</dt><dd ID>, which the caller closes with status_fact_end. `id` may be NULL. */
void status_fact_begin(struct buf *out, const char *id, const char *title);
void status_fact_end(struct buf *out);

/* Does an ending say something of the daemon, its token or its upstream, and not of the caller? */
bool status_is_service_error(enum problem_id ending);

#endif
