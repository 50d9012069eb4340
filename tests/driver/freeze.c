/*
 * freeze: stops one thread of a process, and only that one, which no signal can do: a thread is
 * seized as a debugger would (ptrace(2)) and interrupted. It runs on when freeze ends, for the
 * kernel lets go of it.
 *
 * usage: freeze PID NAME
 *
 * NAME is a thread's (/proc/PID/task/TID/comm); of several the newest is taken. Prints "frozen TID"
 * when the thread has stopped, and waits for SIGTERM or the end of its standard input. Exit 77
 * where the system does not allow it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_name(const char *pid, const char *tid, const char *name)
{
    char path[512], found[64] = "";
    snprintf(path, sizeof path, "/proc/%s/task/%s/comm", pid, tid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fgets(found, sizeof found, file) != NULL)
        found[strcspn(found, "\n")] = '\0';
    fclose(file);
    return strcmp(found, name) == 0;
}

/* The thread's id; 0: there is none. */
static int find_thread(const char *pid, const char *name)
{
    char path[64];
    int newest = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        int tid = (int)strtol(entry->d_name, NULL, 10);
        if (tid > newest && has_name(pid, entry->d_name, name))
            newest = tid;
    }
    if (dir != NULL)
        closedir(dir);
    return newest;
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
        fputs("usage: freeze PID NAME\n", stderr);
        return 2;
    }
    int tid = find_thread(argv[1], argv[2]);
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
