/*
 * A call is kept as it was sent, for it may have to be sent again whole: EVAL instead of EVALSHA. A
 * server has not seen the script when it was restarted, when it was a replica until now, or when an
 * operator flushed its scripts.
 */
#include "token/fleet_call.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"

#define CALL_MAGIC 0xf1eeca11u

struct fleet_call {
    unsigned magic;
    struct fleet_calls *calls;
    struct fleet_command command; /* what it points to is below */
    char id[FLEET_ID];
    char member[FLEET_MEMBER];
    fleet_call_ended *ended; /* NULL: nobody waits for it */
    void *arg;
    bool whole;
    struct fleet_call *prev, *next;
    unsigned char sealed[];
};

static void free_call(struct fleet_call *call)
{
    DL_DELETE(call->calls->list, call);
    MAGIC_CLEAR(call);
    mem_free(call);
}

static void end(struct fleet_call *call, const struct fleet_reply *reply)
{
    fleet_call_ended *ended = call->ended;
    void *arg = call->arg;

    free_call(call);
    if (ended != NULL)
        ended(arg, reply);
}

static void take_reply(struct fleet_call *call, const struct resp_reply *reply)
{
    struct fleet_reach *reach = call->calls->reach;
    const enum fleet_verb verb = call->command.verb;
    struct fleet_reply read = {.answer = FLEET_LOOKED};
    const bool useful = reply->type != RESP_ERROR && fleet_reply_read(verb, reply, &read);

    if (useful)
        fleet_reach_proved(reach, verb);
    else
        fleet_reach_useless(reach, verb, reply);
    end(call, useful ? &read : NULL);
}

static void on_replied(void *arg, const struct resp_reply *reply);

/* False: it cannot be sent. */
static bool send_words(struct fleet_call *call)
{
    struct fleet_calls *calls = call->calls;
    struct fleet_words words;

    fleet_words_make(&words, calls->prefix, &call->command, call->whole);
    return fleet_reach_command(calls->reach, words.words, words.lengths, words.count, on_replied,
                               call);
}

static void send_whole(struct fleet_call *call)
{
    call->whole = true;
    if (!send_words(call))
        end(call, NULL);
}

static void on_replied(void *arg, const struct resp_reply *reply)
{
    MAGIC_CAST(struct fleet_call, call, arg, CALL_MAGIC);
    struct fleet_calls *calls = call->calls;
    enum fleet_fault fault;

    if (fleet_fault_read(reply, &fault))
        fleet_reach_drop(calls->reach, fault, reply);
    else if (fleet_fault_is(reply, "NOSCRIPT") && !call->whole)
        send_whole(call);
    else
        take_reply(call, reply);
}

static struct fleet_call *make_call(struct fleet_calls *calls, const struct fleet_command *command)
{
    struct fleet_call *call = mem_zalloc(sizeof(*call) + command->sealed_len);

    MAGIC_SET(call, CALL_MAGIC);
    call->calls = calls;
    call->command = *command;
    snprintf(call->id, sizeof(call->id), "%s", command->id);
    snprintf(call->member, sizeof(call->member), "%s", command->member);
    call->command.id = call->id;
    call->command.member = call->member;
    if (command->sealed != NULL) {
        memcpy(call->sealed, command->sealed, command->sealed_len);
        call->command.sealed = call->sealed;
    }
    DL_APPEND(calls->list, call);
    return call;
}

struct fleet_call *fleet_call_send(struct fleet_calls *calls, const struct fleet_command *command,
                                   fleet_call_ended *ended, void *arg)
{
    struct fleet_call *call = make_call(calls, command);

    if (!send_words(call)) {
        free_call(call);
        return NULL;
    }
    call->ended = ended;
    call->arg = arg;
    return call;
}

void fleet_call_abandon(struct fleet_call *call)
{
    MAGIC_OK(call, CALL_MAGIC);
    call->ended = NULL;
}

void fleet_calls_clear(struct fleet_calls *calls)
{
    while (calls->list != NULL)
        free_call(calls->list);
}
