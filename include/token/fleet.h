/*
 * One member of a fleet, for one upstream: it stands between the keeper, which wants a token, and
 * the request to the token endpoint, and has one of all members make the request. They share a
 * store (token/fleet_store.h), of which no lookup and no use of a token at hand ever waits.
 *
 * Like the keeper it is a machine without a loop: ports for what it needs of the world, and every
 * entry takes `now`. One command is under way at a time.
 *
 * Its state is a name for what the facts say:
 *
 *   joining     the store was not reached yet: what is wanted waits, for FLEET_JOIN at most
 *   following   connected
 *   leading     the lease is ours: our request is under way
 *   alone       the store is out of reach
 *
 * Rules:
 *
 *   - following, a token is wanted: ask. `newer`: that one is taken. `held`: ask again when the
 *     lease ends, or at a hint. `wait`, `recent`, `budget`: the keeper is told to hold. `yours`:
 *     the token endpoint is asked, unless more than a third of the lease has passed meanwhile.
 *   - Our own token is used at once, then put. `late`: the one in the store is taken.
 *   - A hint, a slow look, a connection: the store is looked at. What is newer is offered to the
 *     keeper. A good token of ours that the store has lost is put back.
 *   - alone: the token at hand goes on. Nothing is requested before the last 180 s of it; then
 *     once, at a random moment. Without a token, or after a 401: within 5 s. Whether at all, says a
 *     lot that is drawn once a token: so many requests as `alone` allows are made by all together.
 *   - With two secrets there are two ids. The member follows that of the secret that last worked,
 *     and looks once under the other before it asks.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_FLEET_H
#define TOKEN_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/secret.h"
#include "token/fleet_store.h"
#include "token/keeper.h"
#include "token/sealed_token.h"
#include "token/token.h"

struct fleet;

#define FLEET_JOIN (500 * MILLISECOND)
#define FLEET_SECRETS 2

struct fleet_ports {
    void *arg;
    /*
     * To the store. fleet_replied or fleet_lost is called once later, never from within. Only
     * while connected, and one at a time. Borrowed.
     */
    void (*send)(void *arg, const struct fleet_command *command);
    /* The hints of this id are wanted from now on, and no others. */
    void (*follow)(void *arg, const char *id);
    /* Asks the token endpoint; fleet_fetched is called once later. guid: NULL, or a lookup's. */
    void (*fetch)(void *arg, const char *guid);
    /* The end of what keeper_ports.fetch began: for keeper_fetched. */
    void (*answer)(void *arg, const struct keeper_result *result, struct mono_time sent);
    /* A successor that nobody asked for; obtained with secret `which`: for keeper_offer. */
    void (*offer)(void *arg, const struct token_grant *grant, size_t which,
                  struct mono_time requested);
    /* A token that was answered (KEEPER_SHARED) was obtained with this secret; before answer. */
    void (*shared)(void *arg, size_t which);
    /* Nobody is to use the present token any more: for keeper_leaked. */
    void (*leaked)(void *arg);
    /* A KEEPER_HELD of before may be over: for keeper_retry. */
    void (*retry)(void *arg);
    /* The keeper's present token with a new reference, or NULL. */
    struct token *(*present)(void *arg);
    /* A token sealed for secret `which`, and the opposite. Opening: false, and it is no use. */
    struct secret *(*seal)(void *arg, const struct token *token, size_t which, const char *id,
                           uint64_t generation);
    bool (*open)(void *arg, const void *sealed, size_t len, size_t which, const char *id,
                 uint64_t generation, struct sealed_token *out);
    /* fleet_tick at `when`; MONO_NEVER for none. */
    void (*wake)(void *arg, struct mono_time when);
    /* 0 to UINT32_MAX, uniformly. */
    uint32_t (*random)(void *arg);
};

struct fleet_settings {
    const char *upstream; /* NAME; copied, as is all here */
    size_t index;         /* in the metrics */
    const char *member;   /* FLEET_MEMBER bytes at most */
    const char *ids[FLEET_SECRETS];
    size_t secrets;        /* of the client: 1 or 2 */
    size_t preferred;      /* the one that last worked */
    int64_t auth_timeout;  /* ns */
    int64_t store_timeout; /* ns */
    int64_t budget;        /* auth_budget */
    int64_t alone;         /* requests an hour by all while the store is out of reach */
    int64_t look_interval; /* ns */
};

