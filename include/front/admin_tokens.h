/*
 * GET /tokens, and POST /tokens/NAME/refresh and /forget: handlers of paths (front/routes.h) in an
 * admin_app.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_TOKENS_H
#define FRONT_ADMIN_TOKENS_H

#include <stddef.h>

#include "front/admin_app.h"

void admin_tokens(struct server_app *app, struct request *request, const char *rest, size_t len);
/* `rest`: NAME/refresh or NAME/forget; 404 with what there is for anything else. */
void admin_token_action(struct server_app *app, struct request *request, const char *rest,
                        size_t len);

#endif
