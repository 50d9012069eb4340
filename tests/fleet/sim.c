/* The whole: chance, the clock, and what is measured. */
#include "sim.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

/* The store's clock when ours begins, in ms since 1970. */
#define STORE_EPOCH INT64_C(1790000000000)

/* ---- chance ---- */

uint64_t chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double share(struct chance *chance)
{
    return (double)(chance_next(chance) >> 11) / (double)(UINT64_C(1) << 53);
}

int64_t chance_upto(struct chance *chance, int64_t most)
{
    return (int64_t)((double)most * share(chance));
}

bool chance_is(struct chance *chance, double part)
{
    return share(chance) < part;
}

/* Exponential, by the product of uniform numbers (von Neumann): no logarithm is needed. */
int64_t chance_until(struct chance *chance, int64_t per_second)
{
    for (int64_t whole = 0;; whole++) {
        const double first = share(chance);
        double last = first;
        unsigned falling = 1;
        for (double next; (next = share(chance)) < last; last = next)
            falling++;
        if (falling % 2 == 1)
            return (int64_t)(((double)whole + first) * (double)SECOND) / per_second;
    }
}

/* ---- life ---- */

struct sim *sim_new(const struct sim_settings *settings)
{
    struct sim *sim = mem_zalloc(sizeof(*sim));

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    sim->settings = *settings;
    sim->chance.state = settings->seed;
    sim->store.model = store_model_new(store_publish, sim);
    sim->store.out = settings->store_out;
    sim->store.ahead = STORE_EPOCH;
    sim->hurt_at = -1;
    sim->members = mem_zalloc(settings->members * sizeof(*sim->members));
    sim->cured = mem_zalloc(settings->members * sizeof(*sim->cured));
    for (size_t i = 0; i < settings->members; i++)
        member_init(&sim->members[i], sim, i);
    return sim;
}

void sim_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->settings.members; i++)
        member_fini(&sim->members[i]);
    events_fini(&sim->events);
    store_model_free(sim->store.model);
    if (sim->store.replica != NULL)
        store_model_free(sim->store.replica);
    mem_free(sim->issuer.times);
    mem_free(sim->issuer.expiry);
    mem_free(sim->members);
    mem_free(sim->cured);
    mem_free(sim);
}

static void start_member(void *arg, void *what)
{
    (void)what;
    member_start(arg);
}

void sim_start(struct sim *sim)
{
    for (size_t i = 0; i < sim->settings.members; i++)
        events_add(&sim->events, chance_upto(&sim->chance, SECOND), start_member, &sim->members[i],
                   NULL);
}

void sim_run(struct sim *sim, int64_t duration)
{
    const int64_t end = sim->now + duration;
    struct event event;

    while (events_next(&sim->events) <= end && events_take(&sim->events, &event)) {
        MUST(event.at >= sim->now);
        sim->now = event.at;
        event.fire(event.arg, event.what);
    }
    sim->now = end;
}

/* ---- steps of a scenario ---- */

struct step {
    void (*step)(struct sim *sim);
};

static void fire_step(void *arg, void *what)
{
    struct step *step = what;

    step->step(arg);
    mem_free(step);
}

void sim_at(struct sim *sim, int64_t delay, void (*step)(struct sim *sim))
{
    struct step *planned = mem_alloc(sizeof(*planned));

    planned->step = step;
    events_add(&sim->events, sim->now + delay, fire_step, sim, planned);
}

void sim_notice(struct sim *sim, enum sim_moment moment, struct member *member)
{
    if (sim->hook != NULL)
        sim->hook(sim, moment, member);
}

/* ---- counts ---- */

void sim_measure(struct sim *sim)
{
    sim_sum(sim);
    sim->count = (struct sim_count){.since = sim->now};
    sim->issuer.window = sim->issuer.requests;
}

void sim_sum(struct sim *sim)
{
    for (size_t i = 0; i < sim->settings.members; i++)
        member_account(&sim->members[i]);
}
