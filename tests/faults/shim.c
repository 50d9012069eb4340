/*
 * Loaded before libc (LD_PRELOAD): lets the Nth call of one kind fail, counted from the moment it
 * is armed. It is told by a file in shared memory, whose path is in FAULTS_FILE:
 *
 *     byte 0   '1' when armed; the shim sets it to '2' when it has failed a call
 *     1..15    the kind ("malloc"), blanks behind
 *     16..31   N, from 1
 *     32..47   the calls of that kind since it was armed (written by the shim)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_LEN 48

static char *control;
static _Atomic long calls;
static _Atomic bool counting; /* the present arming has been seen */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *map =
        fd < 0 ? MAP_FAILED : mmap(NULL, FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        control = map;
    if (fd >= 0)
        close(fd);
}

/* Without anything that allocates. */
static void write_count(long count)
{
    char text[16];
    memset(text, ' ', sizeof(text));
    for (int i = (int)sizeof(text) - 1; count > 0; i--, count /= 10)
        text[i] = (char)('0' + count % 10);
    memcpy(control + 32, text, sizeof(text));
}

static bool fails(const char *kind)
{
    if (control == NULL || *(volatile char *)control == '0') {
        if (counting)
            counting = false;
        return false;
    }
    size_t len = strlen(kind);
    if (memcmp(control + 1, kind, len) != 0 || control[1 + len] != ' ')
        return false;
    if (!atomic_exchange(&counting, true))
        atomic_store(&calls, 0);
    long n = atomic_fetch_add(&calls, 1) + 1;
    long at = 0;
    for (int i = 16; i < 32; i++)
        if (control[i] >= '0' && control[i] <= '9')
            at = at * 10 + control[i] - '0';
    write_count(n);
    if (n != at)
        return false;
    *(volatile char *)control = '2';
    return true;
}

void *malloc(size_t size)
{
    if (fails("malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (fails("malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    if (fails("malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, size);
}

/* A function of libc's, by name, that fails with `error`. */
#define FAIL(result, name, error, parameters, arguments)                                           \
    result name parameters                                                                         \
    {                                                                                              \
        static result(*real) parameters;                                                           \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        if (fails(#name)) {                                                                        \
            errno = (error);                                                                       \
            return (result)-1;                                                                     \
        }                                                                                          \
        return real arguments;                                                                     \
    }

FAIL(int, accept4, EMFILE, (int fd, struct sockaddr *addr, socklen_t *len, int flags),
     (fd, addr, len, flags))
FAIL(int, socket, EMFILE, (int family, int type, int protocol), (family, type, protocol))
FAIL(int, connect, ENETUNREACH, (int fd, const struct sockaddr *addr, socklen_t len),
     (fd, addr, len))
FAIL(ssize_t, send, ECONNRESET, (int fd, const void *data, size_t len, int flags),
     (fd, data, len, flags))
FAIL(ssize_t, sendmsg, ECONNRESET, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
FAIL(ssize_t, recv, ECONNRESET, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))
/* Interrupted: libuv's own descriptors, which fail in no other way, are among them. */
FAIL(ssize_t, write, EINTR, (int fd, const void *data, size_t len), (fd, data, len))
FAIL(ssize_t, read, EINTR, (int fd, void *data, size_t len), (fd, data, len))
FAIL(int, epoll_wait, EINTR, (int fd, struct epoll_event *events, int count, int timeout),
     (fd, events, count, timeout))
FAIL(int, shutdown, ENOTCONN, (int fd, int how), (fd, how))
FAIL(int, setsockopt, ENOBUFS, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len))
FAIL(int, getsockopt, ENOBUFS, (int fd, int level, int name, void *value, socklen_t *len),
     (fd, level, name, value, len))
FAIL(void *, mmap, ENOMEM, (void *addr, size_t len, int prot, int flags, int fd, off_t offset),
     (addr, len, prot, flags, fd, offset))
FAIL(int, madvise, EINVAL, (void *addr, size_t len, int advice), (addr, len, advice))

/* The kernel can refuse one more watch, but not to change or to end one. */
int epoll_ctl(int fd, int op, int target, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    if (op == EPOLL_CTL_ADD && fails("epoll_ctl")) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, op, target, event);
}
