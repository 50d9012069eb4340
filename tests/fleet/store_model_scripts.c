/* The scripts, in the order and with the words of src/token/fleet_scripts.c. */
#include "store_model_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MS_HOUR (HOUR / MILLISECOND)
#define MS_COUNTER (48 * MS_HOUR)
#define MS_FAILURES (10 * MINUTE / MILLISECOND)
#define MS_WAIT_MAX (60 * SECOND / MILLISECOND)

static int64_t left(const struct run *run, int64_t until)
{
    return until > run->now ? until - run->now : 0;
}

static void publish(const struct run *run, enum fleet_hint_kind kind, uint64_t generation,
                    int64_t ms)
{
    const struct fleet_hint hint = {
        .kind = kind, .generation = generation, .wait = ms * MILLISECOND};

    if (run->model->publish != NULL)
        run->model->publish(run->model->arg, run->record->id, &hint);
}

/* One ms less than it says. */
static int64_t token_lasts(const struct run *run)
{
    const int64_t ms = left(run, run->record->token.until) - 1;

    return ms > 0 ? ms : 0;
}

static uint64_t token_number(const struct run *run)
{
    return token_lasts(run) > 0 ? run->record->token.generation : 0;
}

static void tell_token(const struct run *run, bool sealed)
{
    struct record *record = run->record;

    run->out->generation = token_number(run);
    run->out->lasts = token_lasts(run) * MILLISECOND;
    if (!sealed)
        return;
    mem_free(run->model->sealed);
    run->model->sealed = store_model_bytes(record->token.sealed, record->token.len);
    run->out->sealed = run->model->sealed;
    run->out->sealed_len = record->token.len;
}

/* "" for nobody. */
static const char *tell_leader(const struct run *run)
{
    const bool any = left(run, run->record->lease.until) > 0;

    snprintf(run->model->leader, FLEET_MEMBER, "%s", any ? run->record->lease.member : "");
    run->out->leader = run->model->leader;
    return run->out->leader;
}

static uint64_t counter(const struct run *run)
{
    return run->record->counter.until != ABSENT ? run->record->counter.value : 0;
}

static void set_counter(const struct run *run, uint64_t value)
{
    run->record->counter.value = value;
    run->record->counter.until = run->now + MS_COUNTER;
}

static void raise_counter(const struct run *run, uint64_t number)
{
    const bool any = run->record->counter.until != ABSENT;

    if (number > counter(run))
        set_counter(run, number);
    else if (any)
        set_counter(run, counter(run));
}

static void answer_wait(const struct run *run, enum fleet_answer answer, int64_t ms)
{
    run->out->answer = answer;
    run->out->wait = ms * MILLISECOND;
}

/* ---- look ---- */

void store_model_look(const struct run *run)
{
    struct record *record = run->record;
    struct fleet_reply *out = run->out;

    out->answer = FLEET_LOOKED;
    out->now = run->now;
    tell_token(run, token_number(run) > run->command->have);
    out->counter = counter(run);
    out->lease = left(run, record->lease.until) * MILLISECOND;
    (void)tell_leader(run);
    out->wait = left(run, record->wait_until) * MILLISECOND;
    out->members = record->members;
}

/* ---- ask ---- */

static void forget(const struct run *run)
{
    const uint64_t have = run->command->have;

    store_model_drop_token(run->record);
    raise_counter(run, have);
    if (counter(run) == have)
        run->record->counter.value++;
    publish(run, FLEET_HINT_LEAKED, have, 0);
}

static void prune_charges(const struct run *run)
{
    struct record *record = run->record;
    size_t kept = 0;

    for (size_t i = 0; i < record->charges.count; i++) {
        if (record->charges.items[i].at > run->now - MS_HOUR)
            record->charges.items[kept++] = record->charges.items[i];
    }
    if (kept == 0)
        store_model_drop_charges(record);
    else
        record->charges.count = kept;
}

/* Ms until there is room; 0: there is. */
static int64_t budget_wait(const struct run *run)
{
    const int64_t over = (int64_t)run->record->charges.count - run->command->limit;

    if (run->command->limit == 0)
        return MS_HOUR;
    if (over < 0)
        return 0;
    const int64_t wait = run->record->charges.items[over].at + MS_HOUR - run->now;
    return wait < 1 ? 1 : wait < MS_HOUR ? wait : MS_HOUR;
}

static bool is_charge(const struct charge *charge, const char *member, uint64_t fence)
{
    return charge->fence == fence && strcmp(charge->member, member) == 0;
}

static void remove_charge(struct record *record, const char *member, uint64_t fence)
{
    size_t kept = 0;

    for (size_t i = 0; i < record->charges.count; i++) {
        if (!is_charge(&record->charges.items[i], member, fence))
            record->charges.items[kept++] = record->charges.items[i];
    }
    record->charges.count = kept;
}

static void charge(const struct run *run, uint64_t fence)
{
    struct record *record = run->record;
    size_t at;

    remove_charge(record, run->command->member, fence);
    at = record->charges.count;
    /* A copy each time: removing has broken with mem_grow's rule. */
    struct charge *items = mem_alloc((at + 1) * sizeof(*items));
    if (at > 0)
        memcpy(items, record->charges.items, at * sizeof(*items));
    mem_free(record->charges.items);
    record->charges.items = items;
    for (; at > 0 && items[at - 1].at > run->now; at--)
        items[at] = items[at - 1];
    items[at] = (struct charge){.at = run->now, .fence = fence};
    snprintf(items[at].member, FLEET_MEMBER, "%s", run->command->member);
    record->charges.count++;
    record->charges.until = run->now + MS_HOUR;
}

