/*
 * Do lookups notice that the token is being renewed? Lookups are sent at a steady rate, and beside
 * them the daemon is asked every few milliseconds what it is doing with its token. At the end the
 * lookups are sorted into those during a renewal, those around the moment when the new token took
 * the old one's place, and the others; what is printed is the latency of each sort.
 *
 * A lookup is due at its own time, whatever became of those before it, and its latency counts from
 * there: a daemon that stood still for 10 ms would be seen in each lookup that was due meanwhile,
 * not in one. (For the same reason there are connections to spare.)
 */
#include <getopt.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "../driver/net.h"
#include "../driver/http.h"

#define MS INT64_C(1000000)
/* How often the token's state is asked for; a window of renewal is known to that much. */
#define WATCH_INTERVAL (5 * MS)
/* What counts as around the switch, on each side. */
#define AROUND (20 * MS)
#define EVENTS 64
#define SPANS_MAX 100000
#define BODY_MAX 4096

struct conn {
    int fd;
    bool busy;
    size_t lookup; /* the number of the one under way */
    struct response response;
    size_t body_len;
    char body[BODY_MAX]; /* of the watch alone */
};

struct lookup {
    int64_t due, latency;
    int status;
};

struct span {
    int64_t from, to;
};

static struct {
    struct address lookups, operators;
    size_t connections, count;
    double rate;
    char request[1024];
} options = {.connections = 64, .count = 100000, .rate = 1200};

static struct {
    int64_t start;
    struct conn *conns;
    struct lookup *lookups;
    size_t sent, answered;

    struct conn watch;
    int64_t watched; /* when the last question was put */
    bool renewing;
    unsigned long generation;
    struct span renewals[SPANS_MAX], switches[SPANS_MAX];
    size_t renewal_count, switch_count;
} run;

