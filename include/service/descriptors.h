/*
 * How the process's limit on descriptors is shared out, so that callers who keep connections open
 * leave enough for what makes them useful: the upstream, token requests, operators.
 *
 * Thread: any.
 */
#ifndef SERVICE_DESCRIPTORS_H
#define SERVICE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Connections, not descriptors: a connection to the upstream has two while it opens. */
struct descriptor_shares {
    int64_t callers;
    int64_t operators;
    int64_t upstream; /* to all upstreams; a multiple of the workers: each has the same */
    int64_t wanted;   /* descriptors that give everybody what is configured */
    int64_t needed;   /* below it no share would be of use: the three are 0 then */
    bool lowered;     /* callers or upstream get less than is configured */
};

/* What the configuration alone does not say. */
struct descriptor_users {
    size_t workers;
    size_t listeners; /* sockets, of callers and operators */
    bool tls;         /* callers speak TLS on some of them */
    /* Connected already; a limit below that gives nothing free at once. 0 at the start. */
    int64_t callers;
};

/* Raises the process's limit to what the system allows it. */
void descriptors_raise(void);
/* The limit; INT64_MAX when there is none. */
int64_t descriptors_limit(void);
struct descriptor_shares descriptors_share(const struct config *config,
                                           const struct descriptor_users *users, int64_t limit);
/* A worker's connections to the upstream number `i`, in proportion to what is configured; one at
 * the least. */
int64_t descriptors_of_upstream(const struct descriptor_shares *shares, const struct config *config,
                                size_t workers, size_t i);

#endif
