/*
 * A stand-in for the Location API: it issues tokens, checks them on each lookup, answers from a
 * small table of postcode areas, and shows faults when told to.
 *
 * One thread and one epoll set (server.c) for everything: a thousand lookups that wait are a
 * thousand entries in a list (parking.h), and nothing needs a lock.
 */
#ifndef STANDIN_STANDIN_H
#define STANDIN_STANDIN_H

#include "call.h"
#include "counters.h"
#include "knobs.h"
#include "parking.h"
#include "tokens.h"

enum flow {
    FLOW_ANY,
    FLOW_BASIC,              /* HTTP Basic, no body */
    FLOW_CLIENT_CREDENTIALS, /* RFC 6749, section 4.4 */
};

struct standin {
    /* Set once, before the start. */
    const char *client_id;
    const char *client_secret;
    const char *client_secret_file; /* read at each token request, so that it can be rotated */
    const char *lookup_path;
    const char *auth_path;
    enum flow flow;

    struct knobs knobs;
    long long counters[COUNTER_COUNT];
    struct tokens tokens;
    struct parking parking;
    double error_debt; /* percent: how near the next 500 is */
};

/* Handlers: each decides the call's answer. `rest` is what follows the route's path, decoded. */
void lookup_serve(struct call *call, const char *rest);
void auth_serve(struct call *call, const char *rest);
void control_counters(struct call *call, const char *rest);
void control_revoke(struct call *call, const char *rest);
void control_set(struct call *call, const char *rest);

/* Hastens the readers of the counters whose minimums have been reached. Once a turn. */
void control_wake(struct standin *standin);

/*
 * Serves on the listening socket until SIGTERM or SIGINT, both blocked by the caller and pending
 * on `signal_fd`. False, with a line on stderr, when it could not start.
 */
bool server_run(struct standin *standin, int listen_fd, int signal_fd);

#endif
