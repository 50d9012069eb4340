/*
 * What a member of a fleet remembers, and the steps its files share. For src/token/fleet*.c alone:
 *
 *   fleet.c         its life, its entries, and what is due
 *   fleet_steps.c   what the others share
 *   fleet_replies.c what the store's replies and hints do
 *   fleet_alone.c   requests while the store is out of reach
 *
 * Every entry changes facts and ends with fleet_leave, which looks at all of them: it sends what is
 * due and plans the next wake-up. A port may call an entry from within (an answer makes the keeper
 * want the next token); such a call only notes its facts.
 *
 * The keeper's request is answered in one place, fleet_answer, and never within fleet_want.
 */
#ifndef TOKEN_FLEET_INTERNAL_H
#define TOKEN_FLEET_INTERNAL_H

#include "runtime/ctx.h"
#include "token/fleet.h"

#define FLEET_MAGIC 0xf1ee7001u

/* A hint makes members look within this; without a good token, sooner. */
#define FLEET_HINT_SPREAD (1 * SECOND)
#define FLEET_HINT_SPREAD_URGENT (100 * MILLISECOND)
/* Who waited for a lease or a failure comes back within this after its end. */
#define FLEET_RETURN_SPREAD (2 * SECOND)
/* Somebody reported our token as refused and has the lease: so long his token is waited for. */
#define FLEET_GONE_PATIENCE (2 * SECOND)
/* Alone: the last part of a token's life in which a successor is requested, and its last part. */
#define FLEET_ALONE_WINDOW (180 * SECOND)
#define FLEET_ALONE_END (20 * SECOND)
/* Alone without a good token. */
#define FLEET_ALONE_SPREAD (5 * SECOND)
/* A store that answers with errors is tried again after this, and up to as long again. */
#define FLEET_DEAF (5 * SECOND)
/* A damaged token makes this member ask for another, once in this time. */
#define FLEET_UNOPENED_PAUSE (30 * SECOND)

/* What the keeper waits for. */
enum fleet_want {
    WANT_NOTHING,
    WANT_ASK, /* the store is to be asked, at `ask_at` or when the lease's end or a hint says so */
    WANT_OWN, /* alone: the token endpoint is asked at `ask_at` */
    WANT_END, /* a request to the token endpoint is under way */
};

enum fleet_tell { TELL_NOTHING, TELL_PUT, TELL_FAIL };

/* One moment by the store's clock and by ours; ours is not the earlier one. */
struct fleet_clock {
    int64_t store; /* ms since 1970 */
    struct mono_time ours;
};

struct fleet {
    unsigned magic;
    char *upstream;
    size_t index;
    char member[FLEET_MEMBER];
    char ids[FLEET_SECRETS][FLEET_ID];
    size_t secrets;
    int64_t lease;
    int64_t budget;
    int64_t alone;
    int64_t look_interval;
    struct fleet_ports ports;
    unsigned depth; /* of entries */

    /* The store. */
    bool connected;
    bool deaf;                   /* it is, but answers with errors */
    struct mono_time join_until; /* until then a first connection is waited for */
    struct mono_time look_at;
    uint64_t hinted; /* the highest generation in a hint since the last look was sent */
    struct mono_time reached;
    int64_t members;
    char leader[FLEET_MEMBER];
    enum fleet_state state; /* when it was last looked at, for `since` */
    struct mono_time since;

    /* The command under way. */
    bool busy;
    enum fleet_verb verb;
    size_t of;     /* the id it is for */
    uint64_t have; /* a token that the reply tells is of a higher generation */
    struct mono_time sent;

    /* The token. */
    size_t which;                 /* the secret whose id is followed */
    uint64_t seen[FLEET_SECRETS]; /* the highest generation that was looked at */
    uint64_t generation;          /* of the present token under ids[which]; 0: it has none */
    uint64_t own_above;           /* without one, it is newer than this generation, and no other */
    uint64_t given_up;            /* the highest one that was refused or forgotten */
    bool refused;                 /* the upstream rejected the present token */
    bool announced;               /* another member said so, and asks for its successor */
    int64_t lifetime;             /* of the last token; 0: there was none */
    struct mono_time unopened_until;

    /* The keeper's request. */
    enum fleet_want want;
    enum token_wish wish;
    char guid[GUID_MAX + 1];
    struct mono_time ask_at;
    bool looked_aside; /* under the other id, for this request */
    bool held;         /* it was answered with a hold for want of the store */

    /* Our lease; fence 0: none. */
    uint64_t fence;
    size_t lead;
    struct fleet_clock clock;

    /* What the store is to be told next. */
    enum fleet_tell tell;
    bool restores; /* the token is put back, or for the first time */
    uint64_t tell_fence;
    size_t tell_of;
    struct fleet_clock tell_clock;
    struct mono_time tell_requested; /* of the token to put */
    enum fleet_failure failure;
    int64_t floor;

    /* alone */
    struct mono_time own_at; /* when a successor is requested; {0}: not drawn yet */
    bool drawn, lost;        /* the lot, and how it fell */
    struct mono_time lot_until;
};

/* 0 to 1, by the random port. */
double fleet_chance(const struct fleet *fleet);
/* 0 up to `most` ns, likewise. */
int64_t fleet_spread(const struct fleet *fleet, int64_t most);
bool fleet_reachable(const struct fleet *fleet);
bool fleet_is_joining(const struct fleet *fleet, struct mono_time now);

void fleet_enter(struct fleet *fleet);
void fleet_leave(struct fleet *fleet, struct mono_time now);

/* Ends the keeper's request. */
void fleet_answer(struct fleet *fleet, const struct keeper_result *result, struct mono_time sent);
void fleet_hold(struct fleet *fleet, enum keeper_hold held, int64_t hold);
/* Asks the token endpoint. */
void fleet_request(struct fleet *fleet);
/* Another secret works. */
void fleet_switch(struct fleet *fleet, size_t which, struct mono_time now);
/* The present token was refused or forgotten, here or elsewhere. */
void fleet_give_up(struct fleet *fleet);
/* There is another token at hand than before. */
void fleet_note_token(struct fleet *fleet);
/* The store answers: requests that were to be made without it are put to it. */
void fleet_hear(struct fleet *fleet, struct mono_time now);

/* While the store is out of reach, a request of the keeper's waits: what becomes of it. */
void fleet_decide_alone(struct fleet *fleet, struct mono_time now);

void fleet_log(const struct fleet *fleet, enum log_level level, const char *message);

#endif
