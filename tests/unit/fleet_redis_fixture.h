/*
 * A fleet's link and real servers. What seats are told is taken down as lines, as in
 * fleet_link_fixture.h; a test waits for lines.
 */
#ifndef FLEET_REDIS_FIXTURE_H
#define FLEET_REDIS_FIXTURE_H

#include "token/fleet_link.h"

#include "base/buf.h"
#include "base/check.h"
#include "certificates.h"
#include "config_fixture.h"
#include "redis_server.h"
#include "suite.h"
#include "token/fleet_link_internal.h"
#include "upstream/client.h"

#define PATIENCE 120
#define ID "0123456789abcdef0123456789abcdef"
#define MANUAL "conf/man/postcoded.ini.5"

static struct loop *loop;
static struct config *config;
static struct fleet_link *link_;
static struct buf told;
static const char *awaited;
static struct redis redis[6]; /* as many as a test likes */
static const char *timeout;   /* [fleet] timeout */
static enum token_wish wish;
static uint64_t have;
static struct fleet_reply last;
static char last_sealed[64];

struct sitter {
    const char *name;
    struct fleet_seat seat;
};
static struct sitter a = {.name = "a"}, b = {.name = "b"};

/* ---- what seats are told ---- */

static inline void tell(const struct sitter *sitter, const char *what, long long number)
{
    buf_printf(&told, "%s %s", sitter->name, what);
    if (number >= 0)
        buf_printf(&told, " %lld", number);
    buf_putc(&told, '\n');
    if (awaited != NULL && strstr(buf_text(&told), awaited) != NULL)
        loop_stop(loop);
}

static inline void on_connected(void *arg)
{
    tell(arg, "connected", -1);
}

static inline void on_disconnected(void *arg)
{
    tell(arg, "disconnected", -1);
}

static inline void on_replied(void *arg, const struct fleet_reply *reply)
{
    static const char *const answers[] = {"looked", "newer", "held",   "recent", "wait",
                                          "budget", "yours", "stored", "late",   "noted"};

    if (reply != NULL) {
        last = *reply;
        snprintf(last_sealed, sizeof(last_sealed), "%.*s", (int)reply->sealed_len,
                 reply->sealed != NULL ? (const char *)reply->sealed : "");
    }
    tell(arg, reply != NULL ? answers[reply->answer] : "nothing", -1);
}

static inline void on_hinted(void *arg, const struct fleet_hint *hint)
{
    static const char *const kinds[] = {"new", "gone", "leaked", "wait"};

    tell(arg, kinds[hint->kind], (long long)hint->generation);
}

/* Turns until these lines have been told, and forgets all up to them. */
static inline void await(const char *lines)
{
    awaited = lines;
    if (strstr(buf_text(&told), lines) == NULL)
        loop_run(loop);
    awaited = NULL;
    char *rest = mem_strdup(strstr(buf_text(&told), lines) + strlen(lines));
    buf_reset(&told);
    buf_puts(&told, rest);
    mem_free(rest);
}

static inline const char *problem(void)
{
    struct fleet_link_status status;

    fleet_link_status(link_, &status);
    return status.error != NULL ? status.error : "";
}

static inline const char *server(void)
{
    struct fleet_link_status status;

    fleet_link_status(link_, &status);
    return status.server;
}

static inline void on_look(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Turns until the link's problem has the text in it. */
static inline void await_problem(const char *text)
{
    while (strstr(problem(), text) == NULL) {
        struct timer *timer = timer_start(loop, 20 * MILLISECOND, on_look, NULL);
        (void)timer; /* it has fired when the loop ends */
        loop_run(loop);
    }
}

/* ---- a link ---- */

/* So that no attempt waits for long. */
static inline uint32_t little_jitter(void)
{
    return arc4random() / 20;
}

static inline void sits(struct sitter *sitter)
{
    const struct fleet_seat_ports ports = {.arg = sitter,
                                           .connected = on_connected,
                                           .disconnected = on_disconnected,
                                           .replied = on_replied,
                                           .hinted = on_hinted};

    fleet_link_join(link_, &sitter->seat, &ports, ID);
}

__attribute__((format(printf, 1, 2))) static inline void make_link(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *lines = mem_vprintf(format, args);
    va_end(args);
    char *text = mem_printf(WHOLE "[fleet]\ntimeout = %s\n%s", timeout, lines);
    config = good(text);
    mem_free(text);
    mem_free(lines);
    ck_assert_int_eq(fleet_link_new(loop, config, &link_), ERR_OK);
    fleet_link_set_random(link_, little_jitter);
    sits(&a);
}

#define PLAIN "servers = 127.0.0.1:%d\ntls = off\n"

static inline void sends(struct sitter *sitter, enum fleet_verb verb, uint64_t fence)
{
    const struct fleet_command command = {.verb = verb,
                                          .id = ID,
                                          .member = sitter->name,
                                          .have = have,
                                          .wish = wish,
                                          .lease = 10 * SECOND,
                                          .limit = 10,
                                          .fence = fence,
                                          .sealed = "sealed",
                                          .sealed_len = strlen("sealed"),
                                          .expire_at = last.now + 60 * 1000};

    fleet_link_send(&sitter->seat, &command);
}

/* The manual's line for a user, as a command to a server; `more` is done to him too. */
static inline void make_user(const struct redis *one, const char *more)
{
    static char manual[256 * 1024];
    FILE *file = fopen(MANUAL, "r");

    ck_assert_msg(file != NULL, "run it where " MANUAL " is");
    manual[fread(manual, 1, sizeof(manual) - 1, file)] = '\0';
    fclose(file);
    char *line = strstr(manual, "ACL SETUSER postcoded on >PASSWORD");
    ck_assert_ptr_nonnull(line);
    *strstr(line, "\n.Ed") = '\0';
    for (char *c = line; (c = strchr(c, '\n')) != NULL;)
        *c = ' ';
    char *rights = strstr(line, ">PASSWORD") + strlen(">PASSWORD");
    redis_do(one, "+OK", "ACL SETUSER postcoded on >hush %s %s", rights, more);
}

static inline void fixture_setup(void)
{
    setup();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    buf_init(&told, 64 * 1024);
    memset(redis, 0, sizeof(redis));
    wish = TOKEN_WISH_FIRST;
    have = 0;
    timeout = "10s"; /* none happens but where it is meant to */
}

static inline void fixture_teardown(void)
{
    if (a.seat.link != NULL)
        fleet_link_leave(&a.seat);
    if (b.seat.link != NULL)
        fleet_link_leave(&b.seat);
    fleet_link_free(link_);
    config_unref(config);
    buf_fini(&told);
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
    for (size_t i = 0; i < ARRAY_LEN(redis); i++)
        redis_kill(&redis[i]);
    teardown();
}

#endif
