/*
 * What operators hear of the fleet's store: the log lines, METRIC_FLEET_STORE_ERRORS, and the
 * sentence for /tokens. Private to the fleet's link.
 *
 * A store that is reached is logged once, and one that is lost. Attempts that fail after that are
 * silent while they fail for what was logged already. A wrong password is logged once an hour.
 *
 * A connection has proved itself when a reply was of use, and has worked when it proved itself and
 * did not end with MOVED, or lasted. One that ends before (while the store loads its data, say) was
 * no success: the next one is logged as reached when it has proved itself, and its loss only if it
 * is of another kind.
 *
 * Time is an argument. Thread: the main loop's.
 */
#ifndef TOKEN_FLEET_REPORT_H
#define TOKEN_FLEET_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/reason.h"
#include "token/fleet_fault.h"
#include "token/fleet_store.h"

/* A connection that lasts for so long has worked, whatever came over it. */
#define FLEET_STEADY (30 * SECOND)

/* All zero: nothing has happened. */
struct fleet_report {
    struct reason problem;     /* of the last round, loss or useless reply; "": none since */
    struct mono_time failed;   /* when that was */
    unsigned said;             /* bits of the faults logged since a connection has worked */
    struct mono_time auth_due; /* a wrong password is not logged before */
    bool connected;            /* reached, and not lost since */
    struct mono_time reached;
    bool proved;
    bool unsaid;        /* that it was reached is yet to be logged */
    bool doubted;       /* the last connection has not worked */
    bool unsettled;     /* because of MOVED */
    unsigned round;     /* bits of the faults of the round */
    char texts[384];    /* what they were */
    const char *advice; /* the first one; NULL: none */
    unsigned useless;   /* verbs whose last reply was of no use; that is logged once */
};

/* An attempt at one server has failed. `what`: what the server is, "" or "Sentinel ". */
void fleet_report_attempt(struct fleet_report *report, const char *what, const char *server,
                          enum fleet_fault fault, const char *detail);
/* All servers were tried, and the next round comes after `wait` (ns). */
void fleet_report_round(struct fleet_report *report, int64_t wait, struct mono_time now);

void fleet_report_reached(struct fleet_report *report, const char *server, struct mono_time now);
/* The reply to a command was of use. */
void fleet_report_proved(struct fleet_report *report, const char *server, enum fleet_verb verb,
                         struct mono_time now);
/* Whether the connection that ends with this fault has worked. */
bool fleet_report_has_worked(const struct fleet_report *report, enum fleet_fault fault,
                             struct mono_time now);
void fleet_report_lost(struct fleet_report *report, const char *server, enum fleet_fault fault,
                       const char *detail, int64_t wait, struct mono_time now);

/* Its keys are on another node, `to`, which is connected to next. */
void fleet_report_moved(struct fleet_report *report, const char *server, const char *to,
                        struct mono_time now);

/* The reply to a command was of no use, and the connection goes on. */
void fleet_report_useless(struct fleet_report *report, const char *server, enum fleet_verb verb,
                          const struct resp_reply *reply, struct mono_time now);

#endif
