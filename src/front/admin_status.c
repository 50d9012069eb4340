/*
 * The status page and its data are made at most once a second, however many look at once, and not
 * at all while nobody does.
 */
#include "front/admin_status.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "exchange/response.h"
#include "front/admin_respond.h"
#include "front/conditions.h"
#include "front/overview_routes.h"
#include "front/status_json.h"
#include "front/status_page.h"

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
        admin_respond_text(request, 500, "the page is too long\n");
    else
        response_operator(request, 200, content_type, headers, kept->text, kept->len);
}

/* The page asks nothing of anybody else, and is part of no other page. */
void admin_status_page(struct server_app *app, struct request *request, const char *rest,
                       size_t len)
{
    const struct response_header headers[] = {
        {"Content-Security-Policy", status_page_policy()},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {NULL, NULL},
    };
    struct admin_app *admin = admin_of(app);
    const struct mono_time now = mono_now();

    (void)rest;
    (void)len;
    if (!is_fresh(&admin->page, now))
        make_page(admin, now);
    give(request, &admin->page, "text/html; charset=utf-8", headers);
}

void admin_status_data(struct server_app *app, struct request *request, const char *rest,
                       size_t len)
{
    static const struct response_header headers[] = {
        {"X-Content-Type-Options", "nosniff"},
        {NULL, NULL},
    };
    struct admin_app *admin = admin_of(app);
    const struct mono_time now = mono_now();

    (void)rest;
    (void)len;
    if (!is_fresh(&admin->data, now))
        make_data(admin, now);
    give(request, &admin->data, "application/json", headers);
}

void admin_status_drop(struct admin_app *admin)
{
    keep(&admin->page, NULL, 0, (struct mono_time){0});
    keep(&admin->data, NULL, 0, (struct mono_time){0});
}