_Noreturn static void fault(const char *what)
{
    fprintf(stderr, "renewal: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- lookups ---- */

static void ask(struct conn *conn, const char *request)
{
    response_start(&conn->response, false);
    conn->busy = true;
    conn->body_len = 0;
    if (send(conn->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        fault("send");
}

static int64_t due(size_t lookup)
{
    return run.start + (int64_t)((double)lookup * 1e9 / options.rate);
}

static struct conn *idle_conn(void)
{
    static size_t next;
    for (size_t i = 0; i < options.connections; i++) {
        struct conn *conn = &run.conns[next++ % options.connections];
        if (!conn->busy)
            return conn;
    }
    return NULL;
}

static void send_due(int64_t now)
{
    struct conn *conn;
    while (run.sent < options.count && due(run.sent) <= now && (conn = idle_conn()) != NULL) {
        conn->lookup = run.sent;
        run.lookups[run.sent].due = due(run.sent);
        run.sent++;
        ask(conn, options.request);
    }
}

/* True when the answer is whole. */
static bool receive(struct conn *conn)
{
    char data[16384];
    ssize_t n = recv(conn->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        fault("a connection ended");
    /* Of the watch's answer the end of the last piece is body enough. */
    size_t keep =
        (size_t)n < BODY_MAX - 1 - conn->body_len ? (size_t)n : BODY_MAX - 1 - conn->body_len;
    memcpy(conn->body + conn->body_len, data, keep);
    conn->body_len += keep;
    conn->body[conn->body_len] = '\0';
    response_feed(&conn->response, data, (size_t)n);
    if (conn->response.state == RESPONSE_BROKEN || conn->response.close)
        fault("an answer is broken, or the last on its connection");
    return conn->response.state == RESPONSE_DONE;
}

static void answered(struct conn *conn, int64_t now)
{
    struct lookup *lookup = &run.lookups[conn->lookup];
    lookup->latency = now - lookup->due;
    lookup->status = conn->response.status;
    conn->busy = false;
    run.answered++;
}

/* ---- the watch ---- */

static void watch(int64_t now)
{
    if (run.watch.busy || now - run.watched < WATCH_INTERVAL)
        return;
    run.watched = now;
    ask(&run.watch, "GET /tokens HTTP/1.1\r\nHost: admin\r\n\r\n");
}

static void add_span(struct span *spans, size_t *count, int64_t from, int64_t to)
{
    if (*count == SPANS_MAX)
        fault("too many renewals");
    spans[(*count)++] = (struct span){from, to};
}

/* The state held at some time between question and answer. */
static void watched(int64_t now)
{
    const char *generation = strstr(run.watch.body, "\"generation\": ");
    bool renewing = strstr(run.watch.body, "\"state\": \"renewing\"") != NULL;
    run.watch.busy = false;
    if (generation == NULL)
        fault("/tokens is not understood");
    unsigned long number = strtoul(generation + strlen("\"generation\": "), NULL, 10);
    if (renewing && !run.renewing)
        add_span(run.renewals, &run.renewal_count, run.watched - WATCH_INTERVAL, INT64_MAX);
    if (!renewing && run.renewing)
        run.renewals[run.renewal_count - 1].to = now;
    if (run.generation != 0 && number != run.generation)
        add_span(run.switches, &run.switch_count, run.watched - WATCH_INTERVAL - AROUND,
                 now + AROUND);
    run.renewing = renewing;
    run.generation = number;
}

/* ---- the run ---- */

static void open_conn(struct conn *conn, const struct address *address, int epoll)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    conn->fd = open_connection(address, 0);
    if (conn->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        fault(address->text);
}

/* Every half millisecond: what is due is sent no later than that. */
static int add_ticks(int epoll)
{
    const struct itimerspec every = {.it_interval.tv_nsec = MS / 2, .it_value.tv_nsec = MS / 2};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        fault("timerfd");
    return fd;
}

static void serve(struct conn *conn, int ticks)
{
    uint64_t ticked;
    if (conn == NULL) {
        if (read(ticks, &ticked, sizeof ticked) < 0 && errno != EAGAIN)
            fault("timerfd");
        return;
    }
    if (!receive(conn))
        return;
    if (conn == &run.watch)
        watched(now_ns());
    else
        answered(conn, now_ns());
}

static void go(void)
{
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < options.connections; i++)
        open_conn(&run.conns[i], &options.lookups, epoll);
    open_conn(&run.watch, &options.operators, epoll);
    int ticks = add_ticks(epoll);
    run.start = now_ns();
    while (run.answered < options.count) {
        int n = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < n; i++)
            serve(events[i].data.ptr, ticks);
        send_due(now_ns());
        watch(now_ns());
    }
}

/* ---- what came of it ---- */

static bool overlaps(const struct lookup *lookup, const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lookup->due < spans[i].to && lookup->due + lookup->latency > spans[i].from)
            return true;
    return false;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_row(const char *name, int64_t *latencies, size_t count)
{
    const double shares[] = {0.5, 0.99, 0.999, 1};
    qsort(latencies, count, sizeof *latencies, by_size);
    printf("%-24s %8zu", name, count);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        printf(" %9.3f",
               count == 0 ? 0 : (double)latencies[(size_t)(shares[i] * (double)(count - 1))] / 1e6);
    putchar('\n');
}

enum sort { SORT_OUTSIDE, SORT_DURING, SORT_SWITCH, SORTS };

static void print_rows(void)
{
    static const char *const names[SORTS] = {"outside a renewal", "during a renewal",
                                             "around the switch"};
    int64_t *latencies = must_calloc(options.count, sizeof *latencies);
    printf("%-24s %8s %9s %9s %9s %9s\n", "lookups (ms)", "number", "p50", "p99", "p99.9", "max");
    for (enum sort sort = 0; sort < SORTS; sort++) {
        size_t n = 0;
        for (size_t i = 0; i < options.count; i++) {
            const struct lookup *lookup = &run.lookups[i];
            bool during = overlaps(lookup, run.renewals, run.renewal_count);
            bool at_switch = overlaps(lookup, run.switches, run.switch_count);
            bool mine[SORTS] = {!during && !at_switch, during, at_switch};
            if (mine[sort])
                latencies[n++] = lookup->latency;
        }
        print_row(names[sort], latencies, n);
    }
    free(latencies);
}

static size_t errors(void)
{
    size_t n = 0;
    for (size_t i = 0; i < options.count; i++)
        n += run.lookups[i].status != 200;
    return n;
}

static const char help[] = "usage: renewal --connect ADDRESS --operators ADDRESS [OPTION...]\n"
                           "  --connect ADDRESS    where lookups go: HOST:PORT or unix:PATH\n"
                           "  --operators ADDRESS  where /tokens is\n"
                           "  --lookups N          how many (100000)\n"
                           "  --rate N             so many a second (1200)\n"
                           "  --connections N      at the most so many at one time (64)\n";

static void parse(int argc, char **argv)
{
    static const struct option longs[] = {{"connect", required_argument, NULL, 'c'},
                                          {"operators", required_argument, NULL, 'o'},
                                          {"lookups", required_argument, NULL, 'l'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"connections", required_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'c')
            parse_address(&options.lookups, optarg);
        else if (c == 'o')
            parse_address(&options.operators, optarg);
        else if (c == 'l')
            options.count = (size_t)parse_number("lookups", optarg, 1, 1e8);
        else if (c == 'r')
            options.rate = parse_number("rate", optarg, 1, 1e6);
        else if (c == 'n')
            options.connections = (size_t)parse_number("connections", optarg, 1, 10000);
        else {
            fputs(help, c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : EXIT_USAGE);
        }
    }
    if (options.lookups.text == NULL || options.operators.text == NULL)
        usage_fault("renewal: --connect and --operators are wanted");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    snprintf(options.request, sizeof options.request,
             "GET /api/v1/addresses/M1%%201AA HTTP/1.1\r\nHost: bench\r\n\r\n");
    run.conns = must_calloc(options.connections, sizeof *run.conns);
    run.lookups = must_calloc(options.count, sizeof *run.lookups);
    go();
    print_rows();
    printf("%zu lookups, %zu errors, %zu renewals\n", options.count, errors(), run.switch_count);
    return errors() == 0 ? 0 : 1;
}
