/*
 * A connection's life. Whatever happens in it comes from the loop (the stream opens, fails, or is
 * ready; the timer fires; a turn ends), so each of these is a door: inside, `busy` is set, and what
 * ends meanwhile, also by resp_close in a port, is freed when the door closes.
 *
 *     OPENING --> GREETING --> OPEN --> ENDED
 *        \___________\___________________/
 *
 * Commands of one turn go out together, at its end. Bytes that are under way stay where they are
 * until all of them are sent, for TLS wants to be given the same ones again; what is added
 * meanwhile waits in a second buffer. Both are wiped: AUTH passes through them.
 *
 * Replies come in the order of their commands, and each has its deadline; the first one's is the
 * timer's. When it fires, what has come is read first: the process may have been held up, not the
 * server.
 *
 * A server's own text never goes into `detail`: an unknown AUTH is answered with a repetition of
 * its arguments, cut where one likes. What errors are known for is a table instead.
 */
#include "upstream/resp.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "upstream/resp_reader.h"
#include "upstream/stream.h"

#define RESP_MAGIC 0x2e590002u
#define DETAIL_MAX 256
#define CHUNK ((size_t)16 * 1024)
/* Reads in one turn; other things of the loop come in between. */
#define READS 8
#define WORDS 3 /* of a command of ours */

static const struct {
    const char *name;
    const char *phrase;
} errors[] = {
#define ERROR_ROW(id, name, phrase) [id] = {name, phrase},
    RESP_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

/* What waits for its reply. Up to COMMAND any reply is an answer. */
enum kind { AUTH, SETNAME, COMMAND, SUBSCRIBE, UNSUBSCRIBE };

struct waiting {
    enum kind kind;
    resp_replied *replied; /* NULL: nobody asks */
    void *arg;
    char *channel; /* SUBSCRIBE, UNSUBSCRIBE */
    struct mono_time since, deadline;
};

struct resp {
    unsigned magic;
    struct loop *loop;
    struct resp_ports ports;
    enum { OPENING, GREETING, OPEN, ENDED } state;
    bool busy;
    struct stream *stream;
    struct resp_reader *reader;
    struct turn_hook turn_end;
    /* What the greeting says. */
    char *user, *name;
    struct secret *password;
    bool tls;
    struct mono_time opening_ends;
    int64_t timeout;
    /* Bytes that go out: under way, `sent` of them gone, and those after them. */
    struct buf out, next;
    size_t sent;
    bool wants_room, unsendable;
    /* Replies that are waited for: a ring. */
    struct waiting queue[RESP_COMMANDS];
    size_t first, count;
    struct timer *timer; /* of the first one's deadline, or earlier */
    struct timer *again; /* there is more to read */
    bool heard;          /* a byte of the server's */
    bool channels;       /* SUBSCRIBE was sent */
    bool subscribed;     /* and confirmed */
};

const char *resp_error_name(enum resp_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].name;
}

const char *resp_error_phrase(enum resp_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].phrase;
}

/* ---- doors, and the end ---- */

