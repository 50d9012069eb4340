/*
 * The keeper knows whether there is a token, the lookups whether it is good for anything. Both are
 * asked each time; nothing is kept here, so there is nothing that could be out of date.
 */
#include "front/readiness.h"

#include <stdio.h>
#include <string.h>

#include "front/admin_ports.h"
#include "front/fleet_text.h"

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

/* "; the fleet's store is out of reach since 2026-01-31T23:59:59Z: redis:6379 cannot be ..." */
static void add_store(struct readiness_reason *reason, const struct exposition_upstream *upstream,
                      const struct keeper_status *status, struct mono_time now)
{
    const bool said = status->cause.kind == TOKEN_CAUSE_FLEET_ALONE;
    const size_t len = strlen(reason->why);
    char error[FLEET_STORE_TEXT], when[CLOCK_TEXT];
    struct fleet_status member;
    struct fleet_link_status store;

    if (!exposition_member(upstream, now, &member) || member.state != FLEET_ALONE)
        return;
    const bool told = exposition_store(upstream->fleet, &store) && fleet_text_store(&store, error);
    wall_format_seconds((struct wall_time){wall_now().ns - mono_diff(now, member.since)}, when);
    snprintf(reason->why + len, sizeof(reason->why) - len, "%s%s since %s%s%s", len > 0 ? "; " : "",
             said ? "out" : "the fleet's store is out of reach", when, told ? ": " : "",
             told ? error : "");
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
    if (!status.ready) {
        explain_token(out, &status);
        add_store(out, upstream, &status, now);
    } else if (health.down) {
        explain_lookups(out, &status, &health);
    }
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

/* An upstream's place in the configuration, which may have them in another order. */
static size_t place_of(const struct config *config, size_t index)
{
    size_t place = 0;

    while (place < config->upstream_count && config->upstreams[place].index != index)
        place++;
    return place;
}

static void add_upstream(struct readiness *out, const struct exposition_upstream *upstream,
                         const struct config *config, struct mono_time now)
{
    struct readiness_reason *reason = next(out);

    if (reason == NULL || readiness_of_upstream(upstream, now, reason))
        return;
    out->count++;
    const size_t place = config != NULL ? place_of(config, upstream->index) : CONFIG_UPSTREAMS_MAX;
    if (place < CONFIG_UPSTREAMS_MAX)
        out->reason_of[place] = (unsigned char)out->count;
}

/* ---- routes ---- */

/* Without a name there is one route, which has nothing to be told of it. */
static const struct config *routes_of(const struct config *config)
{
    const bool named =
        config != NULL && config->route_count > 0 && config->routes[0].name[0] != '\0';

    return named ? config : NULL;
}

bool readiness_of_route(const struct readiness *readiness, const struct config_route *route,
                        struct mono_time *since)
{
    *since = (struct mono_time){0};
    for (size_t i = 0; i < route->upstream_count; i++) {
        const unsigned char of = readiness->reason_of[route->upstreams[i]];

        if (of == 0) {
            *since = (struct mono_time){0};
            return true;
        }
        if (mono_before(*since, readiness->reasons[of - 1].since))
            *since = readiness->reasons[of - 1].since;
    }
    return false;
}

/* False: for a reason of the process it would answer nobody. */
static bool process_is_ready(const struct readiness *readiness)
{
    for (size_t i = 0; i < readiness->count; i++)
        if (readiness->reasons[i].upstream == NULL)
            return false;
    return true;
}

bool readiness_serves(const struct readiness *readiness, const struct config_route *route)
{
    struct mono_time since;

    return process_is_ready(readiness) && readiness_of_route(readiness, route, &since);
}

static bool any_route_is_ready(const struct readiness *readiness)
{
    const struct config *config = readiness->config;
    struct mono_time since;

    for (size_t i = 0; i < config->route_count; i++)
        if (readiness_of_route(readiness, &config->routes[i], &since))
            return true;
    return false;
}

void readiness_gather(const struct exposition *sources, const struct admin_ports *ports,
                      struct mono_time now, struct readiness *out)
{
    out->count = 0;
    out->config = routes_of(sources->config);
    memset(out->reason_of, 0, sizeof(out->reason_of));
    if (ports->draining(ports->arg))
        add_draining(out);
    for (size_t i = 0; i < sources->upstream_count; i++)
        add_upstream(out, &sources->upstreams[i], sources->config, now);
    add_others(out, ports);
    out->ready =
        out->config == NULL ? out->count == 0 : process_is_ready(out) && any_route_is_ready(out);
}

/* ---- lines ---- */

static void put_since(struct mono_time since, struct mono_time now, struct buf *lines)
{
    char when[CLOCK_TEXT];

    if (since.ns == 0)
        return;
    wall_format_seconds((struct wall_time){wall_now().ns - mono_diff(now, since)}, when);
    buf_printf(lines, " since %s", when);
}

/* Notes which reasons stand behind the line. */
static void put_route(const struct readiness *readiness, const struct config_route *route,
                      struct mono_time now, bool told[READINESS_REASONS], struct buf *lines)
{
    struct mono_time since;

    if (readiness_of_route(readiness, route, &since))
        return;
    buf_printf(lines, "route %s: no upstream is ready (", route->name);
    for (size_t i = 0; i < route->upstream_count; i++) {
        const size_t place = route->upstreams[i];

        buf_printf(lines, "%s%s", i == 0 ? "" : ", ", readiness->config->upstreams[place].name);
        told[readiness->reason_of[place] - 1] = true;
    }
    buf_putc(lines, ')');
    put_since(since, now, lines);
    buf_putc(lines, '\n');
}

static void put_routes(const struct readiness *readiness, const struct config_route *route,
                       struct mono_time now, bool told[READINESS_REASONS], struct buf *lines)
{
    const struct config *config = readiness->config;

    for (size_t i = 0; i < config->route_count; i++)
        if (route == NULL || route == &config->routes[i])
            put_route(readiness, &config->routes[i], now, told, lines);
}

static void put_reason(const struct readiness_reason *reason, struct mono_time now,
                       struct buf *lines)
{
    if (reason->upstream != NULL)
        buf_printf(lines, "upstream %s: ", reason->upstream);
    buf_puts(lines, reason->what);
    put_since(reason->since, now, lines);
    buf_printf(lines, "%s%s\n", reason->why[0] != '\0' ? ": " : "", reason->why);
}

void readiness_write(const struct readiness *readiness, const struct config_route *route,
                     struct mono_time now, struct buf *lines)
{
    bool told[READINESS_REASONS] = {false};

    if (readiness->config != NULL)
        put_routes(readiness, route, now, told, lines);
    for (size_t i = 0; i < readiness->count; i++)
        if (readiness->config == NULL || readiness->reasons[i].upstream == NULL || told[i])
            put_reason(&readiness->reasons[i], now, lines);
}
