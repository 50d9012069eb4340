/*
 * proxy: an HTTP proxy that demands a user. It makes tunnels (CONNECT), and sends requests in
 * absolute form on to where they lead, one on each connection. What does not have the right
 * Proxy-Authorization gets 407. The upstream never sees that header.
 *
 * It prints "proxy HOST:PORT" when it is ready, then a line for each request ("200 CONNECT h:443
 * HTTP/1.1", "407 GET http://h/ HTTP/1.1"), and stays until it is ended.
 *
 *   proxy USER:PASSWORD-IN-BASE64
 */
#include <poll.h>
#include <strings.h>

#include "serve.h"

#define HEAD_MAX 65536
#define REJECTED                                                                                   \
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n"  \
    "Content-Length: 0\r\nConnection: close\r\n\r\n"

static char head[HEAD_MAX];
static size_t head_len;  /* up to the empty line, which counts */
static size_t bytes_len; /* what was read beyond it counts too */

static void say(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            exit(0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void read_head(int caller)
{
    const char *end = NULL;
    while (end == NULL) {
        ssize_t got = recv(caller, head + bytes_len, sizeof head - 1 - bytes_len, 0);
        if (got <= 0)
            exit(0);
        bytes_len += (size_t)got;
        head[bytes_len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    head_len = (size_t)(end + 4 - head);
}

/* The line of a header, which begins with its name; NULL: none. */
static char *find_header(const char *name)
{
    for (char *line = strstr(head, "\r\n"); line < head + head_len; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, strlen(name)) == 0)
            return line + 2;
    return NULL;
}

static void remove_bytes(char *from, size_t len)
{
    memmove(from, from + len, (size_t)(head + bytes_len - from) - len + 1);
    head_len -= len;
    bytes_len -= len;
}

static bool take_authorization(const char *wanted)
{
    static const char name[] = "Proxy-Authorization: Basic ";
    char *line = find_header(name);
    if (line == NULL)
        return false;
    const char *value = line + strlen(name);
    size_t len = strcspn(value, "\r");
    bool right = len == strlen(wanted) && strncmp(value, wanted, len) == 0;
    remove_bytes(line, strlen(name) + len + 2);
    return right;
}

static int connect_to(const char *text, size_t len)
{
    static char address_text[1024];
    struct address address;
    snprintf(address_text, sizeof address_text, "%.*s", (int)len, text);
    parse_address(&address, address_text);
    return must(open_connection(&address, 0), address_text);
}

/* Until both have said all. */
static void relay(int a, int b)
{
    struct pollfd fds[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    static char bytes[65536];
    for (int open = 2; open > 0;) {
        must(poll(fds, 2, -1), "poll");
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents == 0)
                continue;
            ssize_t got = recv(fds[i].fd, bytes, sizeof bytes, 0);
            if (got > 0) {
                say(i == 0 ? b : a, bytes, (size_t)got);
                continue;
            }
            shutdown(i == 0 ? b : a, SHUT_WR);
            fds[i].fd = -1;
            open--;
        }
    }
}

static void tunnel(int caller)
{
    static const char made[] = "HTTP/1.1 200 Made\r\n\r\n";
    const char *target = head + strlen("CONNECT ");
    int origin = connect_to(target, strcspn(target, " "));
    say(caller, made, strlen(made));
    relay(caller, origin);
}

/* In origin form, and the last one of its connection. */
static void send_on(int caller)
{
    static const char scheme[] = "http://", close_it[] = "Connection: close\r\n";
    char *target = strchr(head, ' ') + 1;
    if (strncmp(target, scheme, strlen(scheme)) != 0)
        exit(0);
    const char *authority = target + strlen(scheme);
    size_t len = strcspn(authority, "/ ");
    int origin = connect_to(authority, len);
    remove_bytes(target, strlen(scheme) + len);
    size_t line_len = (size_t)(strstr(head, "\r\n") + 2 - head);
    say(origin, head, line_len);
    say(origin, close_it, strlen(close_it));
    say(origin, head + line_len, bytes_len - line_len);
    relay(caller, origin);
}

static void serve(int caller, const char *wanted)
{
    read_head(caller);
    bool right = take_authorization(wanted);
    dprintf(STDOUT_FILENO, "%d %.*s\n", right ? 200 : 407, (int)strcspn(head, "\r"), head);
    if (!right)
        say(caller, REJECTED, strlen(REJECTED));
    else if (strncmp(head, "CONNECT ", strlen("CONNECT ")) == 0)
        tunnel(caller);
    else
        send_on(caller);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        usage_fault("usage: proxy USER:PASSWORD-IN-BASE64");
    serve_each(0, serve, argv[1]);
}
