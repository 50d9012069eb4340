/*
 * All that a client of HTTP keeps for its many connections (handles, a multi, whoever asks the
 * resolver) is here for one: it is opened rarely, and what it resolves is resolved afresh, so that
 * a name that moved, as the store's does in a failover, is followed at once.
 *
 * libcurl knows addresses as URLs. The server becomes the host and port of one; a Unix socket is
 * named beside it, and the host of its URL, "localhost", is only what TLS verifies.
 *
 * A connection that cannot be opened says so while code of connection.c is up the stack, which goes
 * on with what is freed by stream_close. So that is told in a turn of its own.
 */
#include "upstream/stream.h"

#include <string.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "upstream/doubt.h"
#include "upstream/handle.h"
#include "upstream/multi.h"
#include "upstream/tls_check.h"

#define STREAM_MAGIC 0x57e40001u
/* A path that leads nowhere any more is found dead in about so long, though nothing is sent. */
#define QUIET (40 * SECOND)
/* Longer than a stream that is being opened: nothing is resolved or read twice for it. */
#define KEPT HOUR
#define UNIX_PREFIX "unix:"
#define HOST_MAX 253

struct stream {
    unsigned magic;
    struct stream_ports ports;
    struct connection_user user;
    struct connection *connection; /* NULL: it failed */
    struct connection_shared shared;
    struct connection_resolving resolving;
    struct doubt doubt;
    struct timer *failing; /* `failed` is about to be called */
    enum client_error error;
    char *detail;
};

/* ---- the server's address ---- */

static bool is_port(const char *text)
{
    uint64_t port;

    return text_parse_u64(text, strlen(text), &port) && port > 0 && port <= UINT16_MAX;
}

static bool is_host(const char *host, size_t len)
{
    if (len > 2 && host[0] == '[' && host[len - 1] == ']')
        return text_is_all(host + 1, len - 2, TEXT_HEX | TEXT_COLON | TEXT_DOT);
    return len > 0 && len <= HOST_MAX && text_is_all(host, len, TEXT_NAME);
}

/* The path; NULL: it is none of a Unix socket. */
static const char *unix_path_of(const char *server)
{
    const size_t prefix = strlen(UNIX_PREFIX);

    return strncmp(server, UNIX_PREFIX, prefix) == 0 ? server + prefix : NULL;
}

static bool is_server(const char *server)
{
    const char *path = unix_path_of(server);
    const char *colon = strrchr(server, ':');

    if (path != NULL)
        return path[0] == '/' && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
    return colon != NULL && is_host(server, (size_t)(colon - server)) && is_port(colon + 1);
}

/* ---- how opening ends ---- */

static void on_failing(void *arg)
{
    MAGIC_CAST(struct stream, stream, arg, STREAM_MAGIC);

    stream->failing = NULL;
    stream->ports.failed(stream->ports.arg, stream->error, stream->detail);
}

static void on_opened(struct connection_user *user, enum client_error error, const char *detail)
{
    struct stream *stream = CONTAINER_OF(user, struct stream, user);

    MAGIC_OK(stream, STREAM_MAGIC);
    if (error == CLIENT_OK) {
        stream->ports.opened(stream->ports.arg);
        return;
    }
    stream->connection = NULL;
    stream->error = error;
    /* libcurl describes a Unix socket as what it is not: "localhost port 80". */
    const char *system = strerrordesc_np(user->os_error);
    bool told = system != NULL && (error == CLIENT_REFUSED || error == CLIENT_UNREACHABLE);
    stream->detail = mem_strdup(told && user->os_error != 0 ? system : detail);
    stream->failing = timer_start(stream->shared.loop, 0, on_failing, stream);
}

static void on_ready(struct connection_user *user)
{
    struct stream *stream = CONTAINER_OF(user, struct stream, user);

    MAGIC_OK(stream, STREAM_MAGIC);
    stream->ports.ready(stream->ports.arg);
}

/* ---- its life ---- */

static enum err start(struct stream *stream, const struct client_settings *settings,
                      const char *unix_path)
{
    struct connection_shared *shared = &stream->shared;

    shared->multi = multi_new(shared->loop);
    shared->handles = handles_new(settings, &stream->doubt);
    if (shared->multi == NULL || shared->handles == NULL)
        return ERR_SYSTEM;
    handles_set_raw(shared->handles, unix_path, QUIET);
    stream->connection = connection_open(shared, &stream->user);
    return stream->connection != NULL ? ERR_OK : ERR_SYSTEM;
}

static struct client_settings settings_of(const struct stream_settings *settings)
{
    struct client_settings client = {.connect_timeout = settings->connect_timeout,
                                     .connection_max_age = KEPT};

    if (settings->tls) {
        client.ca_file = settings->ca_file;
        client.client_certificate = settings->client_certificate;
        client.client_key = settings->client_key;
        client.client_key_password = settings->client_key_password;
    }
    return client;
}

enum err stream_open(const struct stream_settings *settings, const struct stream_ports *ports,
                     struct stream **out)
{
    struct client_settings client = settings_of(settings);
    const char *path = unix_path_of(settings->server);
    struct reason reason;

    if (!is_server(settings->server))
        return ERR_INVALID;
    if (client_check(&client, &reason) != ERR_OK)
        return ERR_INVALID;
    struct stream *stream = mem_zalloc(sizeof(*stream));
    char *origin = mem_printf("%s://%s", settings->tls ? "https" : "http",
                              path != NULL ? "localhost" : settings->server);

    MAGIC_SET(stream, STREAM_MAGIC);
    client.origin = origin;
    stream->ports = *ports;
    stream->user = (struct connection_user){.opened = on_opened, .ready = on_ready};
    stream->shared = (struct connection_shared){
        .loop = settings->loop, .resolving = &stream->resolving, .tls = settings->tls};
    enum err err = start(stream, &client, path);
    mem_free(origin);
    if (err == ERR_OK)
        *out = stream;
    else
        stream_close(stream);
    return err;
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    MAGIC_OK(stream, STREAM_MAGIC);
    timer_stop(&stream->failing);
    if (stream->connection != NULL)
        connection_close(stream->connection);
    connection_end_resolving(&stream->shared);
    if (stream->shared.handles != NULL)
        handles_free(stream->shared.handles);
    if (stream->shared.multi != NULL)
        multi_free(stream->shared.multi);
    mem_free(stream->detail);
    MAGIC_CLEAR(stream);
    mem_free(stream);
}

enum connection_io stream_send(struct stream *stream, const char *data, size_t len, size_t *sent)
{
    MAGIC_OK(stream, STREAM_MAGIC);
    return connection_send(stream->connection, data, len, sent);
}

enum connection_io stream_recv(struct stream *stream, char *out, size_t size, size_t *got,
                               bool *more)
{
    MAGIC_OK(stream, STREAM_MAGIC);
    return connection_recv(stream->connection, out, size, got, more);
}

void stream_want_room(struct stream *stream, bool wanted)
{
    MAGIC_OK(stream, STREAM_MAGIC);
    connection_want_room(stream->connection, wanted);
}
