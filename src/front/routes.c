/* A few paths, looked through in order: no table here is long enough for anything cleverer. */
#include "front/routes.h"

#include <string.h>

#include "exchange/response.h"

static bool fits(const struct route *route, const struct request *request)
{
    size_t len = strlen(route->path);
    if (request->path_len < len || memcmp(request->path, route->path, len) != 0)
        return false;
    return route->prefix || request->path_len == len;
}

static bool allows(const struct route *route, const char *method)
{
    if (route->post)
        return strcmp(method, "POST") == 0;
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void reject_method(const struct route *route, struct request *request)
{
    const char *allow = route->post ? "POST" : "GET, HEAD";
    const struct response_header headers[] = {{"Allow", allow}, {NULL, NULL}};
    response_problem(
        request, &(struct response_problem){.id = PROBLEM_METHOD_NOT_ALLOWED, .headers = headers},
        "Use %s here.", route->post ? "POST" : "GET or HEAD");
}

bool routes_accept_read(struct request *request)
{
    static const struct route read = {.post = false};
    const bool accepted = allows(&read, request->method);

    if (!accepted)
        reject_method(&read, request);
    return accepted;
}

const struct route *routes_find(const struct route *routes, size_t count,
                                const struct request *request)
{
    for (const struct route *route = routes; route < routes + count; route++)
        if (fits(route, request))
            return route;
    return NULL;
}

void routes_list(const struct route *routes, size_t count, struct buf *out)
{
    for (const struct route *route = routes; route < routes + count; route++)
        buf_printf(out, "%s%s%s", route == routes ? "" : ", ", route->path,
                   route->prefix ? "..." : "");
}

/* With what there is instead. */
static void reject_path(const struct route *routes, size_t count, struct request *request)
{
    struct buf paths;
    buf_init(&paths, 1024);
    routes_list(routes, count, &paths);
    response_plain_problem(request, PROBLEM_NOT_FOUND, "Unknown path. Available paths: %s",
                           buf_text(&paths));
    buf_fini(&paths);
}

void routes_dispatch(const struct route *routes, size_t count, struct server_app *app,
                     struct request *request)
{
    const struct route *route = routes_find(routes, count, request);
    if (route == NULL) {
        reject_path(routes, count, request);
        return;
    }
    const size_t skip = strlen(route->path);
    if (allows(route, request->method))
        route->handle(app, request, request->path + skip, request->path_len - skip);
    else
        reject_method(route, request);
}
