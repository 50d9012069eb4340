/*
 * A connection for bytes of any protocol, to a server of the operator's: libcurl opens it (names
 * beside the loop, TCP or a Unix socket, TLS with the host's name verified), and then bytes are
 * sent and received. No HTTP is spoken and no proxy asked. One stream, one connection, one life.
 *
 * Thread: the loop's; nothing here blocks but the reading of TLS files.
 */
#ifndef UPSTREAM_STREAM_H
#define UPSTREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "runtime/loop.h"
#include "upstream/connection.h"

struct stream;

/* Borrowed for the call of stream_open alone. */
struct stream_settings {
    struct loop *loop;
    /*
     * "HOST:PORT", "[::1]:6379" or "unix:/PATH". With TLS the server's certificate is for HOST, or
     * the address; for "localhost" on a Unix socket.
     */
    const char *server;
    bool tls;
    const char *ca_file;                      /* NULL: the system's */
    const char *client_certificate;           /* NULL: none; PEM file */
    const struct secret *client_key;          /* PEM, with client_certificate */
    const struct secret *client_key_password; /* NULL: it is not encrypted */
    int64_t connect_timeout;                  /* ns; name and TLS included */
};

/* Each is the last call in a callback of ours: stream_close is allowed in it. */
struct stream_ports {
    void *arg;
    void (*opened)(void *arg);
    /* It could not be opened. `detail` is the system's or libcurl's description, not escaped;
     * borrowed. */
    void (*failed)(void *arg, enum client_error error, const char *detail);
    /* There is something to read, or, after stream_want_room, room to write. */
    void (*ready)(void *arg);
};

/*
 * A port is called in a later turn. ERR_INVALID: `server` is no such address, or the TLS files
 * cannot be used (client_check, upstream/tls_check.h, says why); ERR_SYSTEM: libcurl cannot be set
 * up. Whoever gets a stream closes it, one that failed too.
 */
ERR_CHECKED enum err stream_open(const struct stream_settings *settings,
                                 const struct stream_ports *ports, struct stream **out);
/* No port is called any more. NULL is allowed. */
void stream_close(struct stream *stream);

/* As in upstream/connection.h; it is open. */
enum connection_io stream_send(struct stream *stream, const char *data, size_t len, size_t *sent);
enum connection_io stream_recv(struct stream *stream, char *out, size_t size, size_t *got,
                               bool *more);
void stream_want_room(struct stream *stream, bool wanted);

#endif
