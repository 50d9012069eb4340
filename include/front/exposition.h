/*
 * /metrics in Prometheus' text format, version 0.0.4: the families of base/metrics.h with their
 * labels, and the values that are read from their owners at each scrape.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_EXPOSITION_H
#define FRONT_EXPOSITION_H

#include "base/buf.h"
#include "base/metrics.h"
#include "front/tls.h"
#include "lookup/health.h"
#include "storage/store.h"
#include "token/keeper.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* More than any set of labels can fill. */
#define EXPOSITION_MAX (1024 * 1024)

/* One upstream, with all that is shown of it. */
struct exposition_upstream {
    const char *name;
    size_t index; /* in the metrics */
    struct keeper *keeper;
    struct lookup_health *health; /* NULL: there are no lookups */
};

/* All borrowed. */
struct exposition {
    struct exposition_upstream upstreams[METRIC_UPSTREAMS];
    size_t upstream_count;
    struct store *store;
    const struct tls *tls; /* NULL: there is no certificate */
};

void exposition_write(const struct exposition *exposition, struct buf *out);

#endif
