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
static struct upstream_facts facts_of_upstream(const struct exposition_upstream *upstream,
                                               struct readiness_reason *reason)
{
    struct keeper_status status;
    const bool ready = readiness_of_upstream(upstream, mono_now(), reason);
    keeper_status(upstream->keeper, mono_now(), &status);
    return (struct upstream_facts){
        .ready = ready,
        .token = status.state,
        .cause = reason->cause,
        .failure = reason->failed.reason,
        .status = reason->failed.status,
    };
}

/* Is there a route with an upstream that is ready? */
static bool serves(const struct config *config, const struct report_facts *facts)
{
    bool any = false;
    for (size_t i = 0; i < config->route_count; i++)
        for (size_t k = 0; k < config->routes[i].upstream_count; k++)
            any = any || facts->upstreams[config->routes[i].upstreams[k]].ready;
    return any;
}

/* When the first member of an upstream lost the fleet's store; MONO_NEVER: it is there, or there is
 * no fleet. */
static struct mono_time alone_since(const struct exposition *sources)
{
    const struct mono_time now = mono_now();
    struct mono_time since = MONO_NEVER;
    struct fleet_status member;
    for (size_t i = 0; i < sources->upstream_count; i++)
        if (exposition_member(&sources->upstreams[i], now, &member) && member.state == FLEET_ALONE)
            since = mono_min(since, member.since);
    return since;
}

static void gather_facts(struct daemon *daemon, struct report_facts *facts)
{
    const struct exposition sources = daemon_exposition(daemon);
    struct readiness_reason reason;
    *facts = (struct report_facts){.blocked = blocked_since(daemon).ns != 0,
                                   .alone = alone_since(&sources).ns != MONO_NEVER.ns,
                                   .count = sources.upstream_count};
    for (size_t i = 0; i < facts->count; i++)
        facts->upstreams[i] = facts_of_upstream(&sources.upstreams[i], &reason);
    facts->ready = serves(daemon->setup.config, facts);
}

static bool same_upstream(const struct upstream_facts *a, const struct upstream_facts *b)
{
    return a->ready == b->ready && a->token == b->token && a->cause == b->cause &&
           a->failure == b->failure && a->status == b->status;
}

static bool same_facts(const struct report_facts *a, const struct report_facts *b)
{
    bool same = a->ready == b->ready && a->blocked == b->blocked && a->alone == b->alone &&
                a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = same_upstream(&a->upstreams[i], &b->upstreams[i]);
    return same;
}

static void put_alone(struct buf *text, const struct exposition *sources)
{
    const struct mono_time since = alone_since(sources);
    char when[CLOCK_TEXT];
    if (since.ns != MONO_NEVER.ns)
        buf_printf(text, "; the fleet's store is out of reach since %s",
                   moment(mono_diff(since, mono_now()), when));
}

static void put_only_upstream(struct buf *text, const struct exposition_upstream *upstream)
{
    struct readiness_reason reason;
    struct keeper_status status;
    keeper_status(upstream->keeper, mono_now(), &status);
    if (!readiness_of_upstream(upstream, mono_now(), &reason) && reason.cause == READINESS_LOOKUPS)
        put_lookups(text, &reason);
    put_token(text, &status, upstream->name);
}

/* "2 of 3 upstreams are ready; not a (backing_off)". It is one sentence, whatever there is. */
#define NAMED 4

static void put_upstreams(struct buf *text, const struct exposition *sources,
                          const struct report_facts *facts)
{
    size_t unready = 0;
    for (size_t i = 0; i < facts->count; i++)
        unready += !facts->upstreams[i].ready;
    if (unready == 0)
        buf_printf(text, "all %zu upstreams are ready", facts->count);
    else
        buf_printf(text, "%zu of %zu upstreams are ready", facts->count - unready, facts->count);
    for (size_t i = 0, named = 0; i < facts->count && named < NAMED; i++) {
        const struct upstream_facts *of = &facts->upstreams[i];
        if (of->ready)
            continue;
        buf_printf(text, "%s%.64s (%s)", named++ == 0 ? "; not " : ", ", sources->upstreams[i].name,
                   of->cause == READINESS_LOOKUPS ? "every lookup has failed"
                                                  : keeper_state_name(of->token));
    }
    if (unready > NAMED)
        buf_printf(text, " and %zu more", unready - NAMED);
}

void report_status(struct daemon *daemon)
{
    const struct exposition sources = daemon_exposition(daemon);
    struct buf text, why;
    gather_facts(daemon, &daemon->told);
    buf_init(&text, STATUS_MAX);
    buf_init(&why, STATUS_MAX / 2);
    const bool keyless = daemon_lacks_keys(daemon, &why);
    buf_puts(&text, heading(daemon, daemon->told.ready && !daemon->told.blocked && !keyless));
    put_blocked(&text, daemon, "; ");
    if (keyless)
        buf_printf(&text, "%s; ", buf_text(&why));
    if (sources.upstream_count == 1)
        put_only_upstream(&text, &sources.upstreams[0]);
    else
        put_upstreams(&text, &sources, &daemon->told);
    put_alone(&text, &sources);
    buf_puts(&text, daemon->loaded.failed ? ". The last reload failed; the log says why." : ".");
    systemd_status(buf_text(&text));
    buf_fini(&why);
    buf_fini(&text);
}

static void look(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct report_facts facts;
    gather_facts(daemon, &facts);
    if (!same_facts(&facts, &daemon->told))
        report_status(daemon);
    upstreams_count_members(&daemon->upstreams);
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
