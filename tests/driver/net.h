/*
 * What the drivers share: addresses, sockets, time, numbers of the command line. Each driver is one
 * file and one program, linked with nothing of the daemon's, so what they share is a header of
 * inline functions. Faults of usage end the program with status 2.
 */
#ifndef DRIVER_NET_H
#define DRIVER_NET_H

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2

struct address {
    struct sockaddr_storage sockaddr;
    socklen_t len;
    int family;
    const char *text; /* as given; borrowed */
};

__attribute__((format(printf, 1, 2))) _Noreturn static inline void usage_fault(const char *format,
                                                                               ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; see --help\n", stderr);
    exit(EXIT_USAGE);
}

static inline void *must_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        fputs("out of memory\n", stderr);
        exit(3);
    }
    return p;
}

/* CLOCK_MONOTONIC, ns. */
static inline int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* A decimal number, fractions allowed, within the range; else the program ends. */
static inline double parse_number(const char *option, const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max))
        usage_fault("--%s: \"%s\" is not a number from %g to %g", option, text, min, max);
    return value;
}

static inline void parse_unix(struct address *address, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sun.sun_path)
        usage_fault("%s: longer than a socket's path may be", path);
    memcpy(sun.sun_path, path, strlen(path));
    memcpy(&address->sockaddr, &sun, sizeof sun);
    address->len = sizeof sun;
    address->family = AF_UNIX;
}

/* HOST:PORT, [V6]:PORT or unix:PATH; the host in numbers, or localhost. */
static inline void parse_address(struct address *address, const char *text)
{
    address->text = text;
    if (strncmp(text, "unix:", 5) == 0) {
        parse_unix(address, text + 5);
        return;
    }
    const struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(text, ':');
    char host[256] = "";
    if (colon != NULL) {
        bool bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(colon - text - 2 * bracketed), text + bracketed);
    }
    if (colon == NULL || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        usage_fault("%s: neither HOST:PORT nor unix:PATH", text);
    memcpy(&address->sockaddr, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    address->family = found->ai_family;
    freeaddrinfo(found);
}

/*
 * A socket on its way to the address: -1 with errno when it failed at once. With SOCK_NONBLOCK it
 * may still be connecting: it becomes writable, and SO_ERROR says how that went.
 */
static inline int open_connection(const struct address *address, int flags)
{
    int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address->sockaddr, address->len) == 0 ||
        errno == EINPROGRESS)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

#endif
