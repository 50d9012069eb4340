/*
 * waitfor: asks again and again until an address answers a GET with the status wanted. For scripts
 * that start a server and must not go on before it serves: they wait for the fact, not for a time.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/time.h>

#include "net.h"
#include "http.h"

#define ONE_TRY_MS 1000

struct options {
    struct address address;
    const char *path;
    int status;
    int timeout_ms;
    int interval_ms;
};

static const char help[] =
    "usage: waitfor --connect ADDRESS [OPTION...]\n"
    "Exit 0 once a GET is answered with the status wanted, 1 when the time is over.\n"
    "  --connect ADDRESS  HOST:PORT, [V6]:PORT or unix:PATH\n"
    "  --path PATH        what to ask for (/readyz)\n"
    "  --status N         the status wanted (200)\n"
    "  --timeout MS       how long to try (10000)\n"
    "  --interval MS      between two tries (20)\n";

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'}, {"path", 1, NULL, 'p'},     {"status", 1, NULL, 's'},
        {"timeout", 1, NULL, 't'}, {"interval", 1, NULL, 'i'}, {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&options->address, optarg);
        else if (option == 'p')
            options->path = optarg;
        else if (option == 's')
            options->status = (int)parse_number("status", optarg, 100, 599);
        else if (option == 't')
            options->timeout_ms = (int)parse_number("timeout", optarg, 0, 3600000);
        else if (option == 'i')
            options->interval_ms = (int)parse_number("interval", optarg, 1, 60000);
        else if (option == 'h') {
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        } else
            exit(EXIT_USAGE);
    }
    if (options->address.text == NULL || optind < argc)
        usage_fault("waitfor: --connect ADDRESS, and nothing without a --");
}

static bool send_request(int fd, const char *path)
{
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return len > 0 && (size_t)len < sizeof request &&
           send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* The status of one answer; 0 when there was none, with errno where the system said why. */
static int ask(const struct options *options)
{
    static struct response response;
    int status = 0;
    int fd = open_connection(&options->address, 0);
    if (fd < 0)
        return 0;
    const struct timeval limit = {.tv_sec = ONE_TRY_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!send_request(fd, options->path))
        goto out;
    /* The head is enough. */
    response_start(&response, true);
    while (response.state < RESPONSE_DONE) {
        char data[4096];
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n <= 0)
            goto out;
        response_feed(&response, data, (size_t)n);
    }
    if (response.state == RESPONSE_DONE)
        status = response.status;
out:
    close(fd);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {
        .path = "/readyz", .status = 200, .timeout_ms = 10000, .interval_ms = 20};
    parse(&options, argc, argv);
    const struct timespec interval = {.tv_sec = options.interval_ms / 1000,
                                      .tv_nsec = options.interval_ms % 1000 * 1000000L};
    int64_t end = now_ns() + options.timeout_ms * INT64_C(1000000);
    for (;;) {
        errno = 0;
        int status = ask(&options);
        if (status == options.status)
            return EXIT_SUCCESS;
        if (now_ns() >= end) {
            fprintf(stderr, "waitfor: %s%s: wanted %d, last was %d%s%s\n", options.address.text,
                    options.path, options.status, status, errno != 0 ? ": " : "",
                    errno != 0 ? strerror(errno) : "");
            return EXIT_FAILURE;
        }
        nanosleep(&interval, NULL);
    }
}
