/*
 * A connection's life. Whatever happens in it comes from the loop (the stream opens, fails, or is
 * ready; the timer fires; a turn ends), so each of these is a door: inside, `busy` is set, and what
 * ends meanwhile, also by resp_close in a port, is freed when the door closes.
 *
 *     OPENING --> GREETING --> OPEN --> ENDED
 *        \___________\___________________/
 *
 * Commands of one turn go out together, at its end.
 *
 * Replies come in the order of their commands, and each has its deadline; the first one's is the
 * timer's. When it fires, what has come is read first: the process may have been held up, not the
 * server.
 */
#include "upstream/resp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "upstream/resp_greeting.h"
#include "upstream/resp_output.h"
#include "upstream/resp_queue.h"
#include "upstream/resp_reader.h"
#include "upstream/stream.h"

#define RESP_MAGIC 0x2e590002u
#define DETAIL_MAX 256
#define CHUNK ((size_t)16 * 1024)
/* Reads in one turn; other things of the loop come in between. */
#define READS 8

struct resp {
    unsigned magic;
    struct loop *loop;
    struct resp_ports ports;
    enum { OPENING, GREETING, OPEN, ENDED } state;
    bool busy;
    struct stream *stream;
    struct resp_reader *reader;
    struct turn_hook turn_end;
    struct resp_greeting greeting;
    bool tls;
    struct mono_time opening; /* since then */
    int64_t connect_timeout, timeout;
    struct resp_output output;
    struct resp_queue queue;
    struct timer *timer; /* of the first one's deadline, or earlier */
    struct timer *again; /* there is more to read */
    bool heard;          /* a byte of the server's */
    bool channels;       /* SUBSCRIBE was sent */
    bool subscribed;     /* and confirmed */
};

/* ---- doors, and the end ---- */

static void free_all(struct resp *resp)
{
    resp_reader_free(resp->reader);
    resp_output_fini(&resp->output);
    resp_queue_fini(&resp->queue);
    resp_greeting_fini(&resp->greeting);
    MAGIC_CLEAR(resp);
    mem_free(resp);
}

static void enter(struct resp *resp)
{
    MAGIC_OK(resp, RESP_MAGIC);
    MUST(!resp->busy && resp->state != ENDED);
    resp->busy = true;
}

static void leave(struct resp *resp)
{
    resp->busy = false;
    if (resp->state == ENDED)
        free_all(resp);
}

/* Nothing comes any more. */
static void shut(struct resp *resp)
{
    resp->state = ENDED;
    timer_stop(&resp->timer);
    timer_stop(&resp->again);
    loop_hook_remove(resp->loop, &resp->turn_end);
    stream_close(resp->stream);
    resp->stream = NULL;
}

