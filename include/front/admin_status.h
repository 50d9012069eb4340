/*
 * The status page, and the same as JSON: handlers of paths (front/routes.h) in an admin_app.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_STATUS_H
#define FRONT_ADMIN_STATUS_H

#include <stddef.h>

#include "front/admin_app.h"

void admin_status_page(struct server_app *app, struct request *request, const char *rest,
                       size_t len);
void admin_status_data(struct server_app *app, struct request *request, const char *rest,
                       size_t len);
/* What is kept to be given again is made afresh for the next request. */
void admin_status_drop(struct admin_app *admin);

#endif
