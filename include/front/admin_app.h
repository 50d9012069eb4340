/*
 * What the handlers of operators' paths (front/admin.h) have in common.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_APP_H
#define FRONT_ADMIN_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/clock.h"
#include "front/admin_ports.h"
#include "front/exposition.h"
#include "front/server.h"

/* A response that may be given again for a moment. */
struct admin_kept {
    char *text; /* NULL: there is none */
    size_t len;
    struct mono_time made;
};

struct admin_app {
    struct server_app app;
    bool all;                  /* the paths of [admin] too */
    struct exposition sources; /* borrowed, like all here and in `app` but its config */
    struct admin_ports ports;
    struct admin_kept page, data; /* of the status */
};

static inline struct admin_app *admin_of(struct server_app *app)
{
    return CONTAINER_OF(app, struct admin_app, app);
}

#endif