static void free_all(struct resp *resp)
{
    resp_reader_free(resp->reader);
    buf_fini(&resp->out);
    buf_fini(&resp->next);
    for (; resp->count > 0; resp->count--, resp->first++)
        mem_free(resp->queue[resp->first % RESP_COMMANDS].channel);
    mem_free(resp->user);
    mem_free(resp->name);
    secret_unref(resp->password);
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

/* ---- sending ---- */

static bool has_unsent(const struct resp *resp)
{
    return resp->sent < resp->out.len || resp->next.len > 0;
}

static void want_room(struct resp *resp, bool wanted)
{
    if (resp->wants_room != wanted)
        stream_want_room(resp->stream, wanted);
    resp->wants_room = wanted;
}

/* All of `out` is gone; what came after it is next. */
static void turn_over(struct resp *resp)
{
    struct buf empty = resp->out;

    buf_reset(&empty);
    resp->out = resp->next;
    resp->next = empty;
    resp->sent = 0;
}

static void send_some(struct resp *resp)
{
    while (has_unsent(resp) && !resp->unsendable) {
        size_t sent;

        if (resp->sent == resp->out.len)
            turn_over(resp);
        enum connection_io io = stream_send(resp->stream, resp->out.data + resp->sent,
                                            resp->out.len - resp->sent, &sent);
        resp->sent += sent;
        if (io == CONNECTION_AGAIN) {
            want_room(resp, true);
            return;
        }
        resp->unsendable = io != CONNECTION_DONE;
    }
    want_room(resp, false);
    if (!has_unsent(resp))
        turn_over(resp);
}

/* ---- what waits for its reply ---- */

static struct waiting *first_waiting(struct resp *resp)
{
    return resp->count > 0 ? &resp->queue[resp->first] : NULL;
}

static void on_timer(void *arg);

static void set_timer(struct resp *resp)
{
    if (resp->timer == NULL && resp->count > 0)
        resp->timer = timer_start(
            resp->loop, mono_diff(resp->queue[resp->first].deadline, loop_now(resp->loop)),
            on_timer, resp);
}

/* Whether there was room for it. */
static bool add_bytes(struct resp *resp, const char *const *words, const size_t *lengths,
                      size_t count)
{
    char *bytes = NULL;
    /* hiredis changes none of them. */
    long long len =
        redisFormatCommandArgv(&bytes, (int)count, (const char **)(uintptr_t)words, lengths);

    MEM_MUST(len >= 0);
    bool fits = (size_t)len <= resp->next.max - resp->next.len &&
                buf_append(&resp->next, bytes, (size_t)len) == ERR_OK;
    wipe(bytes, (size_t)len);
    redisFreeCommand(bytes);
    return fits;
}

/* A command goes out; the waiting one's channel is given away. False: there is no room. */
static bool add(struct resp *resp, struct waiting waiting, const char *const *words,
                const size_t *lengths, size_t count)
{
    struct mono_time now = loop_look(resp->loop);

    if (resp->count == RESP_COMMANDS || !add_bytes(resp, words, lengths, count)) {
        mem_free(waiting.channel);
        return false;
    }
    waiting.since = now;
    waiting.deadline = resp->state == OPEN ? mono_add(now, resp->timeout) : resp->opening_ends;
    resp->queue[(resp->first + resp->count++) % RESP_COMMANDS] = waiting;
    set_timer(resp);
    return true;
}

static struct waiting take_first(struct resp *resp)
{
    struct waiting waiting = resp->queue[resp->first];

    resp->first = (resp->first + 1) % RESP_COMMANDS;
    resp->count--;
    if (waiting.kind >= COMMAND)
        metric_observe(METRIC_FLEET_STORE_DURATION,
                       mono_diff(loop_look(resp->loop), waiting.since));
    return waiting;
}

/* ---- the greeting ---- */

static void open_now(struct resp *resp)
{
    timer_stop(&resp->timer); /* of a deadline that may be later than those that come now */
    resp->state = OPEN;
    resp->ports.opened(resp->ports.arg);
}

static void greet(struct resp *resp)
{
    const char *user = resp->user;
    const char *auth[WORDS] = {"AUTH"}, *name[WORDS] = {"CLIENT", "SETNAME", resp->name};
    size_t count = 1, lengths[WORDS] = {strlen("AUTH")};

    resp->state = GREETING;
    if (resp->password != NULL) {
        if (user != NULL) {
            auth[count] = user;
            lengths[count++] = strlen(user);
        }
        auth[count] = secret_bytes(resp->password);
        lengths[count++] = secret_len(resp->password);
        MUST(add(resp, (struct waiting){.kind = AUTH}, auth, lengths, count));
    }
    if (resp->name != NULL) {
        for (size_t i = 0; i < WORDS; i++)
            lengths[i] = strlen(name[i]);
        MUST(add(resp, (struct waiting){.kind = SETNAME}, name, lengths, WORDS));
    }
    if (resp->count == 0)
        open_now(resp);
}

/*
 * What servers say instead of letting one in. `always`: not to AUTH alone, but to whatever comes
 * first.
 */
static const struct refusal {
    const char *begin;
    bool always;
    enum resp_error error;
    const char *detail;
} refusals[] = {
    {"ERR max number of clients", true, RESP_REFUSED,
     "it has as many clients as it allows (maxclients)"},
    {"DENIED ", true, RESP_REFUSED, "it is in protected mode, and serves its own machine alone"},
    {"NOAUTH ", true, RESP_AUTH, "it demands a password (NOAUTH)"},
    {"WRONGPASS ", false, RESP_AUTH,
     "the user or the password is wrong, or the user is disabled (WRONGPASS)"},
    {"ERR invalid password", false, RESP_AUTH, "the password is wrong"},
    {"NOPERM ", false, RESP_AUTH, "the user may not log in (NOPERM)"},
    {"ERR Client sent AUTH", false, RESP_AUTH, "it has no password"},
    {"ERR AUTH ", false, RESP_AUTH, "its user \"default\" has no password"},
    {"ERR wrong number of arg", false, RESP_AUTH, "it knows no users, only a password"},
    {"ERR unknown command", false, RESP_AUTH, "it knows no AUTH"},
};

/* NULL: none that is known. */
static const struct refusal *refusal_of(const struct resp_reply *reply, bool to_auth)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *refusal = &refusals[i];

        if ((to_auth || refusal->always) &&
            strncmp(reply->text, refusal->begin, strlen(refusal->begin)) == 0)
            return refusal;
    }
    return NULL;
}

