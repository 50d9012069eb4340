/* Field numbers are those of proc(5), /proc/pid/stat, counted behind the name in parentheses. */
#include "front/process_metrics.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

struct process_stat {
    unsigned long long utime, stime; /* clock ticks */
    unsigned long long start;        /* clock ticks after boot */
    unsigned long long vsize;        /* bytes */
    long long rss;                   /* pages */
};

static bool read_stat(struct process_stat *stat)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *fields = strrchr(text, ')');
    return fields != NULL &&
           sscanf(fields + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
                  "%llu %llu %lld",
                  &stat->utime, &stat->stime, &stat->start, &stat->vsize, &stat->rss) == 5;
}

/*
 * When the machine was started. Not read from /proc/stat, which a sandbox may hide
 * (ProcSubset=pid); and worked out once, for a time that moves looks like a restart to whoever
 * watches it.
 */
static double boot_time(void)
{
    static int64_t seconds;

    if (seconds == 0)
        seconds = (wall_now().ns - mono_now().ns) / SECOND;
    return (double)seconds;
}

static long count_descriptors(void)
{
    long count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return -1;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count - 1; /* the folder's own */
}

static void put(struct buf *out, const char *name, const char *kind, const char *help, double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, kind, name, value);
}

static void put_stat(struct buf *out)
{
    struct process_stat stat;
    const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    if (!read_stat(&stat))
        return;
    put(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.",
        (double)(stat.utime + stat.stime) * tick);
    put(out, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
        (double)stat.vsize);
    put(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
        (double)stat.rss * (double)sysconf(_SC_PAGESIZE));
    put(out, "process_start_time_seconds", "gauge",
        "Start time of the process since the Unix epoch in seconds.",
        boot_time() + (double)stat.start * tick);
}

void process_metrics_write(struct buf *out)
{
    struct rlimit limit;
    long open = count_descriptors();
    put_stat(out);
    if (open >= 0)
        put(out, "process_open_fds", "gauge", "Number of open file descriptors.", (double)open);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(out, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
            (double)limit.rlim_cur);
}