static void end(struct resp *resp, enum resp_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end(struct resp *resp, enum resp_error error, const char *format, ...)
{
    char detail[DETAIL_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    for (char *c = detail; *c != '\0'; c++)
        if (!text_is(*c, TEXT_PRINTABLE))
            *c = '?';
    shut(resp);
    resp->ports.closed(resp->ports.arg, error, detail);
}

/* ---- commands ---- */

static void on_timer(void *arg);

static void set_timer(struct resp *resp)
{
    const struct resp_waiting *first = resp_queue_first(&resp->queue);

    if (resp->timer == NULL && first != NULL)
        resp->timer = timer_start(resp->loop, mono_diff(first->deadline, loop_now(resp->loop)),
                                  on_timer, resp);
}

/* The waiting one's channel is given away. False: there is no room, or it is not open. */
static bool add(struct resp *resp, struct resp_waiting waiting, const char *const *words,
                const size_t *lengths, size_t count)
{
    MAGIC_OK(resp, RESP_MAGIC);
    if (resp->state != OPEN || resp_queue_is_full(&resp->queue) ||
        !resp_output_add(&resp->output, words, lengths, count)) {
        mem_free(waiting.channel);
        return false;
    }
    waiting.since = loop_look(resp->loop);
    waiting.deadline = mono_add(waiting.since, resp->timeout);
    resp_queue_add(&resp->queue, waiting);
    set_timer(resp);
    return true;
}

static void open_now(struct resp *resp)
{
    timer_stop(&resp->timer); /* of a deadline that may be later than those that come now */
    resp->state = OPEN;
    resp->ports.opened(resp->ports.arg);
}

static void greet(struct resp *resp)
{
    const struct resp_waiting waiting = {
        .since = resp->opening, .deadline = mono_add(resp->opening, resp->connect_timeout)};

    resp->state = GREETING;
    resp_greeting_say(&resp->greeting, &resp->output, &resp->queue, waiting);
    if (resp_queue_first(&resp->queue) == NULL)
        open_now(resp);
    else
        set_timer(resp);
}

/* ---- replies ---- */

static void go_on(struct resp *resp, enum resp_kind kind, const struct resp_reply *reply)
{
    struct resp_refusal refusal;

    if (!resp_greeting_is_accepted(kind, reply, &refusal))
        end(resp, refusal.error, "%s", refusal.detail);
    else if (resp_queue_first(&resp->queue) == NULL)
        open_now(resp);
}

static void answer(struct resp *resp, const struct resp_reply *reply)
{
    const struct resp_waiting waiting = resp_queue_take(&resp->queue, loop_look(resp->loop));

    if (waiting.kind < RESP_COMMAND)
        go_on(resp, waiting.kind, reply);
    else if (waiting.replied != NULL)
        waiting.replied(waiting.arg, reply);
}

static bool is_text(const struct resp_reply *reply, const char *text)
{
    return reply->type == RESP_STRING && reply->len == strlen(text) &&
           memcmp(reply->text, text, reply->len) == 0;
}

/* The server has done what the first one waits for. */
static bool confirms(struct resp *resp, const struct resp_reply *items, enum resp_kind kind,
                     const char *name)
{
    const struct resp_waiting *waiting = resp_queue_first(&resp->queue);

    return is_text(&items[0], name) && waiting != NULL && waiting->kind == kind &&
           is_text(&items[1], waiting->channel) && items[2].type == RESP_INTEGER;
}

/* What a channel says, or that one was subscribed to or left. */
static bool hear(struct resp *resp, const struct resp_reply *reply)
{
    const struct resp_reply *items = reply->items;

    if (reply->type != RESP_ARRAY || reply->count != 3)
        return false;
    if (is_text(&items[0], "message") && resp->subscribed && items[1].type == RESP_STRING &&
        items[2].type == RESP_STRING) {
        resp->ports.message(resp->ports.arg, items[1].text, items[2].text, items[2].len);
        return true;
    }
    if (confirms(resp, items, RESP_SUBSCRIBES, "subscribe"))
        resp->subscribed = true;
    else if (!confirms(resp, items, RESP_UNSUBSCRIBES, "unsubscribe"))
        return false;
    answer(resp, &items[2]);
    return true;
}

static void end_unasked(struct resp *resp, const struct resp_reply *reply)
{
    const struct resp_refusal refusal = resp_greeting_unasked(reply);

    end(resp, refusal.error, "%s", refusal.detail);
}

static void take_reply(struct resp *resp, const struct resp_reply *reply)
{
    const struct resp_waiting *waiting = resp_queue_first(&resp->queue);

    if (waiting != NULL && (waiting->kind <= RESP_COMMAND || reply->type == RESP_ERROR))
        answer(resp, reply);
    else if (!resp->channels || !hear(resp, reply))
        end_unasked(resp, reply);
}

static void take_bytes(struct resp *resp, const char *bytes, size_t len)
{
    const struct resp_reply *reply;
    enum resp_read read = RESP_READ_REPLY;

    resp->heard = true;
    resp_reader_feed(resp->reader, bytes, len);
    while (resp->state != ENDED && read == RESP_READ_REPLY) {
        read = resp_reader_next(resp->reader, &reply);
        if (read == RESP_READ_REPLY)
            take_reply(resp, reply);
        else if (read == RESP_READ_BAD)
            end(resp, RESP_PROTOCOL, "it sent %s", resp_reader_fault(resp->reader));
    }
}

static void on_again(void *arg);

/* What speaks another protocol, or TLS alone, hangs up on the first command. */
static void end_closed(struct resp *resp, const char *how)
{
    if (resp->heard)
        end(resp, RESP_CLOSED, "%s", how);
    else
        end(resp, RESP_CLOSED, "before its first reply: it may be no Redis%s",
            resp->tls ? "" : ", or require TLS");
}

static void end_broken(struct resp *resp)
{
    /* A server that wants a certificate says so after its handshake (TLS 1.3). */
    if (resp->tls && !resp->heard)
        end(resp, RESP_TLS, "it ended TLS before its first reply; does it demand a certificate?");
    else
        end_closed(resp, "the connection broke");
}

static void receive(struct resp *resp)
{
    char bytes[CHUNK];
    bool more = true;

    for (int reads = 0; more && resp->state != ENDED; reads++) {
        size_t got;

        if (reads == READS) {
            if (resp->again == NULL)
                resp->again = timer_start(resp->loop, 0, on_again, resp);
            return;
        }
        switch (stream_recv(resp->stream, bytes, sizeof(bytes), &got, &more)) {
        case CONNECTION_DONE:
            take_bytes(resp, bytes, got);
            break;
        case CONNECTION_AGAIN:
            more = false;
            break;
        case CONNECTION_END:
            end_closed(resp, "the server closed it");
            break;
        default:
            end_broken(resp);
        }
    }
    if (resp->state != ENDED && resp->output.broken)
        end_broken(resp);
}

/* ---- doors ---- */

static void on_opened(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    enter(resp);
    greet(resp);
    leave(resp);
}

static enum resp_error meaning(enum client_error error)
{
    switch (error) {
    case CLIENT_TLS:
    case CLIENT_CERTIFICATE:
        return RESP_TLS;
    case CLIENT_CONNECT_TIMEOUT:
        return RESP_TIMEOUT;
    default:
        return RESP_UNREACHABLE;
    }
}

/*
 * A server without TLS waits for the end of what it takes for a command. libcurl 7.88 names the
 * step in its text; where another one does not (8.14), its text is told as it is.
 */
static bool is_mute_to_tls(const struct resp *resp, enum client_error error, const char *detail)
{
    return resp->tls && error == CLIENT_CONNECT_TIMEOUT && strstr(detail, "SSL") != NULL;
}

static void on_failed(void *arg, enum client_error error, const char *detail)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    enter(resp);
    if (is_mute_to_tls(resp, error, detail))
        end(resp, RESP_TIMEOUT,
            "no reply to the TLS handshake within %lld ms: it may have no TLS on this port",
            (long long)(resp->connect_timeout / MILLISECOND));
    else
        end(resp, meaning(error), "%s", detail[0] != '\0' ? detail : client_error_phrase(error));
    leave(resp);
}

static void on_ready(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    enter(resp);
    if (resp->output.wants_room)
        resp_output_send(&resp->output, resp->stream);
    receive(resp);
    leave(resp);
}

static void on_again(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    resp->again = NULL;
    enter(resp);
    receive(resp);
    leave(resp);
}

static void on_turn_end(struct turn_hook *hook)
{
    struct resp *resp = CONTAINER_OF(hook, struct resp, turn_end);

    if (!resp_output_waits(&resp->output))
        return;
    enter(resp);
    resp_output_send(&resp->output, resp->stream);
    if (resp->output.broken)
        receive(resp);
    leave(resp);
}

static void on_timer(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);
    const struct resp_waiting *waiting;

    resp->timer = NULL;
    enter(resp);
    receive(resp);
    waiting = resp->state != ENDED ? resp_queue_first(&resp->queue) : NULL;
    if (waiting != NULL && resp->again == NULL &&
        !mono_before(loop_look(resp->loop), waiting->deadline))
        end(resp, RESP_TIMEOUT, "no reply within %lld ms",
            (long long)(mono_diff(waiting->deadline, waiting->since) / MILLISECOND));
    else if (waiting != NULL)
        set_timer(resp);
    leave(resp);
}

