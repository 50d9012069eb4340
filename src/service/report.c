/*
 * The daemon in a sentence, and the proof that it lives. The sentence names times of day and not
 * spans: it is sent when something happened, and read much later.
 *
 * Most of what changes it is told here (report_status). How lookups end and what the upstream says
 * of a token is not: that is looked at every second. The times of day in a sentence may differ by
 * one when it is made again, so what it says is compared and not its text.
 *
 * The watchdog is fed from the main loop's timer, so a main loop that stands still feeds nobody;
 * and only while every worker's loop has turned within STUCK_AFTER. A worker that is stuck is not
 * mended by waiting: the manager's way, a restart that keeps the token, is the shortest.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "front/overview.h"
#include "service/daemon_internal.h"

/* A worker whose loop has not turned for so long is stuck. */
#define STUCK_AFTER (5 * SECOND)
#define STATUS_MAX 1024
#define STATUS_LOOK (1 * SECOND)

/* The least recent turn of a worker's loop that is stuck; {0}: none is. */
static struct mono_time blocked_since(const struct daemon *daemon)
{
    const struct mono_time now = mono_now();
    struct mono_time since = MONO_NEVER;
    for (size_t i = 0; i < daemon->worker_count; i++)
        since = mono_min(since, worker_beat(daemon->workers[i]));
    return mono_diff(now, since) > STUCK_AFTER ? since : (struct mono_time){0};
}

bool report_healthy(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    return blocked_since(daemon).ns == 0;
}

bool report_draining(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    return daemon->drain.begun;
}

/* "2026-01-31T23:59:59Z", so far from now. */
static const char *moment(int64_t from_now, char out[CLOCK_TEXT])
{
    wall_format_seconds((struct wall_time){.ns = wall_now().ns + from_now}, out);
    return out;
}

static void put_blocked(struct buf *text, const struct daemon *daemon, const char *end)
{
    const struct mono_time since = blocked_since(daemon);
    char when[CLOCK_TEXT];

    if (since.ns != 0)
        buf_printf(text, "worker: its event loop is blocked since %s%s",
                   moment(mono_diff(since, mono_now()), when), end);
}

void report_unready(void *arg, struct buf *reasons)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct buf why;
    buf_init(&why, STATUS_MAX);
    if (daemon_lacks_keys(daemon, &why))
        buf_printf(reasons, "identity: %s\n", buf_text(&why));
    buf_fini(&why);
    put_blocked(reasons, daemon, "\n");
}

/* ---- the sentence ---- */

static void put_next_request(struct buf *text, const struct keeper_status *status)
{
    char when[CLOCK_TEXT];
    if (status->next_request_in >= 0)
        buf_printf(text, "; the next request is due at %s", moment(status->next_request_in, when));
}

static void put_token(struct buf *text, const struct keeper_status *status, const char *upstream)
{
    char when[CLOCK_TEXT];
    if (keeper_status_has_token(status)) {
        buf_printf(text, "the token of %s is valid until %s", upstream,
                   moment(status->expires_in, when));
        if (status->state == KEEPER_SUSPECT)
            buf_puts(text, ", but the upstream rejects it");
    } else {
        buf_printf(text, "there is no token of %s (%s)", upstream, status->state_name);
    }
    if (status->last_error != NULL)
        buf_printf(text, "; the last request failed: %s", status->last_error);
    put_next_request(text, status);
}

static void put_lookups(struct buf *text, const struct readiness_reason *reason)
{
    char failure[HEALTH_TEXT], when[CLOCK_TEXT];
    health_failure_text(&reason->failed, failure);
    buf_printf(text, "every lookup has failed since %s: %s; ",
               moment(mono_diff(reason->since, mono_now()), when), failure);
}

static const char *heading(const struct daemon *daemon, bool ready)
{
    if (daemon->drain.begun)
        return "Draining: ";
    return ready ? "Ready: " : "Not ready: ";
}

/* Gives what the reason is, where there is one. */
static struct report_facts facts_of(struct daemon *daemon, struct readiness_reason *reason)
{
    const struct exposition sources = daemon_exposition(daemon);
    struct keeper_status status;
    const bool ready = readiness_of_upstream(&sources.upstreams[0], mono_now(), reason);
    keeper_status(token_service_keeper(daemon->tokens), mono_now(), &status);
    return (struct report_facts){
        .ready = ready,
        .blocked = blocked_since(daemon).ns != 0,
        .token = status.state,
        .cause = reason->cause,
        .failure = reason->failed.reason,
        .status = reason->failed.status,
    };
}

static bool same_facts(const struct report_facts *a, const struct report_facts *b)
{
    return a->ready == b->ready && a->blocked == b->blocked && a->token == b->token &&
           a->cause == b->cause && a->failure == b->failure && a->status == b->status;
}

void report_status(struct daemon *daemon)
{
    struct readiness_reason reason;
    struct keeper_status status;
    struct buf text, why;
    daemon->told = facts_of(daemon, &reason);
    keeper_status(token_service_keeper(daemon->tokens), mono_now(), &status);
    buf_init(&text, STATUS_MAX);
    buf_init(&why, STATUS_MAX / 2);
    const bool keyless = daemon_lacks_keys(daemon, &why);
    buf_puts(&text, heading(daemon, daemon->told.ready && !daemon->told.blocked && !keyless));
    put_blocked(&text, daemon, "; ");
    if (keyless)
        buf_printf(&text, "%s; ", buf_text(&why));
    if (!daemon->told.ready && reason.cause == READINESS_LOOKUPS)
        put_lookups(&text, &reason);
    put_token(&text, &status, wiring_upstream(daemon->setup.config)->name);
    buf_puts(&text, daemon->loaded.failed ? ". The last reload failed; the log says why." : ".");
    systemd_status(buf_text(&text));
    buf_fini(&why);
    buf_fini(&text);
}

static void look(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct readiness_reason reason;
    const struct report_facts facts = facts_of(daemon, &reason);
    if (!same_facts(&facts, &daemon->told))
        report_status(daemon);
    lately_look(&daemon->log_dropped, log_dropped(), mono_now());
    lately_look(&daemon->refused, (uint64_t)metric_sum(METRIC_CONNECTIONS_REFUSED, 0), mono_now());
    daemon->status_timer = timer_start(daemon->loop, STATUS_LOOK, look, daemon);
}

void report_describe(const struct daemon *daemon, struct overview *overview)
{
    overview->blocked_since = blocked_since(daemon);
    overview->log_dropped = daemon->log_dropped;
    overview->refused = daemon->refused;
}

/* ---- the watchdog ---- */

static void feed(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    if (report_healthy(daemon))
        systemd_feed_watchdog();
    daemon->watchdog_timer = timer_start(daemon->loop, daemon->watchdog, feed, daemon);
}

/* Three meals in the time that one must last. */
void report_start(struct daemon *daemon)
{
    report_status(daemon);
    daemon->status_timer = timer_start(daemon->loop, STATUS_LOOK, look, daemon);
    daemon->watchdog = systemd_watchdog() / 3;
    if (daemon->watchdog > 0)
        feed(daemon);
}

void report_stop(struct daemon *daemon)
{
    timer_stop(&daemon->status_timer);
    timer_stop(&daemon->watchdog_timer);
}
