/*
 * Operators' paths. They run on the main loop, where the keeper is, so that they read it directly
 * and answer while every worker is busy. Nothing here is secret: the configuration's secrets are
 * "(set)", a token is eight digits of its digest.
 */
#include "front/admin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "exchange/response.h"
#include "front/access.h"
#include "front/conditions.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/overview_routes.h"
#include "front/readiness.h"
#include "front/readyz.h"
#include "front/routes.h"
#include "front/status_json.h"
#include "front/status_page.h"
#include "front/token_json.h"
#include "middleware/tracker.h"

static struct admin_app *of(struct server_app *app)
{
    return CONTAINER_OF(app, struct admin_app, app);
}

static void respond_text(struct request *request, int status, const char *text)
{
    response_operator(request, status, "text/plain; charset=utf-8", NULL, text, strlen(text));
}

/* Takes the reference. */
static void respond_json(struct request *request, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    MUST(text != NULL);
    char *line = mem_printf("%s\n", text);
    response_operator(request, 200, "application/json", NULL, line, strlen(line));
    mem_free(line);
    free(text);
    json_decref(value);
}

/* ---- health ---- */

static void healthz(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    const struct admin_ports *ports = &of(app)->ports;
    (void)rest;
    (void)len;
    if (ports->healthy(ports->arg))
        respond_text(request, 200, "ok\n");
    else
        respond_text(request, 503, "a worker event loop is blocked\n");
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
    struct readiness *readiness = readiness_now(of(app));
    (void)rest;
    (void)len;
    readyz_respond(request, readiness, NULL);
    mem_free(readiness);
}

static void readyz_route(struct server_app *app, struct request *request, const char *rest,
                         size_t len)
{
    struct readiness *readiness = readiness_now(of(app));
    readyz_respond_route(request, readiness, rest, len);
    mem_free(readiness);
}

static void metrics(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    struct readiness *readiness = readiness_now(of(app));
    struct buf text;
    (void)rest;
    (void)len;
    buf_init(&text, EXPOSITION_MAX);
    exposition_write(&of(app)->sources, readiness, &text);
    mem_free(readiness);
    MUST(text.err == ERR_OK);
    response_operator(request, 200, EXPOSITION_CONTENT_TYPE, NULL, buf_text(&text), text.len);
    buf_fini(&text);
}

/* ---- status ---- */

/* For so long the same bytes are given: many who look at once cost no more than one. */
#define STATUS_KEPT (1 * SECOND)

static bool is_fresh(const struct admin_kept *kept, struct mono_time now)
{
    return kept->text != NULL && mono_diff(now, kept->made) < STATUS_KEPT;
}

/* Takes the text. */
static void keep(struct admin_kept *kept, char *text, size_t len, struct mono_time now)
{
    mem_free(kept->text);
    *kept = (struct admin_kept){.text = text, .len = len, .made = now};
}

static void keep_nothing(struct admin_app *admin)
{
    keep(&admin->page, NULL, 0, (struct mono_time){0});
    keep(&admin->data, NULL, 0, (struct mono_time){0});
}

static struct overview *overview_of(const struct admin_app *admin)
{
    struct overview *overview = mem_alloc(sizeof(*overview));

    overview_init(overview, &admin->sources, &admin->ports, admin->app.config);
    overview_routes_read(overview);
    conditions_fill(overview);
    return overview;
}

static void make_page(struct admin_app *admin, struct mono_time now)
{
    struct overview *overview = overview_of(admin);
    struct buf page;

    buf_init(&page, STATUS_PAGE_MAX);
    status_page_write(overview, &page);
    keep(&admin->page, page.err == ERR_OK ? mem_strndup(buf_text(&page), page.len) : NULL, page.len,
         now);
    buf_fini(&page);
    mem_free(overview);
}

/* In one line: two hours of samples are no reading matter. */
static void make_data(struct admin_app *admin, struct mono_time now)
{
    struct overview *overview = overview_of(admin);
    json_t *status = status_json(overview);
    char *text = json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(9));

    MEM_MUST(text != NULL);
    keep(&admin->data, mem_strdup(text), strlen(text), now);
    free(text);
    json_decref(status);
    mem_free(overview);
}

/*
 * The connection ends with it: a browser that keeps one for each page that is open would leave none
 * for probes and scrapes.
 */
static void give(struct request *request, const struct admin_kept *kept, const char *content_type,
                 const struct response_header *headers)
{
    request->close = true;
    if (kept->text == NULL)
        respond_text(request, 500, "the page is too long\n");
    else
        response_operator(request, 200, content_type, headers, kept->text, kept->len);
}

/* The page asks nothing of anybody else, and is part of no other page. */
static void status_page(struct server_app *app, struct request *request, const char *rest,
                        size_t len)
{
    const struct response_header headers[] = {
        {"Content-Security-Policy", status_page_policy()},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {NULL, NULL},
    };
    struct admin_app *admin = of(app);
    const struct mono_time now = mono_now();

    (void)rest;
    (void)len;
    if (!is_fresh(&admin->page, now))
        make_page(admin, now);
    give(request, &admin->page, "text/html; charset=utf-8", headers);
}

static void status_data(struct server_app *app, struct request *request, const char *rest,
                        size_t len)
{
    static const struct response_header headers[] = {
        {"X-Content-Type-Options", "nosniff"},
        {NULL, NULL},
    };
    struct admin_app *admin = of(app);
    const struct mono_time now = mono_now();

    (void)rest;
    (void)len;
    if (!is_fresh(&admin->data, now))
        make_data(admin, now);
    give(request, &admin->data, "application/json", headers);
}

