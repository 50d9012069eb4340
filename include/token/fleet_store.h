/*
 * What a member of a fleet says to the store that they share, and what the store says to it: four
 * Lua scripts, each one atomic step, over the keys of one token. The keys of `id` with the prefix
 * `pc` (all in one slot of a cluster):
 *
 *     pc:{id}:t   hash     g: the generation; v: the token, sealed. Expires with the token.
 *     pc:{id}:l   string   the lease of whoever asks the token endpoint: "MEMBER:FENCE"
 *     pc:{id}:g   number   the last fence; fences become generations. 48 h.
 *     pc:{id}:r   string   a request because of a 401 was made in the last 30 s
 *     pc:{id}:w   string   the last request failed: nobody asks before this ends
 *     pc:{id}:f   text     requests that failed in a row: "N", or "N stalled". 10 min.
 *     pc:{id}:b   zset     requests charged to the budget. 1 h.
 *     pc:{id}:c   channel  "new G", "gone G", "leaked G", "wait MS": hints, never a token
 *
 * The only clock is the store's; durations go both ways in whole ms, rounded so that a token is
 * never taken to last longer than it does.
 *
 * Any thread; no state.
 */
#ifndef TOKEN_FLEET_STORE_H
#define TOKEN_FLEET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "token/fleet_scripts.h"
#include "token/wish.h"
#include "upstream/resp.h"

/* 32 hex digits and a NUL. */
#define FLEET_ID 33
/* A member's name: letters, digits, '.', '-' and '_'; with its NUL. */
#define FLEET_MEMBER 65
/* [fleet] prefix, with its NUL. */
#define FLEET_PREFIX 33
#define FLEET_CHANNEL (FLEET_PREFIX + FLEET_ID + 8)

/* After a request because of a 401 there is no other one for so long. */
#define FLEET_GUARD (30 * SECOND)

/*
 * What is believed of a store. Generations and fences: so that those which are counted from the
 * highest one on are numbers for ever. Waits: the longest that a script gives, but for a lease
 * where auth_timeout is longer; a longer one is taken for this, and then the store is asked again.
 */
#define FLEET_GENERATION_MAX (UINT64_MAX / 4)
#define FLEET_LONGEST_WAIT (1 * HOUR)

/* Why a request brought nothing. */
enum fleet_failure {
    FLEET_FAILED,      /* backoff of the fleet: 1 s, doubling to 60 s, full jitter */
    FLEET_CREDENTIALS, /* refused: 60 s */
    FLEET_STALLED,     /* no response, or no better token: as FLEET_FAILED, uncharged */
};

struct fleet_command {
    enum fleet_verb verb;
    const char *id;
    const char *member;
    uint64_t have;              /* look, ask: a token of a higher generation is told; that one, and
                                 * what is below it, is what TOKEN_WISH_FORGOTTEN takes away */
    enum token_wish wish;       /* ask */
    int64_t lease;              /* ask: ns */
    int64_t limit;              /* ask: charged requests in an hour */
    uint64_t fence;             /* put: the generation; fail: that of the lease */
    const void *sealed;         /* put */
    size_t sealed_len;          /* put */
    int64_t expire_at;          /* put: ms of the store's clock since 1970 */
    enum fleet_failure failure; /* fail */
    int64_t floor;              /* fail: ns; the wait is not shorter (Retry-After) */
    uint32_t random;            /* fail: 0 to UINT32_MAX, uniformly */
};

enum fleet_answer {
    FLEET_LOOKED, /* look: what there is */
    FLEET_NEWER,  /* ask: there is a token of a higher generation */
    FLEET_HELD,   /* ask: another member has the lease, for `wait` */
    FLEET_RECENT, /* ask: one was refused and replaced lately; none is for `wait` */
    FLEET_WAIT,   /* ask: the last request failed; none is for `wait` */
    FLEET_BUDGET, /* ask: the budget is used up; there is room in `wait` */
    FLEET_YOURS,  /* ask: the lease, with `fence` */
    FLEET_STORED, /* put; also of one that had expired: it is not kept, and is no hint to anybody */
    FLEET_LATE,   /* put: there is one of that generation or a higher one, which follows; fail */
    FLEET_NOTED,  /* fail: nobody asks for `wait` */
};

/* For the time of the call. */
struct fleet_reply {
    enum fleet_answer answer;
    int64_t now;         /* ms of the store's clock since 1970; looked, yours */
    uint64_t generation; /* looked, newer, late: of the token there is; 0: none */
    uint64_t counter;    /* looked: the last fence; 0: none is known */
    int64_t lasts;       /* looked, newer, late: ns until the token expires */
    const void *sealed;  /* looked, newer, late; NULL: none, or it is not newer */
    size_t sealed_len;
    int64_t lease;      /* looked: ns that there is a lease; 0: there is none */
    const char *leader; /* looked, held: who has it; "" for nobody */
    int64_t wait;       /* ns; looked: of `w`, 0: none */
    int64_t members;    /* looked: subscribers of the channel; 0: not known */
    uint64_t fence;     /* yours */
};

/*
 * A command as EVALSHA (`whole`: as EVAL, after NOSCRIPT). The words point into the struct, which
 * must not be moved, and to what the command borrows.
 */
#define FLEET_WORDS 24
struct fleet_words {
    const char *words[FLEET_WORDS];
    size_t lengths[FLEET_WORDS];
    size_t count;
    char text[1024]; /* private: what the words point to */
};
void fleet_words_make(struct fleet_words *out, const char *prefix,
                      const struct fleet_command *command, bool whole);

/* Reads the reply to `verb`. False: it is none that the script gives. Borrowed from `in`. */
bool fleet_reply_read(enum fleet_verb verb, const struct resp_reply *in, struct fleet_reply *out);

void fleet_channel(const char *prefix, const char *id, char out[FLEET_CHANNEL]);

enum fleet_hint_kind { FLEET_HINT_NEW, FLEET_HINT_GONE, FLEET_HINT_LEAKED, FLEET_HINT_WAIT };
struct fleet_hint {
    enum fleet_hint_kind kind;
    uint64_t generation;
    int64_t wait; /* ns */
};
/* False: it is no hint. */
bool fleet_hint_read(const char *text, size_t len, struct fleet_hint *out);

#endif
