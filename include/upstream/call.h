/*
 * The vocabulary of upstream/: what a client is made of, what a call asks for, what comes of it,
 * and the errors. It includes nothing of this folder, and all of this folder includes it. Users of
 * the client include upstream/client.h.
 */
#ifndef UPSTREAM_CALL_H
#define UPSTREAM_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/digest.h"
#include "config/config.h"

/* ---- errors ---- */

/*
 * Why there is no (usable) response. The table: id, the error type of RFC 9209 section 2.3 for
 * Proxy-Status, and a phrase for a log line or a detail: "the upstream ...".
 */
#define CLIENT_ERRORS(X)                                                                           \
    X(CLIENT_OK, "", "responded")                                                                  \
    X(CLIENT_DNS, "dns_error", "has a name that does not resolve")                                 \
    X(CLIENT_REFUSED, "connection_refused", "refused the connection")                              \
    X(CLIENT_CONNECT_TIMEOUT, "connection_timeout", "did not accept a connection in time")         \
    X(CLIENT_UNREACHABLE, "destination_ip_unroutable", "cannot be reached")                        \
    X(CLIENT_TLS, "tls_protocol_error", "did not complete the TLS handshake")                      \
    X(CLIENT_PROXY_AUTH, "proxy_configuration_error",                                              \
      "is behind a proxy that demands credentials other than those of [upstream] proxy and "       \
      "proxy_password_file")                                                                       \
    X(CLIENT_CERTIFICATE, "tls_certificate_error", "has a certificate that does not verify")       \
    X(CLIENT_CLOSED, "connection_terminated",                                                      \
      "closed the connection before its response was complete")                                    \
    X(CLIENT_PROTOCOL, "http_protocol_error", "did not respond in HTTP/1.1")                       \
    X(CLIENT_FRAMING, "http_protocol_error",                                                       \
      "sent a response whose end is in doubt: its Content-Length or Transfer-Encoding is faulty")  \
    X(CLIENT_BODY_TOO_LARGE, "http_response_body_size", "sent a body that is too large")           \
    X(CLIENT_HEADERS_TOO_LARGE, "http_response_header_section_size",                               \
      "sent a header section that is too large")                                                   \
    X(CLIENT_QUEUE_FULL, "connection_limit_reached", "has no free connection")                     \
    X(CLIENT_INTERNAL, "proxy_internal_error", "could not be called")

enum client_error {
#define CLIENT_ENUM(id, proxy_status, phrase) id,
    CLIENT_ERRORS(CLIENT_ENUM)
#undef CLIENT_ENUM
};

const char *client_error_proxy_status(enum client_error error);
const char *client_error_phrase(enum client_error error);

/* ---- settings ---- */

/* What a client is made of; copied. Two clients with equal settings can stand for each other. */
struct client_settings {
    const char *origin; /* "https://host:port", no path */
    int64_t connect_timeout;
    int64_t connection_max_age;
    size_t max_connections; /* of this client */
    size_t max_queue;       /* calls that wait for a connection; one more is CLIENT_QUEUE_FULL */
    unsigned retries;
    const char *ca_file;                      /* NULL: the system's */
    const char *client_certificate;           /* NULL: none; PEM file */
    const struct secret *client_key;          /* PEM, with client_certificate */
    const struct secret *client_key_password; /* NULL: client_key is not encrypted */
    const char *proxy; /* NULL: none; a URL that may hold a user (config kind PROXY) */
    const struct secret *proxy_password; /* of that user; NULL: an empty one */
    bool counted;    /* whether METRIC_UPSTREAM_* count its calls and connections */
    size_t upstream; /* the upstream's index in METRIC_UPSTREAM_* */
};

/*
 * What [upstream NAME] says about connections, for lookups and token requests alike: timeouts,
 * retries, TLS, proxy. Borrowed from `upstream`. Origin, limits and `counted` are the caller's to
 * fill in.
 */
struct client_settings client_settings_from(const struct config_upstream *upstream);
/* Adds all that a client is made of. Files are read: a certificate renewed in its place counts. */
void client_settings_digest(EVP_MD_CTX *digest, const struct client_settings *settings);

/*
 * The two parts of a configured URL (scheme://host[:port][/path], config kind URL): the origin, for
 * which there is a client, and the path, with which targets begin.
 */

/* "https://host:8443"; free it with mem_free. */
char *origin_of(const char *url);
/* "/prefix", or ""; borrowed from the URL. */
const char *origin_prefix(const char *url);

