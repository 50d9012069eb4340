/*
 * What has become of a call so far, whichever of the two engines (upstream/get.h, upstream/post.h)
 * works on it. Private to src/upstream.
 */
#ifndef UPSTREAM_OUTCOME_H
#define UPSTREAM_OUTCOME_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/clock.h"
#include "upstream/answer.h"
#include "upstream/client.h"

struct outcome {
    struct answer answer;
    unsigned retries;         /* attempts after the first */
    struct mono_time started; /* this and what follows: of the last attempt */
    struct mono_time sent;    /* not after the request's first byte */
    struct mono_time ended;
    char text[CURL_ERROR_SIZE]; /* libcurl's words about an error, or "" */
};

/* An attempt begins; nothing of what an earlier one met remains. */
void outcome_begin(struct outcome *outcome, struct mono_time now);
/*
 * It has ended, with `status` or 0; counted: METRIC_UPSTREAM_* count it, under the upstream's
 * index.
 */
void outcome_end(struct outcome *outcome, struct mono_time now, bool counted, size_t upstream,
                 int status);

#endif
