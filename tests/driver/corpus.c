/*
 * corpus: sends each case of tests/corpus to the daemon, twice, in one piece and byte by byte, and
 * holds what comes back against the case's verdict, and what the stand-in upstream has seen against
 * the lookups that were answered: a request that was executed without an answer is found too. The
 * daemon must have counted one request for each answer, and at most one more, where it closed after
 * the last.
 *
 * The daemon is taken to run with the libmicrohttpd that this program finds.
 *
 * Where a connection is to stay open, a lookup on it must be answered: that it was not closed
 * proves nothing, for it could stand in the middle of a body that we do not see.
 */
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <poll.h>

#include "net.h"
#include "http.h"
#include "case.h"

#define PATIENCE_MS 8000
#define PROBE "GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: probe\r\n\r\n"

static struct address daemon_address, standin_address, metrics_address;

/* What became of one connection. */
struct verdict_seen {
    int status[CASE_ANSWERS];
    size_t count;
    bool open;    /* the probe was answered */
    bool broken;  /* what came was no HTTP */
    bool stuck;   /* neither closed nor answered */
    bool foreign; /* an answer that is no problem in JSON, to a refusal */
};

/* ---- one connection ---- */

struct talk {
    int fd;
    struct response response;
    struct verdict_seen *verdict_seen;
    const struct verdict *verdict; /* for what the answers to a HEAD are */
};

static void expect_answer(struct talk *talk)
{
    size_t i = talk->verdict_seen->count;
    response_start(&talk->response, i < talk->verdict->count && talk->verdict->no_body[i]);
}

static void answered(struct talk *talk)
{
    struct verdict_seen *verdict_seen = talk->verdict_seen;
    if (verdict_seen->count < CASE_ANSWERS)
        verdict_seen->status[verdict_seen->count++] = talk->response.status;
    if (talk->response.status >= 400 && talk->response.status < 500 &&
        !response_header_is(&talk->response, "Content-Type", "application/problem+json"))
        verdict_seen->foreign = true;
    expect_answer(talk);
}

