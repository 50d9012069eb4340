/* base/log.h: that nobody waits for the log, and that nothing is lost without a count. */
#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log_line.h"
#include "suite.h"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The log writes to this pipe. */

static int pipe_fds[2];

static void open_pipe(void)
{
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
}

/* What is in the pipe once its writing end is closed. Free it. */
static char *read_all(void)
{
    size_t cap = 1 << 24, len = 0;
    char *text = malloc(cap);
    ssize_t n;

    while ((n = read(pipe_fds[0], text + len, cap - 1 - len)) > 0)
        len += (size_t)n;
    ck_assert_int_eq(n, 0);
    text[len] = '\0';
    return text;
}

/* Stops the log and gives what it wrote, which has to fit into the pipe. */
static char *stop_and_read(void)
{
    log_stop();
    close(pipe_fds[1]);
    char *text = read_all();
    close(pipe_fds[0]);
    return text;
}

/* The next line of a text, without its newline, and steps over it; NULL at the end. */
static char *next_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');

    if (end == NULL)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

START_TEST(test_writes_what_it_is_given)
{
    struct log_field field = LOG_INT("n", 7);

    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_thread_start();
    log_info(NULL, "by %s", "printf");
    log_debug(NULL, "not at this level");
    log_fields(LOG_LEVEL_ERROR, "g", "with a field", &field, 1);
    log_write_fields(LOG_LEVEL_NOTICE, "g", &field, 1, "with %d field", 1);
    log_write_fields(LOG_LEVEL_DEBUG, "g", &field, 1, "not at this %s", "level");
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
    ck_assert(log_enabled(LOG_LEVEL_DEBUG));
    log_debug(NULL, "at this level");
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    ck_assert(!log_enabled(LOG_LEVEL_WARNING));
    log_warning(NULL, "no more");
    char *text = stop_and_read();
    log_thread_stop();
    char *at = text, *line = next_line(&at);
    ck_assert(ends_with(line, "Z info by printf"));
    ck_assert(ends_with(next_line(&at), "Z error GUID: g - with a field n=7"));
    ck_assert(ends_with(next_line(&at), "Z notice GUID: g - with 1 field n=7"));
    ck_assert(ends_with(next_line(&at), "\"level\":\"debug\",\"message\":\"at this level\"}"));
    ck_assert_ptr_null(next_line(&at));
    free(text);
}
END_TEST

START_TEST(test_long_printf_is_cut)
{
    char big[3 * LOG_MESSAGE_MAX];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_info(NULL, "%s", big);
    char *text = stop_and_read();
    ck_assert(ends_with(text, "xxx[cut]\n"));
    free(text);
}
END_TEST

