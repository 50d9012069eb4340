/*
 * Which key of the configuration to look at next, for each way in which a probe can fail: a
 * continuation of "failed; look at ". Constant texts, and so nothing of what the upstream sends.
 */
#ifndef SERVICE_PROBE_ADVICE_H
#define SERVICE_PROBE_ADVICE_H

#include "base/buf.h"
#include "config/config.h"
#include "lookup/result.h"
#include "token/fetch.h"
#include "token/keeper.h"

/* How a lookup was made, and what the body of its 200 looks like. */
struct probe_lookup {
    const struct config_upstream *upstream;
    const char *token_type; /* what the token was sent with */
    const struct buf *outline;
};
/* No token was granted. */
const char *probe_advice_token(const struct config_upstream *upstream,
                               const struct keeper_result *result,
                               const struct token_fetch_report *report);

/* The lookup found no address. */
const char *probe_advice_lookup(const struct probe_lookup *lookup,
                                const struct lookup_result *result);

#endif
