/*
 * What a snapshot holds beside the values: its count of references, and where each value came from.
 * Private to config/.
 */
#ifndef CONFIG_SNAPSHOT_H
#define CONFIG_SNAPSHOT_H

#include <stdatomic.h>
#include <stddef.h>

#include "config/config.h"
#include "config/faults.h"
#include "config/table.h"

struct snapshot_origin {
    char *text;                /* as it would be written; NULL while unset, and for a secret */
    struct config_place place; /* file NULL: the default */
    bool kept;                 /* the files say something else, which cannot reload */
    bool given;                /* by a file, and not empty; a value that is at fault too */
};

struct snapshot {
    struct config config; /* the public part */
    atomic_uint refs;
    char **files; /* the main file, then the drop-ins; places borrow these */
    size_t file_count;
    char **paths; /* what config_files returns */
    size_t path_count;
    struct snapshot_origin origins[KEY_COUNT];
    bool name_kept; /* the same for NAME of [upstream NAME] */
    /* One for each of config.upstream_auth_param, in its order. */
    struct config_place *params;
};

struct snapshot *snapshot_new(void);

/* The snapshot around a configuration. */
const struct snapshot *snapshot_of(const struct config *config);

/* Begins the list that config_files returns, with the files read so far. Once. */
void snapshot_list_paths(struct snapshot *snapshot);
/* Appends a file that a value names; `snapshot` is one. */
void snapshot_names_file(void *snapshot, const char *path);
void snapshot_free_paths(struct snapshot *snapshot);

/* The header that faults and documents show for a section of the table. Caller frees. */
char *snapshot_section(const struct config *config, const char *section);

#endif
