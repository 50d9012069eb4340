/*
 * The bench's load: so many connections, each with one lookup under way, for so long; then one line
 * of JSON with what was measured. Or connections that are only held, so that others can be measured
 * beside them.
 *
 * The processes watched are those between the load and the upstream. Their CPU time is read here,
 * at both ends of the very window in which lookups are counted.
 *
 * Every latency is kept, and sorted at the end: there is no histogram whose buckets could flatter.
 * An answer that is not a 200 with a length ends the run: a bench of errors is fast and worthless.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "../driver/net.h"
#include "cpu.h"

#define EXIT_FAULT 1
#define ANSWER_MAX 16384
#define REQUEST_MAX 16384
#define WATCH_MAX 16
#define EVENTS 256
/* A 0 stands for a digit that counts, an A for such a letter. The stand-in knows the area. */
#define DISTINCT "SW0A0AA"
/* Ports are some 28,000 for each pair of addresses; loopback has addresses enough. */
#define CONNECTIONS_A_SOURCE 20000
#define SOURCES 100
/* So many at once while idle connections are opened, that the backlog holds them. */
#define OPENING_MAX 64

enum mode { MODE_RUN, MODE_IDLE, MODE_PARKED };

struct options {
    struct address address;
    enum mode mode;
    size_t connections;
    double seconds;
    double warm;
    const char *path;
    char headers[REQUEST_MAX / 2];
    bool new_connection;
    bool distinct;
    pid_t watched[WATCH_MAX];
    size_t watched_count;
};

struct conn {
    int fd;
    int64_t began;
    size_t got;
    char answer[ANSWER_MAX];
};

static struct options options = {
    .connections = 1, .seconds = 1, .warm = 0.3, .path = "/api/v1/addresses/SW1A%201AA"};
static char request[REQUEST_MAX];
static size_t request_len;
static char *postcode; /* in the request, with --distinct */
static size_t next_number;
static int epoll_fd;
static struct conn *conns;

static struct {
    uint32_t *ns; /* of each lookup */
    size_t count;
    size_t room;
    bool counting;
} latencies;

_Noreturn static void fault(const char *what, const char *detail)
{
    fprintf(stderr, "load: %s: %s\n", what, detail);
    exit(EXIT_FAULT);
}

/* ---- CPU time ---- */

static int64_t cpu_of_all(void)
{
    int64_t sum = cpu_of_processes(options.watched, options.watched_count);
    if (sum < 0)
        fault("a watched process is gone", "it ended");
    return sum;
}

/* ---- one connection ---- */

