/*
 * slow: many callers who take their time, from one thread. Each sends the head of a lookup a byte
 * at a time and never ends it, or sends a whole one and then stays; and all wait to be cut.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>

#include "net.h"

#define MS INT64_C(1000000)
#define HEAD "GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: slow\r\n"

static const char help[] =
    "usage: slow --connect ADDRESS [OPTION...]\n"
    "Prints one line of JSON; exit 0 when every connection was closed by the other side.\n"
    "  --count N     callers (100)\n"
    "  --every MS    a byte of a head that never ends, so often (50)\n"
    "  --answered    a whole lookup instead, and then silence\n"
    "  --timeout S   for all of it (60)\n";

static struct {
    struct address address;
    int count;
    long every_ms;
    bool answered;
    double timeout;
} options = {.count = 100, .every_ms = 50, .timeout = 60};

struct slow_caller {
    int fd; /* -1: closed */
    bool answered;
    int64_t began;
};

static struct {
    struct slow_caller *callers;
    int epoll_fd;
    int open, closed, answered;
    int64_t longest;
} crowd;

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'},  {"count", 1, NULL, 'n'},   {"every", 1, NULL, 'e'},
        {"answered", 0, NULL, 'a'}, {"timeout", 1, NULL, 't'}, {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&options.address, optarg);
        else if (option == 'n')
            options.count = (int)parse_number("count", optarg, 1, 100000);
        else if (option == 'e')
            options.every_ms = (long)parse_number("every", optarg, 1, 1e7);
        else if (option == 'a')
            options.answered = true;
        else if (option == 't')
            options.timeout = parse_number("timeout", optarg, 0.1, 86400);
        else {
            fputs(help, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
    }
    if (options.address.text == NULL || optind < argc)
        usage_fault("slow: --connect ADDRESS, and nothing without a --");
}

static void cut(struct slow_caller *caller)
{
    int64_t lasted = now_ns() - caller->began;
    crowd.longest = lasted > crowd.longest ? lasted : crowd.longest;
    close(caller->fd);
    caller->fd = -1;
    crowd.open--;
    crowd.closed++;
}

static void say(struct slow_caller *caller, const char *bytes, size_t len)
{
    if (caller->fd >= 0 && send(caller->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EAGAIN)
        cut(caller);
}

static void hear(struct slow_caller *caller)
{
    char data[4096];
    ssize_t n = recv(caller->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        cut(caller);
        return;
    }
    crowd.answered += !caller->answered;
    caller->answered = true;
    caller->began = now_ns();
}

static void start(struct slow_caller *caller)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = caller};
    caller->fd = open_connection(&options.address, 0);
    caller->began = now_ns();
    if (caller->fd < 0 || epoll_ctl(crowd.epoll_fd, EPOLL_CTL_ADD, caller->fd, &event) != 0) {
        perror("slow");
        exit(EXIT_FAILURE);
    }
    crowd.open++;
    if (options.answered)
        say(caller, HEAD "\r\n", sizeof(HEAD "\r\n") - 1);
}

/* The same byte for all; behind the fixed part, a field that does not end. */
static void say_all(size_t turn)
{
    const char *byte = turn < sizeof(HEAD) - 1 ? &(HEAD)[turn] : "x";
    for (int i = 0; i < options.count; i++)
        say(&crowd.callers[i], byte, 1);
}

static void wait_and_hear(int64_t until)
{
    struct epoll_event events[256];
    int64_t left = until - now_ns();
    int n = epoll_wait(crowd.epoll_fd, events, 256, left > 0 ? (int)(left / MS) + 1 : 0);
    for (int i = 0; i < n; i++)
        hear(events[i].data.ptr);
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    crowd.callers = must_calloc((size_t)options.count, sizeof *crowd.callers);
    crowd.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int64_t end = now_ns() + (int64_t)(options.timeout * 1e9), next = now_ns();
    for (int i = 0; i < options.count; i++)
        start(&crowd.callers[i]);
    for (size_t turn = 0; crowd.open > 0 && now_ns() < end;) {
        if (!options.answered && now_ns() >= next) {
            say_all(turn++);
            next = now_ns() + options.every_ms * MS;
        }
        wait_and_hear(options.answered || next > end ? end : next);
    }
    printf("{\"closed\":%d,\"open\":%d,\"answered\":%d,\"longest_ms\":%lld}\n", crowd.closed,
           crowd.open, crowd.answered, (long long)(crowd.longest / MS));
    free(crowd.callers);
    return crowd.open == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
