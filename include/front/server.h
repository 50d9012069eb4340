/*
 * A loop's HTTP server: one libmicrohttpd daemon in external epoll mode, without a listener of its
 * own. Connections are accepted beside it (front/acceptor.h).
 *
 * What is done with a request is the affair of an app: the server brings it a request whose header
 * section is whole, and parks the connection when the app has not settled the request when it
 * returns. Requests that are settled in a turn of the loop are responded to together at its end.
 *
 * Thread: the loop's, but for server_hand_over.
 */
#ifndef FRONT_SERVER_H
#define FRONT_SERVER_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"
#include "front/server_app.h"
#include "front/tls.h"
#include "runtime/loop.h"

struct server;

/*
 * max_header_size: bytes of the largest header section that is served, from the request line to the
 * empty line. The library gets memory for a header section of that size and entries for its fields;
 * an idle connection keeps that memory, SERVER_POOL(max_header_size), and a KiB. ERR_SYSTEM when
 * the system refuses descriptors.
 */
#define SERVER_POOL(max_header_size) (2 * (max_header_size) + 4224)
ERR_CHECKED enum err server_new(struct loop *loop, size_t max_header_size, struct server **out);
/*
 * The same, for connections on which callers speak TLS; takes a reference. ERR_SYSTEM too when
 * libmicrohttpd was built without TLS.
 */
ERR_CHECKED enum err server_new_tls(struct loop *loop, size_t max_header_size, struct tls *tls,
                                    struct server **out);
/* For the connections to come (a reload): another certificate. The loop's thread. */
void server_use_tls(struct server *server, struct tls *tls);

/*
 * Gives the server a connected socket, which does not block, for `app`. It has been counted in app
 * and quota, and leaves them when it is closed. In a server that was stopped it is closed at once.
 * server_take: in the loop's thread; server_hand_over: in any, by mail.
 */
void server_take(struct server *server, struct server_app *app, struct server_quota *quota, int fd,
                 const struct sockaddr *addr, socklen_t addr_len);
void server_hand_over(struct server *server, struct server_app *app, struct server_quota *quota,
                      int fd, const struct sockaddr *addr, socklen_t addr_len);

/*
 * From now on every response closes its connection. How many connections wait for a request: their
 * first, or one whose request line has come. It may be asked again.
 */
size_t server_drain(struct server *server);

/* Cuts every connection; parked requests are abandoned. The loop must turn once after it. */
void server_stop(struct server *server);
/* After server_stop and loop_drain. */
void server_free(struct server *server);

#endif
