/*
 * The keeper of each upstream is asked once for a scrape, so that all that is said of a token
 * belongs to one moment. A state is a gauge for each state that there is, 1 for the present one:
 * so a query can count how long each lasted, and no series ends when the state changes.
 */
#include "front/exposition_owned.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/exposition_text.h"
#include "front/readiness.h"

static double in_seconds(int64_t ns)
{
    return (double)ns / (double)SECOND;
}

static void put_value(struct buf *out, const char *name, const char *kind, const char *help,
                      long long value)
{
    exposition_text_head(out, name, kind, help);
    buf_printf(out, "%s %lld\n", name, value);
}

/* ---- tokens ---- */

struct token_moment {
    struct wall_time now;
    struct keeper_status status[CONFIG_UPSTREAMS_MAX];
};

static double expiry(const struct keeper_status *status, struct wall_time now)
{
    return keeper_status_has_token(status) ? in_seconds(now.ns + status->expires_in) : 0;
}

static double lifetime(const struct keeper_status *status, struct wall_time now)
{
    (void)now;
    return in_seconds(status->lifetime);
}

static double budget(const struct keeper_status *status, struct wall_time now)
{
    (void)now;
    return (double)status->budget;
}

static double budget_remaining(const struct keeper_status *status, struct wall_time now)
{
    (void)now;
    return (double)status->budget_left;
}

static const struct {
    const char *name;
    const char *help;
    double (*value)(const struct keeper_status *status, struct wall_time now);
    int digits; /* behind the point */
} token_gauges[] = {
    {"postcoded_token_expiry_timestamp_seconds", "When the present token expires; 0 without one.",
     expiry, 3},
    {"postcoded_token_lifetime_seconds", "Lifetime of the present token; 0 without one.", lifetime,
     3},
    {"postcoded_token_budget", "Token requests that auth_budget pays for in an hour.", budget, 0},
    {"postcoded_token_budget_remaining",
     "Token requests that auth_budget still pays for at this moment.", budget_remaining, 0},
};

static void put_token_gauges(const struct exposition *exposition, const struct token_moment *moment,
                             struct buf *out)
{
    for (size_t n = 0; n < ARRAY_LEN(token_gauges); n++) {
        exposition_text_head(out, token_gauges[n].name, "gauge", token_gauges[n].help);
        for (size_t i = 0; i < exposition->upstream_count; i++) {
            buf_puts(out, token_gauges[n].name);
            exposition_text_labels(out, &exposition->upstreams[i], "");
            buf_printf(out, " %.*f\n", token_gauges[n].digits,
                       token_gauges[n].value(&moment->status[i], moment->now));
        }
    }
}

static void put_states(const struct exposition_upstream *upstream, enum keeper_state present,
                       struct buf *out)
{
    static const char *const labels[] = {
#define STATE_LABEL(id, name) [id] = "state=\"" name "\"",
        KEEPER_STATES(STATE_LABEL)
#undef STATE_LABEL
    };
    for (size_t state = 0; state < ARRAY_LEN(labels); state++) {
        buf_puts(out, "postcoded_token_state");
        exposition_text_labels(out, upstream, labels[state]);
        buf_puts(out, state == present ? " 1\n" : " 0\n");
    }
}

static void put_tokens(const struct exposition *exposition, struct buf *out)
{
    struct token_moment moment = {.now = wall_now()};
    const struct mono_time now = mono_now();
    for (size_t i = 0; i < exposition->upstream_count; i++)
        keeper_status(exposition->upstreams[i].keeper, now, &moment.status[i]);
    put_token_gauges(exposition, &moment, out);
    exposition_text_head(out, "postcoded_token_state", "gauge",
                         "States of the token: 1 for the present one, 0 for each other.");
    for (size_t i = 0; i < exposition->upstream_count; i++)
        put_states(&exposition->upstreams[i], moment.status[i].state, out);
}

/* ---- the fleet ---- */

static void put_fleet_states(const struct exposition_upstream *upstream,
                             const struct fleet_status *status, struct buf *out)
{
    static const char *const labels[] = {
#define STATE_LABEL(id, name) [id] = "state=\"" name "\"",
        FLEET_STATES(STATE_LABEL)
#undef STATE_LABEL
    };
    for (size_t state = 0; state < ARRAY_LEN(labels); state++) {
        buf_puts(out, "postcoded_fleet_state");
        exposition_text_labels(out, upstream, labels[state]);
        buf_puts(out, state == status->state ? " 1\n" : " 0\n");
    }
}

static void put_fleet(const struct exposition *exposition, struct buf *out)
{
    const struct mono_time now = mono_now();
    struct fleet_status status;

    if (exposition->fleet == NULL)
        return;
    exposition_text_head(out, "postcoded_fleet_state", "gauge",
                         "States of a member of a fleet: 1 for the present one, 0 for each other.");
    for (size_t i = 0; i < exposition->upstream_count; i++)
        if (exposition_member(&exposition->upstreams[i], now, &status))
            put_fleet_states(&exposition->upstreams[i], &status, out);
    exposition_text_head(out, "postcoded_fleet_members", "gauge",
                         "Members of the fleet when they were last counted, this one included; 0: "
                         "never.");
    for (size_t i = 0; i < exposition->upstream_count; i++) {
        if (!exposition_member(&exposition->upstreams[i], now, &status))
            continue;
        buf_puts(out, "postcoded_fleet_members");
        exposition_text_labels(out, &exposition->upstreams[i], "");
        buf_printf(out, " %lld\n", (long long)status.members);
    }
}

