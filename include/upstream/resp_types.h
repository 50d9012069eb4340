/*
 * The vocabulary of a connection to a Redis or Valkey: its bounds, what it is made of, why it ends,
 * and what a reply is. Users include upstream/resp.h.
 *
 * Bounds: a reply has at most RESP_ELEMENTS elements in all, RESP_DEPTH arrays in one another and
 * RESP_REPLY_MAX bytes; RESP_COMMANDS commands wait for their replies, RESP_UNSENT_MAX bytes to be
 * sent.
 */
#ifndef UPSTREAM_RESP_TYPES_H
#define UPSTREAM_RESP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "runtime/loop.h"

#define RESP_ELEMENTS 256
#define RESP_DEPTH 3
#define RESP_REPLY_MAX (64 * 1024)
#define RESP_COMMANDS 256
#define RESP_UNSENT_MAX (1024 * 1024)

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
    X(RESP_TLS, "tls", "failed in the TLS handshake")                                              \
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
typedef void resp_replied(void *arg, const struct resp_reply *reply);

#endif
