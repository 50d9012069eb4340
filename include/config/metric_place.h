/* Which place in the metrics each upstream has. Private to config/. */
#ifndef CONFIG_METRIC_PLACE_H
#define CONFIG_METRIC_PLACE_H

#include "config/snapshot.h"

/* Sets the index of each upstream, whose names are there. `before` is NULL unless reloading. */
void metric_place_upstreams(struct snapshot *snapshot, const struct snapshot *before);

#endif
