/*
 * Each scenario is a fleet that has been calm for twelve minutes, and something that then happens,
 * at once or when a member renews the token: at its worst moment.
 */
#include "scenarios.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define CALM (12 * MINUTE)
/* Percent of an hour at which 5 minutes are left. */
#define LATE 92
#define HALF 50
/* Whoever is alone may ask. */
#define ANY 1000000
#define DEFAULT_ALONE 60

/* ---- what happens ---- */

static void store_out_now(struct sim *sim)
{
    store_go_out(sim);
    sim_at(sim, sim->outage, store_come_back);
}

static void at_renewal_store(struct sim *sim, enum sim_moment moment, struct member *member)
{
    (void)member;
    if (moment != SIM_SCHEDULED || sim->hook_state++ > 0)
        return;
    store_out_now(sim);
}

static void store_goes_out(struct sim *sim)
{
    sim->hook = at_renewal_store;
}

static void store_answers(struct sim *sim)
{
    sim->store.failing = false;
}

static void at_renewal_errors(struct sim *sim, enum sim_moment moment, struct member *member)
{
    (void)member;
    if (moment != SIM_SCHEDULED || sim->hook_state++ > 0)
        return;
    sim->store.failing = true;
    sim_at(sim, sim->outage, store_answers);
}

static void store_has_errors(struct sim *sim)
{
    sim->hook = at_renewal_errors;
}

static void endpoint_up(struct sim *sim)
{
    sim->issuer.down = false;
}

static void at_renewal_endpoint(struct sim *sim, enum sim_moment moment, struct member *member)
{
    (void)member;
    if (moment != SIM_SCHEDULED || sim->hook_state++ > 0)
        return;
    sim->issuer.down = true;
    sim_at(sim, sim->outage, endpoint_up);
}

static void endpoint_goes_down(struct sim *sim)
{
    sim->hook = at_renewal_endpoint;
}

static void uncut(struct sim *sim)
{
    for (size_t i = 0; i < sim->settings.members; i++)
        sim->members[i].link.cut = false;
}

static void at_renewal_cut(struct sim *sim, enum sim_moment moment, struct member *member)
{
    (void)member;
    if (moment != SIM_SCHEDULED || sim->hook_state++ > 0)
        return;
    for (size_t i = 0; i < sim->settings.members; i++)
        sim->members[i].link.cut = i % 10 < 3;
    sim_at(sim, sim->outage, uncut);
}

static void network_splits(struct sim *sim)
{
    sim->hook = at_renewal_cut;
}

static void lose_replica(struct sim *sim)
{
    if (sim->store.replica != NULL)
        store_model_free(sim->store.replica);
    sim->store.replica = NULL;
}

/* The replica takes over: it has nothing of the last lease, and of what followed. */
static void fail_over(struct sim *sim)
{
    MUST(sim->store.replica != NULL);
    store_model_free(sim->store.model);
    sim->store.model = sim->store.replica;
    sim->store.replica = NULL;
    sim->store.ahead += sim->turn / MILLISECOND;
    store_out_now(sim);
}

static void before_failover(struct sim *sim, enum sim_moment moment, struct member *member)
{
    (void)member;
    if (sim->hook_state > 1)
        return;
    if (moment == SIM_ASKING && sim->hook_state == 0) {
        lose_replica(sim);
        sim->store.replica = store_model_copy(sim->store.model);
    } else if (moment == SIM_YOURS) {
        sim->hook_state = 1;
    } else if (moment == SIM_PUT) {
        sim->hook_state = 2;
        sim_at(sim, 2 * MILLISECOND, fail_over);
    }
}

static void store_fails_over(struct sim *sim)
{
    sim->hook = before_failover;
}

static void pause_at(struct sim *sim, bool now, struct member *member)
{
    if (!now || sim->hook_state > 0)
        return;
    sim->hook_state = 1;
    member->paused_until = sim->now + sim->outage;
}

static void at_lease(struct sim *sim, enum sim_moment moment, struct member *member)
{
    pause_at(sim, moment == SIM_YOURS, member);
}

static void at_grant(struct sim *sim, enum sim_moment moment, struct member *member)
{
    pause_at(sim, moment == SIM_GRANTED, member);
}

static void leader_pauses(struct sim *sim)
{
    sim->hook = at_lease;
}

static void leader_pauses_late(struct sim *sim)
{
    sim->hook = at_grant;
}

static void revoke_while_out(struct sim *sim)
{
    store_out_now(sim);
    sim_at(sim, MINUTE, issuer_revoke);
}

static void flush(struct sim *sim)
{
    store_model_flush(sim->store.model);
}

static void forget(struct sim *sim)
{
    issuer_leak(sim);
    keeper_forget(sim->members[0].keeper, member_now(&sim->members[0]));
}

static void misguide(struct sim *sim)
{
    sim->members[0].misguided = true;
    lookups_check(&sim->members[0]);
}

