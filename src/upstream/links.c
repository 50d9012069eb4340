/*
 * The link that was used last is used next, so the others grow old and go, and there are as many as
 * are needed. Two bounds make them go: an age, so that a change in DNS is followed, and a time of
 * idleness, so that a quiet night does not end with the links of the evening's peak.
 *
 * Nothing may come on an idle link, so whatever comes (the server's closing, or bytes that would be
 * taken for the answer to the next request) is its end. That is seen when the loop next looks at
 * its descriptor; one that was idle for a while is asked once more before it is used, for servers
 * close what has been idle long, and a lookup that finds out by being lost costs a retry.
 */
#include "upstream/links.h"

#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#define LINKS_MAGIC 0x11e40002u
#define SWEEP_EVERY (5 * SECOND)

/* Cells of METRIC_UPSTREAM_CONNECTIONS. */
enum { CELL_ACTIVE, CELL_IDLE };

struct idle {
    struct idle *prev, *next;
    struct link_user user;
    struct links *links;
    struct link *link;
    struct mono_time since;
};

struct links {
    unsigned magic;
    struct links_settings settings;
    struct idle *idle;   /* newest first */
    struct idle *spares; /* unused places, by `next` */
    size_t open;         /* idle or not */
    struct timer *sweep;
};

static void count(const struct links *links, size_t cell, int n)
{
    if (links->settings.counted)
        metric_upstream_add(METRIC_UPSTREAM_CONNECTIONS, links->settings.upstream, cell, n);
}

/* Takes the link out of its place; it is then in use. */
static struct link *take_out(struct idle *idle)
{
    struct links *links = idle->links;
    struct link *link = idle->link;

    DL_DELETE(links->idle, idle);
    LL_PREPEND(links->spares, idle);
    count(links, CELL_IDLE, -1);
    count(links, CELL_ACTIVE, 1);
    return link;
}

static void expel(struct idle *idle)
{
    struct links *links = idle->links;

    links_drop(links, take_out(idle));
}

/* TLS may have something to say that is no answer (a session ticket). */
static bool is_silent(struct link *link)
{
    char byte;
    size_t got;
    bool more;

    return link_recv(link, &byte, 1, &got, &more) == LINK_AGAIN;
}

static void on_ready(struct link_user *user)
{
    struct idle *idle = CONTAINER_OF(user, struct idle, user);

    if (!is_silent(idle->link))
        expel(idle);
}

static bool is_stale(const struct idle *idle, struct mono_time now)
{
    return mono_diff(now, link_opened(idle->link)) >= idle->links->settings.max_age ||
           mono_diff(now, idle->since) >= LINKS_IDLE_MAX;
}

static void sweep(void *arg);

static void sweep_later(struct links *links)
{
    if (links->sweep == NULL && links->idle != NULL)
        links->sweep = timer_start(links->settings.links.loop, SWEEP_EVERY, sweep, links);
}

static void sweep(void *arg)
{
    MAGIC_CAST(struct links, links, arg, LINKS_MAGIC);
    struct mono_time now = mono_now();
    struct idle *idle, *next;

    links->sweep = NULL;
    DL_FOREACH_SAFE(links->idle, idle, next)
    {
        if (is_stale(idle, now))
            expel(idle);
    }
    sweep_later(links);
}

struct links *links_new(const struct links_settings *settings)
{
    struct links *links = mem_zalloc(sizeof(*links));

    MAGIC_SET(links, LINKS_MAGIC);
    links->settings = *settings;
    return links;
}

void links_free(struct links *links)
{
    MAGIC_OK(links, LINKS_MAGIC);
    while (links->idle != NULL)
        expel(links->idle);
    MUST(links->open == 0);
    timer_stop(&links->sweep);
    while (links->spares != NULL) {
        struct idle *idle = links->spares;

        LL_DELETE(links->spares, idle);
        mem_free(idle);
    }
    MAGIC_CLEAR(links);
    mem_free(links);
}

struct link *links_take(struct links *links, struct link_user *user, struct mono_time now)
{
    MAGIC_OK(links, LINKS_MAGIC);
    while (links->idle != NULL) {
        struct idle *idle = links->idle;
        bool trusted = mono_diff(now, idle->since) < LINKS_TRUST_IDLE;

        if (!is_stale(idle, now) && (trusted || is_silent(idle->link))) {
            struct link *link = take_out(idle);
            link_give(link, user);
            return link;
        }
        expel(idle);
    }
    return NULL;
}

struct link *links_open(struct links *links, struct link_user *user)
{
    MAGIC_OK(links, LINKS_MAGIC);
    if (links->open >= links->settings.max && links->idle != NULL)
        expel(links->idle->prev); /* the oldest makes room */
    struct link *link = link_open(&links->settings.links, user);
    if (link == NULL)
        return NULL;
    links->open++;
    count(links, CELL_ACTIVE, 1);
    return link;
}

void links_forget(struct links *links)
{
    MAGIC_OK(links, LINKS_MAGIC);
    links->open--;
    count(links, CELL_ACTIVE, -1);
}

static struct idle *place(struct links *links)
{
    struct idle *idle = links->spares;

    if (idle == NULL)
        return mem_zalloc(sizeof(*idle));
    LL_DELETE(links->spares, idle);
    return idle;
}

void links_give(struct links *links, struct link *link, struct mono_time now)
{
    struct idle *idle = place(links);

    MAGIC_OK(links, LINKS_MAGIC);
    *idle = (struct idle){.user.ready = on_ready, .links = links, .link = link, .since = now};
    link_give(link, &idle->user);
    DL_PREPEND(links->idle, idle);
    count(links, CELL_ACTIVE, -1);
    count(links, CELL_IDLE, 1);
    sweep_later(links);
}

void links_drop(struct links *links, struct link *link)
{
    link_close(link);
    links_forget(links);
}
