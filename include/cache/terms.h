/*
 * Whether a response may be kept, and for how long (contract 17; RFC 9111, sections 3 and 4.2).
 *
 * Any thread.
 */
#ifndef CACHE_TERMS_H
#define CACHE_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "cache/answer.h"
#include "config/config.h"
#include "upstream/call.h"

struct terms_question {
    const struct config *config;
    bool unknown;               /* the upstream knows no such postcode */
    bool unreadable;            /* lookup_result.unreadable */
    bool has_validator;         /* lookup_result.etag or last_modified, or one in `headers` */
    const char *const *headers; /* by enum client_header_id; NULL entries: absent */
    struct mono_time sent;      /* the request */
    struct mono_time received;
    struct wall_time wall; /* when it was received */
};

/* False: it may not be kept, or would be of no use; out->born is set all the same. A stale answer
 * that has a validator is of use.
 */
bool terms_judge(const struct terms_question *question, struct answer_terms *out);

/* A caller's Cache-Control says no-store: the lookup is not answered from what is kept, nor kept.
 */
bool terms_caller_bypasses(const char *cache_control);

#endif
