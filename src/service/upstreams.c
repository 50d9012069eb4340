/*
 * The keeper of a retired upstream works on for the lookups that wait for its token, but what it
 * says is for them alone: nothing is kept for a restart, and nobody else is told.
 */
#include "service/upstreams.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#define UPSTREAM_MAGIC 0x55505354u

/* ---- what its token service says ---- */

static void publish(void *arg, struct token_view *view)
{
    MAGIC_CAST(struct daemon_upstream, upstream, arg, UPSTREAM_MAGIC);
    for (size_t i = 0; i < upstream->side_count; i++)
        token_source_publish(upstream->sides[i]->lookup.tokens, view);
}

static void keep(void *arg, const void *bytes, size_t len)
{
    MAGIC_CAST(struct daemon_upstream, upstream, arg, UPSTREAM_MAGIC);
    if (!upstream->retired)
        token_fdstore_keep(&upstream->fdstore, bytes, len);
}

static void changed(void *arg)
{
    MAGIC_CAST(struct daemon_upstream, upstream, arg, UPSTREAM_MAGIC);
    if (!upstream->retired)
        upstream->upstreams->changed(upstream->upstreams->arg);
}

/* ---- its beginning and end ---- */

static void unlink_from_all(struct daemon_upstream *upstream)
{
    struct daemon_upstream **link = &upstream->upstreams->all;

    while (*link != upstream)
        link = &(*link)->next;
    *link = upstream->next;
}

static void upstream_free(struct daemon_upstream *upstream)
{
    MAGIC_OK(upstream, UPSTREAM_MAGIC);
    unlink_from_all(upstream);
    for (size_t i = 0; i < upstream->side_count; i++)
        side_free(upstream->sides[i]);
    mem_free(upstream->sides);
    token_service_free(upstream->tokens);
    token_fdstore_fini(&upstream->fdstore);
    mem_free(upstream->name);
    MAGIC_CLEAR(upstream);
    mem_free(upstream);
}

/* Two upstreams may have the same credentials, and one token in the store then. */
static void name_member(struct daemon_upstream *upstream)
{
    const int len = snprintf(upstream->member, sizeof(upstream->member), "%s-%zu",
                             upstream->upstreams->member, upstream->index);

    MUST(len > 0 && (size_t)len < sizeof(upstream->member));
}

enum err upstream_new(struct upstreams *upstreams, struct config *config,
                      const struct config_upstream *settings, struct fleet_link *link,
                      struct daemon_upstream **out)
{
    struct daemon_upstream *upstream = mem_zalloc(sizeof(*upstream));
    const struct token_service_ports ports = {
        .arg = upstream, .publish = publish, .keep = keep, .changed = changed};
    struct token_service_settings of_tokens = {.loop = upstreams->loop,
                                               .config = config,
                                               .upstream = settings,
                                               .link = link,
                                               .member = upstream->member,
                                               .workers = upstreams->workers};

    MAGIC_SET(upstream, UPSTREAM_MAGIC);
    _Static_assert(SYSTEMD_BOOT == sizeof(of_tokens.boot), "a boot's id fits");
    memcpy(of_tokens.boot, upstreams->boot, sizeof(of_tokens.boot));
    upstream->upstreams = upstreams;
    upstream->next = upstreams->all;
    upstreams->all = upstream;
    upstream->name = mem_strdup(settings->name);
    upstream->index = settings->index;
    name_member(upstream);
    upstream->sides = mem_zalloc(upstreams->workers * sizeof(struct side *));
    token_fdstore_init(&upstream->fdstore, settings);
    enum err err = token_service_new(&of_tokens, &ports, &upstream->tokens);
    if (err != ERR_OK) {
        upstream_free(upstream);
        return err;
    }
    upstream->fdstore.tokens = upstream->tokens;
    *out = upstream;
    return ERR_OK;
}

void upstream_add_side(struct daemon_upstream *upstream, struct loop *loop, size_t max_waiters)
{
    const struct side_settings settings = {.loop = loop,
                                           .main_loop = upstream->upstreams->loop,
                                           .keeper = token_service_keeper(upstream->tokens),
                                           .worker = upstream->side_count,
                                           .max_waiters = max_waiters,
                                           .state = &upstream->state};

    MUST(upstream->side_count < upstream->upstreams->workers);
    upstream->sides[upstream->side_count++] = side_new(&settings);
}

/* ---- the list ---- */

