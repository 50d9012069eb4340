/*
 * The keeper: one for each upstream, on the main loop. It owns the token's life: fetches, renewal
 * ahead, backoff, budget, and the verdict on a 401. It alone asks the token endpoint, one request
 * at a time, so that however many lookups wait in however many workers there is a single flight.
 *
 * It is a machine without a loop: what it needs of the world (to fetch, to publish, to be woken)
 * are the functions in struct keeper_ports, and every entry takes `now`. So a unit test runs a
 * day of renewals in an instant, and token/service wires it to the real loop.
 *
 * What it says goes to all workers as an immutable struct token_view; what they say comes as the
 * calls below (token/source.h mails them).
 *
 * keeper_rejected: a 401 for generation N, sent at S. The first of these that holds is the verdict:
 *
 *   - N is not the present token. The view that the worker has by the time it hears this settles
 *     it: KEEPER_SUCCESSOR.
 *   - A lookup sent with N after S succeeded. The token stays: KEEPER_STAYS.
 *   - A request is under way. Its response is waited for, and it counts as a replacement:
 *     KEEPER_REPLACING.
 *   - A replacement began less than 30 s ago. The token stays, suspect; 401s get 502:
 *     KEEPER_KEPT_SUSPECT.
 *   - The keeper is backing off after a failure: KEEPER_BACKING_OFF.
 *   - The budget is used up. The token is suspect for 30 s, or until the budget has room:
 *     KEEPER_KEPT_SUSPECT.
 *   - A replacement begins: KEEPER_REPLACING.
 *
 * keeper_succeeded: a 2xx with the suspect token, which is no longer suspect. The 30 s go on: a
 * further 401 is KEEPER_KEPT_SUSPECT without a request, and the token does not become suspect
 * again.
 *
 * A replacement that brings the same value again leaves the token, suspect. One that fails leaves
 * it too, not suspect; the rejected lookups get 503.
 *
 * A member of a fleet may be told KEEPER_HELD: nobody is asked now. If another member's request
 * failed (KEEPER_HOLD_WAIT), it is as if ours had. Else a token at hand goes on, but after a 401
 * it is suspect for the time of the hold, 30 s at most.
 *
 * Charged to the budget: a request caused by a 401, by hand, after a forget, or made again after
 * an HTTP response that was a failure. Not charged: the first, renewals on schedule, attempts after
 * one that got no HTTP response, and asking again after the same dying token. With a budget of 0 an
 * HTTP response that is a failure is the end of asking, until a restart, or a reload that changes
 * the budget or the credentials.
 *
 * What the machine remembers is in token/keeper_internal.h.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_KEEPER_H
#define TOKEN_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/store.h"
#include "token/backoff.h"
#include "token/cause.h"
#include "token/token.h"
#include "token/view.h"
#include "token/wish.h"

struct keeper;

/* At most one replacement because of a 401 in this time. */
#define KEEPER_REPLACEMENT_INTERVAL (30 * SECOND)
/* The least time from a grant to the next request on schedule, however short the token lives. */
#define KEEPER_PACE BACKOFF_FIRST
/* Wait after a response that blames the request (400, 401, 403, an error in a 200). */
#define KEEPER_REJECTED_WAIT (60 * SECOND)
/* Retry-After of a token endpoint is honoured up to this. */
#define KEEPER_RETRY_AFTER_MAX (1 * HOUR)
/* What callers are told to wait while the fleet's store is out: it is tried again as often. */
#define KEEPER_RETRY_AFTER_ALONE (30 * SECOND)

/* How a request to the token endpoint ended. */
enum keeper_result_kind {
    KEEPER_GRANTED,
    KEEPER_SHARED,      /* another member of the fleet asked for it: nobody here is charged */
    KEEPER_HELD,        /* nobody was asked, for the fleet's sake; uncharged */
    KEEPER_NO_RESPONSE, /* no HTTP response: no connection, timed out, DNS, TLS */
    KEEPER_FAILED,      /* an HTTP response that is no grant */
    KEEPER_REJECTED,    /* a response that blames the request, with every secret we have */
};

/* Why nobody was asked. What it says of the next request: not before `hold` has passed. */
enum keeper_hold {
    KEEPER_HOLD_LATER,    /* nothing is wrong: the present token lasts until then. No log line */
    KEEPER_HOLD_WAIT,     /* another member's request failed: as a failure of our own */
    KEEPER_HOLD_UNOPENED, /* its token cannot be opened here: likewise */
    KEEPER_HOLD_RECENT,   /* one was requested because of a 401 just now: the token is suspect */
    KEEPER_HOLD_BUDGET,   /* the fleet's auth_budget is used up; after a 401 the token is suspect */
    KEEPER_HOLD_ALONE,    /* the store cannot be reached, and `alone` allows us no request */
};