/* ---- a request ---- */

struct client_header {
    const char *name;
    const char *value; /* NULL: the header is not sent. A CR, LF or NUL in it is a bug: MUST */
};

struct client_request {
    bool once;          /* a token request: over a connection of its own, its response wiped */
    bool post;          /* POST with `body`, and so `once`; else GET */
    const char *target; /* origin-form, sent byte for byte: "/a/b%20c?d" */
    /* Besides Host, User-Agent, Accept-Encoding and Content-Length. */
    const struct client_header *headers;
    size_t header_count;
    const char *body; /* POST: may be NULL for an empty one */
    size_t body_len;
    size_t max_response; /* bytes of body */
    /*
     * Becomes true when the call has to wait for a connection, and false when it gets one: so it
     * tells of a call that was cancelled whether it was ever started. Borrowed while the call is
     * under way; NULL: nobody asks.
     */
    bool *queued;
    /* Becomes true when its turn comes too late for an answer: it waits for its deadline, and is
     * not started even if that is extended; borrowed likewise. */
    bool *late;
    /* Becomes true with the first byte of a response, and false when the request is sent again;
     * borrowed likewise. */
    bool *answering;
    /*
     * Asked before a GET is sent again on a fresh connection, because the one before brought
     * nothing; `kept`: that one had been kept from an earlier call. False: it ends with its error.
     * NULL: it may always.
     */
    bool (*may_resend)(void *arg, bool kept);
    void *resend_arg;
};

/* ---- its response ---- */

/* The response headers that are read here. */
#define CLIENT_HEADERS(X)                                                                          \
    X(CLIENT_CONTENT_TYPE, "Content-Type")                                                         \
    X(CLIENT_CACHE_CONTROL, "Cache-Control")                                                       \
    X(CLIENT_ETAG, "ETag")                                                                         \
    X(CLIENT_LAST_MODIFIED, "Last-Modified")                                                       \
    X(CLIENT_RETRY_AFTER, "Retry-After")                                                           \
    X(CLIENT_CONTENT_ENCODING, "Content-Encoding")                                                 \
    X(CLIENT_WWW_AUTHENTICATE, "WWW-Authenticate")                                                 \
    X(CLIENT_AGE, "Age")                                                                           \
    X(CLIENT_DATE, "Date")                                                                         \
    X(CLIENT_EXPIRES, "Expires")                                                                   \
    X(CLIENT_VARY, "Vary")

enum client_header_id {
#define CLIENT_HEADER_ENUM(id, name) id,
    CLIENT_HEADERS(CLIENT_HEADER_ENUM)
#undef CLIENT_HEADER_ENUM
        CLIENT_HEADER_COUNT
};

/* Borrowed by the callback, but for the body, which upstream_response_take_body hands over. */
struct upstream_response {
    enum client_error error; /* CLIENT_OK: the response is complete */
    /*
     * 200 to 599, once a header section was read: with CLIENT_OK always, but also with
     * CLIENT_CLOSED, CLIENT_PROTOCOL or CLIENT_BODY_TOO_LARGE where only the body failed. 407 with
     * CLIENT_PROXY_AUTH, where the proxy responded in the upstream's place. 0: none.
     */
    int status;
    const char *detail; /* libcurl's or our description of an error, not escaped; or "" */
    /*
     * The first of each, without outer space; NULL: none. Visible ASCII, space, tab, obs-text.
     * Of WWW-Authenticate the first one with the scheme Bearer, or the last one where none has it.
     * Of Cache-Control and Vary all fields, joined with commas (RFC 9110, section 5.3).
     */
    const char *headers[CLIENT_HEADER_COUNT];
    /* There is a Cache-Control, Vary, Age, Date or Expires that cannot be read, or two of the last
     * three: nothing may be concluded from those that can. */
    bool unreadable;
    char *body; /* NUL-terminated beyond body_len; may be NULL when body_len is 0 */
    size_t body_len;
    unsigned retries;      /* fresh connections tried after the first */
    struct mono_time sent; /* just before the request went out for the last time, never after */
    int64_t duration;      /* ns, from client_call to here */
};

/* free() it, and wipe it before when it is secret. NULL when body_len is 0. */
char *upstream_response_take_body(struct upstream_response *response);

/*
 * The coding that a body came in, although identity was asked for: "gzip" and so on, or "unknown
 * coding"; NULL: none. A constant.
 */
const char *upstream_response_coding(const struct upstream_response *response);

#endif
