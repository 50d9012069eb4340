/*
 * faulty: an upstream that breaks HTTP in as many ways as there are rows in a table. It issues
 * tokens as it should; a lookup's postcode names the fault that answers it (faulty --list names
 * them all). A thread a connection, blocking: a fault is then written down as it happens on the
 * wire.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>

#include "net.h"

#define GOOD_BODY "{\"postcode\":\"OK\"}"
#define GOOD_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define GOOD GOOD_HEAD "Content-Length: 17\r\n\r\n" GOOD_BODY
#define HEAD_MAX 65536

struct peer {
    int fd;
    unsigned answered; /* requests on this connection */
    char head[HEAD_MAX];
};

/* Each returns whether the connection may serve another request. */
typedef bool fault(struct peer *peer);

static bool say(struct peer *peer, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(peer->fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

#define SAY(peer, text) say((peer), (text), sizeof(text) - 1)

/* Until the other side has had enough; a bound keeps a broken test from running for ever. */
static bool say_for_ever(struct peer *peer, const char *text)
{
    for (long i = 0; i < 4000000; i++)
        if (!say(peer, text, strlen(text)))
            return false;
    return false;
}

/* Until the other side closes. */
static bool wait_for_close(struct peer *peer)
{
    char byte;
    while (recv(peer->fd, &byte, 1, 0) > 0)
        ;
    return false;
}

static bool good(struct peer *peer)
{
    return SAY(peer, GOOD);
}

static bool reset(struct peer *peer)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
}

static bool close_silently(struct peer *peer)
{
    (void)peer;
    return false;
}

/* As a server does whose idle timeout ends while a request is on its way. */
static bool close_on_second(struct peer *peer)
{
    return peer->answered == 0 ? SAY(peer, GOOD) : reset(peer);
}

static bool answer_and_close(struct peer *peer)
{
    SAY(peer, GOOD);
    return false;
}

static bool never(struct peer *peer)
{
    return wait_for_close(peer);
}

static bool endless_head(struct peer *peer)
{
    return SAY(peer, "HTTP/1.1 200 OK\r\n") && say_for_ever(peer, "X-Filler: y\r\n");
}

static bool endless_line(struct peer *peer)
{
    return SAY(peer, "HTTP/1.1 200 OK\r\nX: ") && say_for_ever(peer, "0123456789abcdef");
}

static bool endless_trailers(struct peer *peer)
{
    return SAY(peer, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\n11\r\n" GOOD_BODY "\r\n0\r\n") &&
           say_for_ever(peer, "X-Filler: y\r\n");
}

static bool flood_of_1xx(struct peer *peer)
{
    return say_for_ever(peer, "HTTP/1.1 100 Continue\r\n\r\n");
}

static bool huge(struct peer *peer)
{
    return SAY(peer, GOOD_HEAD "\r\n") && say_for_ever(peer, "                                ");
}

static bool huge_chunks(struct peer *peer)
{
    return SAY(peer, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\n") &&
           say_for_ever(peer, "10\r\n                \r\n");
}

static bool stall_in_head(struct peer *peer)
{
    return SAY(peer, "HTTP/1.1 200 OK\r\nContent-") && wait_for_close(peer);
}

static bool stall_in_body(struct peer *peer)
{
    return SAY(peer, GOOD_HEAD "Content-Length: 17\r\n\r\n{\"post") && wait_for_close(peer);
}

static bool drip(struct peer *peer)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    for (size_t i = 0; i < sizeof(GOOD) - 1; i++) {
        if (!say(peer, &GOOD[i], 1))
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* What is only bytes: said, and then the connection is closed. */
#define BYTES(name, text)                                                                          \
    static bool name(struct peer *peer)                                                            \
    {                                                                                              \
        SAY(peer, text);                                                                           \
        return false;                                                                              \
    }

BYTES(garbage, "\x16\x03\x01\x00\xff\xfe garbage \x00\x01\r\n\r\n")
BYTES(http09, GOOD_BODY)
BYTES(http2, "HTTP/2 200\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(http3x, "HTTP/3.7 200 OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(icy, "ICY 200 OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(status_short, "HTTP/1.1 20 OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(status_long, "HTTP/1.1 2000 OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(status_word, "HTTP/1.1 abc OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(status_999, "HTTP/1.1 999 OK\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(switching, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" GOOD_BODY)
BYTES(head_cut, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n")
BYTES(body_cut, GOOD_HEAD "Content-Length: 100\r\n\r\n" GOOD_BODY)
BYTES(length_bad, GOOD_HEAD "Content-Length: 17x\r\n\r\n" GOOD_BODY)
BYTES(length_minus, GOOD_HEAD "Content-Length: -17\r\n\r\n" GOOD_BODY)
BYTES(length_huge, GOOD_HEAD "Content-Length: 99999999999\r\n\r\n" GOOD_BODY)
BYTES(length_over, GOOD_HEAD "Content-Length: 99999999999999999999999\r\n\r\n" GOOD_BODY)
BYTES(lengths, GOOD_HEAD "Content-Length: 5\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(lengths_listed, GOOD_HEAD "Content-Length: 17, 5\r\n\r\n" GOOD_BODY)
BYTES(length_64, GOOD_HEAD "Content-Length: 18446744073709551633\r\n\r\n" GOOD_BODY)
BYTES(coding_gzip,
      GOOD_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n11\r\n" GOOD_BODY "\r\n0\r\n\r\n")
BYTES(coding_unknown, GOOD_HEAD "Transfer-Encoding: x\r\n\r\n" GOOD_BODY)
BYTES(coding_identity,
      GOOD_HEAD "Transfer-Encoding: identity\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(coding_twice,
      GOOD_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" GOOD_BODY
                "\r\n0\r\n\r\n")
BYTES(length_and_chunks, GOOD_HEAD
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" GOOD_BODY "\r\n0\r\n\r\n")
BYTES(chunk_bad, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n" GOOD_BODY "\r\n0\r\n\r\n")
BYTES(chunk_over, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n" GOOD_BODY)
BYTES(chunk_cut, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\n11\r\n" GOOD_BODY)
BYTES(chunk_last_cut, GOOD_HEAD "Transfer-Encoding: chunked\r\n\r\n11\r\n" GOOD_BODY "\r\n0\r\n")
BYTES(gzipped, GOOD_HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
BYTES(name_space, "HTTP/1.1 200 OK\r\nContent-Length : 5\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)

/* Harmless in more than one way: both are taken. */
BYTES(lengths_equal, GOOD_HEAD "Content-Length: 17\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(bare_lf, "HTTP/1.1 200 OK\nContent-Length: 17\n\n" GOOD_BODY)
BYTES(etag_cr, GOOD_HEAD "ETag: \"a\"\rX-Smuggled: y\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(etag_nul, GOOD_HEAD "ETag: \"a\x00X-Smuggled: y\"\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)
BYTES(etag_fold, GOOD_HEAD "ETag: \"a\"\r\n X-Smuggled: y\r\nContent-Length: 17\r\n\r\n" GOOD_BODY)

/* An answer nobody asked for, which the next lookup on the connection must not be given. */
static bool second_answer(struct peer *peer)
{
    return SAY(peer, GOOD GOOD_HEAD "Content-Length: 21\r\n\r\n{\"postcode\":\"POISON\"}");
}

/* The postcode, what the caller must be told, and how it is done. Two statuses: either will do. */
static const struct row {
    const char *name, *want;
    fault *run;
} rows[] = {
    {"OK", "200", good},
    {"RESET", "502", reset},
    {"CLOSE", "502", close_silently},
    {"SECOND-RESET", "200", close_on_second},
    {"ANSWER-CLOSE", "200", answer_and_close},
    {"NEVER", "504", never},
    {"STALL-HEAD", "504", stall_in_head},
    {"STALL-BODY", "504", stall_in_body},
    {"DRIP", "504", drip},
    {"ENDLESS-HEAD", "502", endless_head},
    {"ENDLESS-LINE", "502", endless_line},
    {"ENDLESS-TRAILER", "200 502", endless_trailers},
    {"FLOOD-1XX", "502", flood_of_1xx},
    {"HUGE", "502", huge},
    {"HUGE-CHUNKS", "502", huge_chunks},
    {"GARBAGE", "502", garbage},
    {"HTTP09", "502", http09},
    {"HTTP2", "502", http2},
    {"HTTP3", "502", http3x},
    {"ICY", "502", icy},
    {"STATUS-SHORT", "502", status_short},
    {"STATUS-LONG", "502", status_long},
    {"STATUS-WORD", "502", status_word},
    {"STATUS-999", "502", status_999},
    {"SWITCHING", "502", switching},
    {"HEAD-CUT", "502", head_cut},
    {"BODY-CUT", "502", body_cut},
    {"LENGTH-BAD", "502", length_bad},
    {"LENGTH-MINUS", "502", length_minus},
    {"LENGTH-HUGE", "502", length_huge},
    {"LENGTH-OVER", "502", length_over},
    {"LENGTHS", "502", lengths},
    {"LENGTHS-EQUAL", "200 502", lengths_equal},
    {"LENGTH-CHUNKS", "502", length_and_chunks},
    {"LENGTHS-LISTED", "502", lengths_listed},
    {"LENGTH-64", "502", length_64},
    {"CODING-GZIP", "502", coding_gzip},
    {"CODING-UNKNOWN", "502", coding_unknown},
    {"CODING-IDENTITY", "502", coding_identity},
    {"CODING-TWICE", "502", coding_twice},
    {"CHUNK-BAD", "502", chunk_bad},
    {"CHUNK-OVER", "502", chunk_over},
    {"CHUNK-CUT", "502", chunk_cut},
    {"CHUNK-LAST-CUT", "502", chunk_last_cut},
    {"GZIPPED", "502", gzipped},
    {"NAME-SPACE", "200 502", name_space},
    {"BARE-LF", "200 502", bare_lf},
    {"ETAG-CR", "200 502", etag_cr},
    {"ETAG-NUL", "200 502", etag_nul},
    {"ETAG-FOLD", "200 502", etag_fold},
    {"SECOND-ANSWER", "200 502", second_answer},
};

/* ---- serving ---- */

/* One head into peer->head; false at the end of the stream. */
static bool read_section(struct peer *peer)
{
    size_t len = 0;
    while (len < sizeof peer->head - 1) {
        ssize_t n = recv(peer->fd, peer->head + len, sizeof peer->head - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        peer->head[len] = '\0';
        if (strstr(peer->head, "\r\n\r\n") != NULL)
            return true;
    }
    return false;
}

static fault *chosen(const char *head)
{
    const char *path = strstr(head, "/addresses/");
    size_t len = path == NULL ? 0 : strcspn(path + strlen("/addresses/"), " ?");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (len == strlen(rows[i].name) &&
            memcmp(path + strlen("/addresses/"), rows[i].name, len) == 0)
            return rows[i].run;
    return close_silently;
}

static bool give_token(struct peer *peer)
{
    SAY(peer, "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n"
              "{\"access_token\":\"faulty-1\",\"expires_in\":3600}");
    return false;
}

static void *serve(void *arg)
{
    struct peer *peer = arg;
    bool more = true;
    while (more && read_section(peer)) {
        more = strncmp(peer->head, "POST", 4) == 0 ? give_token(peer) : chosen(peer->head)(peer);
        peer->answered++;
    }
    close(peer->fd);
    free(peer);
    return NULL;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("faulty");
        exit(EXIT_FAILURE);
    }
    printf("faulty on http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int list(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("%s %s\n", rows[i].name, rows[i].want);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc != 1)
        usage_fault("usage: faulty [--list]");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_somewhere();
    for (;;) {
        pthread_t thread;
        struct peer *peer = must_calloc(1, sizeof *peer);
        peer->fd = accept(listener, NULL, NULL);
        if (peer->fd < 0 || pthread_create(&thread, NULL, serve, peer) != 0) {
            perror("faulty");
            return EXIT_FAILURE;
        }
        pthread_detach(thread);
    }
}
