/*
 * POST /cache/forget and /cache/forget/POSTCODE: handlers of paths (front/routes.h) in an
 * admin_app.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_CACHE_H
#define FRONT_ADMIN_CACHE_H

#include <stddef.h>

#include "front/admin_app.h"

void admin_cache_forget(struct server_app *app, struct request *request, const char *rest,
                        size_t len);
/* `rest`: the postcode, as lookups have it behind their prefix. */
void admin_cache_forget_one(struct server_app *app, struct request *request, const char *rest,
                            size_t len);

#endif
