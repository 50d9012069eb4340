/*
 * A client that is shared: connections to the upstream under one set of settings, kept for as long
 * as somebody uses them. A reload may give a worker another pool; the lookups that began with the
 * old one end with it, and the last of them closes it.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_POOL_H
#define LOOKUP_POOL_H

#include "base/err.h"
#include "runtime/loop.h"
#include "upstream/client.h"

struct pool;

/* One reference, the caller's. Errors as client_new. */
enum err pool_new(struct loop *loop, const struct client_settings *settings, struct pool **out);
struct pool *pool_ref(struct pool *pool);
void pool_unref(struct pool *pool); /* NULL is allowed */

/* Borrowed. */
struct client *pool_client(const struct pool *pool);

#endif
