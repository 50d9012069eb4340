/*
 * The part of /metrics that is read from its owners at each scrape: there is one of each, and it
 * changes seldom, so nobody counts it. Private to src/front.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_EXPOSITION_OWNED_H
#define FRONT_EXPOSITION_OWNED_H

#include "base/buf.h"
#include "front/exposition_sources.h"

struct readiness;

void exposition_owned_write(const struct exposition *exposition, const struct readiness *readiness,
                            struct buf *out);

#endif
