/*
 * A connection to a scripted store. What the connection tells is taken down as lines of text, and
 * a test says which line it waits for:
 *
 *     opened
 *     NAME +OK          a reply to the command that was called NAME; also -ERR x, :3, $text, nil,
 *                       [$a :1 [nil]]
 *     message CHANNEL TEXT
 *     closed KIND DETAIL
 */
#ifndef RESP_FIXTURE_H
#define RESP_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "peer.h"
#include "suite.h"
#include "upstream/client.h"
#include "upstream/resp.h"

#define LONG (10 * SECOND)
#define SHORT (200 * MILLISECOND)
#define CASE_PATIENCE 60

static struct loop *loop;
static struct peer peer;
static struct resp *resp; /* NULL: it has ended */
static struct resp_settings settings;
static char server[512];
static struct buf told;
static const char *awaited;
static bool ended;
/* Called first of all in each port and `replied`, with the line that is about to be told. */
static void (*on_line)(const char *line);

static inline void add_reply(struct buf *out, const struct resp_reply *reply)
{
    static const char *const marks[] = {
        [RESP_STATUS] = "+", [RESP_ERROR] = "-", [RESP_STRING] = "$"};

    switch (reply->type) {
    case RESP_INTEGER:
        buf_printf(out, ":%lld", (long long)reply->integer);
        break;
    case RESP_NIL:
        buf_puts(out, "nil");
        break;
    case RESP_ARRAY:
        buf_putc(out, '[');
        for (size_t i = 0; i < reply->count; i++) {
            buf_puts(out, i > 0 ? " " : "");
            add_reply(out, &reply->items[i]);
        }
        buf_putc(out, ']');
        break;
    default:
        ck_assert_int_eq(reply->text[reply->len], '\0');
        buf_puts(out, marks[reply->type]);
        for (size_t i = 0; i < reply->len; i++)
            buf_printf(out, text_is(reply->text[i], TEXT_PRINTABLE) ? "%c" : "\\x%02x",
                       (unsigned char)reply->text[i]);
    }
}

static inline void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *line = mem_vprintf(format, args);
    va_end(args);
    buf_puts(&told, line);
    buf_putc(&told, '\n');
    if (awaited != NULL && strstr(buf_text(&told), awaited) != NULL) {
        awaited = NULL;
        loop_stop(loop);
    }
    if (on_line != NULL)
        on_line(line);
    mem_free(line);
}

static inline void note_opened(void *arg)
{
    ck_assert_ptr_eq(arg, &resp);
    tell("opened");
}

static inline void note_message(void *arg, const char *channel, const char *text, size_t len)
{
    ck_assert_ptr_eq(arg, &resp);
    ck_assert_int_eq(text[len], '\0');
    tell("message %s %s", channel, text);
}

static inline void note_closed(void *arg, enum resp_error error, const char *detail)
{
    ck_assert_ptr_eq(arg, &resp);
    ck_assert(text_is_all(detail, strlen(detail), TEXT_PRINTABLE) && detail[0] != '\0');
    ended = true;
    tell("closed %s %s", resp_error_name(error), detail);
    resp = NULL;
}

/* `arg` is the command's name. */
static inline void note_reply(void *arg, const struct resp_reply *reply)
{
    struct buf line;

    buf_init(&line, 1024 * 1024);
    add_reply(&line, reply);
    tell("%s %s", (const char *)arg, buf_text(&line));
    buf_fini(&line);
}

static const struct resp_ports ports = {
    .arg = &resp, .opened = note_opened, .message = note_message, .closed = note_closed};

/* ---- the connection ---- */

static inline void setup(void)
{
    loop_prepare_library();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    settings = (struct resp_settings){
        .loop = loop, .server = server, .connect_timeout = LONG, .timeout = LONG};
    buf_init(&told, 1024 * 1024);
    resp = NULL;
    on_line = NULL;
    awaited = NULL;
    ended = false;
}

static inline void teardown(void)
{
    resp_close(resp);
    resp = NULL;
    buf_fini(&told);
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
}

