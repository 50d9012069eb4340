/*
 * A child keeps no copy of what it inherits: it asks upwards. Trees are two or three deep, children
 * are freed before their parents, and so a value set late is seen below as well.
 *
 * Cancelling goes in two passes. The first marks the context and all below it, so that whoever is
 * called in the second finds no live context that is about to die. The second runs the hooks, and
 * since a hook may free contexts and remove hooks, it looks from the top for the next hook each
 * time instead of walking lists that change under it.
 */
#include "runtime/ctx.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define CTX_MAGIC 0xc0de17c1u

struct ctx {
    unsigned magic;
    struct loop *loop;
    enum ctx_cause cause;
    unsigned cancelling; /* ctx_cancel is at work on it: it must not be freed */

    struct ctx *parent;
    struct ctx *children;      /* newest first */
    struct ctx *older, *newer; /* siblings */

    struct ctx_hook *hooks; /* newest first */

    bool deadline_set;
    struct mono_time deadline; /* its own; the parent's may be earlier */
    struct timer *timer;

    char guid[GUID_MAX + 1];
    char traceparent[TRACEPARENT_LEN + 1];
    char *tracestate; /* NULL: none */
};

struct ctx *ctx_new(struct loop *loop)
{
    struct ctx *ctx = mem_zalloc(sizeof(*ctx));

    MAGIC_SET(ctx, CTX_MAGIC);
    ctx->loop = loop;
    ctx->deadline = MONO_NEVER;
    return ctx;
}

struct ctx *ctx_derive(struct ctx *parent)
{
    MAGIC_OK(parent, CTX_MAGIC);
    struct ctx *ctx = ctx_new(parent->loop);

    ctx->parent = parent;
    ctx->cause = parent->cause;
    ctx->older = parent->children;
    if (ctx->older != NULL)
        ctx->older->newer = ctx;
    parent->children = ctx;
    return ctx;
}

static void leave_parent(struct ctx *ctx)
{
    if (ctx->older != NULL)
        ctx->older->newer = ctx->newer;
    if (ctx->newer != NULL)
        ctx->newer->older = ctx->older;
    else if (ctx->parent != NULL)
        ctx->parent->children = ctx->older;
}

void ctx_free(struct ctx *ctx)
{
    if (ctx == NULL)
        return;
    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(ctx->children == NULL);
    MUST(ctx->cancelling == 0);
    while (ctx->hooks != NULL)
        ctx_hook_remove(ctx->hooks);
    timer_stop(&ctx->timer);
    leave_parent(ctx);
    mem_free(ctx->tracestate);
    MAGIC_CLEAR(ctx);
    mem_free(ctx);
}

struct loop *ctx_loop(const struct ctx *ctx)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    return ctx->loop;
}

void ctx_set_guid(struct ctx *ctx, const char *guid)
{
    size_t len = strlen(guid);

    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(len >= 1 && len <= GUID_MAX);
    memcpy(ctx->guid, guid, len + 1);
}

const char *ctx_guid(const struct ctx *ctx)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    while (ctx->guid[0] == '\0' && ctx->parent != NULL)
        ctx = ctx->parent;
    return ctx->guid;
}

void ctx_set_trace(struct ctx *ctx, const char *traceparent, const char *tracestate)
{
    size_t len = tracestate != NULL ? strlen(tracestate) : 0;

    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(strlen(traceparent) == TRACEPARENT_LEN);
    memcpy(ctx->traceparent, traceparent, TRACEPARENT_LEN + 1);
    mem_free(ctx->tracestate);
    ctx->tracestate = len > 0 && len <= TRACESTATE_MAX ? mem_strdup(tracestate) : NULL;
}

/* Whose trace it is: both values come from the same context. */
static const struct ctx *trace_owner(const struct ctx *ctx)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    while (ctx->traceparent[0] == '\0' && ctx->parent != NULL)
        ctx = ctx->parent;
    return ctx;
}

const char *ctx_traceparent(const struct ctx *ctx)
{
    return trace_owner(ctx)->traceparent;
}

