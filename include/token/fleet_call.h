/*
 * The commands to the fleet's store that are under way: each is sent by the digest of its script,
 * and once more with the script where the server has never seen it. Private to the fleet's link.
 *
 * Thread: the loop's.
 */
#ifndef TOKEN_FLEET_CALL_H
#define TOKEN_FLEET_CALL_H

#include "token/fleet_reach.h"
#include "token/fleet_store.h"

struct fleet_call;

/* Embedded; the first two are borrowed. The list is empty at first. */
struct fleet_calls {
    struct fleet_reach *reach;
    const char *prefix;
    struct fleet_call *list;
};

/* The call is freed. NULL: the reply cannot be read. The last call in a callback. */
typedef void fleet_call_ended(void *arg, const struct fleet_reply *reply);

/* While the connections are open. NULL: it cannot be sent, and `ended` is not called. Copied. */
struct fleet_call *fleet_call_send(struct fleet_calls *calls, const struct fleet_command *command,
                                   fleet_call_ended *ended, void *arg);
/* `ended` is not called any more. */
void fleet_call_abandon(struct fleet_call *call);
/* All are freed, with the connections: no `ended` is called. */
void fleet_calls_clear(struct fleet_calls *calls);

#endif
