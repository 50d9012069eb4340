/*
 * What a lookup's way upstream was like so far. It is kept up to date by whoever makes the way
 * (lookup/lookup.h), so that it can be told however the lookup ends, by the caller's leaving
 * and the deadline too.
 */
#ifndef EXCHANGE_LOOKUP_STATS_H
#define EXCHANGE_LOOKUP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookup_stats {
    bool waited_for_token;
    bool queued;        /* it waits for a connection, or did so to its end */
    bool late;          /* so long that it does not get one any more: its time is over soon */
    bool answering;     /* the first byte of a response is here */
    size_t upstream;    /* the last that was asked: its index in the metrics */
    unsigned failovers; /* to another upstream */
    unsigned retries;   /* fresh connections, and the repetition after a 401 */
    int64_t upstream_duration; /* ns, of all calls; -1: none was made */
};

#endif
