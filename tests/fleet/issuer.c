/*
 * The token endpoint: 0.2 s, and some requests fail, one in five of those by a time-out. While it
 * is down each fails, in the same proportion.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "sim.h"

#define TIMEOUTS 0.2 /* of the failures */

struct response {
    uint64_t life;
    enum keeper_result_kind kind;
    int64_t asked_at;      /* a token lasts from then, the earliest that can be */
    struct mono_time sent; /* by the member's clock */
    uint64_t serial;
};

static void count_request(struct sim *sim)
{
    int64_t *times = mem_grow(sim->issuer.times, sim->issuer.requests, sizeof(*times));

    sim->issuer.times = times;
    times[sim->issuer.requests++] = sim->now;
    sim->count.requests++;
    while (times[sim->issuer.window] <= sim->now - MINUTE)
        sim->issuer.window++;
    const uint64_t minute = sim->issuer.requests - sim->issuer.window;
    if (minute > sim->count.minute)
        sim->count.minute = minute;
    sim->issuer.flying++;
    if (sim->issuer.flying > sim->count.concurrent)
        sim->count.concurrent = sim->issuer.flying;
}

/* ---- validity ---- */

bool issuer_accepts(const struct sim *sim, uint64_t serial)
{
    if (sim->settings.single)
        return serial == sim->issuer.serial && serial > sim->issuer.revoked;
    return serial > sim->issuer.revoked;
}

/* A lookup of each member was answered a little before: that is the token's last success. */
static void note_success(struct member *member)
{
    const int64_t ago = chance_until(&member->chance, SIM_LOOKUPS);

    if (member->view != NULL && member->view->token != NULL)
        token_succeeded(member->view->token, 0, mono_add(member_now(member), -ago));
}

static void change_mind(struct sim *sim, uint64_t former)
{
    for (size_t i = 0; i < sim->settings.members; i++) {
        struct member *member = &sim->members[i];
        if (member->serial == former)
            note_success(member);
        lookups_check(member);
    }
}

static void hurt(struct sim *sim)
{
    sim->hurt_at = sim->now;
    for (size_t i = 0; i < sim->settings.members; i++)
        sim->cured[i] = -1;
}

void issuer_revoke(struct sim *sim)
{
    hurt(sim);
    sim->issuer.revoked = sim->issuer.serial;
    change_mind(sim, sim->issuer.serial);
}

void issuer_leak(struct sim *sim)
{
    hurt(sim);
    sim->issuer.leaked = sim->issuer.serial;
}

/* ---- requests ---- */

/* Only one token is valid where the issuer keeps one: nobody has it yet. */
static void grant(struct sim *sim, struct response *response)
{
    const uint64_t former = sim->issuer.serial;

    sim->issuer.expiry = mem_grow(sim->issuer.expiry, former, sizeof(*sim->issuer.expiry));
    sim->issuer.expiry[former] = response->asked_at + sim->settings.lifetime;
    response->serial = ++sim->issuer.serial;
    if (sim->settings.single && former != 0)
        change_mind(sim, former);
}

static void tell(struct member *member, const struct response *response)
{
    char value[32];

    snprintf(value, sizeof(value), "t%" PRIu64, response->serial);
    const struct keeper_result result = {
        .kind = response->kind,
        .grant = {.type = "Bearer", .value = value, .lifetime = member->sim->settings.lifetime},
        .reason = response->kind == KEEPER_GRANTED ? NULL : "it failed",
    };
    if (member->fleet != NULL)
        fleet_fetched(member->fleet, &result, 0, response->sent, member_now(member));
    else
        keeper_fetched(member->keeper, &result, response->sent, member_now(member));
}

static void deliver(void *arg, void *what)
{
    struct member *member = arg;
    struct response *response = what;

    if (member_is_paused(member, deliver, what))
        return;
    if (response->life == member->life)
        tell(member, response);
    mem_free(response);
}

static void respond(void *arg, void *what)
{
    struct member *member = arg;
    struct sim *sim = member->sim;
    struct response *response = what;

    sim->issuer.flying--;
    if (response->kind == KEEPER_GRANTED) {
        grant(sim, response);
        sim_notice(sim, SIM_GRANTED, member);
    }
    deliver(member, response);
}

static enum keeper_result_kind draw_result(struct sim *sim)
{
    if (!sim->issuer.down && !chance_is(&sim->chance, sim->settings.failures))
        return KEEPER_GRANTED;
    return chance_is(&sim->chance, TIMEOUTS) ? KEEPER_NO_RESPONSE : KEEPER_FAILED;
}

void issuer_ask(struct member *member)
{
    struct sim *sim = member->sim;
    struct response *response = mem_zalloc(sizeof(*response));

    count_request(sim);
    response->kind = draw_result(sim);
    response->life = member->life;
    response->asked_at = sim->now;
    response->sent = member_now(member);
    const int64_t latency = response->kind == KEEPER_NO_RESPONSE ? SIM_AUTH_TIMEOUT : SIM_LATENCY;
    events_add(&sim->events, sim->now + latency, respond, member, response);
}
