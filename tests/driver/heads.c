/*
 * heads: header sections of all sizes around a limit, filled with fields, cookies, parameters of a
 * query or one long value, each in four places: the first of a connection, a later one, one that
 * stands behind another in the same piece, one that others stand behind. To each there must be one
 * answer: 200 where the daemon has promised it, 414 or 431 where it is too large, one of these in
 * between, and never none.
 *
 * Writes how many answers of each status there were, for the caller to compare with what the daemon
 * has counted.
 */
#include <getopt.h>
#include <poll.h>

#include "net.h"
#include "http.h"

#define PATIENCE_MS 10000
#define PLAIN "GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n"
#define BEHIND 60 /* plain requests behind a head: more than libmicrohttpd reads at once */
#define ENTRY 64  /* what libmicrohttpd takes for a field or a parameter */
#define STATUS_END 600

enum place { FIRST, LATER, AFTER, BEFORE, PLACES };
static const char *const place_names[] = {"first", "later", "after another", "before others"};

struct head {
    size_t size; /* filled up to it with one field, where there is room for that */
    size_t fields, cookies, parameters;
    size_t cookie; /* bytes of one long cookie */
    enum place place;
    size_t len;
    char text[1 << 18];
};

static struct address address;
static size_t max = 8192;
static size_t answers[STATUS_END];
static struct head head;

/* ---- a head ---- */

static void add(const char *text)
{
    size_t len = strlen(text);

    if (head.len + len > sizeof(head.text))
        usage_fault("heads: a head is too large for this driver");
    memcpy(head.text + head.len, text, len);
    head.len += len;
}

static void add_run(char c, size_t count)
{
    if (head.len + count > sizeof(head.text))
        usage_fault("heads: a head is too large for this driver");
    memset(head.text + head.len, c, count);
    head.len += count;
}

static void make_head(void)
{
    head.len = 0;
    add("GET /api/v1/addresses/M11AA");
    for (size_t i = 0; i < head.parameters; i++)
        add(i == 0 ? "?a" : "&a");
    add(" HTTP/1.1\r\nHost: h\r\n");
    if (head.cookies > 0 || head.cookie > 0)
        add("Cookie: a=b");
    for (size_t i = 1; i < head.cookies; i++)
        add("; a=b");
    add_run('c', head.cookie);
    if (head.cookies > 0 || head.cookie > 0)
        add("\r\n");
    for (size_t i = 0; i < head.fields; i++)
        add("a:\r\n");
    if (head.size >= head.len + strlen("X: \r\n\r\n")) {
        add("X: ");
        add_run('v', head.size - head.len - strlen("\r\n\r\n"));
        add("\r\n");
    }
    add("\r\n");
}

/* Host, Cookie and X are fields too. */
static bool is_promised(void)
{
    const size_t entries = head.fields + head.parameters + 3;
    const size_t spare = head.place == BEFORE || head.parameters > 0 ? 1024 : 3072;

    return head.len <= max && entries <= (max + spare) / ENTRY;
}

/* ---- a connection ---- */

static void fault(const char *what)
{
    fprintf(stderr,
            "heads: %s: %s; %zu bytes, %zu fields, %zu cookies, a cookie of %zu, %zu parameters\n",
            place_names[head.place], what, head.len, head.fields, head.cookies, head.cookie,
            head.parameters);
    exit(EXIT_FAILURE);
}

struct talk {
    int fd;
    size_t from, to; /* received, not yet taken */
    char data[65536];
};

static void say(const struct talk *talk, const char *text, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(talk->fd, text + done, len - done, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* refused before all of it was read: what was answered is still to be read */
        done += (size_t)sent;
    }
}