/* ---- for users ---- */

static struct resp *resp_new(const struct resp_settings *settings, const struct resp_ports *ports)
{
    struct resp *resp = mem_zalloc(sizeof(*resp));

    MAGIC_SET(resp, RESP_MAGIC);
    resp->loop = settings->loop;
    resp->ports = *ports;
    resp->reader = resp_reader_new();
    MEM_MUST(resp->reader != NULL);
    resp->turn_end.run = on_turn_end;
    resp_greeting_init(&resp->greeting, settings);
    resp->tls = settings->tls;
    resp->opening = loop_look(settings->loop);
    resp->connect_timeout = settings->connect_timeout;
    resp->timeout = settings->timeout;
    resp_output_init(&resp->output, RESP_UNSENT_MAX);
    return resp;
}

enum err resp_open(const struct resp_settings *settings, const struct resp_ports *ports,
                   struct resp **out)
{
    struct resp *resp = resp_new(settings, ports);
    const struct stream_ports stream_ports = {
        .arg = resp, .opened = on_opened, .failed = on_failed, .ready = on_ready};
    const struct stream_settings stream = {.loop = settings->loop,
                                           .server = settings->server,
                                           .tls = settings->tls,
                                           .ca_file = settings->ca_file,
                                           .client_certificate = settings->client_certificate,
                                           .client_key = settings->client_key,
                                           .client_key_password = settings->client_key_password,
                                           .connect_timeout = settings->connect_timeout};
    enum err err = stream_open(&stream, &stream_ports, &resp->stream);

