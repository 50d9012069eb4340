/* A thin layer over libsystemd, so that the rest does not know whether there is a manager. */
#include "service/systemd.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

void systemd_ready(void)
{
    sd_notify(0, "READY=1");
}

void systemd_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

void systemd_status(const char *status)
{
    static char last[256];
    if (strncmp(last, status, sizeof(last) - 1) == 0)
        return;
    snprintf(last, sizeof(last), "%s", status);
    sd_notifyf(0, "STATUS=%s", last);
}
