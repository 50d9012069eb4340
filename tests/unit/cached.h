/* Answers and keys for tests of the cache. */
#ifndef TESTS_CACHED_H
#define TESTS_CACHED_H

#include <stdio.h>
#include <string.h>

#include "cache/answer.h"
#include "cache/key.h"

/* splitmix64: a number's own, and all of them spread. */
static inline uint64_t cached_mix(uint64_t n)
{
    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

struct cached_random {
    uint64_t at;
};

static inline uint64_t cached_next(struct cached_random *random)
{
    return cached_mix(random->at++);
}

static inline uint64_t cached_below(struct cached_random *random, uint64_t bound)
{
    return (cached_next(random) >> 32) * bound >> 32;
}

/* Postcodes are shared by 8 keys each. */
static inline struct cache_key cached_key(uint64_t n)
{
    return (struct cache_key){
        .words = {cached_mix(2 * n), cached_mix(2 * n + 1)},
        .postcode = cached_mix(n / 8),
    };
}

static inline struct answer *cached_text(const char *text)
{
    const struct answer_parts parts = {
        .body = text, .body_len = strlen(text), .terms.lifetime = HOUR};

    return answer_new(&parts);
}

/* Of `len` bytes (at most 64 kB), which begin with its number; with 0 where there are over 512. */
static inline struct answer *cached_number(uint64_t n, size_t len)
{
    static const char zeros[1 << 16];
    struct answer_parts parts = {.body = zeros, .body_len = len, .terms.lifetime = HOUR};
    char body[512] = "";

    if (len <= sizeof(body)) {
        parts.body = body;
        (void)snprintf(body, sizeof(body), "%llu", (unsigned long long)n);
    }
    return answer_new(&parts);
}

/* As the Location API sends it: 110 bytes, JSON, with an ETag. */
static inline struct answer *cached_usual(uint64_t n)
{
    char body[111], etag[24];
    const struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = "application/json",
                   [ANSWER_CACHE_CONTROL] = "public, max-age=86400",
                   [ANSWER_ETAG] = etag},
        .body = body,
        .body_len = 110,
        .terms = {.born = {.ns = (int64_t)n * SECOND}, .lifetime = 24 * HOUR},
    };

    (void)snprintf(body, sizeof(body), "%-110llu", (unsigned long long)n);
    (void)snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)cached_mix(n));
    return answer_new(&parts);
}

#endif
