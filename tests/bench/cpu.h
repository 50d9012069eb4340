/*
 * CPU time of the processes that a load watches, from schedstat, which the kernel keeps in
 * nanoseconds; the ticks of /proc/PID/stat are a thousand lookups long.
 */
#ifndef TESTS_BENCH_CPU_H
#define TESTS_BENCH_CPU_H

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static inline int64_t cpu_of_thread(pid_t pid, const char *thread)
{
    char path[320], text[64];
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* a thread that has ended meanwhile */
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return strtoll(text, NULL, 10);
}

/* Of all threads, in nanoseconds; -1: the process is gone. */
static inline int64_t cpu_of_process(pid_t pid)
{
    char path[64];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            sum += cpu_of_thread(pid, entry->d_name);
    closedir(dir);
    return sum;
}

/* Of all of them; -1: one is gone. */
static inline int64_t cpu_of_processes(const pid_t *pids, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t one = cpu_of_process(pids[i]);
        if (one < 0)
            return -1;
        sum += one;
    }
    return sum;
}

#endif
