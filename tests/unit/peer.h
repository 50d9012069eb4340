/*
 * The other end of a connection, scripted: a thread that listens on a loopback port of the
 * system's choice and does what a test's script says, in blocking calls. A script that meets what
 * it did not expect says so and aborts; Check reports that as a failure.
 *
 * Nothing waits for ever: a peer that hears nothing for PEER_PATIENCE seconds gives up. No test
 * passes by that.
 */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PEER_PATIENCE 20
#define PEER_TEXT (256 * 1024)

#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: the peer expected: %s\n", __FILE__, __LINE__, #x);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct peer {
    int listener;
    int port;
    char origin[64]; /* "http://127.0.0.1:PORT" */
    void (*script)(struct peer *peer);
    void *arg;
    pthread_t thread;
    atomic_int quit_port; /* whoever connects from there ends peer_accept */
    int accepted;         /* read it after peer_stop */
};

static inline struct sockaddr_in peer_address(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A socket bound to a free loopback port. */
static inline int peer_bind(int *port)
{
    struct sockaddr_in address = peer_address(0);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    EXPECT(fd >= 0);
    EXPECT(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    EXPECT(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline void peer_connect(int fd, int port)
{
    struct sockaddr_in address = peer_address(port);

    EXPECT(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static inline void *peer_run(void *arg)
{
    struct peer *peer = arg;

    peer->script(peer);
    return NULL;
}

static inline void peer_start(struct peer *peer, void (*script)(struct peer *peer), void *arg)
{
    *peer = (struct peer){.script = script, .arg = arg};
    peer->listener = peer_bind(&peer->port);
    EXPECT(listen(peer->listener, 64) == 0);
    snprintf(peer->origin, sizeof(peer->origin), "http://127.0.0.1:%d", peer->port);
    EXPECT(pthread_create(&peer->thread, NULL, peer_run, peer) == 0);
}

/*
 * A script ends by itself, or by peer_accept saying -1: connections are accepted in the order they
 * came, so all that came before this call are counted.
 */
static inline void peer_stop(struct peer *peer)
{
    int port;
    int fd = peer_bind(&port);

    atomic_store(&peer->quit_port, port);
    peer_connect(fd, peer->port);
    EXPECT(pthread_join(peer->thread, NULL) == 0);
    close(fd);
    close(peer->listener);
}

static inline int peer_accept(struct peer *peer)
{
    struct timeval patience = {.tv_sec = PEER_PATIENCE};
    struct sockaddr_in from = {0};
    socklen_t len = sizeof(from);
    int fd = accept4(peer->listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);

    EXPECT(fd >= 0);
    if (ntohs(from.sin_port) == atomic_load(&peer->quit_port)) {
        close(fd);
        return -1;
    }
    peer->accepted++;
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    return fd;
}

/* Reads `len` bytes. */
static inline void peer_read(int fd, char *out, size_t len)
{
    EXPECT(recv(fd, out, len, MSG_WAITALL) == (ssize_t)len);
    out[len] = '\0';
}

/* Reads a request up to the end of its header section; false at the end of the stream before any
 * byte. */
static inline bool peer_read_headers(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len + 1 < size) {
        ssize_t got = recv(fd, out + len, 1, 0);

        if (got == 0 && len == 0)
            return false;
        EXPECT(got == 1);
        out[++len] = '\0';
        if (len >= 4 && strcmp(out + len - 4, "\r\n\r\n") == 0)
            return true;
    }
    EXPECT(strstr(out, "\r\n\r\n") != NULL); /* the header section ends */
    return false;
}

/* The client may close while it is being talked to: that is no failure here. */
static inline void peer_send(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

static inline void peer_say(int fd, const char *text)
{
    peer_send(fd, text, strlen(text));
}

/* Waits for the other end to close, by FIN or RST. */
static inline void peer_hear_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);

    EXPECT(got == 0 || (got < 0 && errno == ECONNRESET));
    close(fd);
}

/* Closes with a RST. */
static inline void peer_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    EXPECT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    close(fd);
}

/* Reads one request and responds with a short 200. */
static inline void peer_serve(int fd, const char *body)
{
    char headers[4096];
    char response[512];

    EXPECT(peer_read_headers(fd, headers, sizeof(headers)));
    snprintf(response, sizeof(response), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    peer_say(fd, response);
}

#endif