const char *ctx_tracestate(const struct ctx *ctx)
{
    const struct ctx *owner = trace_owner(ctx);

    return owner->tracestate != NULL ? owner->tracestate : "";
}

static void on_deadline(void *arg)
{
    MAGIC_CAST(struct ctx, ctx, arg, CTX_MAGIC);

    ctx->timer = NULL;
    ctx_cancel(ctx, CTX_DEADLINE);
}

void ctx_set_deadline(struct ctx *ctx, struct mono_time deadline)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(!ctx->deadline_set);
    bool earlier = mono_before(deadline, ctx_deadline(ctx));

    ctx->deadline_set = true;
    ctx->deadline = deadline;
    /* Where the parent's comes first, the parent's timer cancels this one too. */
    if (earlier && ctx->cause == CTX_LIVE)
        ctx->timer =
            timer_start(ctx->loop, mono_diff(deadline, loop_now(ctx->loop)), on_deadline, ctx);
}

void ctx_extend_deadline(struct ctx *ctx, struct mono_time deadline)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(ctx->deadline_set && ctx->parent == NULL);
    if (ctx->cause != CTX_LIVE || !mono_before(ctx->deadline, deadline))
        return;
    ctx->deadline = deadline;
    timer_stop(&ctx->timer);
    ctx->timer = timer_start(ctx->loop, mono_diff(deadline, loop_now(ctx->loop)), on_deadline, ctx);
}

struct mono_time ctx_deadline(const struct ctx *ctx)
{
    struct mono_time first = MONO_NEVER;

    MAGIC_OK(ctx, CTX_MAGIC);
    for (; ctx != NULL; ctx = ctx->parent)
        first = mono_min(first, ctx->deadline);
    return first;
}

/* A context that was cancelled before, and all below it, keep their cause. */
static void mark(struct ctx *ctx, enum ctx_cause cause)
{
    if (ctx->cause != CTX_LIVE)
        return;
    ctx->cause = cause;
    timer_stop(&ctx->timer);
    for (struct ctx *child = ctx->children; child != NULL; child = child->older)
        mark(child, cause);
}

/* The hook that runs next: the newest child's first, a context's own after its children's. */
static struct ctx_hook *next_hook(struct ctx *ctx)
{
    for (struct ctx *child = ctx->children; child != NULL; child = child->older) {
        struct ctx_hook *hook = next_hook(child);

        if (hook != NULL)
            return hook;
    }
    return ctx->hooks;
}

void ctx_cancel(struct ctx *ctx, enum ctx_cause cause)
{
    struct ctx_hook *hook;

    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(cause != CTX_LIVE);
    if (ctx->cause != CTX_LIVE)
        return;
    mark(ctx, cause);
    ctx->cancelling++;
    while ((hook = next_hook(ctx)) != NULL) {
        enum ctx_cause its_cause = hook->ctx->cause;

        ctx_hook_remove(hook);
        hook->cancelled(hook, its_cause);
    }
    ctx->cancelling--;
}

enum ctx_cause ctx_cause(const struct ctx *ctx)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    return ctx->cause;
}

void ctx_hook_add(struct ctx *ctx, struct ctx_hook *hook)
{
    MAGIC_OK(ctx, CTX_MAGIC);
    MUST(ctx->cause == CTX_LIVE);
    MUST(hook->ctx == NULL);
    hook->ctx = ctx;
    hook->prev = NULL;
    hook->next = ctx->hooks;
    if (hook->next != NULL)
        hook->next->prev = hook;
    ctx->hooks = hook;
}

void ctx_hook_remove(struct ctx_hook *hook)
{
    if (hook->ctx == NULL)
        return;
    MAGIC_OK(hook->ctx, CTX_MAGIC);
    if (hook->prev != NULL)
        hook->prev->next = hook->next;
    else
        hook->ctx->hooks = hook->next;
    if (hook->next != NULL)
        hook->next->prev = hook->prev;
    hook->prev = hook->next = NULL;
    hook->ctx = NULL;
}
