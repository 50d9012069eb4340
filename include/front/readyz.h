/*
 * The responses of /readyz, of the daemon and of one route. Private to src/front.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_READYZ_H
#define FRONT_READYZ_H

#include <stddef.h>

#include "exchange/request.h"
#include "front/readiness.h"

/* `route` is one of readiness->config; NULL: the daemon. */
void readyz_respond(struct request *request, const struct readiness *readiness,
                    const struct config_route *route);
/* Of the route of this name, without a NUL; a 404 with the names where there is none. */
void readyz_respond_route(struct request *request, const struct readiness *readiness,
                          const char *name, size_t len);

#endif
