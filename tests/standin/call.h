/*
 * One request to the stand-in, from its head to the end of its answer.
 *
 * A handler decides the answer at once (call_answer*), and may then park the call: the answer goes
 * out when its time has come, or never when the caller goes away first. All on one thread.
 */
#ifndef STANDIN_CALL_H
#define STANDIN_CALL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "counters.h"

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS 1000000LL
#define TIME_NEVER __LONG_LONG_MAX__

struct standin;

/* What the caller asked, and so which counters and which hold it falls under. */
enum call_kind {
    CALL_CONTROL,
    CALL_LOOKUP,
    CALL_TOKEN,
};

#define CALL_MAGIC 0x57a4d1c0u
#define CALL_BODY_MAX 8192

struct call {
    unsigned magic;
    enum call_kind kind;
    struct standin *standin;
    struct MHD_Connection *connection;

    char *body; /* NUL-terminated; NULL for none */
    size_t body_len;
    bool body_too_large;

    unsigned status;               /* 0: not decided yet */
    struct MHD_Response *response; /* owned */

    bool parked;
    bool held; /* parked until the kind's hold knob is turned off */
    /* Its answer's body, where that goes out bit by bit; parked after the first byte of it. */
    char *text; /* NULL: it does not */
    bool trickling;
    bool gone; /* the caller went away while it was parked */
    long long due;
    TAILQ_ENTRY(call) entry;

    /* A reader of the counters waits until each has reached its minimum; 0: not asked for. */
    bool waits_for_counters;
    long long minimum[COUNTER_COUNT];
};

TAILQ_HEAD(call_list, call);

struct call *call_new(struct standin *standin, struct MHD_Connection *connection);
void call_free(struct call *call);
/* The call behind a void *, checked. */
struct call *call_cast(void *p);

void call_collect(struct call *call, const char *data, size_t len);

/* Decides the answer; takes `body` over. A second decision replaces the first. */
void call_answer(struct call *call, unsigned status, json_t *body);
/* {"error": code, "error_description": text}, as RFC 6749, section 5.2 writes them. */
void call_answer_error(struct call *call, unsigned status, const char *code, const char *text);
void call_answer_empty(struct call *call, unsigned status);
/* Decides the answer: its body goes out as `reader` gives it, from call->text. */
void call_answer_read(struct call *call, unsigned status, json_t *body,
                      MHD_ContentReaderCallback reader);
/* A header of the answer decided. */
void call_header(struct call *call, const char *name, const char *value);

/* A request's header or query argument; NULL for none. */
const char *call_request_header(const struct call *call, const char *name);
const char *call_query(const struct call *call, const char *name);

/* CLOCK_BOOTTIME, ns. */
long long now_ns(void);

/* Memory, or the end of the process. */
void *must_calloc(size_t count, size_t size);

#endif
