/*
 * A fleet's link to a store that is played: upstream/resp.h is defined here, and each connection
 * that was opened stands in `resps`, in order. A test says what becomes of it; what seats are told
 * is taken down as lines:
 *
 *     a connected
 *     a disconnected
 *     a replied noted 5        the answer, and its wait in s; "nothing": it cannot be read
 *     a hinted new 7
 */
#ifndef FLEET_LINK_FIXTURE_H
#define FLEET_LINK_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "config_fixture.h"
#include "suite.h"
#include "token/fleet_fault.h"
#include "token/fleet_link.h"
#include "token/fleet_link_internal.h"
#include "upstream/resp.h"

#define RESPS 64
#define SENT 32

static struct loop *loop;
static struct config *config;
static struct fleet_link *link_;
static struct buf told;
static FILE *log_file;

/* ---- upstream/resp.h ---- */

struct resp {
    char *server, *user, *name;
    char *password; /* NULL: none */
    bool tls;
    int64_t timeout;
    struct resp_ports ports;
    bool open, closed;
    bool full; /* takes no command */
    struct sent {
        char *text; /* the words with spaces between them */
        resp_replied *replied;
        void *arg;
    } sent[SENT];
    size_t sent_count, answered;
    char *reply_text; /* of the reply that is being told; gone with the connection */
};

static struct resp resps[RESPS];
static size_t resp_count;
static enum err resp_open_error;

static inline char *copy_of(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

enum err resp_open(const struct resp_settings *settings, const struct resp_ports *ports,
                   struct resp **out)
{
    if (resp_open_error != ERR_OK)
        return resp_open_error;
    ck_assert_uint_lt(resp_count, RESPS);
    struct resp *resp = &resps[resp_count++];
    *resp = (struct resp){
        .server = copy_of(settings->server),
        .user = copy_of(settings->user),
        .name = copy_of(settings->name),
        .tls = settings->tls,
        .timeout = settings->timeout,
        .ports = *ports,
    };
    if (settings->password != NULL)
        resp->password = copy_of(secret_text(settings->password));
    *out = resp;
    return ERR_OK;
}

/* What was borrowed from the connection is no text any more. */
void resp_close(struct resp *resp)
{
    if (resp == NULL)
        return;
    ck_assert(!resp->closed);
    resp->closed = true;
    if (resp->reply_text != NULL)
        memset(resp->reply_text, '#', strlen(resp->reply_text));
}

static inline bool take_words(struct resp *resp, const char *const *words, const size_t *lengths,
                              size_t count, resp_replied *replied, void *arg)
{
    struct buf text;

    ck_assert(!resp->closed);
    if (resp->full || !resp->open)
        return false;
    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < count; i++) {
        buf_puts(&text, i > 0 ? " " : "");
        buf_append(&text, words[i], lengths[i]);
    }
    ck_assert_uint_lt(resp->sent_count, SENT);
    resp->sent[resp->sent_count++] =
        (struct sent){.text = mem_strdup(buf_text(&text)), .replied = replied, .arg = arg};
    buf_fini(&text);
    return true;
}

bool resp_command(struct resp *resp, const char *const *words, const size_t *lengths, size_t count,
                  resp_replied *replied, void *arg)
{
    return take_words(resp, words, lengths, count, replied, arg);
}

static inline bool take_channel(struct resp *resp, const char *verb, const char *channel,
                                resp_replied *replied, void *arg)
{
    const char *words[] = {verb, channel};
    const size_t lengths[] = {strlen(verb), strlen(channel)};

    return take_words(resp, words, lengths, 2, replied, arg);
}

bool resp_subscribe(struct resp *resp, const char *channel, resp_replied *replied, void *arg)
{
    return take_channel(resp, "SUBSCRIBE", channel, replied, arg);
}

bool resp_unsubscribe(struct resp *resp, const char *channel)
{
    return take_channel(resp, "UNSUBSCRIBE", channel, NULL, NULL);
}

const char *resp_error_name(enum resp_error error)
{
    static const char *const names[] = {
#define FAKE_NAME(id, name, phrase) name,
        RESP_ERRORS(FAKE_NAME)
#undef FAKE_NAME
    };
    return names[error];
}

const char *resp_error_phrase(enum resp_error error)
{
    static const char *const phrases[] = {
#define FAKE_PHRASE(id, name, phrase) phrase,
        RESP_ERRORS(FAKE_PHRASE)
#undef FAKE_PHRASE
    };
    return phrases[error];
}

