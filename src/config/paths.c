/*
 * The list is made once, while the snapshot is loaded: a relative path is relative to the working
 * directory of that moment.
 */
#include "config/paths.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* The path is the snapshot's from now on. */
static void add(struct snapshot *snapshot, char *path)
{
    snapshot->paths = mem_grow(snapshot->paths, snapshot->path_count, sizeof(*snapshot->paths));
    snapshot->paths[snapshot->path_count++] = path;
}

/* Below the working directory unless it is absolute; links stay as they are. */
static char *absolute(const char *path)
{
    char *dir = *path != '/' ? getcwd(NULL, 0) : NULL;
    char *text = dir != NULL ? mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path)
                             : mem_strdup(path);

    free(dir);
    return text;
}

void paths_add(void *arg, const char *path)
{
    struct snapshot *snapshot = arg;

    add(snapshot, mem_strdup(path));
}

void paths_begin(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->file_count; i++) {
        add(snapshot, absolute(snapshot->files[i]));
        if (i == 0)
            add(snapshot, mem_printf("%s.d", snapshot->paths[0]));
    }
}

const char *const *config_files(const struct config *config, size_t *count)
{
    const struct snapshot *snapshot = snapshot_of(config);

    *count = snapshot->path_count;
    return (const char *const *)snapshot->paths;
}
