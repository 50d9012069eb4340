/*
 * The keeper knows whether there is a token, the lookups whether it is good for anything. Both are
 * asked each time; nothing is kept here, so there is nothing that could be out of date.
 */
#include "front/readiness.h"

#include <stdio.h>
#include <string.h>

#include "front/admin_ports.h"

/* What the ports say, in lines. */
#define PORT_MAX 4096

/* What the token endpoint came to, in the words of the log or of callers; "": nothing to say. */
static void put_endpoint(const struct keeper_status *status, char out[READINESS_WHY])
{
    char cause[TOKEN_CAUSE_TEXT] = "";

    if (!token_cause_is_none(&status->cause))
        token_cause_text(&status->cause, cause);
    if (status->last_error == NULL)
        snprintf(out, READINESS_WHY, "%s", cause);
    else
        snprintf(out, READINESS_WHY, "%.*s%s", READINESS_WHY / 2, status->last_error,
                 status->cause.budget ? "; [upstream] auth_budget is used up" : "");
}

/* What a failure of lookups does not say itself: what stands behind it. */
static void put_background(const struct keeper_status *status, const struct health_failure *failure,
                           char out[READINESS_WHY])
{
    char endpoint[READINESS_WHY];

    out[0] = '\0';
    if (failure->reason != HEALTH_REJECTED && failure->reason != HEALTH_NO_TOKEN)
        return;
    put_endpoint(status, endpoint);
    if (endpoint[0] != '\0')
        snprintf(out, READINESS_WHY, "%s%.*s",
                 status->last_error != NULL ? "; the last token request failed: " : "; ",
                 READINESS_WHY / 2 + 64, endpoint);
}

static void explain_lookups(struct readiness_reason *reason, const struct keeper_status *status,
                            const struct health_state *health)
{
    char failure[HEALTH_TEXT], behind[READINESS_WHY];

    health_failure_text(&health->failure, failure);
    reason->cause = READINESS_LOOKUPS;
    reason->since = health->since;
    reason->failed = health->failure;
    snprintf(reason->what, sizeof(reason->what), "every lookup has failed");
    put_background(status, &health->failure, behind);
    snprintf(reason->why, sizeof(reason->why), "%s%.*s", failure, READINESS_WHY - HEALTH_TEXT,
             behind);
}

static void explain_token(struct readiness_reason *reason, const struct keeper_status *status)
{
    reason->cause = READINESS_TOKEN;
    reason->since = status->lacking_since;
    snprintf(reason->what, sizeof(reason->what), "no usable token (%s)", status->state_name);
    put_endpoint(status, reason->why);
}

void readiness_facts(const struct exposition_upstream *upstream, struct mono_time now,
                     struct keeper_status *status, struct health_state *health)
{
    keeper_status(upstream->keeper, now, status);
    *health = (struct health_state){.down = false};
    if (upstream->state != NULL)
        lookup_health_read(&upstream->state->health, status->generation,
                           keeper_status_has_token(status) && !status->replacement, now, health);
}

bool readiness_of_upstream(const struct exposition_upstream *upstream, struct mono_time now,
                           struct readiness_reason *out)
{
    struct keeper_status status;
    struct health_state health;

    readiness_facts(upstream, now, &status, &health);
    *out = (struct readiness_reason){.upstream = upstream->name};
    if (!status.ready)
        explain_token(out, &status);
    else if (health.down)
        explain_lookups(out, &status, &health);
    return status.ready && !health.down;
}

static struct readiness_reason *next(struct readiness *out)
{
    return out->count < READINESS_REASONS ? &out->reasons[out->count] : NULL;
}

static void add_draining(struct readiness *out)
{
    struct readiness_reason *reason = next(out);

    *reason = (struct readiness_reason){.cause = READINESS_DRAINING};
    snprintf(reason->what, sizeof(reason->what), "draining: the daemon is about to end");
    out->count++;
}

static void add_other(struct readiness *out, const char *line, size_t len)
{
    struct readiness_reason *reason = next(out);

    if (reason == NULL)
        return;
    *reason = (struct readiness_reason){.cause = strncmp(line, "worker", sizeof("worker") - 1) == 0
                                                     ? READINESS_BLOCKED
                                                     : READINESS_KEYS};
    snprintf(reason->what, sizeof(reason->what), "%.*s", (int)len, line);
    out->count++;
}

static void add_others(struct readiness *out, const struct admin_ports *ports)
{
    struct buf lines;
    size_t len;

    buf_init(&lines, PORT_MAX);
    ports->unready(ports->arg, &lines);
    for (const char *line = buf_text(&lines); *line != '\0'; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        add_other(out, line, len);
    }
    buf_fini(&lines);
}

void readiness_gather(const struct exposition *sources, const struct admin_ports *ports,
                      struct mono_time now, struct readiness *out)
{
    out->count = 0;
    if (ports->draining(ports->arg))
        add_draining(out);
    for (size_t i = 0; i < sources->upstream_count; i++)
        if (!readiness_of_upstream(&sources->upstreams[i], now, next(out)))
            out->count++;
    add_others(out, ports);
}

static void put_since(struct mono_time since, struct mono_time now, struct buf *lines)
{
    char when[CLOCK_TEXT];

    if (since.ns == 0)
        return;
    wall_format_seconds((struct wall_time){wall_now().ns - mono_diff(now, since)}, when);
    buf_printf(lines, " since %s", when);
}

void readiness_write(const struct readiness *readiness, struct mono_time now, struct buf *lines)
{
    for (size_t i = 0; i < readiness->count; i++) {
        const struct readiness_reason *reason = &readiness->reasons[i];

        if (reason->upstream != NULL)
            buf_printf(lines, "upstream %s: ", reason->upstream);
        buf_puts(lines, reason->what);
        put_since(reason->since, now, lines);
        buf_printf(lines, "%s%s\n", reason->why[0] != '\0' ? ": " : "", reason->why);
    }
}

bool readiness_check(const struct exposition *sources, const struct admin_ports *ports,
                     struct mono_time now, struct buf *reasons)
{
    struct readiness readiness;

    readiness_gather(sources, ports, now, &readiness);
    readiness_write(&readiness, now, reasons);
    return readiness.count == 0;
}
