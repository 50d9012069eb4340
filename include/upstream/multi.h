/*
 * libcurl's multi interface on the loop: it watches the sockets and keeps the timer. Private to
 * src/upstream.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_MULTI_H
#define UPSTREAM_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uthash.h>

#include "base/err.h"
#include "runtime/loop.h"

struct multi;

/* A transfer; embedded. */
struct multi_transfer {
    /* It ended. Everything is allowed: multi_remove, multi_add, multi_free. */
    void (*ended)(struct multi_transfer *transfer, CURLcode code);
    /*
     * Either may be NULL. Within a call of libcurl's, so that nothing of this header is allowed.
     * The resolver is about to be asked, because the name is not in libcurl's cache: whether it
     * may. And a socket is about to be opened, because the name is resolved: whether it may. After
     * a no, the transfer ends with an error.
     */
    bool (*resolves)(struct multi_transfer *transfer);
    bool (*connects)(struct multi_transfer *transfer);
    /* What follows belongs to multi.c, from multi_add to multi_remove. */
    struct multi *multi;
    CURL *easy;
    bool stalled; /* libcurl waits for nothing in it */
    struct multi_transfer *prev, *next;
    UT_hash_handle hh;
};

/* NULL when libcurl fails. */
struct multi *multi_new(struct loop *loop);
/* All transfers were removed before. */
void multi_free(struct multi *multi);

/* Starts a transfer; ERR_SYSTEM when libcurl fails. */
ERR_CHECKED enum err multi_add(struct multi *multi, CURL *easy, struct multi_transfer *transfer);
/* Removes a transfer; one that is under way ends, and its connection is closed. */
void multi_remove(struct multi *multi, CURL *easy);

/*
 * Removes a transfer that has ended and was to connect only (CURLOPT_CONNECT_ONLY), and leaves its
 * descriptor open for the caller to close. The descriptor is not watched here any more.
 */
void multi_remove_open(struct multi *multi, CURL *easy, int fd);

#endif
