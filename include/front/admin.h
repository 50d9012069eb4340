/*
 * What operators read and press (contract 8): one app for [metrics] listen, and one, with more
 * paths, for [admin] listen.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_H
#define FRONT_ADMIN_H

#include <stdbool.h>

#include "front/admin_app.h"

/* Takes a reference to config; app.guids, sources and ports are the caller's to fill. */
void admin_app_init(struct admin_app *admin, struct config *config, bool all);
void admin_app_fini(struct admin_app *admin);
/* The configuration for requests to come (a reload). */
void admin_app_use(struct admin_app *admin, struct config *config);

/*
 * For a request that came to the listener of lookups, whose path `here` is: one for a path of
 * operators is settled with a 404 that names their listener. The path of a Unix socket
 * is not told. Thread: any.
 */
void admin_reject_elsewhere(struct request *request, const char *here);

#endif
