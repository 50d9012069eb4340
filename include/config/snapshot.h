/*
 * What a snapshot holds beside the values: its count of references, and where each value came from.
 * Private to config/.
 */
#ifndef CONFIG_SNAPSHOT_H
#define CONFIG_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/metrics.h"
#include "config/config.h"
#include "config/faults.h"
#include "config/table.h"

struct snapshot_origin {
    char *text;                /* as it would be written; NULL while unset, and for a secret */
    char *holds;               /* config_found; NULL: nothing was said */
    struct config_place place; /* file NULL: the default */
    bool kept;                 /* the files say something else, which cannot reload */
    bool given;                /* by a file, and not empty; a value that is at fault too */
};

/* One key of a family: auth_param.resource. */
struct snapshot_member {
    const struct config_key *family;
    char *name; /* whole */
    char *text; /* as it would be written */
    struct config_place place;
};

struct snapshot_members {
    struct snapshot_member *items; /* in the order of the files */
    size_t count;
};

/* What belongs to one of config.upstreams. */
struct snapshot_upstream {
    struct snapshot_origin origins[KEY_UPSTREAM_COUNT];
    struct snapshot_members members;
    struct config_place place; /* of its header */
};

/* What belongs to one of config.routes. */
struct snapshot_route {
    struct snapshot_origin origins[KEY_ROUTE_COUNT];
    struct config_place place; /* of its header */
};

struct snapshot {
    struct config config; /* the public part */
    atomic_uint refs;
    struct config *base; /* config_reread: what all but upstreams and secrets is borrowed from */
    char **files;        /* the main file, then the drop-ins; places borrow these */
    size_t file_count;
    char **paths; /* what config_files returns */
    size_t path_count;
    struct snapshot_origin *origins; /* of the keys of the process */
    struct snapshot_members members; /* the same */
    struct snapshot_upstream *upstreams;
    struct snapshot_route *routes;
    bool has_cache; /* config_cache_is_on */
    /* The loads of a running daemon count from 1. The last one in which an upstream had each index;
     * 0: none had it. */
    unsigned loads;
    unsigned index_used[METRIC_UPSTREAMS];
};

struct snapshot *snapshot_new(void);

/*
 * A snapshot of its own, with one reference, that holds the same. Its upstreams may be changed as
 * to client_secrets and the bytes of auth_key_file, which are references of its own. All else is
 * borrowed from `base`, or from what that was derived from, of which it keeps a reference.
 */
struct snapshot *snapshot_derive(struct config *base);

/* Makes room for that many upstreams, and routes. Once each, and before any of what follows. */
void snapshot_make_upstreams(struct snapshot *snapshot, size_t count);
void snapshot_make_routes(struct snapshot *snapshot, size_t count);

/* How many of an owner there are; 1 for the process. */
size_t snapshot_owners(const struct config *config, enum config_owner owner);

/* The snapshot around a configuration. */
const struct snapshot *snapshot_of(const struct config *config);

/*
 * A key's value in the snapshot: where it came from, its field, and the header of its section as
 * faults and documents show it (caller frees). `which` is the index of the upstream or route that
 * is meant, by the key's owner; it is not read for a key of the process.
 */
struct snapshot_origin *snapshot_origin(const struct snapshot *snapshot,
                                        const struct config_key *key, size_t which);
void *snapshot_field(struct snapshot *snapshot, const struct config_key *key, size_t which);
char *snapshot_section(const struct config *config, const struct config_key *key, size_t which);

/*
 * Whether secrets may stand in files that others can read. A value of secret_files that is at fault
 * makes no fault elsewhere.
 */
bool snapshot_takes_open_secrets(const struct snapshot *snapshot);

/* Where the keys of a family are: the upstream's, or the process's. Routes have none. */
const struct snapshot_members *snapshot_members_of(const struct snapshot *snapshot,
                                                   const struct config_key *family, size_t which);

/* Notes a key of a family whose value was understood. Copies name and text. */
void snapshot_add_member(struct snapshot *snapshot, size_t which, const struct config_key *family,
                         const char *name, const char *text, struct config_place place);

/* The upstream of that name, letter by letter: what it was before a reload. NULL: there is none. */
const struct config_upstream *snapshot_counterpart(const struct config *before, const char *name);

#endif
