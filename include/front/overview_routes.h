/*
 * Which upstreams a route's lookups go to at this moment, as far as operators are shown: the first
 * of its list that is not left out. Private to src/front.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_OVERVIEW_ROUTES_H
#define FRONT_OVERVIEW_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "front/overview.h"

/* Fills in what each upstream is to its routes; the readiness and the upstreams are there. */
void overview_routes_read(struct overview *overview);

/* The upstream at this place in the configuration; NULL: it is not shown. */
const struct overview_upstream *overview_upstream_at(const struct overview *overview, size_t place);

/* Lookups pass it over where their route has another upstream, or fail on it and go on. */
bool overview_is_left_out(const struct overview_upstream *upstream);

/* Whom a lookup of this route goes to; the last of the list is never passed over. */
const struct overview_upstream *overview_serving(const struct overview *overview,
                                                 const struct config_route *route);

/* Do lookups of this route go to another one, behind this one, because it is left out? */
bool overview_is_stood_in_for(const struct overview *overview, const struct config_route *route,
                              const struct overview_upstream *upstream);

#endif
