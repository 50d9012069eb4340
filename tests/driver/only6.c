/*
 * only6: makes a fresh network namespace a host with IPv6 alone. The loopback interface comes up,
 * which gives it ::1 and 127.0.0.1, and the latter is taken away; with --4 the former is, and IPv6
 * with it; with --both none is. It refuses to where there is another interface that is up: that is
 * no fresh namespace.
 *
 * usage: only6 [--4 | --both]; exit 0, or 3 with a sentence.
 */
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "net.h"

static int give_up(const char *what)
{
    fprintf(stderr, "only6: %s: %s\n", what, strerror(errno));
    return 3;
}

static bool is_fresh(void)
{
    struct ifaddrs *all = NULL;
    bool fresh = getifaddrs(&all) == 0;
    for (struct ifaddrs *one = all; one != NULL; one = one->ifa_next)
        fresh = fresh && (strcmp(one->ifa_name, "lo") == 0 || (one->ifa_flags & IFF_UP) == 0);
    freeifaddrs(all);
    return fresh;
}

static bool switch_off_6(void)
{
    int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        close(fd);
    return done;
}

int main(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!is_fresh())
        return give_up("this is no fresh network namespace");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        return give_up("the loopback interface does not come up");
    if (strcmp(option, "--both") == 0)
        return 0;
    if (strcmp(option, "--4") == 0)
        return switch_off_6() ? 0 : give_up("IPv6 cannot be switched off");
    /* The address 0.0.0.0 in place of 127.0.0.1 means none. */
    request = (struct ifreq){.ifr_name = "lo"};
    request.ifr_addr.sa_family = AF_INET;
    if (ioctl(fd, SIOCSIFADDR, &request) != 0)
        return give_up("127.0.0.1 cannot be taken away");
    return 0;
}
