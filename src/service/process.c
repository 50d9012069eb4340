/*
 * Process 1 of a container differs in two ways. The kernel discards a signal that it does not
 * handle and does not block. And every orphan of its namespace becomes its child. We start no
 * process, so nobody needs the status of a child, and the kernel may reap all of them.
 */
#include "service/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static const int handled[] = {SIGTERM, SIGINT, SIGHUP};

/* ---- descriptors ---- */

/* The lowest free number is `fd`, because those below it are open. */
static bool open_if_closed(int fd, int how)
{
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
        return true;
    return open("/dev/null", how) == fd;
}

bool process_open_standard(void)
{
    return open_if_closed(STDIN_FILENO, O_RDONLY) && open_if_closed(STDOUT_FILENO, O_RDONLY) &&
           open_if_closed(STDERR_FILENO, O_WRONLY);
}

/* ---- signals ---- */

static void change_mask(int how)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(handled); i++)
        sigaddset(&set, handled[i]);
    MUST(pthread_sigmask(how, &set, NULL) == 0);
}

void process_hold_signals(void)
{
    change_mask(SIG_BLOCK);
}

void process_release_signals(void)
{
    change_mask(SIG_UNBLOCK);
}

static void leave(int number)
{
    _exit(128 + number);
}

void process_end_by_signals(void)
{
    if (getpid() != 1)
        return;
    for (size_t i = 0; i < ARRAY_LEN(handled); i++)
        signal(handled[i], leave);
}

/* ---- children ---- */

void process_reap_children(void)
{
    signal(SIGCHLD, SIG_IGN);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}
