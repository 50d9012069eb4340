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
#define PIECE ((size_t)16 * 1024)

struct options {
    struct address address;
    int timeout_ms;
    bool half_close;
    long half_close_at; /* -1: not by what has come */
    bool orderly;       /* a reset is a fault */
};

static const char help[] =
    "usage: raw --connect ADDRESS [OPTION...] FILE|-\n"
    "Exit 0 when the other side closed, 3 when the time was over first, 1 on a fault.\n"
    "  --connect ADDRESS  HOST:PORT, [V6]:PORT or unix:PATH\n"
    "  --timeout MS       how long to wait, from the start (5000)\n"
    "  --half-close       close the sending half after the last byte\n"
    "  --half-close-at N  close it once N bytes have come\n"
    "  --orderly          a reset is a fault; all is sent, whatever comes back before\n";

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'},    {"timeout", 1, NULL, 't'},
        {"half-close", 0, NULL, 'H'}, {"half-close-at", 1, NULL, 'A'},
        {"orderly", 0, NULL, 'o'},    {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0},
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
        else if (option == 'o')
            options->orderly = true;
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

/*
 * A peer that closed early makes sending fail; what it said before is still to be read. In pieces,
 * so that a peer which closes before the end is noticed however large the buffers are.
 */
static bool send_some(int fd, struct bytes *bytes, const struct options *options)
{
    const size_t left = bytes->len - bytes->done;
    const size_t piece = options->orderly && left > PIECE ? PIECE : left;
    const ssize_t n = send(fd, bytes->data + bytes->done, piece, MSG_NOSIGNAL);
    const bool failed = n < 0 && errno != EAGAIN && errno != EINTR;
    if (n >= 0)
        bytes->done += (size_t)n;
    else if (failed)
        bytes->done = bytes->len;
    if (bytes->done == bytes->len && options->half_close)
        shutdown(fd, SHUT_WR);
    return !failed || !options->orderly;
}

/* -1 while there may be more, else the exit status. */
static int receive_some(int fd, const struct options *options, long *received)
{
    char data[65536];
    ssize_t n = recv(fd, data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (n <= 0)
        return n < 0 && options->orderly ? EXIT_FAILURE : EXIT_SUCCESS;
    *received += n;
    return fwrite(data, 1, (size_t)n, stdout) == (size_t)n ? -1 : EXIT_FAILURE;
}

/* The peer has said all it had to say, and is to take the rest all the same. */
static bool send_rest(int fd, struct bytes *bytes, const struct options *options)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    while (bytes->done < bytes->len)
        if (poll(&pollfd, 1, options->timeout_ms) <= 0 || !send_some(fd, bytes, options))
            return false;
    return true;
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
        if (pollfd.revents & POLLOUT && bytes->done < bytes->len && !send_some(fd, bytes, options))
            return EXIT_FAILURE;
        int status = pollfd.revents & ~POLLOUT ? receive_some(fd, options, &received) : -1;
        if (status == EXIT_SUCCESS && options->orderly && bytes->done < bytes->len)
            status = send_rest(fd, bytes, options) ? EXIT_SUCCESS : EXIT_FAILURE;
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
