/* A keeper and a member, wired as the daemon wires them: their ports, timers and clock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim.h"

/* CLOCK_BOOTTIME of a machine that was started a while ago. */
#define UPTIME (1000 * HOUR)
#define STORE_KEY "up_auth_token"

struct mono_time member_now(const struct member *member)
{
    return (struct mono_time){.ns = member->sim->now + member->offset};
}

bool member_is_paused(struct member *member, event_fire *fire, void *what)
{
    if (member->paused_until <= member->sim->now)
        return false;
    events_add(&member->sim->events, member->paused_until, fire, member, what);
    return true;
}

/* ---- timers ---- */

static void fire_timer(struct member *member, struct sim_timer *timer, event_fire *again);

static void fire_keeper(void *arg, void *what)
{
    struct member *member = arg;

    if (!member_is_paused(member, fire_keeper, what))
        fire_timer(member, &member->keeper_timer, fire_keeper);
}

static void fire_fleet(void *arg, void *what)
{
    struct member *member = arg;

    if (!member_is_paused(member, fire_fleet, what))
        fire_timer(member, &member->fleet_timer, fire_fleet);
}

/* One event at a time, the earliest that was wanted. */
static void set_timer(struct member *member, struct sim_timer *timer, struct mono_time when,
                      event_fire *fire)
{
    struct sim *sim = member->sim;

    timer->wanted = when.ns == MONO_NEVER.ns ? INT64_MAX : when.ns - member->offset;
    if (timer->wanted >= timer->queued)
        return;
    timer->queued = timer->wanted > sim->now ? timer->wanted : sim->now;
    events_add(&sim->events, timer->queued, fire, member, NULL);
}

static void fire_timer(struct member *member, struct sim_timer *timer, event_fire *again)
{
    struct sim *sim = member->sim;

    if (sim->now < timer->queued)
        return; /* an earlier one came in between */
    timer->queued = INT64_MAX;
    if (timer->wanted <= sim->now) {
        timer->wanted = INT64_MAX;
        timer->tick(member);
    } else if (timer->wanted != INT64_MAX) {
        timer->queued = timer->wanted;
        events_add(&sim->events, timer->queued, again, member, NULL);
    }
}

static void tick_keeper(struct member *member)
{
    keeper_tick(member->keeper, member_now(member));
}

static void tick_fleet(struct member *member)
{
    fleet_tick(member->fleet, member_now(member));
}

/* ---- the keeper's ports ---- */

static void keeper_wake(void *arg, struct mono_time when)
{
    struct member *member = arg;

    set_timer(member, &member->keeper_timer, when, fire_keeper);
}

static uint32_t draw(void *arg)
{
    return (uint32_t)(chance_next(&((struct member *)arg)->chance) >> 32);
}

static void keeper_fetch(void *arg, enum token_wish wish, const char *guid)
{
    struct member *member = arg;

    if (member->fleet != NULL) {
        fleet_want(member->fleet, wish, guid, member_now(member));
        return;
    }
    if (wish == TOKEN_WISH_SCHEDULE)
        sim_notice(member->sim, SIM_SCHEDULED, member);
    issuer_ask(member);
}

/* As in its value: "t17". */
static uint64_t serial_of(const struct token *token)
{
    const char *value = token_authorization(token) + strlen("Bearer t");
    uint64_t serial = 0;

    MUST(text_parse_u64(value, strlen(value), &serial));
    return serial;
}

static void note_cured(struct member *member)
{
    struct sim *sim = member->sim;

    if (sim->hurt_at >= 0 && sim->cured[member->index] < 0 && member->serial > sim->issuer.leaked &&
        issuer_accepts(sim, member->serial))
        sim->cured[member->index] = sim->now;
}

/* The member reckons from when it asked, so it is never late; but by another's clock it may be. */
static void note_overrun(struct member *member, const struct token *token)
{
    struct sim *sim = member->sim;

    if (token == NULL)
        return;
    const int64_t over =
        token_expires_at(token).ns - member->offset - sim->issuer.expiry[member->serial - 1];
    if (over > sim->count.overrun)
        sim->count.overrun = over;
}

