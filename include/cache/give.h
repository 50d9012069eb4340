/*
 * The last step of every lookup that is not without a cache: an answer, or a result without one, is
 * given to one caller and counted. Private to src/cache.
 *
 * Thread: the worker's.
 */
#ifndef CACHE_GIVE_H
#define CACHE_GIVE_H

#include "cache/cache.h"

struct give_to {
    const char *if_none_match; /* the caller's, as in struct lookup_query */
    const char *if_modified_since;
    const struct lookup_stats *stats;
    cache_done *done;
    void *arg;
};

/* `answer`: borrowed; NULL: `result` tells all. */
void give(const struct give_to *to, const struct lookup_result *result, struct answer *answer,
          const struct cache_outcome *outcome);

#endif
