/*
 * What is said to a server before anything else (AUTH and CLIENT SETNAME), and whether it lets one
 * in. Private to src/upstream.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_RESP_GREETING_H
#define UPSTREAM_RESP_GREETING_H

#include <stdbool.h>

#include "upstream/resp_output.h"
#include "upstream/resp_queue.h"
#include "upstream/resp_types.h"

/* Embedded. */
struct resp_greeting {
    char *user;              /* NULL: "default" */
    char *name;              /* NULL: none is given */
    struct secret *password; /* NULL: no AUTH */
};

/* Copies what it needs. */
void resp_greeting_init(struct resp_greeting *greeting, const struct resp_settings *settings);
void resp_greeting_fini(struct resp_greeting *greeting);

/* Adds its commands; `waiting`: since when, and until when, they wait. */
void resp_greeting_say(const struct resp_greeting *greeting, struct resp_output *output,
                       struct resp_queue *queue, struct resp_waiting waiting);

/* Why a server does not go on with us. */
struct resp_refusal {
    enum resp_error error;
    const char *detail; /* a constant, nothing of the server's in it */
};

/* Whether the reply to a command of the greeting is good; `refusal` is set where it is not. */
bool resp_greeting_is_accepted(enum resp_kind kind, const struct resp_reply *reply,
                               struct resp_refusal *refusal);
/* What a reply means that no command waits for. */
struct resp_refusal resp_greeting_unasked(const struct resp_reply *reply);

#endif
