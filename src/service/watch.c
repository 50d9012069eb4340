/*
 * Whatever happens in a directory of the configuration only makes the watch look: what counts is
 * whether the files are others than those that were read. So an editor's swap file or a log beside
 * them reloads nothing, and however much happens there, it looks ten times a second at the most.
 *
 * A file is known by its inode, time of change, size and mode, and not by its contents, which may
 * be secret and large. The directories are found anew at each look, for a link that was replaced
 * leads through others.
 */
#include "service/watch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/files.h"

#define WATCH_MAGIC 0x57415443u
#define SPOT_MAGIC 0x57535054u
#define LOOK (100 * MILLISECOND)

/* A directory with a watch of the system's on it. Freed by its handle's closing. */
struct spot {
    unsigned magic;
    struct watch *watch;
    uv_fs_event_t handle;
};

struct watch {
    unsigned magic;
    struct loop *loop;
    void (*changed)(void *arg);
    void *arg;
    char **paths;
    size_t count;
    struct spot **spots;
    size_t spot_count;
    struct digest dirs; /* of the directories with spots */
    struct watch_quiet quiet;
    struct timer *timer;
    bool warned; /* that something cannot be watched */
};

/* ---- when to call ---- */

int64_t watch_quiet_look(struct watch_quiet *quiet, const struct digest *files,
                         struct mono_time now)
{
    if (!digest_same(files, &quiet->seen)) {
        quiet->seen = *files;
        quiet->since = now;
    }
    if (digest_same(&quiet->seen, &quiet->read))
        return WATCH_UNCHANGED;
    const int64_t lasted = mono_diff(now, quiet->since);
    if (lasted < WATCH_QUIET)
        return WATCH_QUIET - lasted;
    quiet->read = quiet->seen;
    return 0;
}

/* ---- what the files are ---- */

static void add_number(EVP_MD_CTX *digest, uint64_t number)
{
    digest_add(digest, &number, sizeof(number));
}

/* Whether it is a directory. */
static bool add_identity(EVP_MD_CTX *digest, const char *path)
{
    struct stat st;
    const bool there = stat(path, &st) == 0;
    digest_add_text(digest, there ? path : NULL);
    if (!there)
        return false;
    add_number(digest, st.st_dev);
    add_number(digest, st.st_mode);
    if (S_ISDIR(st.st_mode))
        return true;
    add_number(digest, st.st_ino);
    add_number(digest, st.st_uid);
    add_number(digest, st.st_gid);
    add_number(digest, (uint64_t)st.st_size);
    add_number(digest, (uint64_t)st.st_mtim.tv_sec);
    add_number(digest, (uint64_t)st.st_mtim.tv_nsec);
    return false;
}

static void add_drop_ins(EVP_MD_CTX *digest, const char *dir)
{
    struct dirent **entries = NULL;
    const int count = files_find_drop_ins(dir, &entries);
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
        add_identity(digest, path);
        mem_free(path);
        free(entries[i]);
    }
    free(entries);
}

static struct digest digest_files(const struct watch *watch)
{
    EVP_MD_CTX *digest = digest_begin();
    for (size_t i = 0; i < watch->count; i++)
        if (add_identity(digest, watch->paths[i]))
            add_drop_ins(digest, watch->paths[i]);
    return digest_end(digest);
}

static struct digest digest_dirs(const struct watch_dirs *dirs)
{
    EVP_MD_CTX *digest = digest_begin();
    struct stat st;
    for (size_t i = 0; i < dirs->count; i++) {
        const bool there = stat(dirs->paths[i], &st) == 0;
        digest_add_text(digest, dirs->paths[i]);
        add_number(digest, there ? st.st_dev : 0);
        add_number(digest, there ? st.st_ino : 0);
    }
    return digest_end(digest);
}

/* ---- the system's watches ---- */

static void look(void *arg);

static void look_soon(struct watch *watch, int64_t after)
{
    if (watch->timer == NULL)
        watch->timer = timer_start(watch->loop, after, look, watch);
}

static void happened(uv_fs_event_t *handle, const char *name, int events, int status)
{
    MAGIC_CAST(struct spot, spot, handle->data, SPOT_MAGIC);
    (void)name;
    (void)events;
    (void)status;
    look_soon(spot->watch, LOOK);
}

static void spot_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct spot, spot, handle->data, SPOT_MAGIC);
    MAGIC_CLEAR(spot);
    mem_free(spot);
}

static void remove_spots(struct watch *watch)
{
    for (size_t i = 0; i < watch->spot_count; i++)
        uv_close((uv_handle_t *)&watch->spots[i]->handle, spot_closed);
    mem_free(watch->spots);
    watch->spots = NULL;
    watch->spot_count = 0;
}

