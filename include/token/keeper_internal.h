/*
 * What a keeper remembers, and the steps its files share. For src/token/keeper*.c alone.
 *
 * Everything the keeper decides is worked out from these facts and `now`; what it publishes and
 * reports is too. The rules for that are few:
 *
 *   - The present token is what the store yields under store_key. It is stored until it becomes
 *     unusable, so there is nothing to check and nothing to forget.
 *   - Requests begin in one place, keeper_ask, which charges the budget.
 *   - A view is made in one place, keeper_publish; tokens that left use are counted there.
 *   - Every entry ends with keeper_settle: it begins what is due and plans the next wake-up.
 *
 * keeper.c has these steps and what others call; keeper_response.c what a request's end does;
 * keeper_obtained.c what is done with a token, however it came;
 * keeper_rejected.c the verdict on a 401; keeper_fleet.c what a fleet adds; keeper_status.c what is
 * told to operators.
 */
#ifndef TOKEN_KEEPER_INTERNAL_H
#define TOKEN_KEEPER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/ctx.h"
#include "storage/store.h"
#include "token/backoff.h"
#include "token/budget.h"
#include "token/cause.h"
#include "token/keeper.h"
#include "token/token.h"

#define KEEPER_MAGIC 0x4b33be51u

/* How the last request ended. What it says of the next one: */
enum keeper_standing {
    STANDING_FINE,        /* nothing: none was made, or it brought a token with a future */
    STANDING_STALLED,     /* it brought nothing that lasts longer: wait, uncharged */
    STANDING_NO_RESPONSE, /* no HTTP response: wait, uncharged */
    STANDING_DENIED,      /* an HTTP response that is no grant: wait, charged */
    STANDING_HELD,        /* nobody was asked, and `held` says why: wait, uncharged here */
};

struct keeper_flight {
    bool under_way;
    bool rejected; /* a 401 began it, or waits for it */
    bool by_hand;  /* an operator began it, or waits for it */
    bool forgot;   /* an operator had the token forgotten meanwhile */
    bool offered;  /* a successor was taken meanwhile that nobody had asked for */
    enum token_wish wish;
    struct mono_time began;
    bool charged;            /* as it was noted in the budget, at `began` */
    bool exhausted;          /* the budget was, up to then */
    char guid[GUID_MAX + 1]; /* of the lookup that caused it; "": none did */
};

struct keeper {
    unsigned magic;

    char *upstream;
    size_t index; /* the upstream's, in the metrics */
    char *store_key;
    struct token_renewal renewal;
    bool prefetch;
    size_t workers;
    struct keeper_ports ports;
    struct store *store;

    struct token_view *view; /* the last one; the workers have it or will have it */
    uint64_t generation;     /* of the latest new value */
    bool replacement;        /* that one was asked for because of a 401 */
    uint64_t answered;       /* requests that have ended */
    /* The token last taken into use, though it may have run out: what a grant is compared with, and
     * never given away from here. NULL: none, or it was forgotten. */
    struct token *last;
    struct mono_time lacking_since; /* no token can be used; {0}: the present one can */
    struct mono_time failing_since; /* the first request since a good one that brought nothing */

    struct keeper_flight flight;
    enum keeper_standing standing;
    enum keeper_hold held;       /* STANDING_HELD */
    bool held_logged;            /* since the last grant */
    struct mono_time not_before; /* no request on schedule before this */
    struct backoff backoff;
    struct budget budget;
    bool forgotten; /* the next request follows a forget */
    /* Of the token that was forgotten last, here or elsewhere; "": none was. */
    char forgotten_fingerprint[TOKEN_FINGERPRINT];
    bool exhausted; /* the budget, or the fleet's, rejected a request, and none was made since */
    struct mono_time exhausted_since; /* the first of them */

    bool wanted; /* a worker asked for more than the last view */
    char wanted_guid[GUID_MAX + 1];

    struct mono_time replace_again_at; /* 30 s after the last replacement for a 401 began */
    struct mono_time suspect_until;    /* {0}: the present token is not suspect */
    bool suspicion_ended;              /* a success ended it: this token is not suspected again */

