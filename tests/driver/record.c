/*
 * record: an upstream that writes down all that it is sent, head and body, byte for byte. So a test
 * sees what has arrived there, and what has not.
 *
 *   record TOKEN FILE    a POST is answered with the token; a lookup with an address, or with 503
 *                        while there is a file of that name
 *
 * It prints "record HOST:PORT" when it is ready, then the requests, and stays until it is ended.
 */
#include <strings.h>
#include <unistd.h>

#include "serve.h"

#define REQUEST_MAX 65536

static const char *token;

static const char *find_end(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");

    return end != NULL ? end + strlen("\r\n\r\n") : NULL;
}

/* Whether the head is there, and the body that it announces. */
static bool is_whole(const char *request)
{
    const char *end = find_end(request);
    const char *length = strcasestr(request, "\r\nContent-Length:");

    if (end == NULL)
        return false;
    return length == NULL || length > end ||
           strlen(end) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static bool receive(int caller, char *request)
{
    size_t len = 0;

    request[0] = '\0';
    while (!is_whole(request) && len < REQUEST_MAX - 1) {
        ssize_t got = recv(caller, request + len, REQUEST_MAX - 1 - len, 0);

        if (got <= 0)
            return false;
        len += (size_t)got;
        request[len] = '\0';
    }
    return true;
}

static void answer(int caller, const char *status, const char *body)
{
    char all[1024];
    int len = snprintf(all, sizeof all,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       status, strlen(body), body);

    send(caller, all, (size_t)len, MSG_NOSIGNAL);
}

static void serve(int caller, const char *fault_file)
{
    static char request[REQUEST_MAX];
    char grant[512];

    snprintf(grant, sizeof grant, "{\"access_token\":\"%s\",\"expires_in\":3600}", token);
    while (receive(caller, request)) {
        dprintf(STDOUT_FILENO, "%s\n", request);
        if (strncmp(request, "POST ", strlen("POST ")) == 0)
            answer(caller, "200 OK", grant);
        else if (access(fault_file, F_OK) == 0)
            answer(caller, "503 Service Unavailable", "{}");
        else
            answer(caller, "200 OK", "{\"postcode\":\"OK\"}");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        usage_fault("record TOKEN FILE");
    signal(SIGPIPE, SIG_IGN);
    token = argv[1];
    serve_each(0, serve, argv[2]);
}
