/*
 * Options, the listening socket, signals. Options come from three tables: the knobs that are
 * numbers and those that are texts (knobs.h), and below those that cannot be turned while it runs.
 */
#include "standin.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096
#define EXIT_USAGE 2
#define EXIT_START 3

enum {
    OPTION_TEXT = KNOB_COUNT,
    OPTION_SETTING = OPTION_TEXT + TEXT_COUNT, /* those that are no knobs */
    OPTION_LISTEN = OPTION_SETTING,
    OPTION_CLIENT_ID,
    OPTION_CLIENT_SECRET,
    OPTION_CLIENT_SECRET_FILE,
    OPTION_FLOW,
    OPTION_LOOKUP_PATH,
    OPTION_AUTH_PATH,
    OPTION_HELP,
    OPTION_END,
};

static const struct {
    const char *name, *value, *help;
} settings[] = {
    [OPTION_LISTEN -
     OPTION_SETTING] = {"listen", "HOST:PORT",
                        "where to listen (127.0.0.1:0; port 0: the system chooses)"},
    [OPTION_CLIENT_ID - OPTION_SETTING] = {"client-id", "ID", "the one client (demo)"},
    [OPTION_CLIENT_SECRET -
        OPTION_SETTING] = {"client-secret", "SECRET",
                           "its secret (demo); others see it in the process list"},
    [OPTION_CLIENT_SECRET_FILE -
        OPTION_SETTING] = {"client-secret-file", "FILE", "its secret, read at each token request"},
    [OPTION_FLOW - OPTION_SETTING] = {"flow", "FLOW",
                                      "basic, client_credentials, or any, by the request (any)"},
    [OPTION_LOOKUP_PATH -
        OPTION_SETTING] = {"lookup-path", "PATH", "what precedes a postcode (/api/v1/addresses/)"},
    [OPTION_AUTH_PATH - OPTION_SETTING] = {"auth-path", "PATH", "the token endpoint (/auth/v1)"},
    [OPTION_HELP - OPTION_SETTING] = {"help", NULL, "this text"},
};

struct options {
    const char *listen;
    char names[OPTION_SETTING][32]; /* the knobs' names with dashes */
    struct option table[OPTION_END + 1];
};

static void make_knob(struct options *options, int i, const char *name, bool has_value)
{
    snprintf(options->names[i], sizeof options->names[i], "%s", name);
    for (char *c = options->names[i]; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    options->table[i].name = options->names[i];
    options->table[i].has_arg = has_value;
    options->table[i].val = i;
}

static void make_table(struct options *options)
{
    for (int i = 0; i < KNOB_COUNT; i++)
        make_knob(options, i, knob_info[i].name, knob_info[i].value_name != NULL);
    for (int i = 0; i < TEXT_COUNT; i++)
        make_knob(options, OPTION_TEXT + i, text_info[i].name, true);
    for (int i = OPTION_SETTING; i < OPTION_END; i++) {
        options->table[i].name = settings[i - OPTION_SETTING].name;
        options->table[i].has_arg = settings[i - OPTION_SETTING].value != NULL;
        options->table[i].val = i;
    }
}

static void help_line(const char *name, const char *value, const char *help)
{
    char option[48];
    snprintf(option, sizeof option, "--%s %s", name, value != NULL ? value : "");
    printf("  %-28s %s\n", option, help);
}

static void print_help(const struct options *options)
{
    puts("usage: location-standin [OPTION...]\n"
         "A stand-in for the Location API: issues tokens, answers lookups, shows faults.\n");
    for (int i = OPTION_SETTING; i < OPTION_END; i++)
        help_line(settings[i - OPTION_SETTING].name, settings[i - OPTION_SETTING].value,
                  settings[i - OPTION_SETTING].help);
    puts("\nAlso while it runs, by POST /standin/set?NAME=VALUE (with underscores; flags 0 or 1; "
         "texts\n"
         "percent-encoded):");
    for (int i = 0; i < KNOB_COUNT; i++)
        help_line(options->names[i], knob_info[i].value_name, knob_info[i].help);
    for (int i = 0; i < TEXT_COUNT; i++)
        help_line(options->names[OPTION_TEXT + i], text_info[i].value_name, text_info[i].help);
    puts("\nPOST /standin/revoke revokes all tokens. GET /standin/counters reads the counters;\n"
         "?NAME=MINIMUM&timeout=MS waits until each named one has reached its minimum, else 504.");
}

static bool set_flow(struct standin *standin, const char *name)
{
    static const char *const names[] = {
        [FLOW_ANY] = "any",
        [FLOW_BASIC] = "basic",
        [FLOW_CLIENT_CREDENTIALS] = "client_credentials",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            standin->flow = (enum flow)i;
            return true;
        }
    }
    return false;
}