/* The pipe is "the journal" when JOURNAL_STREAM names it. */
static void log_one_with_journal_stream(int64_t inode_off, const char *expected_end, bool priority)
{
    struct stat st;
    char stream[64];

    open_pipe();
    ck_assert_int_eq(fstat(pipe_fds[1], &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%jd", (uintmax_t)st.st_dev,
             (intmax_t)st.st_ino + inode_off);
    setenv("JOURNAL_STREAM", stream, 1);
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_warning("g", "hello");
    char *text = stop_and_read();
    ck_assert_int_eq(text[0] == '<', priority);
    ck_assert(ends_with(text, expected_end));
    free(text);
}

START_TEST(test_journal_stream)
{
    log_one_with_journal_stream(0, "<4>GUID: g - hello\n", true);
    log_one_with_journal_stream(1, "Z warning GUID: g - hello\n", false);
}
END_TEST

START_TEST(test_errno_is_left_alone)
{
    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    errno = EDOM;
    log_error(NULL, "error");
    log_debug(NULL, "debug");
    ck_assert_int_eq(errno, EDOM);
    free(stop_and_read());
    errno = EDOM;
    close(STDERR_FILENO);
    log_error(NULL, "directly, to a stderr that is not there");
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* Reads one line, however long it takes: nobody stops the writer, so it must have been woken. */
static void expect_line(const char *end)
{
    char line[256];
    size_t len = 0;

    do {
        ck_assert_uint_lt(len, sizeof(line) - 1);
        ck_assert_int_eq(read(pipe_fds[0], line + len, 1), 1);
    } while (line[len++] != '\n');
    line[len] = '\0';
    ck_assert_msg(ends_with(line, end), "%s", line);
}

START_TEST(test_the_writer_is_woken)
{
    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    for (int i = 0; i < 100; i++) {
        log_info(NULL, "from a thread without a ring");
        expect_line("from a thread without a ring\n");
    }
    log_thread_start();
    for (int i = 0; i < 100; i++) {
        log_warning(NULL, "rings at once");
        expect_line("rings at once\n");
        log_info(NULL, "rings when flushed");
        log_flush();
        expect_line("rings when flushed\n");
    }
    log_thread_stop();
    free(stop_and_read());
}
END_TEST

/* Many threads: every line arrives whole, and each thread's in order. */

#define THREADS 6
#define LINES 2000

static void *log_lines(void *arg)
{
    intptr_t thread = (intptr_t)arg;

    if (thread % 2 == 0) /* the others share a ring */
        log_thread_start();
    for (int i = 0; i < LINES; i++) {
        log_info(NULL, "thread %d line %d", (int)thread, i);
        if (i % 10 == 0)
            log_flush();
    }
    log_thread_stop();
    return NULL;
}

static char *read_text;

static void *read_pipe(void *arg)
{
    (void)arg;
    read_text = read_all();
    return NULL;
}

START_TEST(test_many_threads)
{
    pthread_t reader, threads[THREADS];
    int next[THREADS] = {0}, thread, number, lines = 0;

    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_pipe, NULL), 0);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_lines, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_stop();
    close(pipe_fds[1]);
    pthread_join(reader, NULL);
    for (char *at = read_text, *line = next_line(&at); line != NULL; line = next_line(&at)) {
        const char *said = strstr(line, "Z info thread ");

        if (said == NULL && ends_with(line, " log lines dropped"))
            continue;
        ck_assert_msg(said != NULL, "%s", line);
        ck_assert_int_eq(sscanf(said, "Z info thread %d line %d", &thread, &number), 2);
        ck_assert_int_ge(number, next[thread]);
        next[thread] = number + 1;
        lines++;
    }
    ck_assert_int_eq(lines + (int)log_dropped(), THREADS * LINES);
    free(read_text);
}
END_TEST

/* More rings than there are slots, one after another and at once: threads come and go. */
static void *log_one(void *arg)
{
    log_thread_start();
    log_info(NULL, "one");
    pthread_barrier_wait(arg);
    log_thread_stop();
    return NULL;
}

START_TEST(test_more_threads_than_rings)
{
    pthread_t threads[200];
    pthread_barrier_t barrier;
    size_t lines = 0;

    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    pthread_barrier_init(&barrier, NULL, ARRAY_LEN(threads));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_one, &barrier), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    char *text = stop_and_read();
    for (char *at = text, *line = next_line(&at); line != NULL; line = next_line(&at))
        lines += ends_with(line, "Z info one");
    ck_assert_uint_eq(lines, ARRAY_LEN(threads));
    free(text);
}
END_TEST

/* Writes until lines are dropped. That it comes back at all is what is tested. */
static int fill(void)
{
    int lines = 0;

    while (log_dropped() < 1000 && lines < 1000000)
        log_info(NULL, "line %d", lines++);
    ck_assert_uint_eq(log_dropped(), 1000);
    return lines;
}