/* ---- what becomes of a connection ---- */

static inline struct resp *resp_at(size_t i)
{
    ck_assert_msg(i < resp_count, "connection %zu was not opened", i);
    ck_assert_msg(!resps[i].closed, "connection %zu was closed", i);
    return &resps[i];
}

static inline void opens(size_t i)
{
    struct resp *resp = resp_at(i);

    resp->open = true;
    resp->ports.opened(resp->ports.arg);
}

static inline void ends(size_t i, enum resp_error error, const char *detail)
{
    struct resp *resp = resp_at(i);

    resp->closed = true;
    resp->ports.closed(resp->ports.arg, error, detail);
}

/* The reply to the first command that has none. */
static inline void replies(size_t i, const struct resp_reply *reply)
{
    struct resp *resp = resp_at(i);

    while (resp->answered < resp->sent_count && resp->sent[resp->answered].replied == NULL)
        resp->answered++;
    ck_assert_msg(resp->answered < resp->sent_count, "connection %zu: nothing was sent", i);
    const struct sent *sent = &resp->sent[resp->answered++];
    sent->replied(sent->arg, reply);
}

#define TEXT(t) ((struct resp_reply){.type = RESP_STRING, .text = (t), .len = strlen(t)})
#define NUMBER(n) ((struct resp_reply){.type = RESP_INTEGER, .integer = (n)})
#define ITEMS(...)                                                                                 \
    (&(const struct resp_reply){.type = RESP_ARRAY,                                                \
                                .items = (const struct resp_reply[]){__VA_ARGS__},                 \
                                .count = sizeof((const struct resp_reply[]){__VA_ARGS__}) /        \
                                         sizeof(struct resp_reply)})

static inline void replies_error(size_t i, const char *text)
{
    struct resp *resp = resp_at(i);
    char *copy = mem_strdup(text);
    const struct resp_reply reply = {.type = RESP_ERROR, .text = copy, .len = strlen(copy)};

    resp->reply_text = copy;
    replies(i, &reply);
    resp->reply_text = NULL;
    mem_free(copy);
}

static inline void says_role(size_t i, const char *role)
{
    ck_assert_str_eq(resps[i].sent[0].text, "ROLE");
    replies(i, ITEMS(TEXT(role), NUMBER(0), ITEMS(NUMBER(0))[0]));
}

/* The pair of connections that begins with `i`, up to the subscriptions. */
static inline void opens_pair(size_t i)
{
    opens(i);
    says_role(i, "master");
    opens(i + 1);
}

static inline void confirms(size_t i)
{
    replies(i, &NUMBER(1));
}

static inline void says(size_t i, const char *channel, const char *text)
{
    struct resp *resp = resp_at(i);

    resp->ports.message(resp->ports.arg, channel, text, strlen(text));
}

/* The last thing sent on it. */
static inline const char *last_sent(size_t i)
{
    const struct resp *resp = resp_at(i);

    return resp->sent_count > 0 ? resp->sent[resp->sent_count - 1].text : "";
}

/* ---- the loop ---- */

static inline void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* What is due without a wait has happened. */
static inline void turn(void)
{
    for (int i = 0; i < 4; i++) {
        timer_start(loop, 0, stop, NULL);
        loop_run(loop);
    }
}

static inline uint32_t no_jitter(void)
{
    return 0;
}

/* ---- seats ---- */

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CHANNEL_A "pc:{" ID_A "}:c"
#define CHANNEL_B "pc:{" ID_B "}:c"

struct sitter {
    const char *name;
    struct fleet_seat seat;
    /* Called first of all in each port, with what is told. */
    void (*reacts)(struct sitter *sitter, const char *what);
};

static struct sitter a = {.name = "a"}, b = {.name = "b"};