struct keeper_result {
    enum keeper_result_kind kind;
    struct token_grant grant; /* KEEPER_GRANTED, KEEPER_SHARED; borrowed */
    enum keeper_hold held;    /* KEEPER_HELD */
    int64_t hold;             /* KEEPER_HELD: ns */
    struct token_cause cause; /* why it failed, for callers */
    int64_t retry_after;      /* ns; 0: none was given */
    const char *event;        /* what the log says of a failure; NULL: that the request failed */
    const char *reason;       /* why it failed, for logs and /tokens; nothing in it is raw */
    const char *guid;         /* what the request went under, for the log; NULL: not known */
};

struct keeper_ports {
    void *arg;
    /*
     * Asks the token endpoint; keeper_fetched is called once later, never from within. `guid` of
     * the lookup that caused it, or NULL: one of its own is made.
     */
    void (*fetch)(void *arg, enum token_wish wish, const char *guid);
    /* To all workers; the port takes references of its own. */
    void (*publish)(void *arg, struct token_view *view);
    /* keeper_tick at `when`; one wake-up at a time, MONO_NEVER for none. */
    void (*wake)(void *arg, struct mono_time when);
    /* 0 to UINT32_MAX, uniformly: for jitter. */
    uint32_t (*random)(void *arg);
};

struct keeper_settings {
    const char *upstream;  /* NAME; copied, as is all here */
    size_t index;          /* the upstream's in the metrics; as NAME, it never changes */
    const char *store_key; /* auth_token_key */
    int64_t early_expiry;
    int64_t renew; /* a fleet's: percent of the lifetime after which it renews; 0: early_expiry */
    bool prefetch;
    int64_t budget; /* requests an hour */
    size_t workers;
};

/*
 * The store and what the ports point to outlive the keeper. The store has room for one item of the
 * keeper's. No port but random is called before keeper_start.
 */
struct keeper *keeper_new(const struct keeper_settings *settings, const struct keeper_ports *ports,
                          struct store *store);
/* The token stays in the store. */
void keeper_free(struct keeper *keeper);

/* The upstream's index, as given. Any thread. */
size_t keeper_index(const struct keeper *keeper);

/*
 * Between new and start: a token kept across a restart, asked for at `requested`. False when it has
 * run out by now; then nothing has changed.
 */
bool keeper_restore(struct keeper *keeper, const struct token_grant *grant,
                    struct mono_time requested, struct mono_time now);

/* Publishes the first view (the sources must be there), and fetches when prefetch is on. */
void keeper_start(struct keeper *keeper, struct mono_time now);

/*
 * A reload that changed the token request. The caller has renewed what is behind ports->fetch, so a
 * request under way is lost and is made again, uncharged. A wait after a failure ends, for the
 * reload may have cured it. The token is kept unless `drop`: the credentials changed; then nothing
 * is held against the new ones. New are early_expiry (for tokens to come), prefetch and budget; the
 * rest of the settings stays.
 */
void keeper_reconfigure(struct keeper *keeper, const struct keeper_settings *settings, bool drop,
                        struct mono_time now);

/*
 * A reload that left the token request as it is, so that one under way goes on: it takes the same
 * settings. Waits after a failure go on too, or every reload would cost a request.
 */
void keeper_adjust(struct keeper *keeper, const struct keeper_settings *settings,
                   struct mono_time now);

/*
 * A worker whose view is `sequence` gave out a token in its refresh window, or has lookups waiting
 * and no usable one. Ignored when a newer view is on its way; else a request is made as soon as the
 * waits allow, and another view follows in every case.
 */
void keeper_wanted(struct keeper *keeper, uint64_t sequence, const char *guid,
                   struct mono_time now);

enum keeper_verdict {
    KEEPER_SUCCESSOR,    /* it is not the present token any more; look at the view */
    KEEPER_STAYS,        /* repeat with the same token */
    KEEPER_REPLACING,    /* wait for a view that counts one more request as ended */
    KEEPER_KEPT_SUSPECT, /* 502 */
    KEEPER_BACKING_OFF,  /* 503 with Retry-After; see the view's retry_at */
};
/*
 * *succeeded_at: when the latest lookup that succeeded with the present token was sent; {0} for
 * none, and with KEEPER_SUCCESSOR. Lookups sent before it may repeat with the token, whatever the
 * verdict is.
 */
enum keeper_verdict keeper_rejected(struct keeper *keeper, uint64_t generation,
                                    struct mono_time sent, const char *guid, struct mono_time now,
                                    struct mono_time *succeeded_at);
void keeper_succeeded(struct keeper *keeper, uint64_t generation, struct mono_time now);

/*
 * While the fetch port is at work: may it repeat the request after a response that was a failure
 * (with another secret)? That is charged to the budget.
 */
bool keeper_may_repeat(struct keeper *keeper, const char *guid, struct mono_time now);

/* What the ports bring. */
void keeper_fetched(struct keeper *keeper, const struct keeper_result *result,
                    struct mono_time sent, struct mono_time now);
void keeper_tick(struct keeper *keeper, struct mono_time now);

/*
 * For a fleet. A successor that nobody asked for, as KEEPER_SHARED; it is taken into use when it
 * lasts longer than the present token, or has another value and that one is suspect, being replaced
 * because of a 401, or gone. Whether it was. A request under way goes on. The token that was
 * forgotten last is never taken.
 */
