/*
 * One question to one Sentinel, over a connection of its own: which server is the master of that
 * name? Private to the fleet's link.
 *
 * Thread: the loop's.
 */
#ifndef TOKEN_FLEET_SENTINEL_H
#define TOKEN_FLEET_SENTINEL_H

#include "config/config.h"
#include "runtime/loop.h"
#include "token/fleet_fault.h"

struct fleet_sentinel_ports {
    void *arg;
    /* Each is the last call in a callback; fleet_sentinel_ask is allowed in it. Borrowed. */
    void (*found)(void *arg, const char *server);
    void (*failed)(void *arg, enum fleet_fault fault, const char *detail);
};

/* Embedded, and private to it. */
struct fleet_sentinel {
    unsigned magic;
    struct fleet_sentinel_ports ports;
    struct loop *loop;
    const struct config *config;
    struct resp *resp; /* NULL: nothing is asked */
};

/* Both are borrowed. */
void fleet_sentinel_init(struct fleet_sentinel *sentinel, struct loop *loop,
                         const struct config *config, const struct fleet_sentinel_ports *ports);
void fleet_sentinel_fini(struct fleet_sentinel *sentinel);

/* Nothing is asked yet. False: it failed at once, with *fault; no port is called. */
bool fleet_sentinel_ask(struct fleet_sentinel *sentinel, const char *server,
                        enum fleet_fault *fault);
/* No port is called any more. */
void fleet_sentinel_close(struct fleet_sentinel *sentinel);

#endif
