/*
 * The links of a client: those that wait to be used again, and how many there are. Private to
 * src/upstream.
 */
#ifndef UPSTREAM_LINKS_H
#define UPSTREAM_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/link.h"

/* A link that nobody used for so long is closed, however young it is. */
#define LINKS_IDLE_MAX MINUTE
/* One that was idle for less is taken without asking the kernel whether it still lives. */
#define LINKS_TRUST_IDLE SECOND

struct links;

struct links_settings {
    struct link_means links;
    size_t max; /* links open or being opened; who takes one sees to it that not all are used */
    int64_t max_age; /* of a link that is taken */
    bool counted;    /* METRIC_UPSTREAM_CONNECTIONS tells of them */
    size_t upstream; /* the upstream's index in it */
};

struct links *links_new(const struct links_settings *settings);
/* None is in use. */
void links_free(struct links *links);

/* The one used last, with nothing unread on it; NULL: none. */
struct link *links_take(struct links *links, struct link_user *user, struct mono_time now);
/* A fresh one; `user` is told. NULL when libcurl refuses. */
struct link *links_open(struct links *links, struct link_user *user);
/* link_user.opened has told of an error: it is gone. */
void links_forget(struct links *links);

/* Back from its user, to be used again. */
void links_give(struct links *links, struct link *link, struct mono_time now);
/* Back from its user, to be closed. */
void links_drop(struct links *links, struct link *link);

#endif