bool keeper_offer(struct keeper *keeper, const struct token_grant *grant,
                  struct mono_time requested, struct mono_time now);
/*
 * What made a KEEPER_HELD may be over: what is due is asked for at once, and after
 * KEEPER_HOLD_ALONE the next 401 is reason for a request again.
 */
void keeper_retry(struct keeper *keeper, struct mono_time now);
/* Another member had it forgotten by hand: as keeper_forget, but the next request is not charged.
 */
void keeper_leaked(struct keeper *keeper, struct mono_time now);

/*
 * By hand (contract 8). Both join a request under way. Refresh: false past the budget. Forget: the
 * request that follows is made at once with prefetch on, else when a lookup asks, but not before a
 * wait after a failure has ended. In a fleet it is made at once in any case, past the budget too,
 * for it tells the others.
 */
bool keeper_refresh(struct keeper *keeper, struct mono_time now);
void keeper_forget(struct keeper *keeper, struct mono_time now);

/* Why tokens leave use: cells of METRIC_TOKEN_EVICTIONS. */
#define KEEPER_EVICTIONS(X)                                                                        \
    X(EVICTED_EXPIRED, "expired")                                                                  \
    X(EVICTED_REPLACED, "replaced")                                                                \
    X(EVICTED_REJECTED, "refused")                                                                 \
    X(EVICTED_FORGOTTEN, "forgotten")
enum keeper_eviction {
#define KEEPER_EVICTION_ENUM(id, name) id,
    KEEPER_EVICTIONS(KEEPER_EVICTION_ENUM)
#undef KEEPER_EVICTION_ENUM
        EVICTED_COUNT
};

/* The states of a token's life, as /tokens and STATUS= name them. */
#define KEEPER_STATES(X)                                                                           \
    X(KEEPER_NONE, "none")                /* no token, and none asked for */                       \
    X(KEEPER_FETCHING, "fetching")        /* no token, a request is under way */                   \
    X(KEEPER_BACKOFF, "backing_off")      /* no token, waiting after a failure */                  \
    X(KEEPER_EXHAUSTED, "budget_used_up") /* no token, and the budget allows no request */         \
    X(KEEPER_VALID, "valid")                                                                       \
    X(KEEPER_RENEWING, "renewing") /* usable, a request is under way */                            \
    X(KEEPER_OVERDUE, "overdue")  /* usable, in its refresh window, and the last request failed */ \
    X(KEEPER_SUSPECT, "in_doubt") /* usable by its dates, rejected by the upstream */
enum keeper_state {
#define KEEPER_STATE_ENUM(id, name) id,
    KEEPER_STATES(KEEPER_STATE_ENUM)
#undef KEEPER_STATE_ENUM
};

/* What /tokens, /readyz, STATUS= and the metrics say. No secret. Strings borrowed until the next
 * call into the keeper. */
struct keeper_status {
    enum keeper_state state;
    const char *state_name;
    /* A usable token; with prefetch off also: none, and a lookup that wants one has it asked for.
     */
    bool ready;
    /* Without a usable token; with prefetch off the first failure after that. {0}: there is one. */
    struct mono_time lacking_since;
    uint64_t generation;                 /* 0: no token yet */
    bool replacement;                    /* that one was asked for because of a 401 */
    char fingerprint[TOKEN_FINGERPRINT]; /* "" without a token */
    int64_t age;                         /* ns since it was asked for */
    int64_t lifetime;                    /* ns */
    int64_t refresh_window;              /* ns before expiry at which it is renewed */
    int64_t expires_in;                  /* ns; may be negative */
    int64_t usable_for;                  /* ns until it is not used any more, short of the expiry */
    /* ns until the next planned request, or, while it is suspect, until a 401 is reason for one;
     * -1: none is planned. */
    int64_t next_request_in;
    unsigned requests_last_hour;
    unsigned charged_last_hour;
    int64_t budget;                   /* auth_budget as configured: charged requests in an hour */
    int64_t budget_left;              /* requests that auth_budget still pays for at this moment */
    struct mono_time exhausted_since; /* the budget rejects requests; {0}: it did not lately */
    bool fleet_exhausted;             /* it was other members' requests too that used it up */
    struct token_cause cause;         /* of the last failure, as callers are told */
    const char *last_error;           /* NULL: none since the last success */
    int64_t last_error_age;           /* ns */
};
void keeper_status(struct keeper *keeper, struct mono_time now, struct keeper_status *out);
/* Is there a token by its dates, whatever the upstream says of it? */
static inline bool keeper_status_has_token(const struct keeper_status *status)
{
    return status->fingerprint[0] != '\0';
}
/* As in struct keeper_status. Any thread. */
const char *keeper_state_name(enum keeper_state state);
/* The present token with a new reference, or NULL: for keeping it across a restart. */
struct token *keeper_token(struct keeper *keeper, struct mono_time now);

#endif