/* False: it ended. */
static bool is_let_in(struct resp *resp, enum kind kind, const struct resp_reply *reply)
{
    if (reply->type == RESP_STATUS)
        return true;
    if (reply->type != RESP_ERROR) {
        end(resp, RESP_PROTOCOL, "its reply to %s is none", kind == AUTH ? "AUTH" : "CLIENT");
        return false;
    }
    const struct refusal *refusal = refusal_of(reply, kind == AUTH);
    if (refusal != NULL)
        end(resp, refusal->error, "%s", refusal->detail);
    else if (kind == AUTH)
        end(resp, RESP_REFUSED, "it answered AUTH with an error that is not known");
    return resp->state != ENDED;
}

/* ---- replies ---- */

static void answer(struct resp *resp, const struct resp_reply *reply)
{
    struct waiting waiting = take_first(resp);

    mem_free(waiting.channel);
    if (waiting.kind >= COMMAND) {
        if (waiting.replied != NULL)
            waiting.replied(waiting.arg, reply);
        return;
    }
    if (is_let_in(resp, waiting.kind, reply) && resp->count == 0)
        open_now(resp);
}

static bool is_text(const struct resp_reply *reply, const char *text)
{
    return reply->type == RESP_STRING && reply->len == strlen(text) &&
           memcmp(reply->text, text, reply->len) == 0;
}

/* The server has done what the first one waits for. */
static bool confirms(struct resp *resp, const struct resp_reply *items, enum kind kind,
                     const char *name)
{
    const struct waiting *waiting = first_waiting(resp);

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
    if (confirms(resp, items, SUBSCRIBE, "subscribe"))
        resp->subscribed = true;
    else if (!confirms(resp, items, UNSUBSCRIBE, "unsubscribe"))
        return false;
    answer(resp, &items[2]);
    return true;
}

static void end_unasked(struct resp *resp, const struct resp_reply *reply)
{
    const struct refusal *refusal = reply->type == RESP_ERROR ? refusal_of(reply, false) : NULL;

    if (refusal != NULL)
        end(resp, refusal->error, "%s", refusal->detail);
    else
        end(resp, RESP_PROTOCOL, "it sent what nothing asked for");
}

