/*
 * What the files of rules share: rules.c has those about the process, rules_listen.c those about
 * its listeners, rules_identity.c those about callers, rules_tls.c those about their TLS,
 * rules_upstream.c those about an upstream and its lookups, rules_auth.c those about its token
 * request, rules_rate.c those about rates, rules_route.c those about routes, rules_fleet.c those
 * about a fleet, rules_cache.c those about the cache. rules_report.c is what they are written with.
 */
#ifndef CONFIG_RULES_INTERNAL_H
#define CONFIG_RULES_INTERNAL_H

#include <stdbool.h>

#include "config/rules.h"
#include "config/table.h"

/* What every rule needs. */
struct rules {
    const struct snapshot *snapshot;
    const struct config *config;
    enum config_owner owner;                /* whose keys the rule is about */
    size_t index;                           /* of the upstream or route */
    const struct config_upstream *upstream; /* NULL in a rule about others */
    const struct config_route *route;       /* the same */
    struct config_place main;               /* the main file, for what is missing */
    struct config_faults *faults;
};

typedef void rule(const struct rules *rules);

const struct snapshot_origin *rules_origin(const struct rules *rules, enum config_key_index key);
/* A file gives it a value, good or not. */
bool rules_given(const struct rules *rules, enum config_key_index key);
/* A file gives it another value than the default. */
bool rules_changed(const struct rules *rules, enum config_key_index key);
/* It has a value that was understood, be it the default. Not for secrets and families. */
bool rules_known(const struct rules *rules, enum config_key_index key);
/* "missing", or "empty" where a file has the key without a value. */
const char *rules_absent(const struct rules *rules, enum config_key_index key);

/* A fault, or what is worth saying and no fault, at the place of the key. */
void rules_wrong(const struct rules *rules, enum config_key_index key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rules_note(const struct rules *rules, enum config_key_index key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A fault at the place of one key of a family. */
void rules_wrong_member(const struct rules *rules, const struct snapshot_member *member,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A NULL ends each list. */
extern rule *const rules_of_tls[];
extern rule *const rules_of_listeners[];
extern rule *const rules_of_identity[];
extern rule *const rules_of_upstream[];
extern rule *const rules_of_auth[];
extern rule *const rules_of_quota[];
extern rule *const rules_of_rate[];
extern rule *const rules_of_fleet[];  /* once */
extern rule *const rules_of_member[]; /* what a fleet has to say of an upstream */
extern rule *const rules_of_cache[];  /* once */
extern rule *const rules_of_routes[]; /* once */
extern rule *const rules_of_route[];  /* for each that is not built in */

#endif
