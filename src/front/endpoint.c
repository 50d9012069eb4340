/* Listening addresses and callers have the same text form, so that one search finds both. */
#include "front/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

void endpoint_text(const struct sockaddr *addr, char out[ENDPOINT_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    snprintf(out, ENDPOINT_TEXT, "unix");
    if (addr != NULL && addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "%s:%u", host, ntohs(in->sin_port));
    } else if (addr != NULL && addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
}
