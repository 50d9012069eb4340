/*
 * Reloads on change: the files of the configuration are watched, and whoever made the watch is
 * called when they have changed and then stayed the same for a second.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_WATCH_H
#define SERVICE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/digest.h"
#include "runtime/loop.h"

/* How long nothing must have changed. */
#define WATCH_QUIET SECOND

struct watch;

/*
 * Watches these files, absolute paths that need not exist, and directories of drop-ins among them;
 * the paths are copied. `changed` is called from the loop. What cannot be watched is one warning in
 * the log.
 */
struct watch *watch_start(struct loop *loop, const char *const *paths, size_t count,
                          void (*changed)(void *arg), void *arg);
/* The files are about to be read: only what changes from now on counts. NULL is allowed. */
void watch_reading(struct watch *watch);
/* The files have been read, and name these from now on; none: those that it has. */
void watch_renew(struct watch *watch, const char *const *paths, size_t count);
/* Sets *watch to NULL, which is allowed. The loop closes its handles in its next turn. */
void watch_stop(struct watch **watch);

/*
 * When to call, apart from any file: the digest of the files as they were last read and as they
 * were last seen.
 */
struct watch_quiet {
    struct digest read, seen;
    struct mono_time since; /* when they were first seen so */
};
#define WATCH_UNCHANGED (-1)
/*
 * The files have this digest now. WATCH_UNCHANGED: as they were read. 0: the change has lasted; it
 * counts as read. Else look again after so many ns.
 */
int64_t watch_quiet_look(struct watch_quiet *quiet, const struct digest *files,
                         struct mono_time now);

/*
 * The directories in which something must change for `path` to become another file: those of each
 * symbolic link on the way, and that of the file itself or, where there is none, the nearest there
 * is. A directory counts as what lies in it. Appended to `dirs`, each once; mem_free() each.
 */
struct watch_dirs {
    char **paths;
    size_t count;
};
void watch_find_dirs(struct watch_dirs *dirs, const char *path);
void watch_dirs_fini(struct watch_dirs *dirs);

#endif