struct daemon_upstream **upstreams_use(struct upstreams *upstreams, struct daemon_upstream **items,
                                       size_t count)
{
    struct daemon_upstream **before = upstreams->items;

    upstreams->items = items;
    upstreams->count = count;
    for (size_t i = 0; i < count; i++)
        items[i]->used = true;
    return before;
}

struct daemon_upstream *upstreams_find(const struct upstreams *upstreams, const char *name)
{
    for (size_t i = 0; i < upstreams->count; i++)
        if (strcmp(upstreams->items[i]->name, name) == 0)
            return upstreams->items[i];
    return NULL;
}

/* ---- retiring ---- */

static void ask_sides(struct daemon_upstream *upstream,
                      void (*ask)(struct side *side, void (*told)(void *arg), void *arg),
                      void (*told)(void *arg))
{
    upstream->asked = upstream->side_count;
    for (size_t i = 0; i < upstream->side_count; i++)
        ask(upstream->sides[i], told, upstream);
}

/* At the end nobody is asked any more: upstreams_free frees what is left. */
static bool all_answered(struct daemon_upstream *upstream)
{
    return --upstream->asked == 0 && !upstream->upstreams->ending;
}

static void closed(void *arg)
{
    MAGIC_CAST(struct daemon_upstream, upstream, arg, UPSTREAM_MAGIC);

    if (!all_answered(upstream))
        return;
    if (upstream->used)
        log_write_fields(LOG_LEVEL_NOTICE, NULL, &LOG_TEXT("upstream", upstream->name), 1,
                         "%s was removed, and its last lookup has ended", upstream->name);
    upstream_free(upstream);
}

static void released(void *arg)
{
    MAGIC_CAST(struct daemon_upstream, upstream, arg, UPSTREAM_MAGIC);

    if (!all_answered(upstream))
        return;
    token_service_stop(upstream->tokens);
    ask_sides(upstream, side_close, closed);
}

void upstream_retire(struct daemon_upstream *upstream)
{
    MAGIC_OK(upstream, UPSTREAM_MAGIC);
    upstream->retired = true;
    token_service_leave(upstream->tokens);
    token_fdstore_keep(&upstream->fdstore, NULL, 0);
    if (!upstream->upstreams->ending)
        ask_sides(upstream, side_retire, released);
}

/* ---- the daemon's start and end ---- */

void upstreams_restore(struct upstreams *upstreams, const struct systemd_inherited *inherited)
{
    struct token_fdstore **fdstores =
        mem_zalloc((upstreams->count + 1) * sizeof(struct token_fdstore *));

    for (size_t i = 0; i < upstreams->count; i++)
        fdstores[i] = &upstreams->items[i]->fdstore;
    token_fdstore_restore(fdstores, upstreams->count, inherited);
    mem_free(fdstores);
}

void upstreams_start(struct upstreams *upstreams)
{
    for (size_t i = 0; i < upstreams->count; i++)
        token_service_start(upstreams->items[i]->tokens);
}

void upstreams_expose(const struct upstreams *upstreams, struct exposition *out)
{
    out->upstream_count = upstreams->count;
    for (size_t i = 0; i < upstreams->count; i++) {
        struct daemon_upstream *upstream = upstreams->items[i];

        out->upstreams[i] =
            (struct exposition_upstream){.name = upstream->name,
                                         .index = upstream->index,
                                         .keeper = token_service_keeper(upstream->tokens),
                                         .state = &upstream->state,
                                         .store = token_service_store(upstream->tokens),
                                         .tokens = upstream->tokens,
                                         .fleet = out->fleet};
    }
}

void upstreams_count_members(struct upstreams *upstreams)
{
    const struct mono_time now = mono_now();
    struct fleet_status member;

    for (size_t i = 0; i < upstreams->count; i++) {
        struct daemon_upstream *upstream = upstreams->items[i];
        const bool any = token_service_fleet_status(upstream->tokens, now, &member);

        atomic_store_explicit(&upstream->state.members, any ? member.members : 0,
                              memory_order_relaxed);
    }
}

static void stop(struct daemon_upstream *upstream)
{
    token_service_stop(upstream->tokens);
    for (size_t i = 0; i < upstream->side_count; i++)
        side_end(upstream->sides[i]);
}

void upstreams_stop(struct upstreams *upstreams)
{
    for (struct daemon_upstream *one = upstreams->all; one != NULL; one = one->next)
        stop(one);
}

void upstreams_free(struct upstreams *upstreams)
{
    while (upstreams->all != NULL)
        upstream_free(upstreams->all);
    mem_free(upstreams->items);
    *upstreams = (struct upstreams){.items = NULL};
}
