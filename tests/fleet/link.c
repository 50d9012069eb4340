/*
 * A member's connection to the store, as the fleet's link has it: a command that gets no reply in
 * time ends it, and it is opened again after waits that grow. And the store itself: it takes one
 * command after another, and its messages reach some members sooner than others.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim.h"
#include "token/fleet_reach.h"

/* One way, at the most. */
#define HOP (500 * MICROSECOND)
/* The store's work on a command, and on a message to one subscriber. */
#define WORK (10 * MICROSECOND)
#define WORK_MESSAGE (9 * MICROSECOND)
/* TCP, AUTH, ROLE and SUBSCRIBE. */
#define ROUND_TRIPS 8

struct call {
    uint64_t connection, number;
    bool failed;
    struct fleet_command command;
    struct fleet_reply reply;
    /* What they point to. */
    char leader[FLEET_MEMBER];
    char sealed[128];
};

struct message {
    uint64_t connection;
    struct fleet_hint hint;
};

static bool is_reachable(const struct member *member)
{
    return !member->sim->store.out && !member->link.cut;
}

static int64_t hop(struct member *member)
{
    return HOP / 4 + chance_upto(&member->chance, HOP - HOP / 4);
}

/* ---- opening ---- */

static void try_again(void *arg, void *what);

static void wait_again(struct member *member)
{
    struct sim *sim = member->sim;
    const uint32_t random = (uint32_t)(chance_next(&member->chance) >> 32);

    member->link.state = LINK_WAITING;
    events_add(&sim->events, sim->now + fleet_reach_wait(member->link.failures++, random),
               try_again, member, NULL);
}

static void opened(void *arg, void *what)
{
    struct member *member = arg;
    struct member_link *link = &member->link;

    if (member_is_paused(member, opened, what))
        return;
    MUST(link->state == LINK_CONNECTING);
    if (!is_reachable(member)) {
        wait_again(member);
        return;
    }
    link->state = LINK_UP;
    link->failures = 0;
    link->connection++;
    fleet_connected(member->fleet, member_now(member));
}

/* Where nothing comes back, that takes its time to be known. */
static void try_again(void *arg, void *what)
{
    struct member *member = arg;
    struct sim *sim = member->sim;

    if (member_is_paused(member, try_again, what))
        return;
    const int64_t wait = member->link.cut ? SIM_STORE_TIMEOUT : ROUND_TRIPS * hop(member);
    member->link.state = LINK_CONNECTING;
    events_add(&sim->events, sim->now + wait, opened, member, NULL);
}

void link_start(struct member *member)
{
    try_again(member, NULL);
}

void link_stop(struct member *member)
{
    MUST(member->link.state == LINK_UP);
    member->link.connection++;
    member->link.call = 0;
    member->link.state = LINK_WAITING;
}

static void joined(void *arg, void *what)
{
    struct member *member = arg;
    struct call *call = what;

    if (member_is_paused(member, joined, what))
        return;
    if (member->link.connection == call->connection && member->link.calls == call->number)
        fleet_connected(member->fleet, member_now(member));
    mem_free(call);
}

void link_join(struct member *member)
{
    struct member_link *link = &member->link;
    struct call *call;

    link->call = 0;
    link->calls++;
    if (link->state != LINK_UP)
        return;
    call = mem_zalloc(sizeof(*call));
    call->connection = link->connection;
    call->number = link->calls;
    events_add(&member->sim->events, member->sim->now, joined, member, call);
}

static void drop(struct member *member)
{
    if (member->link.state != LINK_UP)
        return;
    link_stop(member);
    wait_again(member);
    fleet_disconnected(member->fleet, member_now(member));
}

/* ---- commands ---- */

static void time_out(void *arg, void *what)
{
    struct member *member = arg;
    struct call *call = what;

    if (member_is_paused(member, time_out, what))
        return;
    if (member->link.connection == call->connection && member->link.call == call->number)
        drop(member);
    mem_free(call);
}

static void tell(struct member *member, struct call *call)
{
    call->reply.leader = call->leader;
    call->reply.sealed = call->reply.sealed_len > 0 ? call->sealed : NULL;
    if (call->failed)
        fleet_lost(member->fleet, member_now(member));
    else
        fleet_replied(member->fleet, &call->reply, member_now(member));
}

static void reply(void *arg, void *what)
{
    struct member *member = arg;
    struct call *call = what;

    if (member_is_paused(member, reply, what))
        return;
    if (is_reachable(member) && member->link.connection == call->connection &&
        member->link.call == call->number) {
        member->link.call = 0;
        tell(member, call);
    }
    mem_free(call);
}

static void keep_reply(struct call *call, const struct fleet_reply *reply)
{
    MUST(reply->sealed_len <= sizeof(call->sealed));
    call->reply = *reply;
    snprintf(call->leader, sizeof(call->leader), "%s", reply->leader);
    if (reply->sealed_len > 0)
        memcpy(call->sealed, reply->sealed, reply->sealed_len);
}

