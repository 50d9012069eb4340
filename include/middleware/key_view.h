/*
 * What workers know of the keys of [identity] key_url: the keys, or why there are none and when
 * that may change. The keeper has one, and each worker a copy.
 *
 * Threads: a view belongs to one thread; the keys in it may be shared.
 */
#ifndef MIDDLEWARE_KEY_VIEW_H
#define MIDDLEWARE_KEY_VIEW_H

#include "base/clock.h"
#include "jose/jwt.h"

/* All zero: no keys, and no fetch has ended. */
struct key_view {
    struct jwt_keys *keys; /* a reference; NULL: none were ever obtained */
    /* Without keys: */
    struct mono_time retry_at; /* when they are asked for again */
    const char *proxy_status;  /* why the last fetch failed, a constant; NULL: none has ended */
};

/* With a reference of its own. */
static inline struct key_view key_view_copy(const struct key_view *view)
{
    struct key_view copy = *view;

    if (copy.keys != NULL)
        copy.keys = jwt_keys_ref(copy.keys);
    return copy;
}

static inline void key_view_fini(struct key_view *view)
{
    jwt_keys_unref(view->keys);
    *view = (struct key_view){.keys = NULL};
}

#endif
