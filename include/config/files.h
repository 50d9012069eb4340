/*
 * Paths that the configuration names, and files that are read whole: the INI files themselves, and
 * those that hold secrets.
 */
#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Permissions that make a file no place for a secret: any for others. */
#define FILES_OTHERS 0007

/*
 * Appends a regular file of at most out->max bytes. `out` was made by buf_init_secret when a secret
 * may be in it. *mode gets its permissions and may be NULL.
 * ERR_SYSTEM with errno; ERR_INVALID when it is not a regular file; ERR_TOO_LARGE.
 */
ERR_CHECKED enum err files_read(const char *path, struct buf *out, mode_t *mode);

/*
 * What went wrong and would be right, for a fault. Right after files_read only: it looks at errno.
 * Caller frees.
 */
char *files_explain(enum err err, size_t max);

/* Whether it is a regular file that can be read; as files_read otherwise. */
ERR_CHECKED enum err files_probe(const char *path);

/* The directory of a file, absolute, its links resolved; "." where it cannot be. Caller frees. */
char *files_directory(const char *path);

/*
 * The drop-ins of a directory, *.ini but for hidden ones, by the bytes of their names: as scandir,
 * which allocates *entries and each of them, and sets errno where the result is negative.
 */
int files_find_drop_ins(const char *dir, struct dirent ***entries);

/*
 * `path` as it stands when absolute, else below `dir`, leading ./ and ../ resolved, so that a path
 * in a message reads well and a socket's path stays short. Caller frees.
 */
char *files_resolve(const char *dir, const char *path);

#endif