/* One after another, all within ten minutes. */
static void restart_next(struct sim *sim)
{
    const int64_t members = (int64_t)sim->settings.members;

    member_restart(&sim->members[sim->hook_state++]);
    if (sim->hook_state < members)
        sim_at(sim, 10 * MINUTE / members, restart_next);
}

/* ---- the table ---- */

const struct scenario scenarios[] = {
    {"calm-late", "calm, 5 min of an hour ahead", "6; 1; 1; none 0", 6 * HOUR, LATE, DEFAULT_ALONE,
     .happens = NULL},
    {"calm", "calm", "13", 6 * HOUR, HALF, DEFAULT_ALONE, .happens = NULL},
    {"calm-each", "calm, each for itself", "6,673; 25; 1,120", 6 * HOUR, LATE, .no_fleet = true},
    {"calm-deaf", "calm, no hint arrives", NULL, 6 * HOUR, HALF, DEFAULT_ALONE, .hint_loss = 1},
    {"clocks", "clocks +-5 min", "no harm", 6 * HOUR, HALF, DEFAULT_ALONE, .skew = 5 * MINUTE},
    {"short", "tokens of 299 s", "no harm", 6 * HOUR, HALF, DEFAULT_ALONE,
     .lifetime = 299 * SECOND},
    {"short-clocks", "tokens of 299 s, clocks +-5 min", "no harm", 6 * HOUR, HALF, DEFAULT_ALONE,
     .lifetime = 299 * SECOND, .skew = 5 * MINUTE},
    {"out-2-late", "store out 2 min, 5 min ahead", "33; 3; 27", 6 * HOUR, LATE, ANY,
     .outage = 2 * MINUTE, .happens = store_goes_out},
    {"out-10-late", "store out 10 min, 5 min ahead", "1,124; 8; 444", 6 * HOUR, LATE, ANY,
     .outage = 10 * MINUTE, .happens = store_goes_out},
    {"out-10", "store out 10 min", "16; 1; 4", 6 * HOUR, HALF, ANY, .outage = 10 * MINUTE,
     .happens = store_goes_out},
    {"out-25", "store out 25 min", "12; 1; 2", 6 * HOUR, HALF, ANY, .outage = 25 * MINUTE,
     .happens = store_goes_out},
    {"out-90-late", "store out 90 min, 5 min ahead", "2,228; 8; 444", 6 * HOUR, LATE, ANY,
     .outage = 90 * MINUTE, .happens = store_goes_out},
    {"out-90", "store out 90 min", "2,203; 9; 444", 6 * HOUR, HALF, ANY, .outage = 90 * MINUTE,
     .happens = store_goes_out},
    {"out-90-300", "store out 90 min, 5 min ahead, alone = 300", "845; 9; 298; none 58 %", 6 * HOUR,
     LATE, 300, .outage = 90 * MINUTE, .happens = store_goes_out},
    {"out-90-60", "store out 90 min, alone = 60", NULL, 6 * HOUR, HALF, DEFAULT_ALONE,
     .outage = 90 * MINUTE, .happens = store_goes_out},
    {"errors-25", "store answers with errors for 25 min", NULL, 6 * HOUR, HALF, ANY,
     .outage = 25 * MINUTE, .happens = store_has_errors},
    {"cut-90-late", "30 % cut off 90 min, 5 min ahead", "681; 4; 139", 6 * HOUR, LATE, ANY,
     .outage = 90 * MINUTE, .happens = network_splits},
    {"cut-90", "30 % cut off 90 min", NULL, 6 * HOUR, HALF, ANY, .outage = 90 * MINUTE,
     .happens = network_splits},
    {"failover-late", "failover 2 ms after the put, 12 s, 5 min ahead", "8; 1; 3", 6 * HOUR, LATE,
     ANY, .outage = 12 * SECOND, .happens = store_fails_over},
    {"failover", "failover 2 ms after the put, 12 s", NULL, 6 * HOUR, HALF, DEFAULT_ALONE,
     .outage = 12 * SECOND, .happens = store_fails_over},
    {"failover-ahead", "the same, to a clock 60 s ahead", NULL, 6 * HOUR, HALF, DEFAULT_ALONE,
     .outage = 12 * SECOND, .turn = MINUTE, .happens = store_fails_over},
    {"failover-behind", "the same, to a clock 60 s behind", NULL, 6 * HOUR, HALF, DEFAULT_ALONE,
     .outage = 12 * SECOND, .turn = -MINUTE, .happens = store_fails_over},
    {"pause-late", "leader paused 60 s before asking, 5 min ahead", "8; 1; 2", 6 * HOUR, LATE, ANY,
     .outage = MINUTE, .happens = leader_pauses},
    {"pause-token-late", "leader paused 60 s with its token, 5 min ahead", "7; put late", 6 * HOUR,
     LATE, ANY, .outage = MINUTE, .happens = leader_pauses_late},
    {"revoked", "revoked", "1; 1; -; 401s 5,614; 0.33 s", 2 * MINUTE, HALF, DEFAULT_ALONE,
     .happens = issuer_revoke},
    {"revoked-deaf", "revoked, no hint arrives", NULL, 2 * MINUTE, HALF, DEFAULT_ALONE,
     .hint_loss = 1, .happens = issuer_revoke},
    {"revoked-each", "revoked, each for itself", "1,000; 837; -; 401s 9,697; 9.2 s", 2 * MINUTE,
     LATE, .no_fleet = true, .happens = issuer_revoke},
    {"revoked-out", "revoked while the store is out", "1,111; 85; -; 401s 59,198; 12.1 s",
     12 * MINUTE, HALF, ANY, .outage = 10 * MINUTE, .happens = revoke_while_out},
    {"revoked-out-60", "the same, alone = 60", NULL, 12 * MINUTE, HALF, DEFAULT_ALONE,
     .outage = 10 * MINUTE, .happens = revoke_while_out},
    {"endpoint-late", "token endpoint down 20 min, 5 min ahead", "41; 1; 6; none 17.9 M",
     25 * MINUTE + 48 * MINUTE, LATE, ANY, .outage = 20 * MINUTE, .happens = endpoint_goes_down},
    {"endpoint", "token endpoint down 20 min", NULL, HOUR, HALF, DEFAULT_ALONE,
     .outage = 20 * MINUTE, .happens = endpoint_goes_down},
    {"endpoint-each", "token endpoint down 20 min, each for itself",
     "40,681; 735; 5,852; none 17.6 M", 25 * MINUTE + 48 * MINUTE, LATE, .no_fleet = true,
     .outage = 20 * MINUTE, .happens = endpoint_goes_down},
    {"start", "all start at once", NULL, 2 * MINUTE, HALF, DEFAULT_ALONE, .happens = NULL},
    {"start-out", "all start while the store is out", "1,108; 78", 2 * MINUTE, HALF, ANY,
     .store_out = true},
    {"single", "issuer keeps one token a client, 2 h", "2; 1; -; 401s 7,825", 2 * HOUR, LATE,
     DEFAULT_ALONE, .single = true},
    {"restarts", "all restarted within 10 min", NULL, 20 * MINUTE, HALF, DEFAULT_ALONE,
     .happens = restart_next},
    {"forgotten", "forgotten by hand", NULL, 2 * MINUTE, HALF, DEFAULT_ALONE, .happens = forget},
    {"misguided", "one member gets a 401 for each lookup, 2 h", NULL, 2 * HOUR, HALF, DEFAULT_ALONE,
     .happens = misguide},
    {"flush", "FLUSHALL", NULL, 6 * HOUR, HALF, DEFAULT_ALONE, .happens = flush},
};
const size_t scenario_count = ARRAY_LEN(scenarios);

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}

