/*
 * Operators' paths. They run on the main loop, where the keeper is, so that they read it directly
 * and answer while every worker is busy. Nothing here is secret: the configuration's secrets are
 * "(set)", a token is eight digits of its digest.
 */
#include "front/admin.h"

#include <jansson.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "exchange/response.h"
#include "front/access.h"
#include "front/admin_cache.h"
#include "front/admin_respond.h"
#include "front/admin_status.h"
#include "front/admin_tokens.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/readiness.h"
#include "front/readyz.h"
#include "front/routes.h"
#include "middleware/tracker.h"

/* ---- health ---- */

static void healthz(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    const struct admin_ports *ports = &admin_of(app)->ports;
    (void)rest;
    (void)len;
    if (ports->healthy(ports->arg))
        admin_respond_text(request, 200, "ok\n");
    else
        admin_respond_text(request, 503, "a worker event loop is blocked\n");
}

/* The caller's to free. */
static struct readiness *readiness_now(const struct admin_app *admin)
{
    struct readiness *readiness = mem_alloc(sizeof(*readiness));

    readiness_gather(&admin->sources, &admin->ports, mono_now(), readiness);
    return readiness;
}

static void readyz(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    struct readiness *readiness = readiness_now(admin_of(app));
    (void)rest;
    (void)len;
    readyz_respond(request, readiness, NULL);
    mem_free(readiness);
}

static void readyz_route(struct server_app *app, struct request *request, const char *rest,
                         size_t len)
{
    struct readiness *readiness = readiness_now(admin_of(app));
    readyz_respond_route(request, readiness, rest, len);
    mem_free(readiness);
}

static void metrics(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    struct readiness *readiness = readiness_now(admin_of(app));
    struct buf text;
    (void)rest;
    (void)len;
    buf_init(&text, EXPOSITION_MAX);
    exposition_write(&admin_of(app)->sources, readiness, &text);
    mem_free(readiness);
    MUST(text.err == ERR_OK);
    response_operator(request, 200, EXPOSITION_CONTENT_TYPE, NULL, buf_text(&text), text.len);
    buf_fini(&text);
}

/* ---- configuration ---- */

static void add_key(void *arg, const struct config_entry *entry)
{
    json_t *all = arg;
    json_t *keys = json_object_get(all, entry->section);
    if (keys == NULL) {
        keys = json_object();
        json_object_set_new(all, entry->section, keys);
    }
    json_t *shown =
        json_pack("{s:s, s:s, s:s, s:s*}", "value", entry->value, "from", entry->origin, "meaning",
                  entry->meaning, "holds", *entry->holds != '\0' ? entry->holds : NULL);
    MUST(shown != NULL);
    json_object_set_new(keys, entry->key, shown);
}

static void show_config(struct server_app *app, struct request *request, const char *rest,
                        size_t len)
{
    json_t *all = json_object();
    (void)rest;
    (void)len;
    config_each(app->config, add_key, all);
    admin_respond_json(request, all);
}

/* ---- the app ---- */

/* [metrics] has the first rows, [admin] all of them. */
static const struct route routes[] = {
    {.path = "/", .handle = admin_status_page},
    {.path = "/status.json", .handle = admin_status_data},
    {.path = "/healthz", .handle = healthz},
    {.path = "/readyz", .handle = readyz},
    {.path = "/readyz/", .prefix = true, .handle = readyz_route},
    {.path = "/metrics", .handle = metrics},
    {.path = "/tokens", .handle = admin_tokens},
    {.path = "/tokens/", .prefix = true, .post = true, .handle = admin_token_action},
    {.path = "/cache/forget", .post = true, .handle = admin_cache_forget},
    {.path = "/cache/forget/", .prefix = true, .post = true, .handle = admin_cache_forget_one},
    {.path = "/config", .handle = show_config},
};
#define METRICS_ROUTES 6

/* Where a caller may ask: of a Unix socket the path is of no use to one, and stays untold. */
static void add_addresses(const struct config_addresses *listen, struct buf *out)
{
    for (size_t i = 0; i < listen->count; i++) {
        const struct config_address *address = &listen->items[i];
        buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                   address->addr.ss_family == AF_UNIX ? "a Unix socket" : address->text);
    }
}

static void add_listener(const char *key, const struct config_addresses *listen,
                         const struct route *paths, size_t count, struct buf *out)
{
    if (listen->count == 0) {
        buf_printf(out, "%s, which is off, would have ", key);
    } else {
        buf_printf(out, "%s (", key);
        add_addresses(listen, out);
        buf_puts(out, ") has ");
    }
    routes_list(paths, count, out);
}

void admin_reject_elsewhere(struct request *request, const char *here)
{
    const struct route *route = routes_find(routes, ARRAY_LEN(routes), request);
    struct buf there;

    if (route == NULL)
        return;
    buf_init(&there, 32768); /* more than a configuration has addresses for */
    if (route >= routes + METRICS_ROUTES)
        add_listener("[admin] listen", &request->config->admin_listen, routes + METRICS_ROUTES,
                     ARRAY_LEN(routes) - METRICS_ROUTES, &there);
    else
        add_listener("[metrics] listen", &request->config->metrics_listen, routes, METRICS_ROUTES,
                     &there);
    response_plain_problem(request, PROBLEM_NOT_FOUND, "Unknown path here: lookups are at %s. %s.",
                           here, buf_text(&there));
    buf_fini(&there);
}

static void serve(struct server_app *app, struct request *request)
{
    const struct admin_app *admin = admin_of(app);
    tracker_run(request, app->guids);
    header_limit_check(request);
    if (!request_is_settled(request))
        guard_check(request);
    if (!request_is_settled(request))
        routes_dispatch(routes, admin->all ? ARRAY_LEN(routes) : METRICS_ROUTES, app, request);
}

static void ended(struct server_app *app, struct request *request)
{
    (void)app;
    char path[ACCESS_PATH];
    access_path(request, path);
    log_debug(request_guid(request), "operator: %s %s: %d", request->method, path, request->status);
}

void admin_app_init(struct admin_app *admin, struct config *config, bool all)
{
    admin->app.config = config_ref(config);
    admin->app.counted = 0;
    admin->app.serve = serve;
    admin->app.ended = ended;
    admin->all = all;
    admin->page = admin->data = (struct admin_kept){.text = NULL};
}

void admin_app_fini(struct admin_app *admin)
{
    admin_status_drop(admin);
    config_unref(admin->app.config);
}

void admin_app_use(struct admin_app *admin, struct config *config)
{
    admin_status_drop(admin);
    config_ref(config);
    config_unref(admin->app.config);
    admin->app.config = config;
}
