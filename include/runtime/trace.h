/*
 * The names a request travels under: its GUID (contract 3), and its place in a distributed trace
 * (W3C Trace Context, Level 1: the headers traceparent and tracestate). It stands on this floor
 * because token requests have GUIDs of their own.
 */
#ifndef RUNTIME_TRACE_H
#define RUNTIME_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/ctx.h" /* GUID_MAX, TRACEPARENT_LEN, TRACESTATE_MAX */

/* Bytes of a UUID as text, its NUL included. */
#define GUID_UUID_TEXT 37
/* Bytes of a traceparent as text, its NUL included. */
#define TRACEPARENT_TEXT (TRACEPARENT_LEN + 1)

/* 1 to GUID_MAX characters of [A-Za-z0-9._:-]. */
bool guid_is_valid(const char *text, size_t len);

/*
 * Random bytes, drawn from the kernel a block at a time: one system call serves some hundred
 * lookups. One a worker, not shared between threads. Zeroed memory is a ready source, and nothing
 * in it needs freeing. Used bytes are overwritten.
 *
 * A kernel that gives no random bytes stops the process (MUST): Linux cannot refuse once it has
 * booted, and a GUID that can be guessed is worse than a restart.
 */
#define GUID_BLOCK 4096
struct guid_source {
    unsigned char bytes[GUID_BLOCK];
    size_t left; /* unused bytes, at the end of the block */
};

/* A random UUID (RFC 9562, version 4), in lower case. */
void guid_make(struct guid_source *source, char out[GUID_UUID_TEXT]);

/*
 * The traceparent for calls made on behalf of a request: a child of `incoming` (same trace id, new
 * parent id, the flags that are defined: sampled and random) where that is valid, else the root of
 * a new trace, sampled. True where it is a child: the caller's tracestate then belongs to it, and
 * otherwise must be dropped. `incoming` may be NULL with len 0; surrounding space and tabs do not
 * count. A request with two traceparent headers has none: that is the caller's to see.
 */
bool trace_continue(struct guid_source *source, const char *incoming, size_t len,
                    char out[TRACEPARENT_TEXT]);

/*
 * Whether a tracestate may be passed on: visible ASCII, spaces and tabs, 1 to TRACESTATE_MAX
 * bytes, a list of 1 to 32 members KEY=VALUE between commas (empty ones are skipped). What stands
 * in a key or a value is not looked at closer.
 */
bool tracestate_is_valid(const char *text, size_t len);

#endif
