/*
 * The bench's load for TLS: one lookup after the other, each on a connection of its own with a full
 * handshake (TLS 1.3, X25519), and then one line of JSON in the form of load.c. How many at once
 * does not matter: what is measured is the CPU time of the processes watched, and most of that is
 * arithmetic.
 */
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "../driver/net.h"
#include "cpu.h"

#define EXIT_FAULT 1
#define WATCH_MAX 16
#define ANSWER_MAX 16384
#define LATENCIES_MAX (1 << 20)

static struct {
    struct address address;
    double seconds;
    double warm;
    const char *ca;
    pid_t watched[WATCH_MAX];
    size_t watched_count;
} options = {.seconds = 1, .warm = 0.3};

static SSL_CTX *context;
static uint32_t latencies[LATENCIES_MAX];

_Noreturn static void fault(const char *what)
{
    fprintf(stderr, "handshakes: %s: %s\n", what, ERR_reason_error_string(ERR_peek_error()));
    exit(EXIT_FAULT);
}

/* Of all threads, in ns. */
static int64_t cpu_of_all(void)
{
    int64_t sum = cpu_of_processes(options.watched, options.watched_count);
    if (sum < 0)
        fault("a watched process is gone");
    return sum;
}

static int connect_once(void)
{
    int fd = socket(options.address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&options.address.sockaddr, options.address.len) != 0)
        fault(strerror(errno));
    return fd;
}

static bool is_whole(const char *answer, size_t len)
{
    const char *body = strstr(answer, "\r\n\r\n");
    const char *length = strcasestr(answer, "\r\ncontent-length:");
    if (body == NULL)
        return false;
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > body)
        fault(answer);
    return len >= (size_t)(body + 4 - answer) + strtoul(length + 17, NULL, 10);
}

static void look_up(void)
{
    static const char request[] = "GET /api/v1/addresses/SW1A%201AA HTTP/1.1\r\n"
                                  "Host: localhost\r\nConnection: close\r\n\r\n";
    char answer[ANSWER_MAX] = "";
    size_t len = 0;
    SSL *ssl = SSL_new(context);
    int fd = connect_once();
    SSL_set_fd(ssl, fd);
    SSL_set1_host(ssl, "localhost");
    if (SSL_connect(ssl) != 1 || SSL_session_reused(ssl))
        fault("handshake");
    if (SSL_write(ssl, request, sizeof request - 1) != sizeof request - 1)
        fault("request");
    while (!is_whole(answer, len)) {
        int got = SSL_read(ssl, answer + len, (int)(sizeof answer - 1 - len));
        if (got <= 0)
            fault("the connection ended");
        len += (size_t)got;
        answer[len] = '\0';
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

static size_t run_until(int64_t end)
{
    size_t count = 0;
    for (int64_t now = now_ns(); now < end && count < LATENCIES_MAX;) {
        look_up();
        int64_t then = now_ns();
        latencies[count++] = (uint32_t)(then - now);
        now = then;
    }
    return count;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(size_t count, double share)
{
    return latencies[(size_t)(share * (double)(count - 1) + 0.5)] / 1000.0;
}

static void run(void)
{
    run_until(now_ns() + (int64_t)(options.warm * 1e9));
    int64_t cpu = cpu_of_all(), from = now_ns();
    size_t count = run_until(from + (int64_t)(options.seconds * 1e9));
    double seconds = (double)(now_ns() - from) / 1e9;
    cpu = cpu_of_all() - cpu;
    qsort(latencies, count, sizeof *latencies, by_size);
    printf("{\"lookups\": %zu, \"seconds\": %.4f, \"rate\": %.1f, \"cpu_us\": %.4f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
           count, seconds, (double)count / seconds, (double)cpu / 1000.0 / (double)count,
           percentile_us(count, 0.5), percentile_us(count, 0.99), percentile_us(count, 0.999));
}

static const char help[] = "usage: handshakes --connect HOST:PORT --ca FILE [OPTION...]\n"
                           "  --seconds S   of measuring (1)\n"
                           "  --warm S      of running before that (0.3)\n"
                           "  --watch PID   count this process's CPU time; may be repeated\n";

static const struct option long_options[] = {
    {"connect", required_argument, NULL, 'c'},
    {"ca", required_argument, NULL, 'a'},
    {"seconds", required_argument, NULL, 's'},
    {"warm", required_argument, NULL, 'w'},
    {"watch", required_argument, NULL, 'W'},
    {"help", no_argument, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static void take_option(int option)
{
    switch (option) {
    case 'c':
        parse_address(&options.address, optarg);
        break;
    case 'a':
        options.ca = optarg;
        break;
    case 's':
        options.seconds = parse_number("seconds", optarg, 0.01, 3600);
        break;
    case 'w':
        options.warm = parse_number("warm", optarg, 0, 3600);
        break;
    case 'W':
        if (options.watched_count == WATCH_MAX)
            usage_fault("--watch: more than %d", WATCH_MAX);
        options.watched[options.watched_count++] = (pid_t)parse_number("watch", optarg, 1, 1 << 30);
        break;
    default:
        fputs(help, stdout);
        exit(optopt == 0 ? 0 : EXIT_USAGE);
    }
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        take_option(option);
    if (options.address.text == NULL || options.ca == NULL || optind < argc)
        usage_fault("--connect and --ca are needed, and nothing but options");
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_load_verify_file(context, options.ca) != 1)
        fault(options.ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    run();
    return 0;
}