/* No port but random is called before fleet_start. */
struct fleet *fleet_new(const struct fleet_settings *settings, const struct fleet_ports *ports);
/* A request or command under way is forgotten: nothing is answered. */
void fleet_free(struct fleet *fleet);
/* Ports may be called from here on. */
void fleet_start(struct fleet *fleet, struct mono_time now);

/* What the store brings. The connection can be used; it is subscribed to the followed id. */
void fleet_connected(struct fleet *fleet, struct mono_time now);
/* It cannot, though it could or never could; a command under way is lost with it. */
void fleet_disconnected(struct fleet *fleet, struct mono_time now);
void fleet_replied(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now);
/* The command under way has no reply that can be read (an error reply, say). */
void fleet_lost(struct fleet *fleet, struct mono_time now);
void fleet_hinted(struct fleet *fleet, const struct fleet_hint *hint, struct mono_time now);

/* keeper_ports.fetch: the keeper's request begins; `answer` is called once later. */
void fleet_want(struct fleet *fleet, enum token_wish wish, const char *guid, struct mono_time now);
/* The fetch port's request ended; as keeper_fetched, and `which` secret it was that worked. */
void fleet_fetched(struct fleet *fleet, const struct keeper_result *result, size_t which,
                   struct mono_time sent, struct mono_time now);
void fleet_tick(struct fleet *fleet, struct mono_time now);

#define FLEET_STATES(X)                                                                            \
    X(FLEET_JOINING, "joining")                                                                    \
    X(FLEET_FOLLOWING, "following")                                                                \
    X(FLEET_LEADING, "leading")                                                                    \
    X(FLEET_ALONE, "alone")
enum fleet_state {
#define FLEET_STATE_ENUM(id, name) id,
    FLEET_STATES(FLEET_STATE_ENUM)
#undef FLEET_STATE_ENUM
        FLEET_STATE_COUNT
};
/* "following"; as the metric's label. Any thread. */
const char *fleet_state_name(enum fleet_state state);

/* Cells of METRIC_FLEET_ASKS: what the store answered. */
#define FLEET_ASKS(X)                                                                              \
    X(FLEET_ASK_NEWER, "newer")                                                                    \
    X(FLEET_ASK_HELD, "held")                                                                      \
    X(FLEET_ASK_RECENT, "recent")                                                                  \
    X(FLEET_ASK_WAIT, "wait")                                                                      \
    X(FLEET_ASK_BUDGET, "budget")                                                                  \
    X(FLEET_ASK_YOURS, "yours")
/* Cells of METRIC_FLEET_LEADS: what became of a lease. */
#define FLEET_LEADS(X)                                                                             \
    X(FLEET_LEAD_GRANTED, "granted")                                                               \
    X(FLEET_LEAD_FAILED, "failed")                                                                 \
    X(FLEET_LEAD_SPENT, "spent") /* it was too old when it came */
enum fleet_ask {
#define FLEET_ASK_ENUM(id, name) id,
    FLEET_ASKS(FLEET_ASK_ENUM)
#undef FLEET_ASK_ENUM
        FLEET_ASK_COUNT
};
enum fleet_lead {
#define FLEET_LEAD_ENUM(id, name) id,
    FLEET_LEADS(FLEET_LEAD_ENUM)
#undef FLEET_LEAD_ENUM
        FLEET_LEAD_COUNT
};

/* For operators; nothing secret. Borrowed until the next call into the fleet. */
struct fleet_status {
    enum fleet_state state;
    struct mono_time since;   /* of the state */
    uint64_t generation;      /* of the present token in the store; 0: it is not the store's */
    const char *member;       /* this one */
    const char *leader;       /* who asked last, as far as this one knows; "": nobody */
    int64_t members;          /* when last counted; 0: never */
    struct mono_time reached; /* the store replied last; {0}: never */
};
void fleet_status(const struct fleet *fleet, struct mono_time now, struct fleet_status *out);

#endif
