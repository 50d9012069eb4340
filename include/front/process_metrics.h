/*
 * The process's own figures, by the names Prometheus' client libraries have agreed on
 * (process_cpu_seconds_total and so on), read from /proc/self. What cannot be read is left out.
 */
#ifndef FRONT_PROCESS_METRICS_H
#define FRONT_PROCESS_METRICS_H

#include "base/buf.h"

void process_metrics_write(struct buf *out);

#endif
