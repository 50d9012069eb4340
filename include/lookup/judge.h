/*
 * What an upstream's response means for a lookup (contract 2 and 12). Knows neither tokens nor
 * callers. Private to src/lookup.
 *
 * Any thread.
 */
#ifndef LOOKUP_JUDGE_H
#define LOOKUP_JUDGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/reason.h"
#include "config/config.h"
#include "lookup/body.h"
#include "lookup/result.h"
#include "upstream/call.h"

/* It has a status: all that counts of a response but a 200. */
bool judge_has_status(const struct upstream_response *response);

/* How the bodies of an upstream are read; borrowed from it. */
struct body_rules judge_body_rules(const struct config_upstream *upstream);

/* What was asked: it decides how a response is read. */
struct judge_question {
    const struct config_upstream *upstream;
    const char *postcode; /* for people */
    struct buf *outline;  /* what the body of a 200 looks like is appended; NULL: not wanted */
};

/*
 * Sets kind, body and its headers in *result, and reason, which is borrowed from *reason. True: the
 * response says that the token is not valid. The kind is LOOKUP_REJECTED then.
 */
bool judge_response(const struct judge_question *question, struct upstream_response *response,
                    struct lookup_result *result, struct reason *reason);

#endif
