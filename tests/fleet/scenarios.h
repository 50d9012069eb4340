/* What can happen to a fleet, and what each is measured by. */
#ifndef TESTS_FLEET_SCENARIOS_H
#define TESTS_FLEET_SCENARIOS_H

#include "sim.h"

struct figures {
    uint64_t requests, concurrent, minute;
    double lacking;     /* lookups that find no usable token */
    double share;       /* of all lookups of the time that is measured */
    uint64_t refused;   /* 401s */
    double cured, half; /* s until the last member, and half of them, had another token; -1: none */
    double commands;    /* to the store, a second */
    uint64_t puts, late; /* of them */
    double overrun;      /* the most s that a member took a token to last past its end */
};

struct scenario {
    const char *name;
    const char *title;
    /* "requests; concurrent; in one minute", and more, of the design; NULL: it has no figure. */
    const char *design;
    int64_t duration; /* of what is measured */
    int64_t renew;    /* percent */
    int64_t alone;
    int64_t outage;
    int64_t turn;     /* of the store's clock, by a failover */
    int64_t lifetime; /* 0: an hour */
    int64_t skew;
    double hint_loss;
    bool single, store_out, no_fleet;
    /* When the fleet has had its token for a while; NULL: nothing happens. */
    void (*happens)(struct sim *sim);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

const struct scenario *scenario_find(const char *name);
/* `failures`: the part of token requests that fail. */
void scenario_run(const struct scenario *scenario, size_t members, double failures, uint64_t seed,
                  struct figures *out);

#endif
