/*
 * Reading whole files, and finding them. A file is looked at after it was opened, never before, so
 * that what was checked is what is read. Only regular files will do: a named pipe would make the
 * daemon wait for a writer.
 */
#include "config/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "config/units.h"

/* O_NONBLOCK is for pipes, which open() would wait on; a regular file does not mind it. */
static enum err open_regular(const char *path, int *fd, mode_t *mode)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0)
        return ERR_SYSTEM;
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *mode = st.st_mode & ALLPERMS;
        return ERR_OK;
    }
    close(*fd);
    return ERR_INVALID;
}

static enum err read_all(int fd, struct buf *out)
{
    char chunk[4096];
    enum err err = ERR_OK;
    ssize_t got;

    while (err == ERR_OK && (got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got > 0)
            err = buf_append(out, chunk, (size_t)got);
        else if (errno != EINTR)
            err = ERR_SYSTEM;
    }
    wipe(chunk, sizeof(chunk));
    return err;
}

enum err files_read(const char *path, struct buf *out, mode_t *mode)
{
    mode_t ignored;
    int fd;
    enum err err = open_regular(path, &fd, mode != NULL ? mode : &ignored);

    if (err != ERR_OK)
        return err;
    err = read_all(fd, out);
    int saved = errno;
    close(fd);
    errno = saved;
    return err;
}

enum err files_probe(const char *path)
{
    mode_t mode;
    int fd;
    enum err err = open_regular(path, &fd, &mode);

    if (err == ERR_OK)
        close(fd);
    return err;
}

char *files_explain(enum err err, size_t max)
{
    const char *system = strerrordesc_np(errno);
    struct buf size;

    if (err == ERR_SYSTEM)
        return mem_printf("cannot be read (%s); it must be a file that postcoded's user can read%s",
                          system != NULL ? system : "unknown error",
                          errno == EACCES ? ": chgrp postcoded and chmod 0640 it" : "");
    if (err == ERR_INVALID)
        return mem_strdup("is not a regular file; it must be one");
    buf_init(&size, 64);
    units_format_size((int64_t)max, &size);
    char *text = mem_printf("is larger than %s; it must be smaller", buf_text(&size));
    buf_fini(&size);
    return text;
}

char *files_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path) + 1);
    char *real = realpath(dir, NULL);

    if (real == NULL)
        return dir;
    mem_free(dir);
    return real;
}

static int is_drop_in(const struct dirent *entry)
{
    static const char end[] = ".ini";
    size_t len = strlen(entry->d_name);
    size_t end_len = strlen(end);

    return entry->d_name[0] != '.' && len > end_len &&
           strcmp(entry->d_name + len - end_len, end) == 0;
}

/* By bytes: the order of the files must not depend on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int files_find_drop_ins(const char *dir, struct dirent ***entries)
{
    return scandir(dir, entries, is_drop_in, by_name);
}

/* Goes over leading ./ and ../, taking a name off `dir` for each ../. */
static const char *climb(char *dir, const char *path)
{
    for (;;) {
        if (strncmp(path, "../", 3) == 0) {
            char *slash = strrchr(dir, '/');
            if (slash == NULL)
                return path;
            *slash = '\0';
            path += 3;
        } else if (strncmp(path, "./", 2) == 0) {
            path += 2;
        } else if (*path == '/') {
            path++;
        } else {
            return path;
        }
    }
}

char *files_resolve(const char *dir, const char *path)
{
    if (*path == '/')
        return mem_strdup(path);

    char *base = mem_strdup(strcmp(dir, "/") == 0 ? "" : dir);
    const char *rest = climb(base, path);
    char *text = mem_printf("%s/%s", base, rest);
    mem_free(base);
    return text;
}
