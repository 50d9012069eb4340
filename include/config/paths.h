/*
 * The list of files behind a snapshot (config_files), for a watch over them. The snapshot owns it.
 */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include "config/snapshot.h"

/* Begins the list, with the files read so far. Once. */
void paths_begin(struct snapshot *snapshot);
/* Appends a file that a value names; `snapshot` is one. */
void paths_add(void *snapshot, const char *path);

#endif
