/*
 * The order is that of certainty. A 401 for the view's own token is answered by what is known of
 * that token, a usable other one ends every wait, and a failure is told to those who waited for
 * that very request, or while none may be made. A store that comes back ends the wait for it early.
 */
#include "token/ticket.h"

struct token_ticket ticket_parked(void)
{
    return (struct token_ticket){.kind = TOKEN_PARKED};
}

static struct token_ticket rejected(const struct token_view *view, struct mono_time now)
{
    return (struct token_ticket){.kind = TOKEN_REJECTED,
                                 .retry_after = mono_diff(view->suspect_until, now),
                                 .cause = &view->cause,
                                 .accepted = view->accepted};
}

static struct token_ticket ready(struct token *token)
{
    return (struct token_ticket){.kind = TOKEN_READY, .token = token_ref(token)};
}

static struct token_ticket unavailable(const struct token_view *view, struct mono_time now)
{
    const bool alone = view->cause.kind == TOKEN_CAUSE_FLEET_ALONE;
    const int64_t most = alone ? KEEPER_RETRY_AFTER_ALONE : KEEPER_RETRY_AFTER_MAX;
    int64_t wait = mono_before(now, view->retry_at) ? mono_diff(view->retry_at, now) : 0;

    return (struct token_ticket){
        .kind = TOKEN_UNAVAILABLE,
        .retry_after = wait < most ? wait : most,
        .cause = &view->cause,
    };
}

struct token *ticket_usable(const struct token_view *view, struct mono_time now)
{
    if (view == NULL || view->token == NULL || !token_usable(view->token, now))
        return NULL;
    return view->token;
}

bool ticket_is_about(const struct token_waiter *waiter, const struct token *token)
{
    return token != NULL && waiter->rejected_generation == token_generation(token);
}

bool ticket_is_blocked(const struct token_view *view, struct mono_time now)
{
    return view->failed && mono_before(now, view->retry_at);
}

/* A request has ended that this waiter waits for. */
static bool is_answered(const struct token_view *view, const struct token_waiter *waiter)
{
    return waiter->awaits != 0 && view->answered >= waiter->awaits;
}

/* A failure is told to all who waited for it, even when the next request may be made at once. */
static bool has_failed(const struct token_view *view, const struct token_waiter *waiter,
                       struct mono_time now)
{
    return ticket_is_blocked(view, now) || (view->failed && is_answered(view, waiter));
}

/* After a 401 for the view's own token: what the view alone tells. */
static struct token_ticket after_rejection(const struct token_view *view,
                                           const struct token_waiter *waiter, struct mono_time now)
{
    if (mono_before(now, view->suspect_until))
        return rejected(view, now);
    if (!is_answered(view, waiter))
        return ticket_parked();
    return view->failed ? unavailable(view, now) : rejected(view, now);
}

struct token_ticket ticket_by_view(const struct token_view *view, const struct token_waiter *waiter,
                                   struct mono_time now)
{
    struct token *token = ticket_usable(view, now);

    if (ticket_is_about(waiter, token))
        return after_rejection(view, waiter, now);
    if (token != NULL)
        return ready(token);
    if (view != NULL && has_failed(view, waiter, now))
        return unavailable(view, now);
    return ticket_parked();
}

struct token_ticket ticket_by_verdict(const struct token_view *view, struct token_waiter *waiter,
                                      const struct ticket_verdict *said, struct mono_time now)
{
    struct token *token = ticket_usable(view, now);

    if (!ticket_is_about(waiter, token) || waiter->rejected_generation != said->generation)
        return ticket_parked();
    if (mono_before(waiter->sent, said->succeeded_at))
        return ready(token);
    switch (said->verdict) {
    case KEEPER_REPLACING:
        waiter->awaits = view->answered + 1;
        return ticket_parked();
    case KEEPER_KEPT_SUSPECT:
        return rejected(view, now);
    case KEEPER_BACKING_OFF:
        return unavailable(view, now);
    case KEEPER_SUCCESSOR:
    case KEEPER_STAYS:
        break;
    }
    return ticket_parked(); /* it was not about this one: it will be asked for */
}
