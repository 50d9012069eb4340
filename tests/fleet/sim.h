/*
 * A fleet in false time: real machines of the daemon (a keeper, a member and a store each), a model
 * of the fleet's store, a token endpoint, and lookups. One queue of events drives them, so that six
 * hours of 1,000 members take seconds, and a seed says all that chance decides.
 *
 *     sim.c      the whole: its clock, and what is measured
 *     member.c   a keeper and a member, their ports and timers
 *     link.c     a member's connection to the store, and the store
 *     issuer.c   the token endpoint
 *     lookups.c  a lookup's eye, where tokens are refused
 *
 * Each member has a clock of its own: sim->now plus its offset.
 */
#ifndef TESTS_FLEET_SIM_H
#define TESTS_FLEET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "events.h"
#include "store_model.h"
#include "token/fleet.h"
#include "token/keeper.h"

#define SIM_ID "00112233445566778899aabbccddeeff"
#define SIM_LATENCY (200 * MILLISECOND) /* of the token endpoint */
#define SIM_AUTH_TIMEOUT (5 * SECOND)   /* the same, where it does not answer */
#define SIM_STORE_TIMEOUT (500 * MILLISECOND)
#define SIM_LOOKUPS 20 /* a second and member */

struct sim;
struct member;

/* Chance: splitmix64. */
struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
/* 0 up to `most`, uniformly. */
int64_t chance_upto(struct chance *chance, int64_t most);
bool chance_is(struct chance *chance, double share);
/* The time to the next of so many a second. */
int64_t chance_until(struct chance *chance, int64_t per_second);

struct sim_settings {
    uint64_t seed;
    size_t members;
    int64_t lifetime;      /* of tokens */
    int64_t renew;         /* percent */
    int64_t early;         /* auth_token_early_expiry, without a fleet */
    int64_t alone;         /* requests an hour */
    int64_t look_interval; /* ns */
    int64_t skew;          /* members' clocks differ by up to so much, both ways */
    double hint_loss;      /* the part of hints that do not arrive */
    double failures;       /* the part of token requests that fail */
    bool single;           /* a new token revokes the one before */
    bool store_out;        /* at the beginning */
    bool no_fleet;         /* each for itself */
};

/* Where a scenario may step in. */
enum sim_moment {
    SIM_SCHEDULED, /* a renewal is about to be asked for: of the store, without a fleet the issuer
                    */
    SIM_ASKING,    /* the store is about to run an ask */
    SIM_YOURS,     /* it has answered that the lease is this member's */
    SIM_GRANTED,   /* a token is about to reach this member */
    SIM_PUT,       /* the store has taken its token */
};
typedef void sim_hook(struct sim *sim, enum sim_moment moment, struct member *member);

/* From sim_measure on. */
struct sim_count {
    int64_t since;
    uint64_t requests;
    uint64_t concurrent; /* the most at one time */
    uint64_t minute;     /* the most in one minute */
    double lacking;      /* member-seconds without a usable token */
    uint64_t refused;    /* 401s */
    uint64_t commands;   /* to the store */
    uint64_t puts, late; /* of them */
    int64_t overrun;     /* the longest that a member took a token to last past its end */
};

struct sim {
    struct sim_settings settings;
    struct events events;
    struct chance chance;
    int64_t now;
    struct member *members;
    sim_hook *hook;
    /* The scenario's. */
    int hook_state;
    int64_t outage, turn;
    struct sim_count count;

    struct {
        struct store_model *model;
        struct store_model *replica; /* a failover's; the scenario's */
        bool out;
        bool failing;  /* it answers every command with an error */
        int64_t ahead; /* ms that its clock is */
        int64_t busy_until;
    } store;

    struct {
        bool down;
        uint64_t serial;  /* of the last token */
        int64_t *expiry;  /* of each token, by its serial less 1 */
        uint64_t revoked; /* tokens up to this one are */
        uint64_t leaked;  /* likewise; the upstream takes them */
        uint64_t flying;
        int64_t *times; /* of requests */
        size_t requests;
        size_t window; /* the first request of the last minute */
    } issuer;

    int64_t hurt_at; /* when the token was revoked, or leaked; -1: never */
    int64_t *cured;  /* when each member had another one; -1: not yet */
};

/* Wakes a machine up. */
struct sim_timer {
    int64_t wanted, queued;
    void (*tick)(struct member *member);
};

struct member_link {
    enum { LINK_WAITING, LINK_CONNECTING, LINK_UP } state;
    bool cut; /* nothing gets through */
    unsigned failures;
    uint64_t connection; /* its number; events of former ones are void */
    uint64_t call;       /* the number of the command under way; 0: none */
    uint64_t calls;
};

struct waiter;

struct member {
    struct sim *sim;
    size_t index;
    char name[FLEET_MEMBER];
    int64_t offset; /* its clock's */
    int64_t paused_until;
    uint64_t life;  /* which one it is; what was under way in the one before is void */
    bool misguided; /* each of its lookups gets a 401 */
    struct chance chance;
    struct store *store;
    struct keeper *keeper;
    struct fleet *fleet; /* NULL: none */
    struct sim_timer keeper_timer, fleet_timer;
    struct member_link link;

    struct token_view *view;
    uint64_t serial; /* of the view's token; 0: none */
    /* What is measured of it up to `looked_at`; it has a token until `covered_until`. */
    int64_t looked_at, covered_until;

    /* Its lookups, while there is something to learn from them. */
    bool looking;
    struct waiter *waiters;
};

/* sim.c */
struct sim *sim_new(const struct sim_settings *settings);
void sim_free(struct sim *sim);
/* Members start within a second. */
void sim_start(struct sim *sim);
void sim_run(struct sim *sim, int64_t duration);
/* Counts begin. */
void sim_measure(struct sim *sim);
/* They are complete up to now. */
void sim_sum(struct sim *sim);
void sim_at(struct sim *sim, int64_t delay, void (*step)(struct sim *sim));
void sim_notice(struct sim *sim, enum sim_moment moment, struct member *member);

/* member.c */
void member_init(struct member *member, struct sim *sim, size_t index);
void member_start(struct member *member);
/* Its process ends, and another one is there a little later. */
void member_restart(struct member *member);
/* Its keeper gets another member in the place of the one of before. */
void member_reload(struct member *member);
void member_fini(struct member *member);
struct mono_time member_now(const struct member *member);
/* It stands still: the event comes when it goes on. */
bool member_is_paused(struct member *member, event_fire *fire, void *what);
/* Up to now. */
void member_account(struct member *member);

/* link.c */
void link_start(struct member *member);
/* Its process has ended. */
void link_stop(struct member *member);
/* Another member uses it from now on; it hears in a later turn whether it is there. */
void link_join(struct member *member);
void link_send(struct member *member, const struct fleet_command *command);
void store_go_out(struct sim *sim);
void store_come_back(struct sim *sim);
void store_publish(void *arg, const char *id, const struct fleet_hint *hint);

/* issuer.c */
void issuer_ask(struct member *member);
bool issuer_accepts(const struct sim *sim, uint64_t serial);
/* The last token is refused from now on; `cured` begins. */
void issuer_revoke(struct sim *sim);
/* Nobody is to use the last token any more, though it works; `cured` begins. */
void issuer_leak(struct sim *sim);

/* lookups.c */
/* The view is another one, or what the upstream makes of it. */
void lookups_check(struct member *member);
void lookups_free(struct member *member);

#endif
