/*
 * The app that answers lookups: GUID, guard, identity, then one lookup. One for each worker.
 *
 * Thread: the worker's; `places` is shared by all of them.
 */
#ifndef FRONT_LOOKUPS_H
#define FRONT_LOOKUPS_H

#include "cache/cache.h"
#include "front/server.h"
#include "lookup/lookup.h"
#include "lookup/places.h"
#include "middleware/identity.h"
#include "middleware/quota.h"
#include "runtime/trace.h"

struct lookup_app {
    struct server_app app;
    struct lookup_shared shared;
    struct identity_worker identity;
    struct guid_source guids;
    struct lookup_places *places;
    struct cache_worker cache;
    struct quota *quota; /* of users; all workers' */
};

/* Takes references to config and identity; the rest of the struct is the caller's to fill. */
void lookup_app_init(struct lookup_app *lookups, struct config *config, struct identity *identity);
void lookup_app_fini(struct lookup_app *lookups);
/*
 * For the requests to come (a reload): other references in the place of the present ones. `view`:
 * the keys of key_url, where identity has one; `cache` may be NULL.
 */
void lookup_app_use(struct lookup_app *lookups, struct config *config, struct identity *identity,
                    const struct key_view *view, struct cache *cache);

#endif
