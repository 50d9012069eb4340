/*
 * handdown: runs a command with descriptors handed down by the protocol of sd_listen_fds(3), with
 * whatever in them: a daemon must bear a stored descriptor that holds anything.
 *
 * usage: handdown [OPTION...] -- COMMAND ARGUMENT...
 *
 *   --name NAME      the name of the descriptors that follow (postcoded-token)
 *   --sealed FILE    a descriptor: a sealed memory file with FILE's bytes
 *   --unsealed FILE  the same, not sealed
 *   --file FILE      FILE itself
 *   --fd N           descriptor N of this process, which the command gets in its place
 *   --listen PATH    a listening Unix socket
 *
 * It becomes the command, whose process is this one.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST 3
#define MAX 16

static int count;
static int fds[MAX];
static const char *names[MAX];
static const char *name = "postcoded-token"; /* of the next */

static _Noreturn void fault(const char *what)
{
    perror(what);
    exit(2);
}

static int memory_file(const char *path, bool sealed)
{
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = memfd_create("handdown", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (in < 0 || out < 0)
        fault(path);
    while (sendfile(out, in, NULL, 1 << 20) > 0)
        ;
    close(in);
    if (sealed &&
        fcntl(out, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        fault(path);
    return out;
}

static int listener(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, SOMAXCONN) != 0)
        fault(path);
    return fd;
}

/* The command does not get it a second time, by its number here. */
static int own(const char *number)
{
    int fd = (int)strtol(number, NULL, 10);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        fault(number);
    return fd;
}

static void add(int fd)
{
    if (fd < 0 || count == MAX)
        fault("handdown");
    names[count] = name;
    fds[count++] = fd;
}

/* Out of each other's way first, then down to their places. */
static void put_in_place(void)
{
    for (int i = 0; i < count; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST + count)) < 0)
            fault("fcntl");
    for (int i = 0; i < count; i++)
        if (dup2(fds[i], FIRST + i) < 0)
            fault("dup2");
}

static void set_environment(void)
{
    char number[16], list[4096] = "";
    size_t len = 0;
    for (int i = 0; i < count && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ":" : "", names[i]);
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", list, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
}

static void take_option(int option)
{
    switch (option) {
    case 'n':
        name = optarg;
        return;
    case 's':
    case 'u':
        add(memory_file(optarg, option == 's'));
        return;
    case 'f':
        add(open(optarg, O_RDONLY | O_CLOEXEC));
        return;
    case 'd':
        add(own(optarg));
        return;
    case 'l':
        add(listener(optarg));
        return;
    default:
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"name", 1, NULL, 'n'}, {"sealed", 1, NULL, 's'}, {"unsealed", 1, NULL, 'u'},
        {"file", 1, NULL, 'f'}, {"fd", 1, NULL, 'd'},     {"listen", 1, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "+", table, NULL)) != -1;)
        take_option(option);
    if (optind >= argc)
        return 2;
    put_in_place();
    set_environment();
    execvp(argv[optind], argv + optind);
    fault(argv[optind]);
}
