/*
 * The requests of the past hour, and how many of them auth_budget paid for (contract 5). A sliding
 * window, exact: each request is remembered with its time until it is an hour old.
 *
 * Its size: charged requests are bounded by the limit, the others by the pace of renewals and of
 * the backoff, a few thousand an hour at worst.
 *
 * One thread; the keeper's.
 */
#ifndef TOKEN_BUDGET_H
#define TOKEN_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define BUDGET_WINDOW (1 * HOUR)

struct budget_entry {
    struct mono_time at;
    bool charged;
};

struct budget {
    int64_t limit;                /* charged requests in an hour; 0: none */
    struct budget_entry *entries; /* a ring, oldest first */
    size_t cap, first, count;
    size_t charged; /* of count */
};

void budget_init(struct budget *budget, int64_t limit);
void budget_fini(struct budget *budget);

/* What was charged stays charged. */
void budget_set_limit(struct budget *budget, int64_t limit);

/* When the next charged request may be made: `now`, or later; MONO_NEVER with a limit of 0. */
struct mono_time budget_free_at(struct budget *budget, struct mono_time now);

/* A request is made. Times never go back from one call to the next. */
void budget_note(struct budget *budget, struct mono_time now, bool charged);

/* The latest request noted at `at`, and charged so, was not made after all. */
void budget_take_back(struct budget *budget, struct mono_time at, bool charged);

/* Requests in the hour before `now`; charged alone. */
size_t budget_requests(struct budget *budget, struct mono_time now);
size_t budget_charged(struct budget *budget, struct mono_time now);
/* How many more may be charged at `now`; 0 where a lower limit finds more charged already. */
size_t budget_left(struct budget *budget, struct mono_time now);

#endif
