/*
 * A connection to a Redis or Valkey, in RESP2 (redis.io, "Redis serialization protocol"): commands
 * go out, replies come back in the same order, and what a channel says comes in between. libcurl
 * opens the connection (upstream/stream.h), hiredis's reader and formatter do the protocol; nothing
 * here blocks. Knows no tokens.
 *
 * One connection, one life: what goes wrong once (a command without a reply in time, bytes that are
 * no RESP2, a reply over the bounds, a push that was not asked for) closes it, and its user opens
 * another one when it likes. After a missed reply nobody could tell which command the next one
 * belongs to.
 *
 * Bounds: a reply has at most RESP_ELEMENTS elements in all, RESP_DEPTH arrays in one another and
 * RESP_REPLY_MAX bytes; RESP_COMMANDS commands wait for their replies, RESP_UNSENT_MAX bytes to be
 * sent.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_RESP_H
#define UPSTREAM_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "runtime/loop.h"

#define RESP_ELEMENTS 256
#define RESP_DEPTH 3
#define RESP_REPLY_MAX (64 * 1024)
#define RESP_COMMANDS 256
#define RESP_UNSENT_MAX (1024 * 1024)

struct resp;

/* Borrowed for the call of resp_open alone. */
struct resp_settings {
    struct loop *loop;
    const char *server; /* "HOST:PORT", "[::1]:6379" or "unix:/PATH" */
    bool tls;
    const char *ca_file;                      /* NULL: the system's */
    const char *client_certificate;           /* NULL: none; PEM file */
    const struct secret *client_key;          /* PEM, with client_certificate */
    const struct secret *client_key_password; /* NULL: it is not encrypted */
    const char *user;                         /* NULL: "default" */
    const struct secret *password;            /* NULL: no AUTH is sent */
    const char *name;                         /* for CLIENT SETNAME; NULL: none */
    int64_t connect_timeout;                  /* ns; TLS and AUTH included */
    int64_t timeout;                          /* ns for each reply */
};

/* Why a connection ended, or was not opened: the label `kind` of the metric, and a phrase. */
#define RESP_ERRORS(X)                                                                             \
    X(RESP_UNREACHABLE, "unreachable", "cannot be reached")                                        \
    X(RESP_TLS, "tls", "the TLS handshake failed")                                                 \
    X(RESP_AUTH, "auth", "refused the user or the password")                                       \
    X(RESP_TIMEOUT, "timeout", "did not reply in time")                                            \
    X(RESP_CLOSED, "closed", "closed the connection")                                              \
    X(RESP_PROTOCOL, "protocol", "sent something that is no RESP2, or too much of it")             \
    X(RESP_REFUSED, "refused", "refused a command")
enum resp_error {
#define RESP_ENUM(id, name, phrase) id,
    RESP_ERRORS(RESP_ENUM)
#undef RESP_ENUM
        RESP_ERROR_COUNT
};
const char *resp_error_name(enum resp_error error);
const char *resp_error_phrase(enum resp_error error);

enum resp_type { RESP_STATUS, RESP_ERROR, RESP_INTEGER, RESP_STRING, RESP_NIL, RESP_ARRAY };

/* A reply, for the time of the call. Strings may hold any byte; a NUL follows. */
struct resp_reply {
    enum resp_type type;
    int64_t integer;
    const char *text; /* RESP_STATUS, RESP_ERROR, RESP_STRING */
    size_t len;
    const struct resp_reply *items; /* RESP_ARRAY */
    size_t count;
};

/* Each is the last call in a callback of ours: resp_close is allowed in it. */
struct resp_ports {
    void *arg;
    /* The connection is open, and AUTH was accepted. Commands may be sent. */
    void (*opened)(void *arg);
    /* A message of a channel; the texts may hold any byte. */
    void (*message)(void *arg, const char *channel, const char *text, size_t len);
    /*
     * It could not be opened, or has ended; it is freed, and no callback of a command follows.
     * `detail` is one line for the log, no secret in it; borrowed.
     */
    void (*closed)(void *arg, enum resp_error error, const char *detail);
};

/*
 * ERR_SYSTEM: libcurl cannot be set up; ERR_INVALID: `server` is no such address, or the TLS files
 * cannot be used. No port is called from within.
 */
ERR_CHECKED enum err resp_open(const struct resp_settings *settings, const struct resp_ports *ports,
                               struct resp **out);
/* No port is called any more, nor a command's callback. NULL is allowed, as is one in `closed`. */
void resp_close(struct resp *resp);

/*
 * A command; the arguments may hold any byte, and are copied. `replied` is called in a later turn,
 * with an error reply as well; never when the connection ends first. NULL: nobody asks. False:
 * RESP_COMMANDS or RESP_UNSENT_MAX wait already, or it is not open; then nothing was sent.
 */
typedef void resp_replied(void *arg, const struct resp_reply *reply);
bool resp_command(struct resp *resp, const char *const *words, const size_t *lengths, size_t count,
                  resp_replied *replied, void *arg);
/*
 * From the first one on the connection is for channels alone: resp_command is not allowed any more.
 * `replied` is called with the number of channels when the server has confirmed it.
 */
bool resp_subscribe(struct resp *resp, const char *channel, resp_replied *replied, void *arg);
/* An error reply to it is passed over: the channel's messages go on then. */
bool resp_unsubscribe(struct resp *resp, const char *channel);

#endif
