/*
 * Path tables: which handler answers which path by which methods. Settles a request that none
 * answers: 404, or 405 with Allow.
 */
#ifndef FRONT_ROUTES_H
#define FRONT_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "exchange/request.h"

struct server_app;

struct route {
    const char *path;
    bool prefix; /* path is a beginning, and the handler gets the rest */
    bool post;   /* POST alone; else GET and HEAD */
    void (*handle)(struct server_app *app, struct request *request, const char *rest, size_t len);
};

/* The first route of the table that fits the path, by any method; NULL: none does. */
const struct route *routes_find(const struct route *routes, size_t count,
                                const struct request *request);
/* Adds the paths of a table, with commas. */
void routes_list(const struct route *routes, size_t count, struct buf *out);

/* GET or HEAD; else false, and the request is settled with 405. */
bool routes_accept_read(struct request *request);

/* request->path has been found by the guard. The first route of the table that fits is taken. */
void routes_dispatch(const struct route *routes, size_t count, struct server_app *app,
                     struct request *request);

#endif
