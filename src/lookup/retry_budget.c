/*
 * A slot is one word, so that its second and its counts change together: nobody counts in a slot
 * that another one is just emptying. Whoever takes sums up the slots first, and then changes the
 * slot of this second from what was summed; if another has changed it meanwhile, the sum is made
 * again. So of many that take at once no more than allowed have one.
 *
 * Charges of the last 10 to 11 s count, and lookups of the last 9 to 10 s: in no span of 10 s is
 * the share exceeded.
 */
#include "lookup/retry_budget.h"

/* second: 24 bits (a slot is not mistaken for one of half a year ago by anything that matters);
 * lookups: 24 bits; charged: 16 bits. The counts stay at their largest. */
#define COUNT_BITS 24
#define CHARGED_BITS 16
#define SECOND_MASK ((UINT64_C(1) << 24) - 1)
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define CHARGED_MASK ((UINT64_C(1) << CHARGED_BITS) - 1)

struct slot {
    uint64_t second, lookups, charged;
};

static struct slot unpack(uint64_t word)
{
    return (struct slot){
        .second = word >> (COUNT_BITS + CHARGED_BITS),
        .lookups = (word >> CHARGED_BITS) & COUNT_MASK,
        .charged = word & CHARGED_MASK,
    };
}

static uint64_t pack(struct slot slot)
{
    return slot.second << (COUNT_BITS + CHARGED_BITS) | slot.lookups << CHARGED_BITS | slot.charged;
}

static uint64_t second_of(struct mono_time now)
{
    return (uint64_t)(now.ns / SECOND);
}

static _Atomic uint64_t *slot_at(struct retry_budget *budget, uint64_t second)
{
    return &budget->slots[second % RETRY_BUDGET_SLOTS];
}

/* The slot's counts of this second; what it has of another one is over. */
static struct slot counts(uint64_t word, uint64_t second)
{
    struct slot slot = unpack(word);

    if (slot.second == (second & SECOND_MASK))
        return slot;
    return (struct slot){.second = second & SECOND_MASK};
}

void retry_budget_lookup(struct retry_budget *budget, struct mono_time now)
{
    uint64_t second = second_of(now);
    _Atomic uint64_t *at = slot_at(budget, second);
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
    struct slot slot;

    do {
        slot = counts(word, second);
        slot.lookups += slot.lookups < COUNT_MASK;
    } while (!atomic_compare_exchange_weak_explicit(at, &word, pack(slot), memory_order_relaxed,
                                                    memory_order_relaxed));
}

/* Of the seconds before `second`. */
static struct slot sum_before(struct retry_budget *budget, uint64_t second)
{
    struct slot sum = {0};

    for (uint64_t ago = 1; ago < RETRY_BUDGET_SLOTS && ago <= second; ago++) {
        struct slot slot =
            counts(atomic_load_explicit(slot_at(budget, second - ago), memory_order_relaxed),
                   second - ago);
        if (ago < RETRY_BUDGET_SLOTS - 1)
            sum.lookups += slot.lookups;
        sum.charged += slot.charged;
    }
    return sum;
}

static bool allows(struct slot sum, int64_t percent)
{
    uint64_t share = sum.lookups * (uint64_t)percent / 100;

    return sum.charged < (share > RETRY_BUDGET_LEAST ? share : RETRY_BUDGET_LEAST);
}

bool retry_budget_take(struct retry_budget *budget, int64_t percent, struct mono_time now)
{
    uint64_t second = second_of(now);
    _Atomic uint64_t *at = slot_at(budget, second);
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
    struct slot slot;

    do {
        struct slot sum = sum_before(budget, second);
        slot = counts(word, second);
        sum.lookups += slot.lookups;
        sum.charged += slot.charged;
        if (!allows(sum, percent) || slot.charged == CHARGED_MASK)
            return false;
        slot.charged++;
    } while (!atomic_compare_exchange_weak_explicit(at, &word, pack(slot), memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}