/* ---- running one ---- */

static int compare_times(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* Seconds until so many members had another token. */
static double cured_after(struct sim *sim, size_t members)
{
    if (sim->hurt_at < 0)
        return -1;
    for (size_t i = 0; i < sim->settings.members; i++) {
        if (sim->cured[i] < 0)
            sim->cured[i] = sim->now;
    }
    qsort(sim->cured, sim->settings.members, sizeof(*sim->cured), compare_times);
    return (double)(sim->cured[members - 1] - sim->hurt_at) / (double)SECOND;
}

static void sum(struct sim *sim, struct figures *out)
{
    sim_sum(sim);
    const double seconds = (double)(sim->now - sim->count.since) / (double)SECOND;
    const double members = (double)sim->settings.members;
    *out = (struct figures){
        .requests = sim->count.requests,
        .concurrent = sim->count.concurrent,
        .minute = sim->count.minute,
        .lacking = sim->count.lacking * SIM_LOOKUPS,
        .share = sim->count.lacking / (seconds * members),
        .refused = sim->count.refused,
        .cured = cured_after(sim, sim->settings.members),
        .half = cured_after(sim, (sim->settings.members + 1) / 2),
        .commands = (double)sim->count.commands / seconds,
        .puts = sim->count.puts,
        .late = sim->count.late,
        .overrun = (double)sim->count.overrun / (double)SECOND,
    };
}

void scenario_run(const struct scenario *scenario, size_t members, double failures, uint64_t seed,
                  struct figures *out)
{
    const struct sim_settings settings = {
        .seed = seed,
        .members = members,
        .lifetime = scenario->lifetime > 0 ? scenario->lifetime : HOUR,
        .renew = scenario->renew,
        .early = 5 * MINUTE,
        .alone = scenario->alone,
        .look_interval = 5 * MINUTE,
        .skew = scenario->skew,
        .hint_loss = scenario->hint_loss,
        .failures = failures,
        .single = scenario->single,
        .store_out = scenario->store_out,
        .no_fleet = scenario->no_fleet,
    };
    struct sim *sim = sim_new(&settings);

    sim->outage = scenario->outage;
    sim->turn = scenario->turn;
    sim_start(sim);
    if (strncmp(scenario->name, "start", strlen("start")) != 0) {
        sim_run(sim, CALM);
        sim_measure(sim);
    }
    if (scenario->happens != NULL)
        scenario->happens(sim);
    sim_run(sim, scenario->duration);
    sum(sim, out);
    sim_free(sim);
}
