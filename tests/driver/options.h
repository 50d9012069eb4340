/* The command line of `callers`. */
#ifndef DRIVER_OPTIONS_H
#define DRIVER_OPTIONS_H

#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>

#include "net.h"

#define REQUEST_MAX 65536

enum leave_how {
    LEAVE_CLOSE,
    LEAVE_HALF_CLOSE,
    LEAVE_RESET,
};

struct options {
    struct address address;
    int count;
    long requests;
    double seconds; /* 0: by requests */
    const char *path;
    const char *method;
    char headers[REQUEST_MAX / 2];
    bool new_connection;
    bool barrier;
    int leave_after_ms; /* -1: not by time */
    int leave_fd;       /* -1: none */
    enum leave_how leave_how;
    int expect; /* 0: any status will do */
    double timeout;
};

static const char help[] =
    "usage: callers --connect ADDRESS [OPTION...]\n"
    "Calls, prints one line of JSON; exit 0 when every call was answered, or left as told.\n"
    "  --connect ADDRESS   HOST:PORT, [V6]:PORT or unix:PATH\n"
    "  --count N           callers, each with a connection (1)\n"
    "  --requests M        calls a caller, one after the other (1)\n"
    "  --seconds S         as many calls as fit, in place of --requests\n"
    "  --path P            what to ask for (/)\n"
    "  --method M          GET, or another method without a body (GET)\n"
    "  --header 'K: V'     a further header; may be repeated\n"
    "  --new-connection    a connection for each call\n"
    "  --barrier           send only when all are connected\n"
    "  --leave-after MS    leave so long after sending, if no answer has come\n"
    "  --leave-on-fd FILE  leave once FILE, a FIFO, is written to or closed by its writer\n"
    "  --half-close        leave by closing the sending half; wait for the other side to close\n"
    "  --reset             leave with a reset\n"
    "  --expect STATUS     any other status is a failure\n"
    "  --timeout S         for all of it (60)\n";

enum {
    OPTION_CONNECT,
    OPTION_COUNT,
    OPTION_REQUESTS,
    OPTION_SECONDS,
    OPTION_PATH,
    OPTION_METHOD,
    OPTION_HEADER,
    OPTION_NEW_CONNECTION,
    OPTION_BARRIER,
    OPTION_LEAVE_AFTER,
    OPTION_LEAVE_ON_FD,
    OPTION_HALF_CLOSE,
    OPTION_RESET,
    OPTION_EXPECT,
    OPTION_TIMEOUT,
    OPTION_HELP,
};

static inline void add_header(struct options *options, const char *header)
{
    size_t used = strlen(options->headers);
    int n = snprintf(options->headers + used, sizeof options->headers - used, "%s\r\n", header);
    if (n < 0 || (size_t)n >= sizeof options->headers - used)
        usage_fault("callers: --header: too much of them");
}

static inline void take(struct options *options, int option, const char *text)
{
    switch (option) {
    case OPTION_CONNECT:
        parse_address(&options->address, text);
        break;
    case OPTION_COUNT:
        options->count = (int)parse_number("count", text, 1, 100000);
        break;
    case OPTION_REQUESTS:
        options->requests = (long)parse_number("requests", text, 1, 1e9);
        break;
    case OPTION_SECONDS:
        options->seconds = parse_number("seconds", text, 0.01, 86400);
        break;
    case OPTION_PATH:
        options->path = text;
        break;
    case OPTION_METHOD:
        options->method = text;
        break;
    case OPTION_HEADER:
        add_header(options, text);
        break;
    case OPTION_NEW_CONNECTION:
        options->new_connection = true;
        break;
    case OPTION_BARRIER:
        options->barrier = true;
        break;
    case OPTION_LEAVE_AFTER:
        options->leave_after_ms = (int)parse_number("leave-after", text, 0, 3600000);
        break;
    case OPTION_LEAVE_ON_FD:
        options->leave_fd = open(text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (options->leave_fd < 0)
            usage_fault("callers: --leave-on-fd %s: %s", text, strerror(errno));
        break;
    case OPTION_HALF_CLOSE:
        options->leave_how = LEAVE_HALF_CLOSE;
        break;
    case OPTION_RESET:
        options->leave_how = LEAVE_RESET;
        break;
    case OPTION_EXPECT:
        options->expect = (int)parse_number("expect", text, 100, 599);
        break;
    case OPTION_TIMEOUT:
        options->timeout = parse_number("timeout", text, 0.01, 86400);
        break;
    case OPTION_HELP:
        fputs(help, stdout);
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_USAGE);
    }
}

static inline void parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, OPTION_CONNECT},
        {"count", 1, NULL, OPTION_COUNT},
        {"requests", 1, NULL, OPTION_REQUESTS},
        {"seconds", 1, NULL, OPTION_SECONDS},
        {"path", 1, NULL, OPTION_PATH},
        {"method", 1, NULL, OPTION_METHOD},
        {"header", 1, NULL, OPTION_HEADER},
        {"new-connection", 0, NULL, OPTION_NEW_CONNECTION},
        {"barrier", 0, NULL, OPTION_BARRIER},
        {"leave-after", 1, NULL, OPTION_LEAVE_AFTER},
        {"leave-on-fd", 1, NULL, OPTION_LEAVE_ON_FD},
        {"half-close", 0, NULL, OPTION_HALF_CLOSE},
        {"reset", 0, NULL, OPTION_RESET},
        {"expect", 1, NULL, OPTION_EXPECT},
        {"timeout", 1, NULL, OPTION_TIMEOUT},
        {"help", 0, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
        take(options, option, optarg);
    if (options->address.text == NULL || optind < argc)
        usage_fault("callers: --connect ADDRESS, and nothing without a --");
}

#endif