/* False when the value will not do. */
static bool take(struct standin *standin, struct options *options, int option, char *value)
{
    switch (option) {
    case OPTION_LISTEN:
        options->listen = value;
        return true;
    case OPTION_CLIENT_ID:
        standin->client_id = value;
        return true;
    case OPTION_CLIENT_SECRET:
        standin->client_secret = value;
        return true;
    case OPTION_CLIENT_SECRET_FILE:
        standin->client_secret_file = value;
        return true;
    case OPTION_FLOW:
        return set_flow(standin, value);
    case OPTION_LOOKUP_PATH:
        standin->lookup_path = value;
        return value[0] == '/';
    case OPTION_AUTH_PATH:
        standin->auth_path = value;
        return value[0] == '/';
    default:
        if (option >= OPTION_TEXT)
            return knobs_set_text(&standin->knobs, (enum text_knob)(option - OPTION_TEXT), value);
        return knobs_set(&standin->knobs, (enum knob)option, value);
    }
}

/* -1 to go on, else the exit status. */
static int parse(struct standin *standin, struct options *options, int argc, char **argv)
{
    int option;
    make_table(options);
    while ((option = getopt_long(argc, argv, "", options->table, NULL)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == OPTION_HELP) {
            print_help(options);
            return EXIT_SUCCESS;
        }
        if (!take(standin, options, option, optarg)) {
            fprintf(stderr, "location-standin: --%s: not a possible value\n",
                    options->table[option].name);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "location-standin: %s: no such argument; see --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static int bind_and_listen(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* HOST:PORT or [V6]:PORT, numeric; the listening socket, or -1 with a line on stderr. */
static int listen_on(const char *text)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    if (colon != NULL) {
        bool bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(colon - text - 2 * bracketed), text + bracketed);
    }
    if (colon == NULL || getaddrinfo(host, colon + 1, &hints, &address) != 0) {
        fprintf(stderr, "location-standin: --listen %s: not HOST:PORT in numbers\n", text);
        return -1;
    }
    int fd = bind_and_listen(address);
    if (fd < 0)
        fprintf(stderr, "location-standin: --listen %s: %s\n", text, strerror(errno));
    freeaddrinfo(address);
    return fd;
}

static void announce(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool v6 = address.ss_family == AF_INET6;
    printf("listening on http://%s%s%s:%s\n", v6 ? "[" : "", host, v6 ? "]" : "", port);
    fflush(stdout);
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    struct options options = {.listen = "127.0.0.1:0"};
    struct standin standin = {.client_id = "demo",
                              .client_secret = "demo",
                              .lookup_path = "/api/v1/addresses/",
                              .auth_path = "/auth/v1"};
    knobs_init(&standin.knobs);
    int status = parse(&standin, &options, argc, argv);
    if (status >= 0)
        return status;

    int listen_fd = listen_on(options.listen);
    int signal_fd = open_signals();
    if (listen_fd < 0 || signal_fd < 0)
        return EXIT_START;
    tokens_init(&standin.tokens);
    announce(listen_fd);
    bool ok = server_run(&standin, listen_fd, signal_fd);
    tokens_fini(&standin.tokens);
    close(signal_fd);
    return ok ? EXIT_SUCCESS : EXIT_START;
}
