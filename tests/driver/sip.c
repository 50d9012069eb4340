/*
 * sip: a caller who takes only the beginning of a response, and the rest when it is told to. Little
 * of a body fits between the two sides, so that whoever sends it has to keep it meanwhile.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net.h"

#define EXIT_FAULT 1
/* What the kernel of the other side keeps for a connection grows with its segments. */
#define SEGMENT 536
#define RECEIVE_BUFFER 4096

static const char help[] =
    "usage: sip ADDRESS PATH\n"
    "Asks for PATH, says \"sipping\" when the first bytes are here, reads on when its input has\n"
    "ended, and prints the body. Exit 0 when the whole of a 200 came.\n";

static char *answer;
static size_t len, room;

_Noreturn static void fault(const char *what)
{
    fprintf(stderr, "sip: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAULT);
}

static int call(const struct address *address, const char *path)
{
    const int segment = SEGMENT, buffer = RECEIVE_BUFFER;
    char request[4096];
    int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) != 0 ||
        connect(fd, (const struct sockaddr *)&address->sockaddr, address->len) != 0)
        fault("connect");
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: sip\r\nConnection: close\r\n\r\n", path);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        fault("send");
    return fd;
}

/* Some more of it; false: the end. */
static bool sip(int fd)
{
    if (room - len < 65536) {
        room = room * 2 + 131072;
        answer = realloc(answer, room);
        if (answer == NULL)
            fault("realloc");
    }
    ssize_t n = recv(fd, answer + len, 1024, 0);
    if (n < 0)
        fault("recv");
    len += (size_t)n;
    answer[len] = '\0';
    return n > 0;
}

/* Of the response; NULL: it is not whole, or no 200. */
static const char *body_of(void)
{
    char *body = answer != NULL ? strstr(answer, "\r\n\r\n") : NULL;
    if (body == NULL || strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
        return NULL;
    *body = '\0';
    body += 4;
    const char *length = strcasestr(answer, "\r\nContent-Length: ");
    size_t body_len = len - (size_t)(body - answer);
    return length != NULL && strtoull(length + 18, NULL, 10) == body_len ? body : NULL;
}

int main(int argc, char **argv)
{
    struct address address;
    char input[64];
    if (argc != 3) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    parse_address(&address, argv[1]);
    int fd = call(&address, argv[2]);
    sip(fd);
    fputs("sipping\n", stderr);
    while (read(STDIN_FILENO, input, sizeof input) > 0) {
    }
    while (sip(fd)) {
    }
    close(fd);
    const char *body = body_of();
    if (body != NULL)
        fwrite(body, 1, len - (size_t)(body - answer), stdout);
    else
        fprintf(stderr, "sip: no whole 200: %.*s\n", 200, answer);
    free(answer);
    return body != NULL && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAULT;
}