static int64_t count_members(const struct sim *sim)
{
    int64_t count = 0;

    for (size_t i = 0; i < sim->settings.members; i++)
        count += sim->members[i].link.state == LINK_UP;
    return count;
}

static void count_command(struct sim *sim, const struct fleet_reply *reply, enum fleet_verb verb)
{
    sim->count.commands++;
    sim->count.puts += verb == FLEET_PUT;
    sim->count.late += verb == FLEET_PUT && reply->answer == FLEET_LATE;
}

static void run_command(struct member *member, struct call *call)
{
    struct sim *sim = member->sim;
    struct fleet_reply out;

    call->command.id = SIM_ID;
    call->command.member = member->name;
    call->command.sealed = call->sealed;
    if (call->command.verb == FLEET_ASK)
        sim_notice(sim, SIM_ASKING, member);
    if (call->command.verb == FLEET_LOOK)
        store_model_members(sim->store.model, SIM_ID, count_members(sim));
    store_model_run(sim->store.model, sim->store.ahead + sim->now / MILLISECOND, &call->command,
                    &out);
    count_command(sim, &out, call->command.verb);
    keep_reply(call, &out);
}

static void arrive(void *arg, void *what)
{
    struct member *member = arg;
    struct sim *sim = member->sim;
    struct call *call = what;

    /* The store sees a connection that its member has given up for a while yet. */
    if (!is_reachable(member)) {
        mem_free(call);
        return;
    }
    call->failed = sim->store.failing;
    if (!call->failed)
        run_command(member, call);
    if (sim->store.busy_until < sim->now)
        sim->store.busy_until = sim->now;
    sim->store.busy_until += WORK;
    events_add(&sim->events, sim->store.busy_until + hop(member), reply, member, call);
    if (!call->failed && call->reply.answer == FLEET_YOURS)
        sim_notice(sim, SIM_YOURS, member);
    else if (!call->failed && call->reply.answer == FLEET_STORED)
        sim_notice(sim, SIM_PUT, member);
}

void link_send(struct member *member, const struct fleet_command *command)
{
    struct sim *sim = member->sim;
    struct member_link *link = &member->link;
    struct call *call = mem_zalloc(sizeof(*call)), *timeout = mem_zalloc(sizeof(*timeout));

    MUST(link->state == LINK_UP && link->call == 0);
    if (command->verb == FLEET_ASK && command->wish == TOKEN_WISH_SCHEDULE)
        sim_notice(sim, SIM_SCHEDULED, member);
    link->call = ++link->calls;
    call->connection = timeout->connection = link->connection;
    call->number = timeout->number = link->call;
    call->command = *command;
    MUST(command->sealed_len <= sizeof(call->sealed));
    if (command->sealed_len > 0)
        memcpy(call->sealed, command->sealed, command->sealed_len);
    events_add(&sim->events, sim->now + hop(member), arrive, member, call);
    events_add(&sim->events, sim->now + SIM_STORE_TIMEOUT, time_out, member, timeout);
}

/* ---- hints ---- */

static void hear(void *arg, void *what)
{
    struct member *member = arg;
    struct message *message = what;

    if (member_is_paused(member, hear, what))
        return;
    if (is_reachable(member) && member->link.connection == message->connection)
        fleet_hinted(member->fleet, &message->hint, member_now(member));
    mem_free(message);
}

void store_publish(void *arg, const char *id, const struct fleet_hint *hint)
{
    struct sim *sim = arg;
    const int64_t spread = WORK_MESSAGE * (int64_t)sim->settings.members;

    (void)id;
    for (size_t i = 0; i < sim->settings.members; i++) {
        struct member *member = &sim->members[i];
        const bool lost = chance_is(&sim->chance, sim->settings.hint_loss);
        const int64_t delay = hop(member) + chance_upto(&sim->chance, spread);
        if (lost || member->link.state != LINK_UP || !is_reachable(member))
            continue;
        struct message *message = mem_alloc(sizeof(*message));
        *message = (struct message){.connection = member->link.connection, .hint = *hint};
        events_add(&sim->events, sim->now + delay, hear, member, message);
    }
}

/* ---- outages ---- */

static void closed(void *arg, void *what)
{
    struct member *member = arg;
    struct message *message = what;

    if (member_is_paused(member, closed, what))
        return;
    if (member->link.connection == message->connection)
        drop(member);
    mem_free(message);
}

/* Its process ends: who is connected sees it at once. */
void store_go_out(struct sim *sim)
{
    sim->store.out = true;
    for (size_t i = 0; i < sim->settings.members; i++) {
        struct member *member = &sim->members[i];
        struct message *message = mem_zalloc(sizeof(*message));
        message->connection = member->link.connection;
        events_add(&sim->events, sim->now + hop(member), closed, member, message);
    }
}

void store_come_back(struct sim *sim)
{
    sim->store.out = false;
}