static void keeper_publishes(void *arg, struct token_view *view)
{
    struct member *member = arg;
    const struct token *token = view->token;

    member_account(member);
    token_view_ref(view);
    token_view_unref(member->view);
    member->view = view;
    member->serial = token != NULL ? serial_of(token) : 0;
    member->covered_until = token != NULL ? token_unusable_at(token).ns - member->offset : 0;
    note_overrun(member, token);
    note_cured(member);
    lookups_check(member);
}

void member_account(struct member *member)
{
    struct sim *sim = member->sim;
    const int64_t from =
        member->covered_until > member->looked_at ? member->covered_until : member->looked_at;

    if (sim->now > from)
        sim->count.lacking += (double)(sim->now - from) / (double)SECOND;
    member->looked_at = sim->now;
}

/* ---- the member's ports ---- */

static void fleet_send(void *arg, const struct fleet_command *command)
{
    link_send(arg, command);
}

static void fleet_follow(void *arg, const char *id)
{
    (void)arg;
    (void)id;
}

static void fleet_fetch(void *arg, const char *guid)
{
    (void)guid;
    issuer_ask(arg);
}

static void fleet_answers(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    struct member *member = arg;

    keeper_fetched(member->keeper, result, sent, member_now(member));
}

static void fleet_offers(void *arg, const struct token_grant *grant, size_t which,
                         struct mono_time requested)
{
    struct member *member = arg;

    (void)which;
    (void)keeper_offer(member->keeper, grant, requested, member_now(member));
}

static void fleet_shares(void *arg, size_t which)
{
    (void)arg;
    (void)which;
}

static void fleet_leaks(void *arg)
{
    struct member *member = arg;

    keeper_leaked(member->keeper, member_now(member));
}

static void fleet_retries(void *arg)
{
    struct member *member = arg;

    keeper_retry(member->keeper, member_now(member));
}

static struct token *fleet_present(void *arg)
{
    struct member *member = arg;

    return keeper_token(member->keeper, member_now(member));
}

/* In the place of encryption: what must be the same again is written down. */
#define SEALED_FORM "t%" PRIu64 " %" PRId64 " " SIM_ID " %" PRIu64

static struct secret *fleet_seal(void *arg, const struct token *token, size_t which, const char *id,
                                 uint64_t generation)
{
    char text[128];

    (void)arg;
    (void)which;
    MUST(strcmp(id, SIM_ID) == 0);
    const int len = snprintf(text, sizeof(text), SEALED_FORM, serial_of(token),
                             token_lifetime(token), generation);
    return secret_new(text, (size_t)len);
}

static bool fleet_open(void *arg, const void *sealed, size_t len, size_t which, const char *id,
                       uint64_t generation, struct sealed_token *out)
{
    char text[128], again[128], value[32];
    uint64_t serial;
    int64_t lifetime;

    (void)arg;
    (void)which;
    (void)id;
    snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)sealed);
    MUST(sscanf(text, "t%" SCNu64 " %" SCNd64, &serial, &lifetime) == 2);
    snprintf(again, sizeof(again), SEALED_FORM, serial, lifetime, generation);
    MUST(strcmp(text, again) == 0);
    snprintf(value, sizeof(value), "t%" PRIu64, serial);
    out->type = secret_new("Bearer", strlen("Bearer"));
    out->value = secret_new(value, strlen(value));
    out->grant = (struct token_grant){
        .type = secret_text(out->type), .value = secret_text(out->value), .lifetime = lifetime};
    return true;
}

static void fleet_wake(void *arg, struct mono_time when)
{
    struct member *member = arg;

    set_timer(member, &member->fleet_timer, when, fire_fleet);
}

/* ---- its life ---- */

static struct keeper_settings keeper_settings(const struct member *member)
{
    const struct sim_settings *settings = &member->sim->settings;

    return (struct keeper_settings){
        .upstream = "up",
        .store_key = STORE_KEY,
        .early_expiry = settings->early,
        .renew = settings->no_fleet ? 0 : settings->renew,
        .prefetch = true,
        .budget = 60,
        .workers = 1,
    };
}

