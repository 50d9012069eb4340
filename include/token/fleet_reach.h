/*
 * How the fleet's store is reached, and reached again: servers in turn, Sentinels, a Cluster's
 * MOVED, and the waits between attempts. Knows neither members nor tokens. Private to the fleet's
 * link.
 *
 *     stopped --> opening --(a server)--> opened --(a subscription)--> connected
 *                  ^  |                     |                              |
 *                  |  v                     v                              v
 *                 waiting <----------------------------------------------- lost
 *
 * A round tries each server once, without a wait between them, from the first one on: so members
 * that were cut off come together again at the same one. With Sentinels a round ends with the
 * master that the first of them named; where that one is of no use, the next round begins with the
 * next Sentinel.
 *
 * Thread: the loop's.
 */
#ifndef TOKEN_FLEET_REACH_H
#define TOKEN_FLEET_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "runtime/loop.h"
#include "token/fleet_pair.h"
#include "token/fleet_report.h"
#include "token/fleet_sentinel.h"

/* How often in a row MOVED is followed. */
#define FLEET_MOVES 5
#define FLEET_WAIT_FIRST (1 * SECOND)
#define FLEET_WAIT_MAX (30 * SECOND)

/* ns, from 0 to 1 s, doubling to 30 s with each failure. `random`: 0 to UINT32_MAX, uniformly. */
int64_t fleet_reach_wait(unsigned failures, uint32_t random);

/* Each is the last call in a callback; all that is here is allowed in it. */
struct fleet_reach_ports {
    void *arg;
    /* Both connections are open: subscribe, and tell by fleet_reach_subscribed. */
    void (*opened)(void *arg);
    /* Neither is, though it may have been; no callback of a command follows. */
    void (*failed)(void *arg);
    void (*message)(void *arg, const char *channel, const char *text, size_t len);
    /* 0 to UINT32_MAX, uniformly. */
    uint32_t (*random)(void *arg);
};

enum fleet_reach_phase {
    REACH_STOPPED,
    REACH_WAITING,
    REACH_OPENING,
    REACH_OPENED,
    REACH_CONNECTED
};

/* Embedded, and private to it. */
struct fleet_reach {
    unsigned magic;
    struct fleet_reach_ports ports;
    struct loop *loop;
    const struct config *config;
    struct fleet_sentinel sentinel;
    struct fleet_pair pair;
    struct fleet_report report;
    enum fleet_reach_phase phase;
    struct timer *timer;
    size_t first;  /* where the round begins, in config->fleet_servers */
    size_t tried;  /* servers tried in this round; 0: the next one begins */
    bool directed; /* a Sentinel or a node named the server: there is no alternative to it */
    char *moved;   /* where MOVED leads; NULL: nowhere */
    unsigned moves;
    unsigned failures; /* in a row */
    char *server;      /* tried last; NULL: none was */
};

/* `config` is borrowed. Nothing is opened before fleet_reach_start. */
void fleet_reach_init(struct fleet_reach *reach, struct loop *loop, const struct config *config,
                      const struct fleet_reach_ports *ports);
void fleet_reach_fini(struct fleet_reach *reach);
/* No port is called from within, but random; nor after stop. */
void fleet_reach_start(struct fleet_reach *reach);
void fleet_reach_stop(struct fleet_reach *reach);

/* Opened and connected. As in upstream/resp.h. */
bool fleet_reach_command(struct fleet_reach *reach, const char *const *words, const size_t *lengths,
                         size_t count, resp_replied *replied, void *arg);
bool fleet_reach_subscribe(struct fleet_reach *reach, const char *channel, resp_replied *replied,
                           void *arg);
void fleet_reach_unsubscribe(struct fleet_reach *reach, const char *channel);

/* A channel was confirmed: from the first one on it is connected. */
void fleet_reach_subscribed(struct fleet_reach *reach);
/* The reply to a command was of use, or not though the connection goes on. */
void fleet_reach_proved(struct fleet_reach *reach, enum fleet_verb verb);
void fleet_reach_useless(struct fleet_reach *reach, enum fleet_verb verb,
                         const struct resp_reply *reply);
/*
 * The connections are of no use. The last call in a callback of a command, or in a timer's:
 * `failed` is called from within. `reply`: the error that says so; NULL: none did.
 */
void fleet_reach_drop(struct fleet_reach *reach, enum fleet_fault fault,
                      const struct resp_reply *reply);

bool fleet_reach_is_connected(const struct fleet_reach *reach);
/* The server that is connected, or was tried last; borrowed until the next call. */
const char *fleet_reach_server(const struct fleet_reach *reach);
/* Why there is no connection, or none of use, and since when; NULL: there is. Borrowed likewise. */
const char *fleet_reach_problem(const struct fleet_reach *reach, struct mono_time *failed);

#endif
