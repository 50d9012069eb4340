/*
 * An HTTP/1.1 client on a loop: connections, deadlines, cancellation. It knows nothing of tokens
 * and postcodes. One client belongs to one loop and one origin; each worker has its own.
 *
 * A call is made under a context. It ends exactly once, by its callback, or not at all when its
 * context is cancelled before: then the connection is closed at once, and nothing is called. The
 * deadline is the context's.
 *
 * Beyond max_connections calls wait in order of arrival. One whose turn comes when less time is
 * left to its deadline than the upstream's quickest answers take lately is passed over: it is never
 * started, and ends by its deadline.
 *
 * Retries: a GET whose connection failed before any byte of a response is sent again on a fresh
 * connection. RFC 9110 section 9.2.2 allows it for idempotent methods only; so a POST is sent once,
 * and on a connection of its own, where the race with a server that closes an idle one cannot
 * happen.
 *
 * Thread: a client and its calls belong to the loop's.
 *
 * Never: redirects, cookies, proxies from the environment, .netrc, protocols but http and https,
 * HTTP/2, compressed bodies.
 */
#ifndef UPSTREAM_CLIENT_H
#define UPSTREAM_CLIENT_H

#include "base/err.h"
#include "runtime/ctx.h"
#include "runtime/loop.h"
#include "upstream/call.h"

struct client;

/*
 * Once, in the main thread, before the first client and after the last. Ignores SIGPIPE, which a
 * connection closed by its peer would raise. ERR_SYSTEM: no libcurl that resolves names beside the
 * loop and speaks TLS.
 */
ERR_CHECKED enum err client_global_start(void);
void client_global_stop(void);

/*
 * One reference, the caller's. ERR_SYSTEM: libcurl cannot be set up; ERR_INVALID: client_check
 * (upstream/tls_check.h) says why.
 */
ERR_CHECKED enum err client_new(struct loop *loop, const struct client_settings *settings,
                                struct client **out);
/*
 * References. A reload may give a worker another client; the lookups that began with the old one
 * end with it, and the last of them closes it. The count is not atomic: all references belong to
 * the loop's thread.
 */
struct client *client_ref(struct client *client);
/*
 * NULL is allowed. The last reference closes the connections; calls under way are dropped without
 * a callback. Allowed in a callback of this client.
 */
void client_unref(struct client *client);

typedef void client_done(void *arg, struct upstream_response *response);

/*
 * Starts a call under `ctx`, which must be live and outlive it. The request is copied. `done` is
 * called in a later turn, never from within.
 */
void client_call(struct client *client, struct ctx *ctx, const struct client_request *request,
                 client_done *done, void *arg);

#endif
