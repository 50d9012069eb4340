/*
 * A thin layer over libsystemd, so that the rest does not know whether there is a manager.
 *
 * What is kept lies in a memory file, sealed before it is given away: whoever holds the descriptor
 * can read it, and nobody, we included, can change it under a reader. Entries of one name pile up
 * in the manager, so the old one is removed first; a crash between the two messages costs one token
 * request.
 */
#include "service/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* ---- what it is told ---- */

void systemd_ready(void)
{
    sd_notify(0, "READY=1");
}

void systemd_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

/* The time is by the clock that the protocol names, which is none of base/clock.h. */
void systemd_reloading(void)
{
    struct timespec now;
    MUST(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void systemd_status(const char *status)
{
    static char last[512];
    if (strncmp(last, status, sizeof(last) - 1) == 0)
        return;
    snprintf(last, sizeof(last), "%s", status);
    sd_notifyf(0, "STATUS=%s", last);
}

void systemd_boot(unsigned char out[SYSTEMD_BOOT])
{
    sd_id128_t id;
    _Static_assert(sizeof(id.bytes) == SYSTEMD_BOOT, "an id fits");
    if (sd_id128_get_boot(&id) < 0)
        memset(&id, 0, sizeof(id));
    memcpy(out, id.bytes, SYSTEMD_BOOT);
}

int64_t systemd_watchdog(void)
{
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;
    return usec < (uint64_t)(INT64_MAX / MICROSECOND) ? (int64_t)usec * MICROSECOND : INT64_MAX;
}

void systemd_feed_watchdog(void)
{
    sd_notify(0, "WATCHDOG=1");
}

/* ---- what it handed down ---- */

static void sort_out(struct systemd_inherited *out, int fd, const char *name)
{
    if (strncmp(name, SYSTEMD_KEPT, strlen(SYSTEMD_KEPT)) == 0) {
        out->kept_names[out->kept_count] = mem_strdup(name);
        out->kept[out->kept_count++] = fd;
    } else if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0) {
        out->tls[out->socket_count] = strcmp(name, SYSTEMD_TLS) == 0;
        out->sockets[out->socket_count++] = fd;
    } else {
        log_warning(NULL,
                    "descriptor %d (%s) of the service manager is not a listening socket; it is "
                    "closed",
                    fd, name);
        close(fd);
    }
}

void systemd_inherit(struct systemd_inherited *out)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    *out = (struct systemd_inherited){.sockets = NULL};
    if (count <= 0)
        return;
    out->sockets = mem_alloc((size_t)count * sizeof(int));
    out->tls = mem_zalloc((size_t)count * sizeof(bool));
    out->kept = mem_alloc((size_t)count * sizeof(int));
    out->kept_names = mem_zalloc((size_t)count * sizeof(char *));
    for (int i = 0; i < count; i++) {
        sort_out(out, SD_LISTEN_FDS_START + i, names[i]);
        free(names[i]);
    }
    free(names);
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    mem_free(fds);
}

void systemd_fdstore_close(struct systemd_inherited *inherited)
{
    close_all(inherited->kept, inherited->kept_count);
    for (size_t i = 0; i < inherited->kept_count; i++)
        mem_free(inherited->kept_names[i]);
    mem_free(inherited->kept_names);
    inherited->kept = NULL;
    inherited->kept_names = NULL;
    inherited->kept_count = 0;
}

void systemd_inherited_fini(struct systemd_inherited *inherited)
{
    systemd_fdstore_close(inherited);
    close_all(inherited->sockets, inherited->socket_count);
    mem_free(inherited->tls);
    *inherited = (struct systemd_inherited){.sockets = NULL};
}

/* ---- what it keeps ---- */

static bool write_all(int fd, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static int sealed_file(const void *bytes, size_t len)
{
    int fd = memfd_create(SYSTEMD_KEPT, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write_all(fd, bytes, len) && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    log_warning(NULL, "the token cannot be kept across a restart: %s", strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void systemd_fdstore_put(const char *name, const void *bytes, size_t len)
{
    if (getenv("NOTIFY_SOCKET") == NULL)
        return;
    systemd_fdstore_remove(name);
    int fd = sealed_file(bytes, len);
    if (fd < 0)
        return;
    char *state = mem_printf("FDSTORE=1\nFDNAME=%s", name);
    sd_pid_notify_with_fds(0, 0, state, &fd, 1);
    mem_free(state);
    close(fd);
}

void systemd_fdstore_remove(const char *name)
{
    sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

size_t systemd_fdstore_read(int fd, void *out, size_t max, struct reason *reason)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS) {
        reason_set(reason, "it is not a sealed memory file");
        return 0;
    }
    if (fstat(fd, &st) != 0 || st.st_size <= 0 || (uint64_t)st.st_size > max) {
        reason_set(reason, "it is cut short or too long");
        return 0;
    }
    ssize_t n = pread(fd, out, (size_t)st.st_size, 0);
    if (n == st.st_size)
        return (size_t)n;
    reason_set(reason, "it is not to be read");
    return 0;
}
