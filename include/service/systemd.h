/*
 * The service manager: what it is told (sd_notify(3)), what it handed down (sd_listen_fds(3)), and
 * the descriptors it keeps for us across a restart. Nothing happens where there is none.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_SYSTEMD_H
#define SERVICE_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

void systemd_ready(void);
void systemd_stopping(void);
/* A reload begins now; its end, however it went, is systemd_ready. */
void systemd_reloading(void);
/* One line for `systemctl status`; no secret. Sent when it differs from the last. */
void systemd_status(const char *status);

/*
 * The id of this boot (SYSTEMD_BOOT bytes); zeros where it cannot be read, as under ProcSubset=pid.
 */
#define SYSTEMD_BOOT 16
void systemd_boot(unsigned char out[SYSTEMD_BOOT]);

/* How often the watchdog wants to be fed at the least, in ns; 0: there is none. */
int64_t systemd_watchdog(void);
void systemd_feed_watchdog(void);

/* What the manager handed down; the descriptors are the receiver's. */
struct systemd_inherited {
    int *sockets; /* listening */
    bool *tls;    /* of each: callers speak TLS there, for its name is SYSTEMD_TLS */
    size_t socket_count;
    int *kept; /* what systemd_fdstore_put left with it, newest last */
    char **kept_names;
    size_t kept_count;
};
/* Once. What is neither is closed, and the log says so. */
void systemd_inherit(struct systemd_inherited *out);
/* Closes the kept ones, which are of no use once they have been read. */
void systemd_fdstore_close(struct systemd_inherited *inherited);
/* Closes what is still there (a descriptor that somebody took is -1), and frees the lists. */
void systemd_inherited_fini(struct systemd_inherited *inherited);

/* The name (FileDescriptorName=) of sockets on which callers speak TLS. */
#define SYSTEMD_TLS "tls"

/* The names of kept descriptors begin with this. */
#define SYSTEMD_KEPT "postcoded-token"

/*
 * Leaves a sealed memory file with these bytes with the manager, in place of the one of that name
 * before. It comes back when the daemon is started again after a crash or for a restart, and is
 * lost when the unit is stopped.
 */
void systemd_fdstore_put(const char *name, const void *bytes, size_t len);
void systemd_fdstore_remove(const char *name);
/*
 * What a kept descriptor holds, `max` bytes at most, into `out`: how many, or 0 with a phrase in
 * `reason`: "it is ...".
 */
size_t systemd_fdstore_read(int fd, void *out, size_t max, struct reason *reason);

#endif
