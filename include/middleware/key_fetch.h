/*
 * One fetch of the set of keys at [identity] key_url: a GET through the daemon's own client, and
 * what its response means. When to fetch is the keeper's affair (middleware/key_keeper.h).
 *
 * Thread: the main loop's.
 */
#ifndef MIDDLEWARE_KEY_FETCH_H
#define MIDDLEWARE_KEY_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "config/config.h"
#include "jose/jwt.h"
#include "runtime/loop.h"

/* The deadline of a fetch, from its start to the end of the body. */
#define KEY_FETCH_TIMEOUT (10 * SECOND)
/* The largest body of a set. */
#define KEY_FETCH_MAX (1024 * 1024)

struct key_fetch;

/* All borrowed, and only for the call. */
struct key_fetch_result {
    struct jwt_keys *keys; /* NULL: the fetch failed */
    struct digest digest;  /* of the body that they came from */
    int64_t max_age;       /* ns, as max_age_of */
    /* Of a failure: "the server refused the connection", one line without anything secret. */
    const char *reason;
    const char *detail;       /* libcurl's words, which may differ each time; not escaped; or "" */
    const char *proxy_status; /* the error type of RFC 9209 section 2.3; a constant */
    bool unusable;            /* there was a whole response, and it is no usable set */
    bool withdrawn; /* it is a set, and none of its keys can be used: the old ones left it */
};

typedef void key_fetch_done(void *arg, const struct key_fetch_result *result);

/*
 * For the key_url of a configuration in mode jwt, which is not kept. `done` is called once for each
 * key_fetch_start, in a later turn; it may free the fetch. ERR_INVALID: key_ca_file cannot be used
 * (upstream/tls_check.h says why); ERR_SYSTEM: as client_new.
 */
ERR_CHECKED enum err key_fetch_new(struct loop *loop, const struct config *config,
                                   key_fetch_done *done, void *arg, struct key_fetch **out);
/* A fetch under way is dropped; `done` is not called. */
void key_fetch_free(struct key_fetch *fetch);

/* None may be under way. */
void key_fetch_start(struct key_fetch *fetch);
bool key_fetch_is_under_way(const struct key_fetch *fetch);

/* Where it fetches from, without the query, which may be secret. Borrowed. */
const char *key_fetch_url(const struct key_fetch *fetch);

/*
 * What decides which keys a fetch brings, URL, authorities and proxy: a reload compares it. Files
 * are read: an authority renewed in its place counts.
 */
struct digest key_fetch_digest(const struct config *config);

#endif