    struct token_cause cause; /* of the last request's failure; its budget is not kept here */
    char *last_error;         /* NULL: none since the last grant */
    struct mono_time last_error_at;
    struct mono_time exhausted_quiet; /* until then the spent budget is not logged again */
    bool shrunk_logged;
};

/* A new reference, or NULL. */
struct token *keeper_present(const struct keeper *keeper, struct mono_time now);
/* The last request failed, or nobody makes one because another member's failed. */
bool keeper_failing(const struct keeper *keeper);
/* The last request brought what it should, or nobody was asked because nothing is lacking. */
bool keeper_is_well(const struct keeper *keeper);
/* What callers are told of why there is no token, or no better one. */
struct token_cause keeper_cause(const struct keeper *keeper, struct mono_time now);
bool keeper_is_suspect(const struct keeper *keeper, struct mono_time now);
/* When the next request on schedule is made; MONO_NEVER while one is under way or none is meant. */
struct mono_time keeper_due(const struct keeper *keeper, struct mono_time now);

/*
 * Asks the token endpoint; none may be under way. What came before may make it charged, or the
 * wish another one. False, and nothing was asked: the budget has no room.
 */
bool keeper_ask(struct keeper *keeper, enum token_wish wish, const char *guid,
                struct mono_time now);
/* `reason`: why a token left use, if one that could be used did. */
void keeper_publish(struct keeper *keeper, enum keeper_eviction reason, struct mono_time now);
void keeper_settle(struct keeper *keeper, struct mono_time now);
/* Endpoints round the seconds that are left. */
#define KEEPER_ROUNDING (1 * SECOND)
/* Cells of METRIC_TOKEN_REQUESTS. */
enum { KEEPER_CELL_GRANTED, KEEPER_CELL_FAILED, KEEPER_CELL_SHARED };

/* What /tokens says went wrong last; NULL: nothing. */
void keeper_note_error(struct keeper *keeper, const char *reason, struct mono_time now);

/* A token of the grant; one reference. It has the generation of the last one if it is the same. */
struct token *keeper_make_token(struct keeper *keeper, const struct token_grant *grant,
                                struct mono_time requested, bool same);
/* The grant's value is that of the token last taken into use. */
bool keeper_has_had(const struct keeper *keeper, const struct token_grant *grant);
/* It expires later than the token last taken into use. */
bool keeper_lasts_longer(const struct keeper *keeper, const struct token *token, bool same);
/* Makes it the present token. `replacement`: because of a 401. */
void keeper_take(struct keeper *keeper, struct token *token, bool same, bool replacement);
/* Nothing has to be waited for. */
void keeper_be_fine(struct keeper *keeper, struct mono_time now);
/* The same, for the token is good; a line says so. `shared`: another member
 * asked for it. */
void keeper_obtained(struct keeper *keeper, const struct token *token, const char *guid,
                     bool shared, struct mono_time now);

/* In the metrics: a token that another member asked for. */
void keeper_count_shared(const struct keeper *keeper);
/*
 * KEEPER_HELD, but the fleet was asked for something else than what is wanted by now (a 401 came
 * meanwhile, say): asks again. False: it was asked for that, or the budget has no room.
 */
bool keeper_ask_anew(struct keeper *keeper, struct mono_time now);
void keeper_held(struct keeper *keeper, const struct keeper_result *result, struct mono_time now);

/* Stores a token as the present one; takes references of its own. */
void keeper_use(struct keeper *keeper, struct token *token);
/* Removes the present token, and what is remembered of it. */
void keeper_drop(struct keeper *keeper);
/* Nothing is held against the present token any more. */
void keeper_trust(struct keeper *keeper);
/* Makes the present token suspect, unless it is or a success ended that: false. No view is made. */
bool keeper_suspect(struct keeper *keeper, struct mono_time until, struct mono_time now);
/* A line with the upstream's name. guid NULL or "": none. */
void keeper_log(const struct keeper *keeper, enum log_level level, const char *guid,
                const char *message, const struct log_field *fields, size_t count);

#endif
