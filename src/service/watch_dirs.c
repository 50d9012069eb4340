/*
 * Which directories a file depends on. A watch on a file itself would follow the file that was
 * there, and miss the one that takes its name: editors and Kubernetes write a new one and rename
 * it, or a symbolic link somewhere on the way, into place.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "service/watch.h"

/* As many as the system follows. */
#define LINKS_MAX 40

/* A path being resolved: what has no links in it any more ("" is the root), and the rest. */
struct walk {
    char *done;
    char *rest;
    int links;
};

static void add(struct watch_dirs *dirs, const char *path)
{
    const char *dir = *path == '\0' ? "/" : path;

    for (size_t i = 0; i < dirs->count; i++)
        if (strcmp(dirs->paths[i], dir) == 0)
            return;
    dirs->paths = mem_grow(dirs->paths, dirs->count, sizeof(*dirs->paths));
    dirs->paths[dirs->count++] = mem_strdup(dir);
}

void watch_dirs_fini(struct watch_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        mem_free(dirs->paths[i]);
    mem_free(dirs->paths);
    *dirs = (struct watch_dirs){.paths = NULL};
}

static void replace(char **text, char *with)
{
    mem_free(*text);
    *text = with;
}

/* The next name of the rest, taken off it; NULL at its end. */
static char *take_name(struct walk *walk)
{
    const char *from = walk->rest + strspn(walk->rest, "/");
    const size_t len = strcspn(from, "/");
    char *name = len > 0 ? mem_strndup(from, len) : NULL;

    replace(&walk->rest, mem_strdup(from + len));
    return name;
}

static void go_up(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');

    if (slash != NULL)
        *slash = '\0';
}

static bool follow(struct walk *walk, const char *link)
{
    char target[PATH_MAX];
    const ssize_t len = readlink(link, target, sizeof(target));

    if (len <= 0 || (size_t)len == sizeof(target) || ++walk->links > LINKS_MAX)
        return false;
    if (target[0] == '/')
        replace(&walk->done, mem_strdup(""));
    replace(&walk->rest, mem_printf("%.*s/%s", (int)len, target, walk->rest));
    return true;
}

/* One name further. False where the way ends. */
static bool step(struct walk *walk, struct watch_dirs *dirs, const char *name)
{
    struct stat st;

    if (strcmp(name, ".") == 0)
        return true;
    if (strcmp(name, "..") == 0) {
        go_up(walk);
        return true;
    }
    char *path = mem_printf("%s/%s", walk->done, name);
    const bool there = lstat(path, &st) == 0;
    bool further = false;
    if (there && S_ISDIR(st.st_mode)) {
        replace(&walk->done, path);
        return true;
    }
    add(dirs, walk->done);
    if (there && S_ISLNK(st.st_mode))
        further = follow(walk, path);
    mem_free(path);
    return further;
}

void watch_find_dirs(struct watch_dirs *dirs, const char *path)
{
    struct walk walk = {.done = mem_strdup(""), .rest = mem_strdup(path)};
    bool further = true;
    char *name;

    while (further && (name = take_name(&walk)) != NULL) {
        further = step(&walk, dirs, name);
        mem_free(name);
    }
    if (further)
        add(dirs, walk.done);
    mem_free(walk.done);
    mem_free(walk.rest);
}