/* False at the end of the stream. */
static bool receive(struct talk *talk, int timeout_ms)
{
    char data[65536];
    struct pollfd pollfd = {.fd = talk->fd, .events = POLLIN};
    if (poll(&pollfd, 1, timeout_ms) <= 0)
        return true;
    ssize_t n = recv(talk->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return true;
    for (size_t taken = 0; n > 0 && taken < (size_t)n;) {
        taken += response_feed(&talk->response, data + taken, (size_t)n - taken);
        if (talk->response.state == RESPONSE_BROKEN) {
            talk->verdict_seen->broken = true;
            return false;
        }
        if (talk->response.state == RESPONSE_DONE)
            answered(talk);
    }
    if (n > 0)
        return true;
    if (talk->response.state == RESPONSE_TO_CLOSE)
        answered(talk);
    return false;
}

/* In steps of so many bytes, reading in between. False when the other side has closed. */
static bool send_all(struct talk *talk, const char *bytes, size_t len, size_t step)
{
    for (size_t done = 0; done < len;) {
        size_t n = len - done < step ? len - done : step;
        ssize_t sent = send(talk->fd, bytes + done, n, MSG_NOSIGNAL);
        if (sent < 0)
            break; /* closed: what it said before is still to be read */
        done += (size_t)sent;
        if (!receive(talk, 0))
            return false;
    }
    return true;
}

/* False when the other side has closed. */
static bool probe(struct talk *talk)
{
    size_t before = talk->verdict_seen->count;
    int64_t end = now_ns() + PATIENCE_MS * INT64_C(1000000);
    bool up = send_all(talk, PROBE, strlen(PROBE), strlen(PROBE));
    while (up && talk->verdict_seen->count == before && now_ns() < end)
        up = receive(talk, 100);
    talk->verdict_seen->open =
        up && talk->verdict_seen->count == before + 1 && talk->verdict_seen->status[before] == 200;
    if (talk->verdict_seen->open)
        talk->verdict_seen->count = before;
    return up;
}

static void converse(const struct raw_case *c, size_t step, struct verdict_seen *verdict_seen)
{
    const struct verdict *verdict = &c->verdicts[0];
    struct talk talk = {.verdict_seen = verdict_seen, .verdict = verdict};
    int64_t end = now_ns() + PATIENCE_MS * INT64_C(1000000);
    *verdict_seen = (struct verdict_seen){.count = 0};
    talk.fd = open_connection(&daemon_address, 0);
    if (talk.fd < 0) {
        verdict_seen->broken = true;
        return;
    }
    expect_answer(&talk);
    bool up = send_all(&talk, c->bytes, c->len, step);
    while (up && now_ns() < end && !(verdict->open && verdict_seen->count >= verdict->count))
        up = receive(&talk, 100);
    if (up && verdict->open)
        up = probe(&talk);
    verdict_seen->stuck = up && !verdict_seen->open;
    close(talk.fd);
}

/* ---- what the upstream has seen ---- */

/* Asks on a connection of its own, and returns the body's beginning in a static place. */
static const char *ask(const struct address *address, const char *path)
{
    static char text[1 << 16];
    char request[256];
    size_t len = 0;
    int fd = open_connection(address, 0);
    if (fd < 0)
        return "";
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
             path);
    send(fd, request, strlen(request), MSG_NOSIGNAL);
    ssize_t n;
    while (len < sizeof text - 1 && (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
    return text;
}

/*
 * A lookup of our own comes before the count: what the daemon sent upstream earlier has been
 * counted once that is answered.
 */
static long lookups_seen(void)
{
    ask(&daemon_address, "/api/v1/addresses/EH11BB");
    const char *at = strstr(ask(&standin_address, "/standin/counters"), "\"lookups\":");
    return at == NULL ? -1 : strtol(at + strlen("\"lookups\":"), NULL, 10);
}

/* ---- what the daemon has counted ---- */

static long requests_counted(void)
{
    static const char name[] = "\npostcoded_requests_total{";
    long sum = 0;
    for (const char *at = ask(&metrics_address, "/metrics"); (at = strstr(at, name)) != NULL;) {
        at += strlen(name);
        at += strcspn(at, "}");
        sum += strtol(at + strlen("}"), NULL, 10);
    }
    return sum;
}

/*
 * The probe is answered, and so is the lookup of our own. A connection that closes without an
 * answer may have been refused. Under 0.9 it is not counted where we close as soon as it does: the
 * daemon takes that for a caller's leaving.
 */
static bool is_accounted(const struct verdict_seen *verdict_seen, long counted)
{
    const long answers = (long)verdict_seen->count + verdict_seen->open + 1;
    return counted == answers || (!verdict_seen->open && counted == answers + 1);
}

/* ---- judging ---- */

static bool fits(const struct verdict *verdict, const struct verdict_seen *verdict_seen)
{
    if (verdict_seen->broken || verdict_seen->stuck || verdict_seen->open != verdict->open ||
        verdict_seen->foreign != verdict->foreign || verdict_seen->count != verdict->count)
        return false;
    return memcmp(verdict->status, verdict_seen->status, verdict->count * sizeof(int)) == 0;
}

static long executed(const struct verdict_seen *verdict_seen)
{
    long count = verdict_seen->open;
    for (size_t i = 0; i < verdict_seen->count; i++)
        count += verdict_seen->status[i] == 200;
    return count;
}

static void explain(const char *path, size_t step, const struct verdict_seen *verdict_seen,
                    long seen)
{
    printf("FAIL %s (%s):", path, step == 1 ? "byte by byte" : "in one piece");
    for (size_t i = 0; i < verdict_seen->count; i++)
        printf(" %d", verdict_seen->status[i]);
    printf(" %s%s%s%s, %ld lookups upstream\n", verdict_seen->open ? "open" : "close",
           verdict_seen->foreign ? " by libmicrohttpd" : "", verdict_seen->broken ? ", broken" : "",
           verdict_seen->stuck ? ", stuck" : "", seen);
}

static bool run_case(const char *path, const struct raw_case *c, size_t step)
{
    struct verdict_seen verdict_seen;
    long before = lookups_seen();
    long counted = requests_counted();
    converse(c, step, &verdict_seen);
    long seen = lookups_seen() - before - 1;
    counted = requests_counted() - counted;
    bool accounted = is_accounted(&verdict_seen, counted);
    bool good = before >= 0 && seen == executed(&verdict_seen);
    bool fit = false;
    for (size_t i = 0; i < c->verdict_count; i++)
        fit = fit || fits(&c->verdicts[i], &verdict_seen);
    if (!good || !fit)
        explain(path, step, &verdict_seen, seen);
    if (!accounted)
        printf("FAIL %s: %zu answers, %ld requests counted, ours included\n", path,
               verdict_seen.count, counted);
    return good && fit && accounted;
}

static bool run_file(const char *path)
{
    struct raw_case c;
    bool good = case_read(&c, path, MHD_get_version()[0] == '1');
    if (good) {
        good = run_case(path, &c, c.len);
        good = run_case(path, &c, 1) && good;
    } else {
        printf("FAIL %s: not a case\n", path);
    }
    case_fini(&c);
    return good;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"connect", 1, NULL, 'c'},
                                          {"standin", 1, NULL, 's'},
                                          {"metrics", 1, NULL, 'm'},
                                          {NULL, 0, NULL, 0}};
    int option, failed = 0;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&daemon_address, optarg);
        else if (option == 's')
            parse_address(&standin_address, optarg);
        else if (option == 'm')
            parse_address(&metrics_address, optarg);
        else
            exit(EXIT_USAGE);
    }
    if (daemon_address.text == NULL || standin_address.text == NULL ||
        metrics_address.text == NULL || optind == argc)
        usage_fault("usage: corpus --connect ADDRESS --standin ADDRESS --metrics ADDRESS FILE...");
    for (int i = optind; i < argc; i++)
        failed += !run_file(argv[i]);
    printf("%d cases, %d failed\n", argc - optind, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
