/*
 * A ring of times, oldest first, that grows by doubling and never shrinks. What is older than the
 * window is dropped by whoever looks next, so no timer is needed, and each request is dropped
 * once.
 *
 * The alternative, counters for each minute, would be smaller and would let 60 requests through in
 * the last second of one window and 60 in the first of the next: a client with a quota gets
 * blocked for exactly that.
 */
#include "token/budget.h"

#include "base/check.h"
#include "base/mem.h"

#define BUDGET_FIRST_CAP 64

void budget_init(struct budget *budget, int64_t limit)
{
    *budget = (struct budget){.limit = limit};
}

void budget_fini(struct budget *budget)
{
    mem_free(budget->entries);
    *budget = (struct budget){.limit = 0};
}

void budget_set_limit(struct budget *budget, int64_t limit)
{
    budget->limit = limit;
}

static struct budget_entry *entry(const struct budget *budget, size_t i)
{
    return &budget->entries[(budget->first + i) % budget->cap];
}

/* Drops what is an hour old. */
static void slide(struct budget *budget, struct mono_time now)
{
    while (budget->count > 0 && mono_diff(now, entry(budget, 0)->at) >= BUDGET_WINDOW) {
        if (entry(budget, 0)->charged)
            budget->charged--;
        budget->first = (budget->first + 1) % budget->cap;
        budget->count--;
    }
}

struct mono_time budget_free_at(struct budget *budget, struct mono_time now)
{
    slide(budget, now);
    if (budget->limit <= 0)
        return MONO_NEVER;
    if (budget->charged < (size_t)budget->limit)
        return now;

    /* There is room again when all but limit - 1 of them have left the window. */
    size_t leave = budget->charged - (size_t)budget->limit + 1;
    size_t i = 0;
    for (; leave > 0; i++) {
        MUST(i < budget->count);
        leave -= entry(budget, i)->charged;
    }
    return mono_add(entry(budget, i - 1)->at, BUDGET_WINDOW);
}

static void grow(struct budget *budget)
{
    size_t cap = budget->cap > 0 ? 2 * budget->cap : BUDGET_FIRST_CAP;
    struct budget_entry *entries = mem_alloc(cap * sizeof(*entries));

    for (size_t i = 0; i < budget->count; i++)
        entries[i] = *entry(budget, i);
    mem_free(budget->entries);
    budget->entries = entries;
    budget->cap = cap;
    budget->first = 0;
}

void budget_note(struct budget *budget, struct mono_time now, bool charged)
{
    slide(budget, now);
    if (budget->count == budget->cap)
        grow(budget);
    budget->count++;
    *entry(budget, budget->count - 1) = (struct budget_entry){.at = now, .charged = charged};
    if (charged)
        budget->charged++;
}

void budget_take_back(struct budget *budget, struct mono_time at, bool charged)
{
    size_t i = budget->count;

    while (i > 0 &&
           (entry(budget, i - 1)->at.ns != at.ns || entry(budget, i - 1)->charged != charged))
        i--;
    if (i == 0)
        return; /* it is older than the window */
    for (; i < budget->count; i++)
        *entry(budget, i - 1) = *entry(budget, i);
    budget->count--;
    if (charged)
        budget->charged--;
}

size_t budget_requests(struct budget *budget, struct mono_time now)
{
    slide(budget, now);
    return budget->count;
}

size_t budget_charged(struct budget *budget, struct mono_time now)
{
    slide(budget, now);
    return budget->charged;
}

size_t budget_left(struct budget *budget, struct mono_time now)
{
    const size_t limit = budget->limit > 0 ? (size_t)budget->limit : 0;
    const size_t charged = budget_charged(budget, now);

    return charged < limit ? limit - charged : 0;
}