static inline void open_it(void)
{
    ck_assert_int_eq(resp_open(&settings, &ports, &resp), ERR_OK);
    ck_assert_uint_eq(told.len, 0);
}

/* Turns until the text has been told. */
static inline void await(const char *text)
{
    if (strstr(buf_text(&told), text) != NULL)
        return;
    awaited = text;
    loop_run(loop);
    ck_assert_ptr_nonnull(strstr(buf_text(&told), text));
}

static inline void ck_told(const char *text)
{
    ck_assert_str_eq(buf_text(&told), text);
}

static inline void ck_ended(const char *line)
{
    await("closed ");
    ck_assert_msg(strstr(buf_text(&told), line) != NULL, "%s", buf_text(&told));
    ck_assert_ptr_null(resp);
}

/* A command in words with one space between them; `name` is a constant. */
static inline bool command(const char *name, const char *text)
{
    const char *words[16];
    size_t lengths[16], count = 0;

    for (const char *at = text; *at != '\0'; at += *at == ' ') {
        ck_assert_uint_lt(count, ARRAY_LEN(words));
        words[count] = at;
        lengths[count] = strcspn(at, " ");
        at += lengths[count++];
    }
    return resp_command(resp, words, lengths, count, note_reply, (void *)(uintptr_t)name);
}

static inline bool subscribe(const char *channel)
{
    return resp_subscribe(resp, channel, note_reply, (void *)(uintptr_t)channel);
}

/* ---- the store's side ---- */

/* Reads a command, and expects it to be these words. */
static inline void hear_command(int fd, const char *text)
{
    char line[64], word[4096];
    size_t count = 1;

    for (const char *c = text; *c != '\0'; c++)
        count += *c == ' ';
    int len = snprintf(line, sizeof(line), "*%zu\r\n", count);
    peer_read(fd, word, (size_t)len);
    EXPECT(strcmp(word, line) == 0);
    for (const char *at = text; *at != '\0'; at += *at == ' ') {
        size_t size = strcspn(at, " ");

        len = snprintf(line, sizeof(line), "$%zu\r\n", size);
        peer_read(fd, word, (size_t)len);
        EXPECT(strcmp(word, line) == 0);
        peer_read(fd, word, size + 2);
        EXPECT(memcmp(word, at, size) == 0 && strcmp(word + size, "\r\n") == 0);
        at += size;
    }
}

/* A turn of a conversation; NULL: nothing is waited for, or said. */
struct step {
    const char *hear;
    const char *say;
};

/* The peer's argument. */
struct script {
    const struct step *steps; /* ended by one without either */
    bool bytewise;            /* a byte in each packet */
    bool hangs_up;            /* at the end; else the client does */
};

static inline void say(int fd, const char *text, bool bytewise)
{
    int on = 1;

    if (!bytewise) {
        peer_say(fd, text);
        return;
    }
    EXPECT(setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on)) == 0);
    for (; *text != '\0'; text++)
        peer_send(fd, text, 1);
}

static inline void converse(int fd, const struct script *script)
{
    for (const struct step *step = script->steps; step->hear != NULL || step->say != NULL; step++) {
        if (step->hear != NULL)
            hear_command(fd, step->hear);
        if (step->say != NULL)
            say(fd, step->say, script->bytewise);
    }
    if (script->hangs_up)
        close(fd);
    else
        peer_hear_end(fd);
}

static inline void play(struct peer *self)
{
    int fd = peer_accept(self);

    if (fd >= 0) /* else nobody came */
        converse(fd, self->arg);
}

static inline void serve(void (*script)(struct peer *peer), void *arg)
{
    peer_start(&peer, script, arg);
    snprintf(server, sizeof(server), "127.0.0.1:%d", peer.port);
}

/* The store plays the script, and the connection is opened; await what you like. */
static inline void begin(const struct script *script)
{
    serve(play, (void *)(uintptr_t)script);
    open_it();
}

static inline void finish(void)
{
    resp_close(resp);
    resp = NULL;
    peer_stop(&peer);
}

#define SCRIPT(...)                                                                                \
    (&(const struct script){.steps = (const struct step[]){__VA_ARGS__, {NULL, NULL}}})

#endif
