/*
 * libcurl's multi interface on the loop: it watches the sockets, keeps the timer, and knows which
 * connections are active and which are idle. Private to src/upstream.
 */
#ifndef UPSTREAM_MULTI_H
#define UPSTREAM_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "runtime/loop.h"

struct multi;

struct multi_events {
    void *arg;
    /* A transfer ended; multi_remove and multi_add are allowed, multi_free is not. */
    void (*ended)(void *arg, CURL *easy, CURLcode code);
    /* After one or more of them; the multi looks at nothing more, so multi_free is allowed. */
    void (*settled)(void *arg);
};

/* At most max_connections are open; counted: METRIC_UPSTREAM_CONNECTIONS tells of them. */
struct multi *multi_new(struct loop *loop, size_t max_connections, bool counted,
                        const struct multi_events *events);
/* All transfers were removed before. Closes the connections. */
void multi_free(struct multi *multi);

/* Makes `easy` open and close its sockets through here. Once for each handle. */
void multi_adopt(struct multi *multi, CURL *easy);

/* Starts a transfer; ERR_SYSTEM when libcurl refuses. */
enum err multi_add(struct multi *multi, CURL *easy);
/* Ends one under way by closing its connection, or takes an ended one out. */
void multi_remove(struct multi *multi, CURL *easy);

#endif
