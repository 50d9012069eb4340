/*
 * What the drivers share that play a server: a socket on loopback, its announcement, and a process
 * for each caller. What the system denies ends the program with status 3.
 */
#ifndef DRIVER_SERVE_H
#define DRIVER_SERVE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>

#include "net.h"

#define EXIT_START 3

/* The result of a system call, unless that failed. */
static inline int must(int result, const char *what)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_START);
}

/* SOCK_STREAM or SOCK_DGRAM; the port 0 is one that the system chooses. */
static inline int bind_loopback(int type, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    int fd = must(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
    must(bind(fd, (const struct sockaddr *)&address, sizeof address), "bind");
    return fd;
}

/* Prints "PROGRAM HOST:PORT": it is ready. */
static inline void announce(int fd)
{
    struct sockaddr_in bound;
    socklen_t len = sizeof bound;
    must(getsockname(fd, (struct sockaddr *)&bound, &len), "getsockname");
    dprintf(STDOUT_FILENO, "%s 127.0.0.1:%u\n", program_invocation_short_name,
            ntohs(bound.sin_port));
}

/* Listens, announces, and calls `serve` for each caller in a process that ends with the program. */
_Noreturn static inline void serve_each(uint16_t port, void (*serve)(int caller, const char *arg),
                                        const char *arg)
{
    int fd = bind_loopback(SOCK_STREAM, port);
    must(listen(fd, SOMAXCONN), "listen");
    signal(SIGCHLD, SIG_IGN);
    announce(fd);
    for (;;) {
        int caller = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC), "accept");
        pid_t child = fork();
        if (must(child, "fork") == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(caller, arg);
            exit(0);
        }
        close(caller);
    }
}

#endif
