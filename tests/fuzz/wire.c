/*
 * The caller's side, whole: bytes on a socket, through libmicrohttpd, the server and the guard, to
 * an app that answers at once and takes down what it was asked. Beside it a reader that knows
 * nothing but the strict grammar of RFC 9112 for requests without a body. What was let through must
 * be a beginning of what that reader finds; one request more may follow that libmicrohttpd took
 * leniently, but its answer closes, and nothing behind it was let through: so no request was ever
 * executed out of bytes that another reader may have taken for something else.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "exchange/response.h"
#include "front/guard.h"
#include "front/server.h"
#include "middleware/tracker.h"

#define REQUESTS 32
#define INPUT_MAX 4096

/* ---- what was let through ---- */

static struct {
    char *targets[REQUESTS];
    size_t count;
} served;

static struct guid_source guids;

static void serve(struct server_app *app, struct request *request)
{
    (void)app;
    tracker_run(request, &guids);
    guard_check(request);
    if (request_is_settled(request))
        return;
    MUST(request->path != NULL && request->path_len <= strlen(request->path));
    MUST(text_is_visible(request->target, strlen(request->target)));
    if (served.count < REQUESTS)
        served.targets[served.count++] = mem_printf("%s %s", request->method, request->target);
    response_operator(request, 200, "text/plain", NULL, "ok", 2);
}

static void ended(struct server_app *app, struct request *request)
{
    (void)app;
    (void)request;
}

/* ---- the strict reader ---- */

/* The field of a line, and whether it is one. `host` counts. */
static bool is_strict_field(const char *line, size_t len, unsigned *host)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || !text_is_token(line, (size_t)(colon - line)))
        return false;
    for (const char *c = colon + 1; c < line + len; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    size_t name = (size_t)(colon - line);
    *host += name == 4 && strncasecmp(line, "host", 4) == 0;
    bool framing = strncasecmp(line, "content-length", name < 14 ? name : 14) == 0 && name >= 14;
    framing = framing || (name >= 17 && strncasecmp(line, "transfer-encoding", 17) == 0);
    if (!framing)
        return true;
    const char *value = colon + 1;
    size_t value_len = (size_t)(line + len - value);
    while (value_len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_len--;
    }
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    return name == 14 && value_len == 1 && *value == '0';
}

/* METHOD SP TARGET SP HTTP/1.x; "METHOD TARGET", or NULL. */
static char *strict_line(const char *line, size_t len)
{
    const char *first = memchr(line, ' ', len);
    if (first == NULL || len < 12 || !text_is_token(line, (size_t)(first - line)))
        return NULL;
    const char *last = line + len - strlen(" HTTP/1.1");
    if (last <= first + 1 || !text_is_visible(first + 1, (size_t)(last - first - 1)))
        return NULL;
    if (memcmp(last, " HTTP/1.", 8) != 0 || (last[8] != '0' && last[8] != '1'))
        return NULL;
    return mem_strndup(line, (size_t)(last - line));
}

static size_t line_end(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n", 2);
    return end == NULL ? len : (size_t)(end - bytes);
}

/* One request from the front; how many bytes it has, 0 where there is no strict one. */
static size_t strict_request(const char *bytes, size_t len, char **found)
{
    unsigned hosts = 0;
    size_t at = line_end(bytes, len);
    if (at == len)
        return 0;
    *found = strict_line(bytes, at);
    for (at += 2; *found != NULL && at < len;) {
        size_t line = line_end(bytes + at, len - at);
        if (at + line == len)
            break;
        if (line == 0)
            return at + 2;
        if (!is_strict_field(bytes + at, line, &hosts) || hosts > 1)
            break;
        at += line + 2;
    }
    mem_free(*found);
    return 0;
}

/* ---- one run ---- */

static struct loop *loop;
static struct server *server;
static struct server_app app;
static struct server_quota quota;