/* ---- the way to upstreams ---- */

static long long is_ejected(const struct upstream_state *state, struct mono_time now)
{
    (void)now;
    return breaker_read(&state->breaker).ejected;
}

static long long is_held(const struct upstream_state *state, struct mono_time now)
{
    const struct hold_state hold = hold_read(&state->hold, now);

    return hold.held || hold.unsaid;
}

static long long waiting(const struct upstream_state *state, struct mono_time now)
{
    (void)now;
    return atomic_load_explicit(&state->waiting, memory_order_relaxed);
}

static const struct {
    const char *name;
    const char *help;
    long long (*value)(const struct upstream_state *state, struct mono_time now);
} state_gauges[] = {
    {"postcoded_upstream_ejected",
     "1 while routes with another upstream leave this one out because its lookups failed.",
     is_ejected},
    {"postcoded_upstream_held",
     "1 while no lookup goes to the upstream because it said 429, until its Retry-After.", is_held},
    {"postcoded_upstream_rate_waiting", "Lookups waiting for their turn of [upstream] rate.",
     waiting},
};

static void put_states_of_upstreams(const struct exposition *exposition, struct buf *out)
{
    const struct mono_time now = mono_now();

    for (size_t n = 0; n < ARRAY_LEN(state_gauges); n++) {
        exposition_text_head(out, state_gauges[n].name, "gauge", state_gauges[n].help);
        for (size_t i = 0; i < exposition->upstream_count; i++) {
            const struct exposition_upstream *upstream = &exposition->upstreams[i];

            if (upstream->state == NULL)
                continue;
            buf_puts(out, state_gauges[n].name);
            exposition_text_labels(out, upstream, "");
            buf_printf(out, " %lld\n", state_gauges[n].value(upstream->state, now));
        }
    }
}

/* The built-in route has no name, and is what postcoded_ready tells. */
static void put_routes(const struct readiness *readiness, struct buf *out)
{
    const struct config *config = readiness->config;

    exposition_text_head(out, "postcoded_route_ready", "gauge",
                         "1 while /readyz/ROUTE says 200, otherwise 0.");
    for (size_t i = 0; config != NULL && i < config->route_count; i++)
        buf_printf(out, "postcoded_route_ready{route=\"%s\"} %d\n", config->routes[i].name,
                   readiness_serves(readiness, &config->routes[i]));
}

/* ---- the process ---- */

static void put_busy(const struct exposition *exposition, struct buf *out)
{
    exposition_text_head(
        out, "postcoded_worker_busy_ratio", "gauge",
        "Share of the last ten seconds in which a worker's event loop did not wait.");
    for (size_t i = 0; i < exposition->worker_count; i++)
        buf_printf(out, "postcoded_worker_busy_ratio{worker=\"%zu\"} %.3f\n", i,
                   exposition->busy[i]);
}

static void put_reload(const struct reload_status *reload, struct buf *out)
{
    exposition_text_head(out, "postcoded_reload_timestamp_seconds", "gauge",
                         "When the present configuration was taken, by a reload or the start.");
    buf_printf(out, "postcoded_reload_timestamp_seconds %.3f\n", in_seconds(reload->at.ns));
    put_value(out, "postcoded_reload_success", "gauge",
              "1: the last reload succeeded, or there was none; 0: it failed.", !reload->failed);
}

static long long store_items(const struct exposition *exposition)
{
    long long sum = 0;

    for (size_t i = 0; i < exposition->upstream_count; i++)
        if (exposition->upstreams[i].store != NULL)
            sum += (long long)store_count(exposition->upstreams[i].store);
    return sum;
}

void exposition_owned_write(const struct exposition *exposition, const struct readiness *readiness,
                            struct buf *out)
{
    put_value(out, "postcoded_ready", "gauge", "1 while /readyz says 200, otherwise 0.",
              readiness->ready);
    put_routes(readiness, out);
    put_states_of_upstreams(exposition, out);
    put_tokens(exposition, out);
    put_fleet(exposition, out);
    put_busy(exposition, out);
    put_reload(exposition->reload, out);
    put_value(out, "postcoded_tls_certificate_expiry_timestamp_seconds", "gauge",
              "When the certificate shown to callers expires; 0 without one.",
              exposition->tls == NULL ? 0 : (long long)(tls_expiry(exposition->tls).ns / SECOND));
    put_value(out, "postcoded_store_items", "gauge", "Items in the store.",
              store_items(exposition));
    put_value(out, "postcoded_log_lines_dropped_total", "counter",
              "Log lines dropped because they were not written fast enough.",
              (long long)log_dropped());
    exposition_text_head(out, "postcoded_build_info", "gauge",
                         "The version, as a label; always 1.");
    buf_printf(out, "postcoded_build_info{version=\"%s\"} 1\n", POSTCODED_VERSION);
}