START_TEST(test_full_ring_drops_and_counts)
{
    pthread_t reader;
    int number, last = -1, lines = 0;
    long long told = 0, n;

    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_thread_start();
    int written = fill(); /* nobody reads the pipe */
    ck_assert_int_eq(pthread_create(&reader, NULL, read_pipe, NULL), 0);
    log_thread_stop();
    log_stop();
    close(pipe_fds[1]);
    pthread_join(reader, NULL);
    for (char *at = read_text, *line = next_line(&at); line != NULL; line = next_line(&at)) {
        const char *said = strchr(line, ' ') + 1;

        if (sscanf(said, "warning %lld log lines dropped", &n) == 1) {
            told += n;
        } else {
            ck_assert_msg(sscanf(said, "info line %d", &number) == 1, "%s", line);
            ck_assert_int_gt(number, last);
            last = number;
            lines++;
        }
    }
    ck_assert_int_eq(lines, written - 1000);
    ck_assert_int_eq(told, 1000);
    free(read_text);
}
END_TEST

START_TEST(test_stop_gives_up_on_a_blocked_stderr)
{
    open_pipe();
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_thread_start();
    fill();
    log_stop(); /* comes back, though the pipe is full and nobody reads */
    log_thread_stop();
    /* The writer's call returns at last; it goes without a sound (SIGPIPE would end the test). */
    close(pipe_fds[0]);
}
END_TEST

START_TEST(test_broken_descriptor)
{
    open_pipe();
    close(pipe_fds[0]);
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    for (int i = 0; i < 10; i++)
        log_warning(NULL, "to nobody");
    log_stop();
    ck_assert_uint_eq(log_dropped(), 10);
}
END_TEST

START_TEST(test_non_blocking_descriptor_loses_nothing)
{
    pthread_t reader;
    int lines = 0;

    open_pipe();
    ck_assert_int_eq(fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_gt(fcntl(pipe_fds[1], F_SETPIPE_SZ, 4096), 0);
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_thread_start();
    for (int i = 0; i < 2000; i++)
        log_info(NULL, "line %d", i);
    log_flush();
    ck_assert_int_eq(pthread_create(&reader, NULL, read_pipe, NULL), 0);
    log_stop();
    log_thread_stop();
    close(pipe_fds[1]);
    pthread_join(reader, NULL);
    for (char *at = read_text, *line = next_line(&at); line != NULL; line = next_line(&at)) {
        char expected[32];

        snprintf(expected, sizeof(expected), " info line %d", lines++);
        ck_assert(ends_with(line, expected));
    }
    ck_assert_int_eq(lines, 2000);
    free(read_text);
}
END_TEST

START_TEST(test_directly_before_and_after)
{
    open_pipe();
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    log_warning("g", "before");
    log_debug(NULL, "not at this level");
    expect_line("Z warning GUID: g - before\n");
    ck_assert_int_eq(log_start(pipe_fds[1]), ERR_OK);
    log_thread_start();
    log_info(NULL, "between");
    log_stop();
    log_info(NULL, "after");
    log_thread_stop();
    expect_line(" info between\n");
    expect_line(" info after\n");
    dup2(saved, STDERR_FILENO);
    close(saved);
}
END_TEST

START_TEST(test_directly_to_a_full_pipe_does_not_hang)
{
    static char block[4096];

    open_pipe();
    ck_assert_int_eq(fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK), 0);
    while (write(pipe_fds[1], block, sizeof(block)) > 0)
        ;
    ck_assert_int_eq(fcntl(pipe_fds[1], F_SETFL, 0), 0);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    log_warning(NULL, "lost");
    dup2(saved, STDERR_FILENO);
    close(saved);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_writes_what_it_is_given);
    tcase_add_test(tcase, test_long_printf_is_cut);
    tcase_add_test(tcase, test_journal_stream);
    tcase_add_test(tcase, test_errno_is_left_alone);
    tcase_add_test(tcase, test_the_writer_is_woken);
    tcase_add_test(tcase, test_many_threads);
    tcase_add_test(tcase, test_more_threads_than_rings);
    tcase_add_test(tcase, test_full_ring_drops_and_counts);
    tcase_add_test(tcase, test_stop_gives_up_on_a_blocked_stderr);
    tcase_add_test(tcase, test_broken_descriptor);
    tcase_add_test(tcase, test_non_blocking_descriptor_loses_nothing);
    tcase_add_test(tcase, test_directly_before_and_after);
    tcase_add_test(tcase, test_directly_to_a_full_pipe_does_not_hang);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
