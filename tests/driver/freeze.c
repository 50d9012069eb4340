/*
 * freeze: stops one thread of a process, and only that one, which no signal can do: a thread is
 * seized as a debugger would (ptrace(2)) and interrupted. It runs on when freeze ends, for the
 * kernel lets go of it.
 *
 * usage: freeze PID THREAD
 *
 * THREAD counts the process's threads by their ids, from 1, the main one. Prints "frozen TID" when
 * the thread has stopped, and waits for SIGTERM or the end of its standard input. Exit 77 where the
 * system does not allow it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 1024

static int by_number(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The thread's id; 0: there is none. */
static int find_thread(const char *pid, long which)
{
    static int ids[THREADS_MAX];
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && count < THREADS_MAX)
            ids[count++] = (int)strtol(entry->d_name, NULL, 10);
    if (dir != NULL)
        closedir(dir);
    qsort(ids, (size_t)count, sizeof ids[0], by_number);
    return which >= 1 && which <= count ? ids[which - 1] : 0;
}

static void wait_for_the_word(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: freeze PID THREAD\n", stderr);
        return 2;
    }
    int tid = find_thread(argv[1], strtol(argv[2], NULL, 10));
    if (tid == 0) {
        fprintf(stderr, "freeze: %s has no thread %s\n", argv[1], argv[2]);
        return 1;
    }
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        fprintf(stderr, "freeze: %s\n", strerror(errno));
        return errno == EPERM ? 77 : 1;
    }
    int status;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || waitpid(tid, &status, __WALL) != tid) {
        fprintf(stderr, "freeze: %s\n", strerror(errno));
        return 1;
    }
    printf("frozen %d\n", tid);
    fflush(stdout);
    wait_for_the_word();
    return 0;
}
