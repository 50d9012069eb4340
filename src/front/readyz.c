/* A load balancer reads the status alone; the lines are for people. */
#include "front/readyz.h"

#include <string.h>

#include "exchange/response.h"

/* `route` is NULL for the daemon. It may be ready, and some of its routes not. */
void readyz_respond(struct request *request, const struct readiness *readiness,
                    const struct config_route *route)
{
    const bool ready = route == NULL ? readiness->ready : readiness_serves(readiness, route);
    struct buf text;

    buf_init(&text, READINESS_LINES_MAX);
    if (ready)
        buf_puts(&text, "ready\n");
    readiness_write(readiness, route, mono_now(), &text);
    response_operator(request, ready ? 200 : 503, "text/plain; charset=utf-8", NULL,
                      buf_text(&text), text.len);
    buf_fini(&text);
}

static const struct config_route *find_route(const struct readiness *readiness, const char *name,
                                             size_t len)
{
    const struct config *config = readiness->config;

    for (size_t i = 0; config != NULL && i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];

        if (strlen(route->name) == len && memcmp(route->name, name, len) == 0)
            return route;
    }
    return NULL;
}

/* Paths that a 404 offers; there may be hundreds of routes. */
#define OFFERED_MAX 4096

static void reject_route(struct request *request, const struct config *config)
{
    struct buf names;

    if (config == NULL) {
        response_plain_problem(request, PROBLEM_NOT_FOUND,
                               "There is no [route NAME]: ask /readyz.");
        return;
    }
    buf_init(&names, OFFERED_MAX);
    for (size_t i = 0; i < config->route_count; i++)
        buf_printf(&names, "%s/readyz/%s", i == 0 ? "" : ", ", config->routes[i].name);
    response_plain_problem(request, PROBLEM_NOT_FOUND, "Unknown route. There are %s%s.",
                           buf_text(&names), names.err == ERR_OK ? "" : " and more");
    buf_fini(&names);
}

void readyz_respond_route(struct request *request, const struct readiness *readiness,
                          const char *name, size_t len)
{
    const struct config_route *route = find_route(readiness, name, len);

    if (route != NULL)
        readyz_respond(request, readiness, route);
    else
        reject_route(request, readiness->config);
}
