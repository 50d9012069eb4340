/*
 * Real servers for a test: redis-server (or valkey-server) processes on loopback, on ports that
 * were free a moment ago, with their data in the scratch directory. Each dies with the test.
 *
 * Commands to them are inline ones, in blocking calls; nothing waits for longer than
 * REDIS_PATIENCE seconds, and no test passes by that.
 */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "scratch.h"

#define REDIS_PATIENCE 30

struct redis {
    int port;
    pid_t pid; /* 0: it is not running */
    char file[288];
    bool sentinel;
};

static const char *redis_program;

/* Whether there is one on this machine. */
static inline bool redis_find(void)
{
    static const char *const programs[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                           "/usr/bin/valkey-server",
                                           "/usr/local/bin/valkey-server"};

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (redis_program == NULL && access(programs[i], X_OK) == 0)
            redis_program = programs[i];
    return redis_program != NULL;
}

static inline struct sockaddr_in redis_address(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/*
 * Below the range that connections are given (a server that is away must not find its port taken),
 * and with space for a cluster's port above it.
 */
static inline int redis_free_port(void)
{
    for (int i = 0; i < 1000; i++) {
        int port = 10240 + (int)arc4random_uniform(20000);
        struct sockaddr_in address = redis_address(port);
        struct sockaddr_in bus = redis_address(port + 10000);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int fd2 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool free_ = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                     bind(fd2, (struct sockaddr *)&bus, sizeof(bus)) == 0;

        close(fd);
        close(fd2);
        if (free_)
            return port;
    }
    ck_abort_msg("no port is free");
    return 0;
}

static inline void redis_pause(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    nanosleep(&pause, NULL);
}

/* -1: nobody listens. */
static inline int redis_connect(int port)
{
    struct sockaddr_in address = redis_address(port);
    const struct timeval patience = {.tv_sec = REDIS_PATIENCE};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The reply's first line and some of what follows it. Static; "": there was none. */
static inline const char *redis_try(const struct redis *redis, const char *command)
{
    static char reply[16 * 1024];
    size_t len = 0;
    int fd = redis_connect(redis->port);

    reply[0] = '\0';
    if (fd < 0)
        return reply;
    char *line = mem_printf("%s\r\n", command);
    if (write(fd, line, strlen(line)) == (ssize_t)strlen(line))
        do {
            ssize_t got = read(fd, reply + len, sizeof(reply) - 1 - len);
            len += got > 0 ? (size_t)got : 0;
            reply[len] = '\0';
            if (got <= 0)
                break;
        } while (strchr(reply, '\n') == NULL);
    mem_free(line);
    close(fd);
    return reply;
}

__attribute__((format(printf, 3, 4))) static inline void redis_do(const struct redis *redis,
                                                                  const char *expected,
                                                                  const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *command = mem_vprintf(format, args);
    va_end(args);
    const char *reply = redis_try(redis, command);
    ck_assert_msg(strncmp(reply, expected, strlen(expected)) == 0, "%s: %s", command, reply);
    mem_free(command);
}

/* Until the reply has the text in it. */
static inline void redis_await(const struct redis *redis, const char *command, const char *text)
{
    for (int i = 0; i < REDIS_PATIENCE * 50; i++) {
        if (strstr(redis_try(redis, command), text) != NULL)
            return;
        redis_pause();
    }
    ck_abort_msg("%s: no %s in: %s", command, text, redis_try(redis, command));
}

/* In the child. */
static inline void redis_exec(const struct redis *redis, pid_t parent)
{
    char *log = mem_printf("%s/%d.log", dir, redis->port);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execl(redis_program, redis_program, redis->file, redis->sentinel ? "--sentinel" : NULL,
          (char *)NULL);
    _exit(1);
}

/* Again, with what it had. */
static inline void redis_start(struct redis *redis)
{
    const pid_t parent = getpid();

    ck_assert_int_eq(redis->pid, 0);
    redis->pid = fork();
    ck_assert_int_ge(redis->pid, 0);
    if (redis->pid == 0)
        redis_exec(redis, parent);
    redis_await(redis, "PING", "\n");
}

/* `lines`: of its configuration, besides port and folder. */
static inline void redis_make(struct redis *redis, bool sentinel, const char *lines)
{
    *redis = (struct redis){.port = redis_free_port(), .sentinel = sentinel};
    snprintf(redis->file, sizeof(redis->file), "%s/%d.conf", dir, redis->port);
    char *text = mem_printf("port %d\nbind 127.0.0.1\ndir %s\n%s%s", redis->port, dir,
                            sentinel ? "" : "save \"\"\nrepl-diskless-sync-delay 0\n", lines);
    scratch_write(strrchr(redis->file, '/') + 1, text, strlen(text), 0600);
    mem_free(text);
    redis_start(redis);
}

static inline void redis_end(struct redis *redis, int signal)
{
    if (redis->pid == 0)
        return;
    kill(redis->pid, signal);
    ck_assert_int_eq(waitpid(redis->pid, NULL, 0), redis->pid);
    redis->pid = 0;
}

static inline void redis_stop(struct redis *redis)
{
    redis_end(redis, SIGTERM);
}

static inline void redis_kill(struct redis *redis)
{
    redis_end(redis, SIGKILL);
}

#endif
