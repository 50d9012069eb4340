/*
 * Two connections to one server: one for commands, which is asked for its role first, and one for
 * channels. Both or neither: with one of them the other is closed. Private to the fleet's link.
 *
 * Thread: the loop's.
 */
#ifndef TOKEN_FLEET_PAIR_H
#define TOKEN_FLEET_PAIR_H

#include "config/config.h"
#include "runtime/loop.h"
#include "token/fleet_fault.h"

/* Each is the last call in a callback; all that is here is allowed in it. */
struct fleet_pair_ports {
    void *arg;
    /* Both are open, to a server that takes writes. */
    void (*opened)(void *arg);
    /* Neither is; no callback of a command follows. `detail`: borrowed. */
    void (*failed)(void *arg, enum fleet_fault fault, const char *detail);
    void (*message)(void *arg, const char *channel, const char *text, size_t len);
};

/* Embedded; private to it, but that its connections are used while both are open. */
struct fleet_pair {
    unsigned magic;
    struct fleet_pair_ports ports;
    struct loop *loop;
    const struct config *config;
    char *server; /* NULL: never opened */
    struct resp *commands;
    struct resp *channels;
};

/* Both are borrowed. */
void fleet_pair_init(struct fleet_pair *pair, struct loop *loop, const struct config *config,
                     const struct fleet_pair_ports *ports);
void fleet_pair_fini(struct fleet_pair *pair);

/* Nothing is open. False: it failed at once, with *fault; no port is called. */
bool fleet_pair_open(struct fleet_pair *pair, const char *server, enum fleet_fault *fault);
/* No port is called any more, nor a command's callback. */
void fleet_pair_close(struct fleet_pair *pair);

#endif
