/*
 * The daemon's connections to the fleet's store: one for commands and one for hints, shared by all
 * upstreams. It finds the master (asking Sentinels where they are configured), makes sure that it
 * is one (ROLE), subscribes, reconnects with growing waits and jitter, and carries commands and
 * replies. What a token is, it does not know.
 *
 * Waits between attempts: 0 to 1 s at random, doubling to 30 s with each failure, from the start
 * again after a connection that had worked. Every failure is logged once for its kind, a wrong
 * password once in an hour.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_FLEET_LINK_H
#define TOKEN_FLEET_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "config/config.h"
#include "runtime/loop.h"
#include "token/fleet_store.h"

struct fleet_link;
struct fleet_seat;

/*
 * One machine's place at the link; embedded, all but the ports private to the link. All that is
 * here is allowed in a port, but to free the link.
 */
struct fleet_seat_ports {
    void *arg;
    /* Commands can be sent, and the hints of the seat's id come. */
    void (*connected)(void *arg);
    /* They cannot, though they could, or an attempt has failed; a command under way is lost. */
    void (*disconnected)(void *arg);
    void (*replied)(void *arg, const struct fleet_reply *reply); /* NULL: none that can be read */
    void (*hinted)(void *arg, const struct fleet_hint *hint);
};
struct fleet_seat {
    struct fleet_seat_ports ports;
    struct fleet_link *link;
    char id[FLEET_ID];
    enum { FLEET_SEAT_UNTOLD, FLEET_SEAT_CONNECTED, FLEET_SEAT_DISCONNECTED } told;
    struct fleet_call *call; /* under way; NULL: none */
    bool unsent;             /* a command could not be sent, and `replied` is due */
    uint64_t heard;          /* number of the last hint that it was told */
    struct fleet_seat *prev, *next;
};

/*
 * [fleet] of `config`, which it keeps a reference to; the section is there. Nothing is opened
 * before the first seat. ERR_INVALID: the TLS files cannot be used.
 */
ERR_CHECKED enum err fleet_link_new(struct loop *loop, struct config *config,
                                    struct fleet_link **out);
/* All seats were left. NULL is allowed. */
void fleet_link_free(struct fleet_link *link);
/* All that a link is made of, files included: a reload compares it. */
struct digest fleet_link_digest(const struct config *config);

/* `connected` follows in a later turn where the link is connected already. */
void fleet_link_join(struct fleet_link *link, struct fleet_seat *seat,
                     const struct fleet_seat_ports *ports, const char *id);
/* Another id; `connected` follows in a later turn, and no hints of the former id come. */
void fleet_link_follow(struct fleet_seat *seat, const char *id);
/* No port is called any more. */
void fleet_link_leave(struct fleet_seat *seat);
/*
 * While connected, and after fleet_link_follow until it is again; one at a time: `replied`, or
 * `disconnected`, follows in a later turn.
 */
void fleet_link_send(struct fleet_seat *seat, const struct fleet_command *command);

/* For operators. Borrowed until the next turn. */
struct fleet_link_status {
    bool connected;
    const char *server;      /* the one that is connected, or was tried last */
    const char *error;       /* one line, why there is no connection of use; NULL: there is */
    struct mono_time failed; /* when that was */
};
void fleet_link_status(const struct fleet_link *link, struct fleet_link_status *out);

#endif
