/*
 * One lookup: an upstream of its route is called with a token, and its response judged. It is
 * repeated once when the token was rejected, and goes on to the next upstream where that may help.
 * It knows no HTTP server and no GUIDs: what runs beside it is in the context.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_LOOKUP_H
#define LOOKUP_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "exchange/lookup_stats.h"
#include "lookup/plan.h"
#include "lookup/query.h"
#include "lookup/result.h"
#include "runtime/ctx.h"

typedef void lookup_done(void *arg, const struct lookup_result *result);

/*
 * Starts a lookup under a context derived from `ctx`, on a route of the present plan of `shared`,
 * which it keeps to its end, whatever a reload does to `shared`. There is one exception: a lookup
 * that gets its token only when a reload has changed whom tokens are for goes on as the new
 * configuration says, for the token is nobody else's.
 *
 * `done` is called once, perhaps before lookup_start returns; never when ctx is cancelled first,
 * and then nothing goes on.
 */
void lookup_start(const struct lookup_shared *shared, const struct config_route *route,
                  struct ctx *ctx, const struct lookup_query *query, lookup_done *done, void *arg);

#endif