static void tell(struct sitter *sitter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void tell(struct sitter *sitter, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *what = mem_vprintf(format, args);
    va_end(args);
    buf_printf(&told, "%s %s\n", sitter->name, what);
    if (sitter->reacts != NULL)
        sitter->reacts(sitter, what);
    mem_free(what);
}

static inline void on_connected(void *arg)
{
    tell(arg, "connected");
}

static inline void on_disconnected(void *arg)
{
    tell(arg, "disconnected");
}

static inline void on_replied(void *arg, const struct fleet_reply *reply)
{
    static const char *const answers[] = {"looked", "newer", "held",   "recent", "wait",
                                          "budget", "yours", "stored", "late",   "noted"};

    if (reply == NULL)
        tell(arg, "replied nothing");
    else
        tell(arg, "replied %s %lld", answers[reply->answer], (long long)(reply->wait / SECOND));
}

static inline void on_hinted(void *arg, const struct fleet_hint *hint)
{
    static const char *const kinds[] = {"new", "gone", "leaked", "wait"};

    tell(arg, "hinted %s %lld", kinds[hint->kind],
         (long long)(hint->kind == FLEET_HINT_WAIT ? hint->wait / MILLISECOND
                                                   : (int64_t)hint->generation));
}

static inline void sits(struct sitter *sitter, const char *id)
{
    const struct fleet_seat_ports ports = {.arg = sitter,
                                           .connected = on_connected,
                                           .disconnected = on_disconnected,
                                           .replied = on_replied,
                                           .hinted = on_hinted};

    fleet_link_join(link_, &sitter->seat, &ports, id);
}

static inline void leaves(struct sitter *sitter)
{
    if (sitter->seat.link != NULL)
        fleet_link_leave(&sitter->seat);
}

/* A command whose only readable reply is NOTED. */
static inline void sends(struct sitter *sitter)
{
    const struct fleet_command command = {
        .verb = FLEET_FAIL, .id = sitter->seat.id, .member = "me", .fence = 1};

    fleet_link_send(&sitter->seat, &command);
}

#define NOTED(s) ITEMS(TEXT("noted"), NUMBER((s)*1000))

static inline void ck_told(const char *text)
{
    ck_assert_str_eq(buf_text(&told), text);
    buf_reset(&told);
}

/* ---- a link ---- */

#define PLAIN "tls = off\n"
#define ONE "servers = 127.0.0.1:1\n" PLAIN
#define TWO "servers = 127.0.0.1:1, 127.0.0.1:2\n" PLAIN

static inline void make_link(const char *lines)
{
    char *text = mem_printf(WHOLE "[fleet]\n%s", lines);

    config = good(text);
    mem_free(text);
    ck_assert_int_eq(fleet_link_new(loop, config, &link_), ERR_OK);
    fleet_link_set_random(link_, no_jitter);
}

/* To the point where seat a is connected, by connections 0 and 1. */
static inline void make_connected(const char *lines)
{
    make_link(lines);
    sits(&a, ID_A);
    turn();
    opens_pair(0);
    confirms(1);
    ck_told("a connected\n");
}

static inline void link_setup(void)
{
    setup();
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    buf_init(&told, 64 * 1024);
    resp_count = 0;
    resp_open_error = ERR_OK;
    a = (struct sitter){.name = "a"};
    b = (struct sitter){.name = "b"};
    log_file = tmpfile();
    ck_assert_ptr_nonnull(log_file);
    ck_assert_int_eq(log_start(fileno(log_file)), ERR_OK);
}

static inline void free_resps(void)
{
    for (size_t i = 0; i < resp_count; i++) {
        for (size_t j = 0; j < resps[i].sent_count; j++)
            mem_free(resps[i].sent[j].text);
        mem_free(resps[i].server);
        mem_free(resps[i].user);
        mem_free(resps[i].name);
        mem_free(resps[i].password);
    }
}

static inline void link_teardown(void)
{
    leaves(&a);
    leaves(&b);
    for (size_t i = 0; i < resp_count; i++)
        ck_assert_msg(resps[i].closed, "connection %zu was left open", i);
    fleet_link_free(link_);
    link_ = NULL;
    config_unref(config);
    config = NULL;
    free_resps();
    buf_fini(&told);
    loop_drain(loop);
    loop_free(loop);
    if (log_file != NULL) {
        log_stop();
        fclose(log_file);
    }
    teardown();
}

/* ---- what was logged ---- */

/* All lines since the setup, without their times; ends the log. Static. */
static inline const char *logged(void)
{
    static char out[65536];
    char line[8192];
    size_t n = 0;

    log_stop();
    rewind(log_file);
    out[0] = '\0';
    while (fgets(line, sizeof(line), log_file) != NULL) {
        const char *level = strchr(line, ' ');
        ck_assert_ptr_nonnull(level);
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", level + 1);
        ck_assert_uint_lt(n, sizeof(out));
    }
    fclose(log_file);
    log_file = NULL;
    return out;
}

static inline size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

#endif
