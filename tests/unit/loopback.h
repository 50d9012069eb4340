/* A listener on loopback and callers that connect to it, and what epoll says of a descriptor. */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* It does not block. */
static inline int loopback_listener(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    ck_assert_int_eq(listen(fd, 1024), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static inline int loopback_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    return fd;
}

/* The connection waits in the listener's backlog when it returns. */
static inline int loopback_connect(const struct sockaddr_in *address)
{
    int fd = loopback_socket();

    ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

/* The events that the epoll set waits for on the descriptor, by the kernel; 0: it is not there. */
static inline unsigned epoll_entry(int set, int fd)
{
    char line[256];
    unsigned found = 0, events;
    int entry;

    snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", set);
    FILE *file = fopen(line, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "tfd: %d events: %x", &entry, &events) == 2 && entry == fd)
            found = events;
    fclose(file);
    return found;
}

#endif
