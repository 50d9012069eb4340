/*
 * The request's context: what runs beside a request and not through its parameters. GUID, trace,
 * deadline, cancellation; typed accessors, no bag of keys.
 *
 * Contexts form a tree. A derived context inherits GUID, trace and deadline and is cancelled with
 * its parent, never the other way. A context is cancelled once, for one cause; its hooks run then,
 * children first, newest first, and each hook runs at most once. By then every context below is
 * marked as cancelled. A hook may remove hooks (itself is removed before it runs) and free contexts
 * below the one being cancelled, but not that one (MUST).
 *
 * One thread: that of the loop it was made on.
 */
#ifndef RUNTIME_CTX_H
#define RUNTIME_CTX_H

#include <stdbool.h>

#include "base/clock.h"
#include "runtime/loop.h"

struct ctx;

enum ctx_cause {
    CTX_LIVE,     /* not cancelled */
    CTX_GONE,     /* who asked went away */
    CTX_DEADLINE, /* its time ran out */
    CTX_DONE,     /* the work came to its end in another way */
};

/* The longest GUID (contract 3), and a traceparent of W3C Trace Context version 00. */
#define GUID_MAX 128
#define TRACEPARENT_LEN 55
/* A tracestate's length is bounded here; a longer one is dropped, as W3C allows (3.3.1.5). */
#define TRACESTATE_MAX 512

/* A root. Its deadline is MONO_NEVER, its GUID and trace empty, until set. */
struct ctx *ctx_new(struct loop *loop);
/* Inherits all; cancelled at once when the parent is (its hooks then never run). */
struct ctx *ctx_derive(struct ctx *parent);
/* Children must have been freed before. Runs no hook. NULL is allowed. */
void ctx_free(struct ctx *ctx);

struct loop *ctx_loop(const struct ctx *ctx);

/* GUID: 1 to GUID_MAX characters, copied. "" while unset. */
void ctx_set_guid(struct ctx *ctx, const char *guid);
const char *ctx_guid(const struct ctx *ctx);

/*
 * traceparent (TRACEPARENT_LEN characters) and tracestate (NULL: none) for calls made under this
 * context, copied; "" while unset. They are inherited together.
 */
void ctx_set_trace(struct ctx *ctx, const char *traceparent, const char *tracestate);
const char *ctx_traceparent(const struct ctx *ctx);
const char *ctx_tracestate(const struct ctx *ctx);

/*
 * Never later than the parent's. At that time the context is cancelled with CTX_DEADLINE by a
 * timer of the loop. Set once a context.
 */
void ctx_set_deadline(struct ctx *ctx, struct mono_time deadline);
/* Of a root that has a deadline: another one, which an earlier one leaves as it is. */
void ctx_extend_deadline(struct ctx *ctx, struct mono_time deadline);
struct mono_time ctx_deadline(const struct ctx *ctx);

/* Cancels it and all below it. A second cancellation does nothing. */
void ctx_cancel(struct ctx *ctx, enum ctx_cause cause);
enum ctx_cause ctx_cause(const struct ctx *ctx);

struct ctx_hook {
    struct ctx_hook *prev, *next;
    void (*cancelled)(struct ctx_hook *hook, enum ctx_cause cause);
    struct ctx *ctx; /* NULL while it hangs nowhere, and when it runs */
};

/*
 * The hook is the caller's, all zero but for `cancelled`. Adding to a cancelled context, whose
 * hooks have run, would wait for ever, so it is a bug (MUST): ask ctx_cause first.
 */
void ctx_hook_add(struct ctx *ctx, struct ctx_hook *hook);
/* Nothing happens when it hangs nowhere. */
void ctx_hook_remove(struct ctx_hook *hook);

#endif
