/*
 * One lookup: get a token, call the upstream, judge its response. It is repeated once when the
 * token was rejected. It knows no HTTP server and no GUIDs: what runs beside it is in the context.
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
#include "lookup/health.h"
#include "lookup/postcode.h"
#include "lookup/result.h"
#include "runtime/ctx.h"
#include "token/source.h"
#include "upstream/client.h"

/* What a worker's lookups begin with. It outlives every lookup; a reload changes what is in it. */
struct lookup_shared {
    struct token_source *tokens;            /* borrowed */
    struct config *config;                  /* a reference */
    const struct config_upstream *upstream; /* one of config's */
    struct client *client;                  /* a reference */
    struct token_era era;                   /* which tokens are for this configuration; {0}: all */
    struct lookup_health *health;           /* borrowed; NULL: nobody asks for it */
};

/*
 * Takes references to config and client; `upstream` is one of config's. The era is {0}, and there
 * is no health.
 */
void lookup_shared_init(struct lookup_shared *shared, struct token_source *tokens,
                        struct config *config, const struct config_upstream *upstream,
                        struct client *client);
/*
 * For the lookups to come (a reload), and for those of before that get a token of the new era:
 * other references in the place of the present ones.
 */
void lookup_shared_use(struct lookup_shared *shared, struct config *config,
                       const struct config_upstream *upstream, struct client *client,
                       struct token_era era);
void lookup_shared_fini(struct lookup_shared *shared);

/*
 * What is looked up; copied, but for its strings, which are borrowed until `done` is called or
 * the context is cancelled. NULL: not given.
 */
struct lookup_query {
    struct postcode postcode;
    const char *user;  /* "": no identity */
    const char *query; /* valid by query_is_valid; goes upstream unchanged */
    const char *if_none_match;
    const char *if_modified_since;
    /* Borrowed likewise; set at once, and written as the lookup goes on. */
    struct lookup_stats *stats;
    struct buf *outline; /* what the body of a 200 looks like is appended (lookup/body.h) */
};

typedef void lookup_done(void *arg, const struct lookup_result *result);

/*
 * Starts a lookup under a context derived from `ctx`, with the present configuration of `shared`
 * and client, which it keeps to its end, whatever a reload does to `shared`. There is one
 * exception: a lookup that gets its token only when a reload has changed whom tokens are for goes
 * on as the new configuration says, for the token is nobody else's.
 *
 * `done` is called once, perhaps before lookup_start returns; never when ctx is cancelled first,
 * and then nothing goes on.
 */
void lookup_start(const struct lookup_shared *shared, struct ctx *ctx,
                  const struct lookup_query *query, lookup_done *done, void *arg);

#endif
