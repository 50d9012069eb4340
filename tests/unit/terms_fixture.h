/*
 * Configurations and questions for the tests of an answer's terms. All is judged at one time, and
 * with one delay.
 */
#ifndef TERMS_FIXTURE_H
#define TERMS_FIXTURE_H

#include <check.h>

#include "base/check.h"
#include "cache/terms.h"
#include "suite.h"

/* When it was received; the upstream is asked DELAY before. */
#define NOW "Fri, 27 Nov 2026 12:00:00 GMT"
#define NOW_SECONDS INT64_C(1795780800)
#define DELAY (2 * SECOND)
#define HOUR_LATER "Fri, 27 Nov 2026 13:00:00 GMT"
#define MINUTE_LATER "Fri, 27 Nov 2026 12:01:00 GMT"
#define MINUTE_EARLIER "Fri, 27 Nov 2026 11:59:00 GMT"
#define HOUR_EARLIER "Fri, 27 Nov 2026 11:00:00 GMT"

static const struct config shared = {.cache_as = CACHE_AS_SHARED,
                                     .cache_honour = true,
                                     .cache_ttl_max = 24 * HOUR,
                                     .tracker_header = "X-GUID"};
static const struct config service = {.cache_as = CACHE_AS_SERVICE,
                                      .cache_honour = true,
                                      .cache_ttl_max = 24 * HOUR,
                                      .tracker_header = "X-GUID"};
/* Against the upstream's word; the second without a look at it. */
static const struct config with_ttl = {.cache_as = CACHE_AS_SHARED,
                                       .cache_honour = true,
                                       .cache_ttl = 30 * SECOND,
                                       .cache_ttl_max = 24 * HOUR,
                                       .tracker_header = "X-GUID"};
static const struct config deaf = {.cache_as = CACHE_AS_SHARED,
                                   .cache_ttl = 30 * SECOND,
                                   .cache_ttl_max = 24 * HOUR,
                                   .cache_negative_ttl = 20 * SECOND,
                                   .cache_stale_if_error = 50 * SECOND,
                                   .cache_stale_while_revalidate = 60 * SECOND,
                                   .tracker_header = "X-GUID"};
static const struct config negative = {.cache_as = CACHE_AS_SHARED,
                                       .cache_honour = true,
                                       .cache_ttl_max = 24 * HOUR,
                                       .cache_negative_ttl = 20 * SECOND,
                                       .cache_stale_if_error = 50 * SECOND,
                                       .tracker_header = "X-GUID"};
static const struct config negative_capped = {.cache_as = CACHE_AS_SHARED,
                                              .cache_honour = true,
                                              .cache_ttl_max = 20 * SECOND,
                                              .cache_negative_ttl = HOUR,
                                              .tracker_header = "X-GUID"};
static const struct config negative_service = {.cache_as = CACHE_AS_SERVICE,
                                               .cache_honour = true,
                                               .cache_ttl = 300 * SECOND,
                                               .cache_ttl_max = 24 * HOUR,
                                               .cache_negative_ttl = 20 * SECOND,
                                               .tracker_header = "X-GUID"};
static const struct config stale = {.cache_as = CACHE_AS_SHARED,
                                    .cache_honour = true,
                                    .cache_ttl_max = 24 * HOUR,
                                    .cache_stale_if_error = 50 * SECOND,
                                    .cache_stale_while_revalidate = 60 * SECOND,
                                    .tracker_header = "X-GUID"};
static const struct config stale_service = {.cache_as = CACHE_AS_SERVICE,
                                            .cache_honour = true,
                                            .cache_ttl_max = 24 * HOUR,
                                            .cache_stale_if_error = 50 * SECOND,
                                            .cache_stale_while_revalidate = 60 * SECOND,
                                            .tracker_header = "X-GUID"};

static inline struct terms_question question(const struct config *config,
                                             const char *const *headers)
{
    return (struct terms_question){.config = config,
                                   .headers = headers,
                                   .sent = {.ns = HOUR},
                                   .received = {.ns = HOUR + DELAY},
                                   .wall = {.ns = NOW_SECONDS * SECOND + MILLISECOND}};
}

/* Seconds that it is fresh for from now on; -1: it may not be kept. */
static inline int64_t fresh_for(const struct terms_question *asked)
{
    struct answer_terms terms;

    if (!terms_judge(asked, &terms))
        return -1;
    const int64_t left = mono_diff(mono_add(terms.born, terms.lifetime), asked->received);
    ck_assert_int_ge(terms.lifetime, 0);
    return left > 0 ? left / SECOND : 0;
}

#endif
