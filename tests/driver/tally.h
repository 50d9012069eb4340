/* What came of the calls: counts, latencies, and the one line of JSON that says so. */
#ifndef DRIVER_TALLY_H
#define DRIVER_TALLY_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum call_error {
    CALL_ERROR_CONNECT,
    CALL_ERROR_CLOSED, /* before the answer was whole */
    CALL_ERROR_MALFORMED,
    CALL_ERROR_TIMEOUT,
    CALL_ERRORS,
};

#define TALLY_STATUSES 1000

struct tally {
    uint64_t calls;
    uint64_t answered;
    uint64_t left;                   /* as they were told, before the answer */
    uint64_t answered_after_leaving; /* bytes came after the sending half was closed */
    uint64_t bytes;
    uint64_t status[TALLY_STATUSES];
    uint64_t error[CALL_ERRORS];
    uint32_t *latency; /* microseconds, one an answer */
    size_t latency_cap;
};

static inline uint64_t tally_errors(const struct tally *tally)
{
    uint64_t sum = 0;
    for (int i = 0; i < CALL_ERRORS; i++)
        sum += tally->error[i];
    return sum;
}

static inline void tally_answer(struct tally *tally, int status, int64_t ns)
{
    if (tally->answered == tally->latency_cap) {
        tally->latency_cap = tally->latency_cap == 0 ? 4096 : tally->latency_cap * 2;
        tally->latency = realloc(tally->latency, tally->latency_cap * sizeof *tally->latency);
        if (tally->latency == NULL)
            abort();
    }
    int64_t us = ns / 1000;
    tally->latency[tally->answered++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    tally->status[status > 0 && status < TALLY_STATUSES ? status : 0]++;
}

static inline int tally_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* By nearest rank, in ms; 0 without any answer. The latencies are sorted. */
static inline double tally_percentile(const struct tally *tally, double percent)
{
    if (tally->answered == 0)
        return 0;
    double rank = percent / 100 * (double)tally->answered;
    size_t i = (size_t)rank;
    if ((double)i < rank)
        i++;
    return tally->latency[i > 0 ? i - 1 : 0] / 1000.0;
}

static inline void tally_print(struct tally *tally, double seconds)
{
    static const char *const errors[CALL_ERRORS] = {"connect", "closed", "malformed", "timeout"};
    const char *comma = "";
    printf("{\"calls\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"left\":%" PRIu64
           ",\"answered_after_leaving\":%" PRIu64 ",\"status\":{",
           tally->calls, tally->answered, tally->left, tally->answered_after_leaving);
    for (int i = 0; i < TALLY_STATUSES; i++) {
        if (tally->status[i] > 0) {
            printf("%s\"%d\":%" PRIu64, comma, i, tally->status[i]);
            comma = ",";
        }
    }
    printf("},\"errors\":%" PRIu64, tally_errors(tally));
    for (int i = 0; i < CALL_ERRORS; i++)
        printf(",\"errors_%s\":%" PRIu64, errors[i], tally->error[i]);
    if (tally->answered > 0)
        qsort(tally->latency, tally->answered, sizeof *tally->latency, tally_compare);
    printf(",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,\"per_second\":%.1f", tally->bytes, seconds,
           seconds > 0 ? (double)tally->answered / seconds : 0);
    printf(",\"latency_ms\":{\"min\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"p99.9\":%.3f,"
           "\"max\":%.3f}}\n",
           tally_percentile(tally, 0), tally_percentile(tally, 50), tally_percentile(tally, 99),
           tally_percentile(tally, 99.9), tally_percentile(tally, 100));
}

#endif
