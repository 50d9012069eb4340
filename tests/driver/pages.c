/*
 * pages: an HTTP server that answers every request with the bytes of one file as they stand, status
 * line and header included, and closes. The file is read anew for each request, so that the answer
 * changes when another file takes its place; a FIFO is an answer that comes as its writer wishes.
 *
 * It prints "pages HOST:PORT" when it is ready, then the request line of each request, and stays
 * until it is ended.
 *
 *   pages FILE [PORT]
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>

#include "net.h"

#define EXIT_START 3
#define HEAD_MAX 65536

static int must(int result, const char *what)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "pages: %s: %s\n", what, strerror(errno));
    exit(EXIT_START);
}

/* A request without a body. Its line alone is kept. */
static void read_request(int caller)
{
    static char head[HEAD_MAX];
    size_t len = 0;

    while (strstr(head, "\r\n\r\n") == NULL) {
        ssize_t got = recv(caller, head + len, sizeof head - 1 - len, 0);
        if (got <= 0)
            exit(0);
        len += (size_t)got;
        head[len] = '\0';
    }
    dprintf(STDOUT_FILENO, "%.*s\n", (int)strcspn(head, "\r"), head);
}

/* In a process of its own, which ends with the server. */
static void serve(int caller, const char *path)
{
    static char bytes[65536];
    ssize_t got;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    read_request(caller);
    int file = must(open(path, O_RDONLY | O_CLOEXEC), path);
    while ((got = read(file, bytes, sizeof bytes)) > 0) {
        for (ssize_t sent = 0, n; sent < got; sent += n) {
            n = send(caller, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
            if (n <= 0)
                exit(0);
        }
    }
    exit(0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in bound = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof bound;
    const int on = 1;

    if (argc != 2 && argc != 3)
        usage_fault("usage: pages FILE [PORT]");
    if (argc == 3)
        bound.sin_port = htons((uint16_t)parse_number("port", argv[2], 1, 65535));
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
    must(bind(fd, (const struct sockaddr *)&bound, sizeof bound), "bind");
    must(listen(fd, SOMAXCONN), "listen");
    must(getsockname(fd, (struct sockaddr *)&bound, &len), "getsockname");
    signal(SIGCHLD, SIG_IGN);
    dprintf(STDOUT_FILENO, "pages 127.0.0.1:%u\n", ntohs(bound.sin_port));
    for (;;) {
        int caller = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC), "accept");
        pid_t child = fork();
        if (must(child, "fork") == 0)
            serve(caller, argv[1]);
        close(caller);
    }
}