static void make_keeper(struct member *member)
{
    const struct keeper_settings settings = keeper_settings(member);
    const struct keeper_ports ports = {
        .arg = member,
        .fetch = keeper_fetch,
        .publish = keeper_publishes,
        .wake = keeper_wake,
        .random = draw,
    };

    member->store = store_new(1);
    member->keeper = keeper_new(&settings, &ports, member->store);
}

static void make_fleet(struct member *member)
{
    const struct sim_settings *settings = &member->sim->settings;
    const struct fleet_settings fleet = {
        .upstream = "up",
        .member = member->name,
        .ids = {SIM_ID},
        .secrets = 1,
        .auth_timeout = SIM_AUTH_TIMEOUT,
        .store_timeout = SIM_STORE_TIMEOUT,
        .budget = 60,
        .alone = settings->alone,
        .look_interval = settings->look_interval,
    };
    const struct fleet_ports ports = {
        .arg = member,
        .send = fleet_send,
        .follow = fleet_follow,
        .fetch = fleet_fetch,
        .answer = fleet_answers,
        .offer = fleet_offers,
        .shared = fleet_shares,
        .leaked = fleet_leaks,
        .retry = fleet_retries,
        .present = fleet_present,
        .seal = fleet_seal,
        .open = fleet_open,
        .wake = fleet_wake,
        .random = draw,
    };

    member->fleet = fleet_new(&fleet, &ports);
}

static void make(struct member *member)
{
    snprintf(member->name, sizeof(member->name), "member-%zu.%08x", member->index,
             (unsigned)draw(member));
    member->keeper_timer = (struct sim_timer){INT64_MAX, INT64_MAX, tick_keeper};
    member->fleet_timer = (struct sim_timer){INT64_MAX, INT64_MAX, tick_fleet};
    make_keeper(member);
    if (!member->sim->settings.no_fleet)
        make_fleet(member);
}

static void destroy(struct member *member)
{
    if (member->keeper == NULL)
        return;
    lookups_free(member);
    if (member->fleet != NULL)
        fleet_free(member->fleet);
    keeper_free(member->keeper);
    token_view_unref(member->view);
    store_free(member->store);
    member->keeper_timer.queued = member->fleet_timer.queued = INT64_MAX;
    member->fleet = NULL;
    member->keeper = NULL;
    member->view = NULL;
    member->serial = 0;
    member->covered_until = 0;
}

void member_init(struct member *member, struct sim *sim, size_t index)
{
    const int64_t skew = sim->settings.skew;

    member->sim = sim;
    member->index = index;
    member->chance.state = sim->settings.seed ^ ((uint64_t)(index + 1) << 32);
    /* Drawn in any case, so that a skew changes nothing else. */
    const int64_t lot = chance_upto(&member->chance, 2000001) - 1000000;
    member->offset = UPTIME + skew / 1000000 * lot;
    make(member);
}

void member_start(struct member *member)
{
    member->looked_at = member->sim->now;
    if (member->fleet != NULL)
        fleet_start(member->fleet, member_now(member));
    keeper_start(member->keeper, member_now(member));
    if (member->fleet != NULL)
        link_start(member);
}

static void start_again(void *arg, void *what)
{
    struct member *member = arg;

    (void)what;
    make(member);
    member_start(member);
}

/* From one process to the next. */
#define RESTART (2 * SECOND)

void member_restart(struct member *member)
{
    if (member->link.state != LINK_UP)
        return;
    member_account(member);
    member->life++;
    link_stop(member);
    destroy(member);
    events_add(&member->sim->events, member->sim->now + RESTART, start_again, member, NULL);
}

/* As a reload does: what was under way is gone, and the keeper asks for it again. */
void member_reload(struct member *member)
{
    const struct keeper_settings settings = keeper_settings(member);

    if (member->fleet == NULL)
        return;
    member->life++;
    fleet_free(member->fleet);
    make_fleet(member);
    fleet_start(member->fleet, member_now(member));
    link_join(member);
    keeper_reconfigure(member->keeper, &settings, false, member_now(member));
}

void member_fini(struct member *member)
{
    destroy(member);
}
