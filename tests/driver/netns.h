/* What the drivers share that make a network namespace of the caller's ready for use. */
#ifndef DRIVER_NETNS_H
#define DRIVER_NETNS_H

#include <net/if.h>
#include <sys/ioctl.h>

#include "serve.h"

static inline void bring_loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    must(ioctl(fd, SIOCGIFFLAGS, &request), "loopback");
    request.ifr_flags |= IFF_UP;
    must(ioctl(fd, SIOCSIFFLAGS, &request), "loopback");
    close(fd);
}

#endif