static void warn(struct watch *watch, const char *dir, int error)
{
    const bool limit = error == UV_ENOSPC || error == UV_EMFILE;
    if (watch->warned)
        return;
    watch->warned = true;
    log_warning(NULL,
                "reload_on_change: %s cannot be watched (%s); %s; until then send SIGHUP after a "
                "change",
                dir, uv_strerror(error),
                limit ? "raise the sysctls fs.inotify.max_user_watches and "
                        "fs.inotify.max_user_instances"
                      : "postcoded's user must be able to read it");
}

/* 0 or an error of libuv's. */
static int put_spot(struct watch *watch, const char *dir)
{
    struct spot *spot = mem_zalloc(sizeof(*spot));
    MAGIC_SET(spot, SPOT_MAGIC);
    spot->watch = watch;
    MUST(uv_fs_event_init(loop_uv(watch->loop), &spot->handle) == 0);
    spot->handle.data = spot;
    watch->spots[watch->spot_count++] = spot;
    return uv_fs_event_start(&spot->handle, happened, dir, 0);
}

/* What vanished meanwhile is looked for again; of all that fails otherwise one is told. */
static void put_spots(struct watch *watch, const struct watch_dirs *dirs)
{
    bool all = true;
    watch->spots = mem_zalloc((dirs->count + 1) * sizeof(struct spot *));
    for (size_t i = 0; i < dirs->count; i++) {
        const int error = put_spot(watch, dirs->paths[i]);
        if (error == UV_ENOENT || error == UV_ENOTDIR)
            look_soon(watch, LOOK);
        else if (error != 0)
            warn(watch, dirs->paths[i], error);
        all = all && error == 0;
    }
    if (all)
        watch->warned = false;
}

static void follow_dirs(struct watch *watch)
{
    struct watch_dirs dirs = {.paths = NULL};
    for (size_t i = 0; i < watch->count; i++)
        watch_find_dirs(&dirs, watch->paths[i]);
    const struct digest digest = digest_dirs(&dirs);
    if (watch->spots == NULL || !digest_same(&digest, &watch->dirs)) {
        remove_spots(watch);
        put_spots(watch, &dirs);
        watch->dirs = digest;
    }
    watch_dirs_fini(&dirs);
}

/* The watches come first, so that a change is either in what is seen here or told after it. */
static int64_t look_now(struct watch *watch)
{
    follow_dirs(watch);
    const struct digest files = digest_files(watch);
    const int64_t wait = watch_quiet_look(&watch->quiet, &files, mono_now());
    if (wait > 0)
        look_soon(watch, wait);
    return wait;
}

static void look(void *arg)
{
    MAGIC_CAST(struct watch, watch, arg, WATCH_MAGIC);
    watch->timer = NULL;
    if (look_now(watch) == 0)
        watch->changed(watch->arg);
}

/* ---- its life ---- */

static void forget_paths(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        mem_free(watch->paths[i]);
    mem_free(watch->paths);
    watch->paths = NULL;
    watch->count = 0;
}

static bool has_paths(const struct watch *watch, const char *const *paths, size_t count)
{
    bool same = count == watch->count;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(paths[i], watch->paths[i]) == 0;
    return same;
}

static void take_paths(struct watch *watch, const char *const *paths, size_t count)
{
    forget_paths(watch);
    watch->paths = mem_zalloc((count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++)
        watch->paths[i] = mem_strdup(paths[i]);
    watch->count = count;
    follow_dirs(watch);
    watch->quiet.read = digest_files(watch);
    watch->quiet.seen = watch->quiet.read;
}

struct watch *watch_start(struct loop *loop, const char *const *paths, size_t count,
                          void (*changed)(void *arg), void *arg)
{
    struct watch *watch = mem_zalloc(sizeof(*watch));
    MAGIC_SET(watch, WATCH_MAGIC);
    watch->loop = loop;
    watch->changed = changed;
    watch->arg = arg;
    take_paths(watch, paths, count);
    return watch;
}

void watch_reading(struct watch *watch)
{
    if (watch == NULL)
        return;
    MAGIC_OK(watch, WATCH_MAGIC);
    watch->quiet.read = digest_files(watch);
}

/* Where the list is the same, a change since it was read is still one. */
void watch_renew(struct watch *watch, const char *const *paths, size_t count)
{
    MAGIC_OK(watch, WATCH_MAGIC);
    if (count > 0 && !has_paths(watch, paths, count))
        take_paths(watch, paths, count);
    else
        look_soon(watch, 0);
}

void watch_stop(struct watch **at)
{
    struct watch *watch = *at;
    if (watch == NULL)
        return;
    MAGIC_OK(watch, WATCH_MAGIC);
    timer_stop(&watch->timer);
    remove_spots(watch);
    forget_paths(watch);
    MAGIC_CLEAR(watch);
    mem_free(watch);
    *at = NULL;
}