static struct config *load_config(void)
{
    static const char text[] = "[server]\nheader_timeout = 24h\nidle_timeout = 24h\n"
                               "[identity]\nmode = off\n"
                               "[upstream x]\naddress = http://127.0.0.1:1\nclient_id = a\n"
                               "client_secret = b\n";
    char path[] = "/tmp/fuzz-wire-XXXXXX";
    struct config_faults faults = {.count = 0};
    int fd = mkstemp(path);
    MUST(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    struct config *config = config_load(NULL, path, true, NULL, NULL, &faults);
    unlink(path);
    MUST(config != NULL);
    return config;
}

static void start(void)
{
    loop = loop_new();
    MUST(loop != NULL && server_new(loop, INPUT_MAX, &server) == ERR_OK);
    app = (struct server_app){
        .config = load_config(), .guids = &guids, .serve = serve, .ended = ended};
    atomic_init(&quota.limit, 1000);
}

/* Turns until nothing more happens: the socket is local, so what was sent is there. */
static void turn(void)
{
    for (int i = 0; i < 6; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void converse(const uint8_t *data, size_t size)
{
    int fds[2];
    char answers[65536];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct sockaddr_storage addr = {.ss_family = AF_UNIX};
    atomic_fetch_add(&quota.open, 1);
    server_hand_over(server, &app, &quota, fds[0], (struct sockaddr *)&addr, sizeof(sa_family_t));
    turn();
    MUST(send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    for (int i = 0; i < 8; i++) {
        turn();
        while (recv(fds[1], answers, sizeof(answers), 0) > 0)
            ;
    }
    close(fds[1]);
    turn();
    turn();
}

/*
 * What is known to be swallowed without a trace, for libmicrohttpd 0.9.75 makes NULs of CR and LF:
 * a NUL in the place of a CR, and in the four bytes that end a head any such four, or a line of a
 * colon in the place of the empty one. (All of them hold a bare LF; see docs/security.md.)
 */
static bool is_end(char c)
{
    return c == '\r' || c == '\n' || c == '\0';
}

static void tidy(char *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (bytes[i] == '\0' && bytes[i + 1] == '\n')
            bytes[i] = '\r';
    for (size_t i = 0; i + 4 <= len; i++) {
        bool ends = is_end(bytes[i]) && bytes[i + 3] == '\n' && (i == 0 || !is_end(bytes[i - 1]));
        for (size_t k = 1; k < 3; k++)
            ends = ends && (is_end(bytes[i + k]) || bytes[i + k] == ':');
        if (ends)
            memcpy(bytes + i, "\r\n\r\n", 4);
    }
}

/*
 * RFC 9112, section 2.2, allows it for one; libmicrohttpd skips as many as there are, and takes a
 * line that begins with a NUL for one.
 */
static void skip_empty_lines(const char **bytes, size_t *len)
{
    for (;;) {
        const char *end = *len > 0 ? memchr(*bytes, '\n', *len) : NULL;
        size_t n = end == NULL ? 0 : (size_t)(end - *bytes) + 1;
        bool empty = n == 1 || (n == 2 && **bytes == '\r') || (n > 1 && **bytes == '\0');
        if (!empty)
            return;
        *bytes += n;
        *len -= n;
    }
}

static void judge(const char *bytes, size_t len)
{
    size_t i = 0;
    for (; i < served.count; i++) {
        char *found = NULL;
        skip_empty_lines(&bytes, &len);
        size_t taken = strict_request(bytes, len, &found);
        if (taken == 0)
            break;
        bool same = strcmp(found, served.targets[i]) == 0;
        mem_free(found);
        if (!same)
            break;
        bytes += taken;
        len -= taken;
    }
    MUST(served.count - i <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (loop == NULL)
        start();
    if (size > INPUT_MAX)
        return 0;
    converse(data, size);
    char *bytes = piece_exact((struct piece){(const char *)data, size});
    tidy(bytes, size);
    judge(bytes, size);
    free(bytes);
    for (size_t i = 0; i < served.count; i++)
        mem_free(served.targets[i]);
    served.count = 0;
    return 0;
}
