/*
 * An HTTP/1.1 client on a loop: connections, deadlines, cancellation. It knows nothing of tokens
 * and postcodes. One client belongs to one loop and one origin; each worker has its own.
 *
 * A call is made under a context. It ends exactly once, by its callback, or not at all when its
 * context is cancelled before: then the connection is closed at once, and nothing is called. The
 * deadline is the context's.
 *
 * Retries: a GET whose connection failed before any byte of an answer is sent again on a fresh
 * connection. RFC 9110 section 9.2.2 allows it for idempotent methods only; so a POST is sent once,
 * and on a connection of its own, where the race with a server that closes an idle one cannot
 * happen.
 *
 * Thread: a client and its calls belong to the loop's.
 *
 * Never: redirects, cookies, proxies from the environment, .netrc, protocols but http and https,
 * HTTP/2, compressed bodies.
 */
#ifndef UPSTREAM_CLIENT_H
#define UPSTREAM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "runtime/ctx.h"
#include "runtime/loop.h"

struct client;

/*
 * Why there is no (usable) answer. The table: id, the error type of RFC 9209 section 2.3 for
 * Proxy-Status, and a phrase for a log line or a detail: "the upstream ...".
 */
#define CLIENT_ERRORS(X)                                                                           \
    X(CLIENT_OK, "", "answered")                                                                   \
    X(CLIENT_DNS, "dns_error", "has a name that does not resolve")                                 \
    X(CLIENT_REFUSED, "connection_refused", "refused the connection")                              \
    X(CLIENT_CONNECT_TIMEOUT, "connection_timeout", "did not accept a connection in time")         \
    X(CLIENT_UNREACHABLE, "destination_ip_unroutable", "cannot be reached")                        \
    X(CLIENT_TLS, "tls_protocol_error", "did not complete the TLS handshake")                      \
    X(CLIENT_CERTIFICATE, "tls_certificate_error", "has a certificate that does not verify")       \
    X(CLIENT_CLOSED, "connection_terminated", "closed the connection before its answer was whole") \
    X(CLIENT_PROTOCOL, "http_protocol_error", "did not answer in HTTP/1.1")                        \
    X(CLIENT_BODY_TOO_LARGE, "http_response_body_size", "sent a body that is too large")           \
    X(CLIENT_HEAD_TOO_LARGE, "http_response_header_section_size", "sent a head that is too large") \
    X(CLIENT_QUEUE_FULL, "connection_limit_reached", "has no free connection")                     \
    X(CLIENT_INTERNAL, "proxy_internal_error", "could not be called")

enum client_error {
#define CLIENT_ENUM(id, proxy_status, phrase) id,
    CLIENT_ERRORS(CLIENT_ENUM)
#undef CLIENT_ENUM
};

const char *client_error_proxy_status(enum client_error error);
const char *client_error_phrase(enum client_error error);

/* What a client is made of; copied. Two clients with equal settings can stand for each other. */
struct client_settings {
    const char *origin; /* "https://host:port", no path */
    int64_t connect_timeout;
    int64_t connection_max_age;
    size_t max_connections; /* of this client */
    size_t max_queue;       /* calls that wait for a connection; one more is CLIENT_QUEUE_FULL */
    unsigned retries;
    const char *ca_file;             /* NULL: the system's */
    const char *client_certificate;  /* NULL: none; PEM file */
    const struct secret *client_key; /* PEM, with client_certificate */
    const char *proxy;               /* NULL: none */
    bool counted;                    /* whether METRIC_UPSTREAM_* count its calls and connections */
};

/*
 * What [upstream] says of connections, for lookups and token requests alike: timeouts, retries,
 * TLS, proxy. Borrowed from `config`. Origin, limits and `counted` are the caller's to fill in
 * (upstream/origin.h cuts a URL).
 */
struct client_settings client_settings_from(const struct config *config);

/*
 * Once, in the main thread, before the first client and after the last. Ignores SIGPIPE, which a
 * connection closed by its peer would raise. ERR_SYSTEM: no libcurl that resolves names beside the
 * loop and speaks TLS.
 */
enum err client_global_start(void);
void client_global_stop(void);

/* ERR_SYSTEM: libcurl cannot be set up; ERR_INVALID: client_check says why. */
enum err client_new(struct loop *loop, const struct client_settings *settings, struct client **out);
/* Calls under way are dropped without a callback. Allowed in a callback of this client. */
void client_free(struct client *client);

struct client_header {
    const char *name;
    const char *value; /* NULL: the header is not sent. A CR, LF or NUL in it is a bug: MUST */
};

struct client_request {
    bool post;                           /* POST with `body`, its answer wiped; else GET */
    const char *target;                  /* origin-form, sent byte for byte: "/a/b%20c?d" */
    const struct client_header *headers; /* besides Host, User-Agent and Content-Length */
    size_t header_count;
    const char *body; /* POST: may be NULL for an empty one */
    size_t body_len;
    size_t max_response; /* bytes of body */
};

/* The response headers that anybody here reads. */
#define CLIENT_HEADERS(X)                                                                          \
    X(CLIENT_CONTENT_TYPE, "Content-Type")                                                         \
    X(CLIENT_CACHE_CONTROL, "Cache-Control")                                                       \
    X(CLIENT_ETAG, "ETag")                                                                         \
    X(CLIENT_LAST_MODIFIED, "Last-Modified")                                                       \
    X(CLIENT_RETRY_AFTER, "Retry-After")

enum client_header_id {
#define CLIENT_HEADER_ENUM(id, name) id,
    CLIENT_HEADERS(CLIENT_HEADER_ENUM)
#undef CLIENT_HEADER_ENUM
        CLIENT_HEADER_COUNT
};

/* Borrowed by the callback, but for the body, which upstream_response_take_body hands over. */
struct upstream_response {
    enum client_error error; /* CLIENT_OK: the answer is whole */
    /*
     * 200 to 599, once a head was read: with CLIENT_OK always, but also with CLIENT_CLOSED,
     * CLIENT_PROTOCOL or CLIENT_BODY_TOO_LARGE where only the body failed. 0: none.
     */
    int status;
    const char *detail; /* libcurl's words about an error, from outside and unescaped; or "" */
    /* The first of each, without outer space; NULL: none. Visible ASCII, space, tab and obs-text.
     */
    const char *headers[CLIENT_HEADER_COUNT];
    char *body; /* NUL-terminated beyond body_len; may be NULL when body_len is 0 */
    size_t body_len;
    unsigned retries;      /* fresh connections tried after the first */
    struct mono_time sent; /* just before the request went out for the last time, never after */
    int64_t duration;      /* from client_call to here */
};

/* free() it, and wipe it before when it is secret. NULL when body_len is 0. */
char *upstream_response_take_body(struct upstream_response *response);

typedef void client_done(void *arg, struct upstream_response *response);

/*
 * Starts a call under `ctx`, which must be live and outlive it. The request is copied. `done` is
 * called in a later turn, never from within.
 */
void client_call(struct client *client, struct ctx *ctx, const struct client_request *request,
                 client_done *done, void *arg);

#endif
