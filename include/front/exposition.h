/*
 * /metrics in Prometheus' text format, version 0.0.4: the families of base/metrics.h with their
 * labels, and the values that are read from their owners at each scrape.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_EXPOSITION_H
#define FRONT_EXPOSITION_H

#include "base/buf.h"
#include "front/exposition_sources.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* More than any set of labels can fill. */
#define EXPOSITION_MAX (8 * 1024 * 1024)

struct readiness;

void exposition_write(const struct exposition *exposition, const struct readiness *readiness,
                      struct buf *out);

#endif
