/*
 * handdown: runs a command with descriptors handed down by the protocol of sd_listen_fds(3), with
 * whatever in them: a daemon must bear a stored descriptor that holds anything.
 *
 * usage: handdown [--sealed FILE] [--unsealed FILE] [--file FILE] -- COMMAND ARGUMENT...
 *
 * Each option is a descriptor, named postcoded-token: a memory file with FILE's bytes, sealed or
 * not, or FILE itself. It becomes the command, whose process is this one.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define FIRST 3
#define NAME "postcoded-token"
#define MAX 16

static int count;
static int fds[MAX];

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

static void add(int fd)
{
    if (fd < 0 || count == MAX)
        fault("handdown");
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
    char number[16], names[MAX * sizeof NAME] = "";
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s" NAME, i > 0 ? ":" : "");
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"sealed", 1, NULL, 's'}, {"unsealed", 1, NULL, 'u'}, {"file", 1, NULL, 'f'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "+", table, NULL)) != -1;) {
        if (option == '?')
            return 2;
        add(option == 'f' ? open(optarg, O_RDONLY | O_CLOEXEC)
                          : memory_file(optarg, option == 's'));
    }
    if (optind >= argc)
        return 2;
    put_in_place();
    set_environment();
    execvp(argv[optind], argv + optind);
    fault(argv[optind]);
}
