/*
 * stuck: those who are there and do not answer. Each prints "stuck HOST:PORT" when it is ready, and
 * stays until it is ended.
 *
 *   stuck --say TEXT   accepts, reads a request, says so much and no more
 *   stuck --full       a listener that lets nobody in: its queue is full, and stays so
 *   stuck --resolver   a name server on port 53 of 127.0.0.1 that never answers, in a network
 *                      namespace of the caller's, whose loopback it brings up
 */
#include <fcntl.h>
#include <poll.h>

#include "netns.h"
#include "serve.h"

#define CALLERS_MAX 1024
/* More than a queue of one takes. */
#define FILLERS 8

static void say(const char *text)
{
    static char request[65536];
    int fd = bind_loopback(SOCK_STREAM, 0);
    must(listen(fd, CALLERS_MAX), "listen");
    announce(fd);
    for (;;) {
        int caller = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC), "accept");
        if (recv(caller, request, sizeof request, 0) > 0)
            send(caller, text, strlen(text), MSG_NOSIGNAL);
    }
}

/* Nobody accepts, so once as many are in as the queue takes, others get no answer to their SYN. */
static void fill(void)
{
    struct sockaddr_in bound;
    socklen_t len = sizeof bound;
    int fd = bind_loopback(SOCK_STREAM, 0);
    must(listen(fd, 0), "listen");
    must(getsockname(fd, (struct sockaddr *)&bound, &len), "getsockname");
    for (int i = 0; i < FILLERS; i++) {
        int filler = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
        struct pollfd pollfd = {.fd = filler, .events = POLLOUT};
        if (connect(filler, (struct sockaddr *)&bound, len) < 0 && errno != EINPROGRESS)
            must(-1, "connect");
        if (poll(&pollfd, 1, 100) == 0)
            break; /* this one was not accepted */
    }
    announce(fd);
}

static void resolve_nothing(void)
{
    bring_loopback_up();
    announce(bind_loopback(SOCK_DGRAM, 53));
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--say") == 0)
        say(argv[2]);
    else if (argc == 2 && strcmp(argv[1], "--full") == 0)
        fill();
    else if (argc == 2 && strcmp(argv[1], "--resolver") == 0)
        resolve_nothing();
    else
        usage_fault("stuck: --say TEXT, --full or --resolver");
    pause();
    return EXIT_SUCCESS;
}