static void note_latency(int64_t ns)
{
    if (latencies.count == latencies.room) {
        latencies.room = latencies.room > 0 ? 2 * latencies.room : 1 << 16;
        latencies.ns = realloc(latencies.ns, latencies.room * sizeof *latencies.ns);
        if (latencies.ns == NULL)
            fault("latencies", "out of memory");
    }
    latencies.ns[latencies.count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int connect_from_next(void)
{
    static uint32_t opened;
    int one = 1;
    int fd = socket(options.address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fault("socket", strerror(errno));
    if (options.address.family == AF_INET) {
        struct sockaddr_in source = {.sin_family = AF_INET};
        uint32_t number = opened++ / CONNECTIONS_A_SOURCE % SOURCES;
        source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (bind(fd, (const struct sockaddr *)&source, sizeof source) != 0)
            fault("bind", strerror(errno));
    }
    if (connect(fd, (const struct sockaddr *)&options.address.sockaddr, options.address.len) != 0)
        fault("connect", strerror(errno));
    return fd;
}

static void conn_open(struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    conn->fd = connect_from_next();
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        fault("epoll_ctl", strerror(errno));
}

/* There are 1,757,600; then comes the first one again. */
static void next_postcode(void)
{
    size_t rest = next_number++;

    for (size_t i = sizeof DISTINCT - 1; i > 0; i--) {
        const char first = DISTINCT[i - 1];
        const size_t radix = first == '0' ? 10 : first == 'A' ? 26 : 1;
        postcode[i - 1] = (char)(first + (int)(rest % radix));
        rest /= radix;
    }
}

/* With a connection for each lookup, opening it belongs to the lookup. */
static void conn_ask(struct conn *conn)
{
    conn->began = now_ns();
    if (options.distinct)
        next_postcode();
    conn->got = 0;
    if (conn->fd < 0)
        conn_open(conn);
    if (send(conn->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        fault("send", strerror(errno));
}

/* The length of the whole answer, or 0 while its head is not whole. */
static size_t answer_len(struct conn *conn)
{
    conn->answer[conn->got] = '\0';
    const char *body = strstr(conn->answer, "\r\n\r\n");
    if (body == NULL)
        return 0;
    const char *length = strcasestr(conn->answer, "\r\ncontent-length:");
    if (strncmp(conn->answer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > body)
        fault("not an answer", conn->answer);
    return (size_t)(body + 4 - conn->answer) + strtoul(length + 17, NULL, 10);
}

/* True when a whole answer is there. */
static bool conn_read(struct conn *conn)
{
    ssize_t got = recv(conn->fd, conn->answer + conn->got, ANSWER_MAX - 1 - conn->got, 0);
    if (got <= 0)
        fault("the connection ended", got == 0 ? conn->answer : strerror(errno));
    conn->got += (size_t)got;
    size_t len = answer_len(conn);
    if (len > ANSWER_MAX - 1 || (len > 0 && conn->got > len))
        fault("an answer too long", conn->answer);
    return len > 0 && conn->got == len;
}

static void conn_answered(struct conn *conn)
{
    if (latencies.counting)
        note_latency(now_ns() - conn->began);
    if (!options.new_connection)
        return;
    close(conn->fd);
    conn->fd = -1;
}

static void make_conns(void)
{
    conns = must_calloc(options.connections, sizeof *conns);
    for (size_t i = 0; i < options.connections; i++)
        conns[i].fd = -1;
}

/* ---- what it does with them ---- */

static void turn_until(int64_t end)
{
    struct epoll_event events[EVENTS];
    while (now_ns() < end) {
        int count = epoll_wait(epoll_fd, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            if (!conn_read(conn))
                continue;
            conn_answered(conn);
            conn_ask(conn);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double share)
{
    size_t last = latencies.count - 1;
    return latencies.ns[(size_t)(share * (double)last + 0.5)] / 1000.0;
}

static void report(double seconds, int64_t cpu)
{
    size_t n = latencies.count;
    if (n == 0)
        fault("nothing was answered", options.address.text);
    qsort(latencies.ns, n, sizeof *latencies.ns, by_size);
    printf("{\"lookups\": %zu, \"seconds\": %.4f, \"rate\": %.1f, \"cpu_us\": %.4f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
           n, seconds, (double)n / seconds, (double)cpu / 1000.0 / (double)n, percentile_us(0.5),
           percentile_us(0.99), percentile_us(0.999));
}

static void run(void)
{
    int64_t begin = now_ns();
    for (size_t i = 0; i < options.connections; i++)
        conn_ask(&conns[i]);
    turn_until(begin + (int64_t)(options.warm * 1e9));
    latencies.counting = true;
    int64_t cpu = cpu_of_all();
    int64_t from = now_ns();
    turn_until(from + (int64_t)(options.seconds * 1e9));
    int64_t to = now_ns();
    report((double)(to - from) / 1e9, cpu_of_all() - cpu);
}

/* Each has been used once, as an idle connection has in life. */
static void open_idle(void)
{
    for (size_t begun = 0; begun < options.connections;) {
        size_t first = begun;
        while (begun < options.connections && begun - first < OPENING_MAX)
            conn_ask(&conns[begun++]);
        for (size_t i = first; i < begun; i++)
            while (!conn_read(&conns[i]))
                ;
    }
}

static void hold(void)
{
    char byte;
    if (options.mode == MODE_IDLE)
        open_idle();
    else
        for (size_t i = 0; i < options.connections; i++)
            conn_ask(&conns[i]);
    printf("{\"held\": %zu}\n", options.connections);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}

/* ---- the command line ---- */

static const char help[] =
    "usage: load --connect ADDRESS [OPTION...]\n"
    "  --connect ADDRESS   HOST:PORT or unix:PATH\n"
    "  --connections N     each with one lookup under way (1)\n"
    "  --seconds S         of measuring (1)\n"
    "  --warm S            of running before that (0.3)\n"
    "  --path P            what to ask for\n"
    "  --distinct N        another postcode in each lookup, the first one is number N\n"
    "  --header 'K: V'     a further header; may be repeated\n"
    "  --new-connection    a connection for each lookup\n"
    "  --watch PID         count this process's CPU time; may be repeated\n"
    "  --idle              one lookup on each, then hold them until stdin ends\n"
    "  --parked            send a lookup on each, wait for no answer, hold them likewise\n";

static const struct option long_options[] = {
    {"connect", required_argument, NULL, 'c'},
    {"connections", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 's'},
    {"warm", required_argument, NULL, 'w'},
    {"path", required_argument, NULL, 'p'},
    {"distinct", required_argument, NULL, 'd'},
    {"header", required_argument, NULL, 'h'},
    {"new-connection", no_argument, NULL, 'N'},
    {"watch", required_argument, NULL, 'W'},
    {"idle", no_argument, NULL, 'I'},
    {"parked", no_argument, NULL, 'P'},
    {"help", no_argument, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static void add_header(const char *line)
{
    size_t len = strlen(options.headers);
    int more = snprintf(options.headers + len, sizeof options.headers - len, "%s\r\n", line);
    if (more < 0 || len + (size_t)more >= sizeof options.headers)
        usage_fault("--header: too many");
}

static void watch(const char *text)
{
    if (options.watched_count == WATCH_MAX)
        usage_fault("--watch: more than %d", WATCH_MAX);
    options.watched[options.watched_count++] = (pid_t)parse_number("watch", text, 1, 1 << 30);
}

static void take_option(int option)
{
    switch (option) {
    case 'c':
        parse_address(&options.address, optarg);
        break;
    case 'n':
        options.connections = (size_t)parse_number("connections", optarg, 1, 1e6);
        break;
    case 's':
        options.seconds = parse_number("seconds", optarg, 0.01, 3600);
        break;
    case 'w':
        options.warm = parse_number("warm", optarg, 0, 3600);
        break;
    case 'p':
        options.path = optarg;
        break;
    case 'd':
        options.distinct = true;
        next_number = (size_t)parse_number("distinct", optarg, 0, 1e9);
        options.path = "/api/v1/addresses/" DISTINCT;
        break;
    case 'h':
        add_header(optarg);
        break;
    case 'N':
        options.new_connection = true;
        break;
    case 'W':
        watch(optarg);
        break;
    case 'I':
        options.mode = MODE_IDLE;
        break;
    case 'P':
        options.mode = MODE_PARKED;
        break;
    default:
        fputs(help, stdout);
        exit(optopt == 0 ? 0 : EXIT_USAGE);
    }
}

static void make_request(void)
{
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                       options.path, options.headers,
                       options.new_connection ? "Connection: close\r\n" : "");
    if (len < 0 || (size_t)len >= sizeof request)
        usage_fault("the request is longer than %zu bytes", sizeof request);
    request_len = (size_t)len;
    postcode = options.distinct ? strstr(request, DISTINCT) : NULL;
}

static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        take_option(option);
    if (options.address.text == NULL || optind < argc)
        usage_fault("--connect is needed, and nothing but options");
    make_request();
    allow_descriptors();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        fault("epoll_create1", strerror(errno));
    make_conns();
    if (options.mode == MODE_RUN)
        run();
    else
        hold();
    return 0;
}