    if (err != ERR_OK) {
        free_all(resp);
        return err;
    }
    loop_hook_add(resp->loop, &resp->turn_end);
    *out = resp;
    return ERR_OK;
}

void resp_close(struct resp *resp)
{
    if (resp == NULL)
        return;
    MAGIC_OK(resp, RESP_MAGIC);
    if (resp->state == ENDED) /* in `closed` */
        return;
    shut(resp);
    if (!resp->busy)
        free_all(resp);
}

bool resp_command(struct resp *resp, const char *const *words, const size_t *lengths, size_t count,
                  resp_replied *replied, void *arg)
{
    const struct resp_waiting waiting = {.kind = RESP_COMMAND, .replied = replied, .arg = arg};

    MUST(!resp->channels && count > 0);
    return add(resp, waiting, words, lengths, count);
}

bool resp_subscribe(struct resp *resp, const char *channel, resp_replied *replied, void *arg)
{
    const struct resp_waiting waiting = {
        .kind = RESP_SUBSCRIBES, .replied = replied, .arg = arg, .channel = mem_strdup(channel)};
    const char *const words[] = {"SUBSCRIBE", channel};
    const size_t lengths[] = {strlen(words[0]), strlen(channel)};
    bool added = add(resp, waiting, words, lengths, ARRAY_LEN(words));

    resp->channels = resp->channels || added;
    return added;
}

bool resp_unsubscribe(struct resp *resp, const char *channel)
{
    struct resp_waiting waiting = {.kind = RESP_UNSUBSCRIBES};
    const char *const words[] = {"UNSUBSCRIBE", channel};
    const size_t lengths[] = {strlen(words[0]), strlen(channel)};

    if (!resp->channels)
        return false;
    waiting.channel = mem_strdup(channel);
    return add(resp, waiting, words, lengths, ARRAY_LEN(words));
}
