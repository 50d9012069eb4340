/*
 * raw: sends a file byte for byte, and writes what comes back, byte for byte, until the other side
 * closes or the time is over. For requests that no HTTP client would make.
 *
 * It reads while it sends: a server may refuse, answer and close before it has read all.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>

#include "net.h"

#define EXIT_STILL_OPEN 3
#define INPUT_MAX (64u << 20)

struct options {
    struct address address;
    int timeout_ms;
    bool half_close;
    long half_close_at; /* -1: not by what has come */
};

static const char help[] =
    "usage: raw --connect ADDRESS [OPTION...] FILE|-\n"
    "Exit 0 when the other side closed, 3 when the time was over first, 1 on a fault.\n"
    "  --connect ADDRESS  HOST:PORT, [V6]:PORT or unix:PATH\n"
    "  --timeout MS       how long to wait, from the start (5000)\n"
    "  --half-close       close the sending half after the last byte\n"
    "  --half-close-at N  close it once N bytes have come\n";

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'},       {"timeout", 1, NULL, 't'}, {"half-close", 0, NULL, 'H'},
        {"half-close-at", 1, NULL, 'A'}, {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&options->address, optarg);
        else if (option == 't')
            options->timeout_ms = (int)parse_number("timeout", optarg, 0, 3600000);
        else if (option == 'H')
            options->half_close = true;
        else if (option == 'A')
            options->half_close_at = (long)parse_number("half-close-at", optarg, 0, 1e9);
        else if (option == 'h') {
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        } else
            exit(EXIT_USAGE);
    }
    if (options->address.text == NULL || optind + 1 != argc)
        usage_fault("raw: --connect ADDRESS and one FILE");
}

struct bytes {
    char *data;
    size_t len, done;
};

static bool read_all(struct bytes *bytes, const char *path)
{
    if (strcmp(path, "-") != 0 && freopen(path, "r", stdin) == NULL)
        return false;
    size_t cap = 65536;
    bytes->data = must_calloc(1, cap);
    size_t n;
    while ((n = fread(bytes->data + bytes->len, 1, cap - bytes->len, stdin)) > 0) {
        bytes->len += n;
        if (bytes->len < cap)
            continue;
        cap *= 2;
        char *bigger = cap <= INPUT_MAX ? realloc(bytes->data, cap) : NULL;
        if (bigger == NULL)
            break;
        bytes->data = bigger;
    }
    return feof(stdin) && !ferror(stdin);
}

/* A peer that closed early makes sending fail; what it said before is still to be read. */
static void send_some(int fd, struct bytes *bytes, bool half_close)
{
    ssize_t n = send(fd, bytes->data + bytes->done, bytes->len - bytes->done, MSG_NOSIGNAL);
    if (n >= 0)
        bytes->done += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        bytes->done = bytes->len;
    if (bytes->done == bytes->len && half_close)
        shutdown(fd, SHUT_WR);
}

/* -1 while there may be more, else the exit status. A reset is one way of closing. */
static int receive_some(int fd, long *received)
{
    char data[65536];
    ssize_t n = recv(fd, data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (n <= 0)
        return EXIT_SUCCESS;
    *received += n;
    return fwrite(data, 1, (size_t)n, stdout) == (size_t)n ? -1 : EXIT_FAILURE;
}

static int converse(int fd, struct bytes *bytes, const struct options *options)
{
    if (bytes->len == 0 && options->half_close)
        shutdown(fd, SHUT_WR);
    long received = 0;
    int64_t end = now_ns() + options->timeout_ms * INT64_C(1000000);
    for (;;) {
        int64_t left = end - now_ns();
        struct pollfd pollfd = {.fd = fd,
                                .events = bytes->done < bytes->len ? POLLIN | POLLOUT : POLLIN};
        if (left <= 0)
            return EXIT_STILL_OPEN;
        if (poll(&pollfd, 1, (int)((left + 999999) / 1000000)) <= 0)
            continue;
        if (pollfd.revents & POLLOUT && bytes->done < bytes->len)
            send_some(fd, bytes, options->half_close);
        int status = pollfd.revents & ~POLLOUT ? receive_some(fd, &received) : -1;
        if (status >= 0)
            return status;
        if (options->half_close_at >= 0 && received >= options->half_close_at)
            shutdown(fd, SHUT_WR);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.timeout_ms = 5000, .half_close_at = -1};
    struct bytes bytes = {0};
    int status = EXIT_FAILURE;
    parse(&options, argc, argv);
    if (!read_all(&bytes, argv[optind])) {
        fprintf(stderr, "raw: %s: cannot be read\n", argv[optind]);
        goto out;
    }
    int fd = open_connection(&options.address, 0);
    if (fd < 0) {
        fprintf(stderr, "raw: %s: %s\n", options.address.text, strerror(errno));
        goto out;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    status = converse(fd, &bytes, &options);
    close(fd);
    if (fflush(stdout) != 0)
        status = EXIT_FAILURE;
out:
    free(bytes.data);
    return status;
}