/* False at the end of the stream. */
static bool receive(struct talk *talk)
{
    struct pollfd pollfd = {.fd = talk->fd, .events = POLLIN};

    if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
        fault("no answer in time");
    ssize_t got = recv(talk->fd, talk->data, sizeof(talk->data), 0);
    talk->from = 0;
    talk->to = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Its status; 0 at the end of the stream. */
static int hear(struct talk *talk)
{
    static struct response response;

    response_start(&response, false);
    while (response.state < RESPONSE_DONE) {
        if (talk->from == talk->to && !receive(talk)) {
            if (response.state != RESPONSE_HEAD || response.len > 0)
                fault("a part of an answer");
            return 0;
        }
        talk->from += response_feed(&response, talk->data + talk->from, talk->to - talk->from);
    }
    if (response.state == RESPONSE_BROKEN || response.status >= STATUS_END)
        fault("an answer that is not HTTP");
    answers[response.status]++;
    return response.status;
}

static void expect_served(struct talk *talk)
{
    if (hear(talk) != 200)
        fault("the answer to a plain request is not 200");
}

/* ---- one case ---- */

/* False when it was refused: the connection ends. */
static bool expect_answer(struct talk *talk)
{
    const int status = hear(talk);
    const bool refused = status == 414 || status == 431;

    if (status == 0)
        fault("no answer");
    if (status != 200 && !refused)
        fault("neither 200 nor 414 nor 431");
    if (refused && is_promised())
        fault("refused");
    if (!refused && head.len > max)
        fault("too large, and not refused");
    if (refused && hear(talk) != 0)
        fault("a second answer");
    return !refused;
}

static void converse(struct talk *talk)
{
    static const char plain[] = PLAIN "\r\n";
    static char behind[BEHIND * sizeof(plain)];
    size_t served = head.place == BEFORE ? BEHIND : 0;

    if (head.place == LATER || head.place == AFTER)
        say(talk, plain, strlen(plain));
    if (head.place == LATER)
        expect_served(talk);
    if (head.place == BEFORE) {
        /* In one piece, so that they are there when the head is read. */
        for (size_t i = 0; i < BEHIND; i++)
            memcpy(behind + i * strlen(plain), plain, strlen(plain));
        const size_t len = head.len;
        add(behind);
        say(talk, head.text, head.len);
        head.len = len;
    } else {
        say(talk, head.text, head.len);
    }
    if (head.place == AFTER)
        expect_served(talk);
    if (!expect_answer(talk))
        return;
    while (served-- > 0)
        expect_served(talk);
}

static void try_head(void)
{
    static struct talk talk;

    make_head();
    talk = (struct talk){.fd = open_connection(&address, 0)};
    if (talk.fd < 0)
        fault("cannot connect");
    converse(&talk);
    close(talk.fd);
}

static void try_with(size_t size, size_t fields, size_t cookies, size_t cookie, size_t parameters)
{
    head.size = size;
    head.fields = fields;
    head.cookies = cookies;
    head.cookie = cookie;
    head.parameters = parameters;
    try_head();
}

/* ---- all of them ---- */

static void try_numbers(size_t size)
{
    const size_t most = (max + 3072) / ENTRY;

    for (size_t n = 0; n < most + 24; n += n + 48 < most ? 17 : 1)
        try_with(size, n, 0, 0, 0);
    for (size_t n = 1; n < most + 24; n += 13) {
        try_with(size, 0, n, 0, 0);
        try_with(size, 0, 0, 0, n);
        try_with(size, n / 2, 0, 0, n / 2);
        try_with(size, n, 0, size - 60 - 4 * n, 0);
    }
}

static void try_place(void)
{
    try_numbers(max);
    try_numbers(max - 1);
    try_numbers(max / 2);
    try_with(max, 0, 0, max - 80, 0);
    try_with(max, 0, (max - 80) / strlen("; a=b"), 0, 0);
    for (size_t size = max + 1; size < 2 * max + 6000; size += 251) {
        try_with(size, 0, 0, 0, 0);
        try_with(size, 0, 0, size - 80, 0);
    }
    for (size_t n = (max + 3072) / ENTRY; n < max / strlen("a:\r\n"); n += 61)
        try_with(0, n, 0, 0, 0);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'}, {"max", 1, NULL, 'm'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&address, optarg);
        else if (option == 'm')
            max = (size_t)parse_number("max", optarg, 2048, 65536);
        else
            exit(EXIT_USAGE);
    }
    if (address.text == NULL || optind != argc)
        usage_fault("heads: --connect ADDRESS [--max BYTES]");
    for (int place = FIRST; place < PLACES; place++) {
        head.place = (enum place)place;
        try_place();
    }
    for (int status = 0; status < STATUS_END; status++)
        if (answers[status] > 0)
            printf("%d %zu\n", status, answers[status]);
    return EXIT_SUCCESS;
}