/* ---- tokens ---- */

/* "2026-01-31T23:59:59Z" */
static json_t *time_of_day(struct mono_time then, struct mono_time now)
{
    char text[CLOCK_TEXT];

    wall_format_seconds((struct wall_time){wall_now().ns - mono_diff(now, then)}, text);
    return json_string(text);
}

/* What /readyz says of the upstream. */
static void add_readiness(json_t *token, const struct exposition_upstream *upstream)
{
    const struct mono_time now = mono_now();
    struct readiness_reason reason;
    const bool ready = readiness_of_upstream(upstream, now, &reason);
    const bool timed = !ready && reason.since.ns != 0;

    json_object_set_new(token, "ready", json_boolean(ready));
    json_object_set_new(
        token, "unready_reason",
        ready ? json_null()
              : json_sprintf("%s%s%s", reason.what, reason.why[0] ? ": " : "", reason.why));
    json_object_set_new(token, "unready_since",
                        timed ? time_of_day(reason.since, now) : json_null());
}

/* Without a fleet there is no such member. */
static void add_fleet(json_t *token, const struct exposition_upstream *upstream,
                      struct mono_time now)
{
    struct fleet_status member;
    struct fleet_link_status store;

    if (exposition_member(upstream, now, &member) && exposition_store(upstream->fleet, &store))
        json_object_set_new(token, "fleet", token_json_fleet(&member, &store));
}

static json_t *upstream_token(const struct exposition_upstream *upstream)
{
    const struct mono_time now = mono_now();
    struct keeper_status status;

    keeper_status(upstream->keeper, now, &status);
    json_t *token = token_json(&status);
    json_object_set_new(
        token, "waiters",
        json_integer(metric_upstream_sum(METRIC_TOKEN_WAITERS, upstream->index, 0)));
    add_readiness(token, upstream);
    add_fleet(token, upstream, now);
    return token;
}

static void tokens(struct server_app *app, struct request *request, const char *rest, size_t len)
{
    const struct exposition *sources = &of(app)->sources;
    json_t *all = json_object();
    (void)rest;
    (void)len;
    for (size_t i = 0; i < sources->upstream_count; i++)
        json_object_set_new(all, sources->upstreams[i].name,
                            upstream_token(&sources->upstreams[i]));
    respond_json(request, all);
}

static void refresh(const struct exposition_upstream *upstream, struct request *request)
{
    if (keeper_refresh(upstream->keeper, mono_now())) {
        log_write_fields(LOG_LEVEL_NOTICE, request_guid(request),
                         &LOG_TEXT("upstream", upstream->name), 1,
                         "token of %s: refresh requested by hand", upstream->name);
        respond_text(request, 202, "a new token is being requested\n");
        return;
    }
    respond_text(request, 429,
                 "the budget for token requests ([upstream] auth_budget) is used up; the present "
                 "token stays\n");
}

static void forget(const struct exposition_upstream *upstream, struct request *request)
{
    keeper_forget(upstream->keeper, mono_now());
    response_operator(request, 204, NULL, NULL, NULL, 0);
}

static bool is_rest(const char *rest, size_t len, const char *upstream, const char *action)
{
    size_t name = strlen(upstream);
    return len == name + strlen(action) && memcmp(rest, upstream, name) == 0 &&
           memcmp(rest + name, action, strlen(action)) == 0;
}

/* Paths that a 404 offers. */
#define OFFERED_MAX 4096

static void reject_token_path(struct request *request, const struct exposition *sources)
{
    struct buf names;

    buf_init(&names, OFFERED_MAX);
    for (size_t i = 0; i < sources->upstream_count; i++)
        buf_printf(&names, "%s/tokens/%s/refresh, /tokens/%s/forget", i == 0 ? "" : ", ",
                   sources->upstreams[i].name, sources->upstreams[i].name);
    response_plain_problem(request, PROBLEM_NOT_FOUND, "There are %s%s.", buf_text(&names),
                           names.err == ERR_OK ? "" : " and more");
    buf_fini(&names);
}

static void token_action(struct server_app *app, struct request *request, const char *rest,
                         size_t len)
{
    const struct exposition *sources = &of(app)->sources;
    for (size_t i = 0; i < sources->upstream_count; i++) {
        const struct exposition_upstream *upstream = &sources->upstreams[i];
        if (is_rest(rest, len, upstream->name, "/refresh")) {
            refresh(upstream, request);
            return;
        }
        if (is_rest(rest, len, upstream->name, "/forget")) {
            forget(upstream, request);
            return;
        }
    }
    reject_token_path(request, sources);
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
    respond_json(request, all);
}

/* ---- the app ---- */

/* [metrics] has the first rows, [admin] all of them. */
static const struct route routes[] = {
    {.path = "/", .handle = status_page},
    {.path = "/status.json", .handle = status_data},
    {.path = "/healthz", .handle = healthz},
    {.path = "/readyz", .handle = readyz},
    {.path = "/readyz/", .prefix = true, .handle = readyz_route},
    {.path = "/metrics", .handle = metrics},
    {.path = "/tokens", .handle = tokens},
    {.path = "/tokens/", .prefix = true, .post = true, .handle = token_action},
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
    const struct admin_app *admin = of(app);
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
    keep_nothing(admin);
    config_unref(admin->app.config);
}

void admin_app_use(struct admin_app *admin, struct config *config)
{
    keep_nothing(admin);
    config_ref(config);
    config_unref(admin->app.config);
    admin->app.config = config;
}