static void take_reply(struct resp *resp, const struct resp_reply *reply)
{
    const struct waiting *waiting = first_waiting(resp);

    if (waiting != NULL && (waiting->kind <= COMMAND || reply->type == RESP_ERROR))
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

static void end_broken(struct resp *resp)
{
    /* A server that wants a certificate says so after its handshake (TLS 1.3). */
    if (resp->tls && !resp->heard)
        end(resp, RESP_TLS, "it ended TLS before its first reply; does it demand a certificate?");
    else
        end(resp, RESP_CLOSED, "the connection broke");
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
            end(resp, RESP_CLOSED, "the server closed it");
            break;
        default:
            end_broken(resp);
        }
    }
    if (resp->state != ENDED && resp->unsendable)
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

static void on_failed(void *arg, enum client_error error, const char *detail)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    enter(resp);
    end(resp, meaning(error), "%s", detail[0] != '\0' ? detail : client_error_phrase(error));
    leave(resp);
}

static void on_ready(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);

    enter(resp);
    if (resp->wants_room)
        send_some(resp);
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

    if (!has_unsent(resp) || resp->wants_room || resp->unsendable)
        return;
    enter(resp);
    send_some(resp);
    if (resp->unsendable)
        receive(resp);
    leave(resp);
}

static void on_timer(void *arg)
{
    MAGIC_CAST(struct resp, resp, arg, RESP_MAGIC);
    const struct waiting *waiting;

    resp->timer = NULL;
    enter(resp);
    receive(resp);
    waiting = resp->state != ENDED ? first_waiting(resp) : NULL;
    if (waiting != NULL && resp->again == NULL &&
        !mono_before(loop_look(resp->loop), waiting->deadline))
        end(resp, RESP_TIMEOUT, "no reply within %lld ms",
            (long long)(mono_diff(waiting->deadline, waiting->since) / MILLISECOND));
    else if (waiting != NULL)
        set_timer(resp);
    leave(resp);
}

/* ---- for users ---- */

static char *copy_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static struct resp *resp_new(const struct resp_settings *settings, const struct resp_ports *ports)
{
    struct resp *resp = mem_zalloc(sizeof(*resp));

    MAGIC_SET(resp, RESP_MAGIC);
    resp->loop = settings->loop;
    resp->ports = *ports;
    resp->reader = resp_reader_new();
    MEM_MUST(resp->reader != NULL);
    resp->turn_end.run = on_turn_end;
    resp->user = copy_or_null(settings->user);
    resp->name = copy_or_null(settings->name);
    /* Only its count of references changes. */
    if (settings->password != NULL)
        resp->password = secret_ref((struct secret *)(uintptr_t)settings->password);
    resp->tls = settings->tls;
    resp->opening_ends = mono_add(loop_look(settings->loop), settings->connect_timeout);
    resp->timeout = settings->timeout;
    buf_init_secret(&resp->out, RESP_UNSENT_MAX);
    buf_init_secret(&resp->next, RESP_UNSENT_MAX);
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
    const struct waiting waiting = {.kind = COMMAND, .replied = replied, .arg = arg};

    MAGIC_OK(resp, RESP_MAGIC);
    MUST(!resp->channels && count > 0);
    return resp->state == OPEN && add(resp, waiting, words, lengths, count);
}

static bool send_channel(struct resp *resp, enum kind kind, const char *channel,
                         resp_replied *replied, void *arg)
{
    const char *words[] = {kind == SUBSCRIBE ? "SUBSCRIBE" : "UNSUBSCRIBE", channel};
    const size_t lengths[] = {strlen(words[0]), strlen(words[1])};
    struct waiting waiting = {.kind = kind, .replied = replied, .arg = arg};

    MAGIC_OK(resp, RESP_MAGIC);
    if (resp->state != OPEN)
        return false;
    waiting.channel = mem_strdup(channel);
    return add(resp, waiting, words, lengths, ARRAY_LEN(words));
}

bool resp_subscribe(struct resp *resp, const char *channel, resp_replied *replied, void *arg)
{
    bool added = send_channel(resp, SUBSCRIBE, channel, replied, arg);

    resp->channels = resp->channels || added;
    return added;
}

bool resp_unsubscribe(struct resp *resp, const char *channel)
{
    return send_channel(resp, UNSUBSCRIBE, channel, NULL, NULL);
}
