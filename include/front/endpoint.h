/* One end of a connection as text, for log lines. */
#ifndef FRONT_ENDPOINT_H
#define FRONT_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

/* "[IPv6]:port" and the NUL. */
#define ENDPOINT_TEXT (INET6_ADDRSTRLEN + 9)

/* "127.0.0.1:8080" or "[::1]:8080"; ::ffff:127.0.0.1 is 127.0.0.1. "unix" for any other
 * family, and for NULL. */
void endpoint_text(const struct sockaddr *addr, char out[ENDPOINT_TEXT]);

#endif
