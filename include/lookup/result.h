/* How a lookup can end, and what it leaves for its caller. */
#ifndef LOOKUP_RESULT_H
#define LOOKUP_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/lookup_stats.h"
#include "token/cause.h"
#include "upstream/call.h"

enum lookup_result_kind {
    LOOKUP_ADDRESS,         /* 200, an address: body, and headers of its representation */
    LOOKUP_NOT_MODIFIED,    /* 304: headers */
    LOOKUP_INVALID,         /* the upstream takes it for no postcode: 400 or 422 */
    LOOKUP_UNKNOWN,         /* 404, 204, or a 200 in which lookup_found leads to nothing */
    LOOKUP_RATE_LIMITED,    /* 429: Retry-After, where there was one, or retry_after */
    LOOKUP_BUSY,            /* 503: Retry-After */
    LOOKUP_UPSTREAM_STATUS, /* any other */
    LOOKUP_MALFORMED,       /* 200 without an address: reason */
    LOOKUP_FAILED,          /* no response: error */
    LOOKUP_REJECTED,        /* 401, or as good as one, with a fresh token; or 403 */
    LOOKUP_NO_TOKEN,        /* none available: retry_after */
    LOOKUP_NO_TURN,         /* by [upstream] rate none in time: retry_after */
};

/* Borrowed by the callback, but for the body. */
struct lookup_result {
    enum lookup_result_kind kind;
    int status;              /* the upstream's, where it responded */
    enum client_error error; /* LOOKUP_FAILED, and LOOKUP_MALFORMED when it was too large */
    const char *reason;      /* LOOKUP_MALFORMED: what is wrong with the body */
    /* ns. LOOKUP_NO_TOKEN, LOOKUP_NO_TURN; LOOKUP_REJECTED: until another may come, or 0;
     * LOOKUP_RATE_LIMITED: of a 429 that was said again without a call, else 0. */
    int64_t retry_after;
    /* LOOKUP_NO_TOKEN, and LOOKUP_REJECTED where no other token was obtained: why; else NULL */
    const struct token_cause *cause;
    /* Another upstream could have been asked, and its retry_budget is used up. */
    bool over_budget;
    bool alone; /* LOOKUP_REJECTED: the token is accepted for other lookups */
    char *body; /* LOOKUP_ADDRESS: the receiver's, free() it */
    size_t body_len;
    const char *headers[CLIENT_HEADER_COUNT]; /* NULL: absent */
    /* Where the upstream responded: of its body, though the answer may be made of it. */
    const char *etag, *last_modified;
    bool made;       /* the body is not the upstream's, but made of it (answer = address) */
    bool unreadable; /* struct upstream_response */
    bool moved;      /* a reload came: it is of another upstream than the lookup began with */
    struct mono_time sent;
    const struct lookup_stats *stats; /* the query's */
};

#endif
