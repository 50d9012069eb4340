/*
 * What the service manager is told (sd_notify(3)); nothing happens where there is none.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_SYSTEMD_H
#define SERVICE_SYSTEMD_H

void systemd_ready(void);
void systemd_stopping(void);
/* One line for `systemctl status`; no secret. Sent when it differs from the last. */
void systemd_status(const char *status);

#endif