static void note_refusal(const struct run *run)
{
    struct record *record = run->record;
    const uint64_t have = run->command->have;

    record->guard_until = run->now + FLEET_GUARD / MILLISECOND;
    if (token_number(run) == have)
        store_model_drop_token(record);
    if (have > 0)
        publish(run, FLEET_HINT_GONE, have, 0);
}

static void lead(const struct run *run, bool charged)
{
    struct record *record = run->record;
    const struct fleet_command *command = run->command;

    raise_counter(run, command->have);
    const uint64_t fence = counter(run) + 1;
    set_counter(run, fence);
    snprintf(record->lease.member, FLEET_MEMBER, "%s", command->member);
    record->lease.fence = fence;
    record->lease.until = run->now + (command->lease + MILLISECOND - 1) / MILLISECOND;
    if (charged)
        charge(run, fence);
    if (command->wish == TOKEN_WISH_REFUSED)
        note_refusal(run);
    run->out->answer = FLEET_YOURS;
    run->out->now = run->now;
    run->out->fence = fence;
}

static bool is_charged(const struct run *run)
{
    const struct record *record = run->record;

    switch (run->command->wish) {
    case TOKEN_WISH_REFUSED:
    case TOKEN_WISH_HAND:
    case TOKEN_WISH_FORGOTTEN:
        return true;
    default:
        return record->failures.until != ABSENT && !record->failures.stalled;
    }
}

/* Whether something speaks against a request; then it is answered. */
static bool held_off(const struct run *run, bool again, bool charged)
{
    const struct record *record = run->record;
    const enum token_wish wish = run->command->wish;
    const bool hand = wish == TOKEN_WISH_HAND || wish == TOKEN_WISH_FORGOTTEN;

    if (wish == TOKEN_WISH_REFUSED && !again && left(run, record->guard_until) > 0) {
        answer_wait(run, FLEET_RECENT, left(run, record->guard_until));
        return true;
    }
    if (!hand && left(run, record->wait_until) > 0) {
        answer_wait(run, FLEET_WAIT, left(run, record->wait_until));
        return true;
    }
    if (!charged)
        return false;
    prune_charges(run);
    if (budget_wait(run) == 0)
        return false;
    answer_wait(run, FLEET_BUDGET, budget_wait(run));
    return true;
}

void store_model_ask(const struct run *run)
{
    const struct fleet_command *command = run->command;

    if (token_number(run) > command->have) {
        run->out->answer = FLEET_NEWER;
        tell_token(run, true);
        return;
    }
    if (command->wish == TOKEN_WISH_FORGOTTEN && command->have > 0)
        forget(run);
    const char *leader = tell_leader(run);
    const bool again = strcmp(leader, command->member) == 0;
    if (leader[0] != '\0' && !again) {
        answer_wait(run, FLEET_HELD, left(run, run->record->lease.until));
        return;
    }
    run->out->leader = "";
    const bool charged = !again && is_charged(run);
    if (!held_off(run, again, charged))
        lead(run, charged);
}

/* ---- put, fail ---- */

/* Also in the last ms of a lease. */
static bool has_lease(const struct run *run)
{
    const struct record *record = run->record;

    return record->lease.until != ABSENT && record->lease.fence == run->command->fence &&
           strcmp(record->lease.member, run->command->member) == 0;
}

void store_model_put(const struct run *run)
{
    struct record *record = run->record;
    const struct fleet_command *command = run->command;

    if (has_lease(run))
        record->lease.until = ABSENT;
    if (command->fence <= token_number(run)) {
        run->out->answer = FLEET_LATE;
        tell_token(run, true);
        return;
    }
    raise_counter(run, command->fence);
    run->out->answer = FLEET_STORED;
    if (command->expire_at <= run->now)
        return;
    store_model_drop_token(record);
    record->token.generation = command->fence;
    record->token.sealed = store_model_bytes(command->sealed, command->sealed_len);
    record->token.len = command->sealed_len;
    record->token.until = command->expire_at;
    record->wait_until = record->failures.until = ABSENT;
    publish(run, FLEET_HINT_NEW, command->fence, 0);
}

/* Full jitter below a ceiling that doubles, 1 ms at least. */
static int64_t backoff(int64_t count, uint32_t random)
{
    int64_t ceiling = 1000;

    for (int64_t i = 1; i < count && ceiling < MS_WAIT_MAX; i++)
        ceiling *= 2;
    if (ceiling > MS_WAIT_MAX)
        ceiling = MS_WAIT_MAX;
    const int64_t wait = (ceiling * random + UINT32_MAX - 1) / UINT32_MAX;
    return wait > 0 ? wait : 1;
}

void store_model_fail(const struct run *run)
{
    struct record *record = run->record;
    const struct fleet_command *command = run->command;
    const int64_t floor = (command->floor + MILLISECOND - 1) / MILLISECOND;
    int64_t wait = MS_WAIT_MAX;

    if (!has_lease(run)) {
        run->out->answer = FLEET_LATE;
        return;
    }
    record->lease.until = ABSENT;
    record->failures.count = (record->failures.until != ABSENT ? record->failures.count : 0) + 1;
    record->failures.stalled = command->failure == FLEET_STALLED;
    record->failures.until = run->now + MS_FAILURES;
    if (command->failure != FLEET_CREDENTIALS)
        wait = backoff(record->failures.count, command->random);
    if (wait < floor)
        wait = floor;
    record->wait_until = run->now + wait;
    publish(run, FLEET_HINT_WAIT, 0, wait);
    answer_wait(run, FLEET_NOTED, wait);
}
