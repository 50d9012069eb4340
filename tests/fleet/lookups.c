/*
 * Lookups of a member, one every 50 ms on average, while there is something to learn from them: its
 * token is refused, or suspect. They are told what token/ticket.h says, and speak with the keeper
 * as token/source.c does. A lookup that gets a 401 is repeated once.
 *
 * Lookups with a good token, and lookups without any, are no events: the former change nothing, and
 * of the latter the time is measured.
 */
#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim.h"
#include "token/ticket.h"

/* Of the upstream, one way. */
#define UPSTREAM (15 * MILLISECOND)
/* request_timeout: a lookup that waits longer ends. */
#define PATIENCE (10 * SECOND)
#define WAITERS 1024

/* A lookup that waits for a verdict, or for a successor. */
struct waiter {
    struct token_waiter ticket;
    struct waiter *prev, *next;
    int64_t began;
};

struct attempt {
    uint64_t life;
    uint64_t serial; /* of its token; 0: that got a 401 */
    uint64_t generation;
    struct mono_time sent;
    bool again;
};

static void arrive(void *arg, void *what);

static bool has_something_to_learn(const struct member *member)
{
    const struct mono_time now = member_now(member);

    return ticket_usable(member->view, now) != NULL &&
           (member->misguided || !issuer_accepts(member->sim, member->serial) ||
            mono_before(now, member->view->suspect_until));
}

static void plan(struct member *member)
{
    struct sim *sim = member->sim;

    events_add(&sim->events, sim->now + chance_until(&member->chance, SIM_LOOKUPS), arrive, member,
               NULL);
}

/* ---- a lookup ---- */

static void refused(struct member *member, const struct attempt *attempt);

static void succeeded(struct member *member, const struct attempt *attempt)
{
    const struct mono_time now = member_now(member);
    struct token *present = member->view->token;

    if (present == NULL || token_generation(present) != attempt->generation)
        return;
    token_succeeded(present, 0, attempt->sent);
    if (mono_before(now, member->view->suspect_until))
        keeper_succeeded(member->keeper, attempt->generation, now);
}

static void returned(void *arg, void *what)
{
    struct member *member = arg;
    struct attempt *attempt = what;

    if (member_is_paused(member, returned, what))
        return;
    if (attempt->life == member->life && attempt->serial == 0)
        refused(member, attempt);
    else if (attempt->life == member->life)
        succeeded(member, attempt);
    mem_free(attempt);
}

/* At the upstream: by now it may have been revoked, or not yet. */
static void judged(void *arg, void *what)
{
    struct member *member = arg;
    struct sim *sim = member->sim;
    struct attempt *attempt = what;

    if (member->misguided || !issuer_accepts(sim, attempt->serial)) {
        attempt->serial = 0;
        sim->count.refused++;
    }
    events_add(&sim->events, sim->now + UPSTREAM, returned, member, attempt);
}

/* With the view's token. */
static void look_up(struct member *member, bool again)
{
    struct sim *sim = member->sim;
    struct attempt *attempt = mem_alloc(sizeof(*attempt));

    *attempt = (struct attempt){
        .life = member->life,
        .serial = member->serial,
        .generation = token_generation(member->view->token),
        .sent = member_now(member),
        .again = again,
    };
    events_add(&sim->events, sim->now + UPSTREAM, judged, member, attempt);
}

static void arrive(void *arg, void *what)
{
    struct member *member = arg;

    if (member_is_paused(member, arrive, what))
        return;
    if (!has_something_to_learn(member)) {
        member->looking = false;
        return;
    }
    look_up(member, false);
    plan(member);
}

/* ---- waiting ---- */

static void sweep(struct member *member, const struct ticket_verdict *said)
{
    const struct mono_time now = member_now(member);
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE(member->waiters, waiter, next)
    {
        struct token_ticket ticket = ticket_by_view(member->view, &waiter->ticket, now);
        if (ticket.kind == TOKEN_PARKED && said != NULL)
            ticket = ticket_by_verdict(member->view, &waiter->ticket, said, now);
        if (ticket.kind == TOKEN_PARKED && member->sim->now < waiter->began + PATIENCE)
            continue;
        DL_DELETE(member->waiters, waiter);
        if (ticket.kind == TOKEN_READY)
            look_up(member, true);
        token_unref(ticket.token);
        mem_free(waiter);
    }
}

/* The keeper hears of the first 401 that nobody has judged yet. */
static void complain(struct member *member)
{
    const struct mono_time now = member_now(member);
    struct token *token = ticket_usable(member->view, now);
    const struct waiter *waiter;
    struct ticket_verdict said;

    DL_FOREACH(member->waiters, waiter)
    {
        if (ticket_is_about(&waiter->ticket, token) && waiter->ticket.awaits == 0)
            break;
    }
    if (waiter == NULL)
        return;
    said.generation = waiter->ticket.rejected_generation;
    said.verdict = keeper_rejected(member->keeper, said.generation, waiter->ticket.sent, "guid",
                                   now, &said.succeeded_at);
    sweep(member, &said);
}

/* In a turn of its own, as mail is: the keeper may be at work. */
static void look_again(void *arg, void *what)
{
    struct member *member = arg;

    if (member_is_paused(member, look_again, what))
        return;
    sweep(member, NULL);
    complain(member);
}

static void plan_sweep(struct member *member)
{
    events_add(&member->sim->events, member->sim->now, look_again, member, NULL);
}

static void refused(struct member *member, const struct attempt *attempt)
{
    struct waiter *waiter;

    if (attempt->again)
        return;
    waiter = mem_zalloc(sizeof(*waiter));
    waiter->ticket.rejected_generation = attempt->generation;
    waiter->ticket.sent = attempt->sent;
    waiter->began = member->sim->now;
    DL_APPEND(member->waiters, waiter);
    plan_sweep(member);
}

/* ---- from outside ---- */

void lookups_check(struct member *member)
{
    if (member->waiters != NULL)
        plan_sweep(member);
    if (member->looking || member->view == NULL || !has_something_to_learn(member))
        return;
    member->looking = true;
    plan(member);
}

void lookups_free(struct member *member)
{
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE(member->waiters, waiter, next)
    {
        DL_DELETE(member->waiters, waiter);
        mem_free(waiter);
    }
}
