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
#include <fcntl.h>

#include "serve.h"

#define HEAD_MAX 65536

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

static void serve(int caller, const char *path)
{
    static char bytes[65536];
    ssize_t got;

    read_request(caller);
    int file = must(open(path, O_RDONLY | O_CLOEXEC), path);
    while ((got = read(file, bytes, sizeof bytes)) > 0) {
        for (ssize_t sent = 0, n; sent < got; sent += n) {
            n = send(caller, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
            if (n <= 0)
                return;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        usage_fault("usage: pages FILE [PORT]");
    serve_each(argc == 3 ? (uint16_t)parse_number("port", argv[2], 1, 65535) : 0, serve, argv[1]);
}
