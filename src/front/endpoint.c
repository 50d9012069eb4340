/*
 * Listening addresses and callers have the same text form, so that one search finds both. A caller
 * who comes by IPv4 to a socket of [::] is shown as IPv4 too.
 */
#include "front/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

static void inet6_text(const struct sockaddr_in6 *in6, char out[ENDPOINT_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    const unsigned port = ntohs(in6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "%s:%u", host, port);
    } else {
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "[%s]:%u", host, port);
    }
}

void endpoint_text(const struct sockaddr *addr, char out[ENDPOINT_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    snprintf(out, ENDPOINT_TEXT, "unix");
    if (addr != NULL && addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "%s:%u", host, ntohs(in->sin_port));
    } else if (addr != NULL && addr->sa_family == AF_INET6) {
        inet6_text((const struct sockaddr_in6 *)(const void *)addr, out);
    }
}
