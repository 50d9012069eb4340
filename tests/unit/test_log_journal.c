/*
 * base/log_journal.h and the writer with it: records reach a journal's socket whole and in order,
 * nobody waits for a journal that reads nothing, and without one lines are on stderr.
 */
#include "base/log_journal.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/log_line.h"
#include "base/log_pieces.h"
#include "scratch.h"
#include "suite.h"

static char *path;
static int journal_fd = -1; /* the journal's end */
static int pipe_fds[2];     /* stderr */
static char datagram[LOG_RECORD_MAX + 1];

static void journal_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    unlink(path);
    ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(journal_fd, 0);
    ck_assert_int_eq(bind(journal_fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void journal_close(void)
{
    close(journal_fd);
    unlink(path);
}

/* The next datagram; it comes, or the test runs out of time. */
static const char *journal_read(void)
{
    ssize_t len = recv(journal_fd, datagram, sizeof(datagram) - 1, 0);

    ck_assert_int_gt(len, 0);
    ck_assert_uint_lt((size_t)len, sizeof(datagram) - 1);
    datagram[len] = '\0';
    ck_assert_uint_eq(strlen(datagram), (size_t)len);
    return datagram;
}

static void setup(void)
{
    scratch_make();
    path = scratch_path("journal");
}

static void teardown(void)
{
    scratch_remove();
    mem_free(path);
}

static void start(void)
{
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    ck_assert_int_eq(log_start_beside(pipe_fds[1], path), ERR_OK);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
}

/* Reads a line of stderr, and leaves out its time. */
static const char *read_stderr(void)
{
    static char line[LOG_LINE_MAX + 1];
    size_t len = 0;

    do {
        ck_assert_uint_lt(len, sizeof(line) - 1);
        ck_assert_int_eq(read(pipe_fds[0], line + len, 1), 1);
    } while (line[len++] != '\n');
    line[len] = '\0';
    return strchr(line, ' ') + 1;
}

static void expect_stderr(const char *expected)
{
    ck_assert_str_eq(read_stderr(), expected);
}

START_TEST(test_a_line_is_a_datagram)
{
    const struct log_field fields[] = {LOG_TEXT("upstream", "location"), LOG_INT("status", 200)};

    start();
    journal_open();
    log_fields(LOG_LEVEL_WARNING, "g-1", "request", fields, ARRAY_LEN(fields));
    ck_assert_str_eq(journal_read(), "MESSAGE=GUID: g-1 - request upstream=location status=200\n"
                                     "PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=postcoded\n"
                                     "GUID=g-1\nUPSTREAM=location\nSTATUS=200\n");
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info(NULL, "text");
    expect_stderr("info text\n");
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
    log_info(NULL, "a record again");
    ck_assert_ptr_nonnull(strstr(journal_read(), "MESSAGE=a record again\n"));
    log_stop();
    journal_close();
}
END_TEST

/* Lines that wrap at the ring's end, of two formats in turn: each arrives whole, in its order. */
START_TEST(test_formats_in_one_ring)
{
    char expected[64], text[1500];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    start();
    journal_open();
    log_thread_start();
    for (int i = 0; i < 1000; i++) {
        log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
        log_info(NULL, "%d %s", i, text);
        log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        log_info(NULL, "line %d", i);
        log_flush();
        snprintf(expected, sizeof(expected), "MESSAGE=%d xxx", i);
        ck_assert_int_eq(strncmp(journal_read(), expected, strlen(expected)), 0);
        snprintf(expected, sizeof(expected), "info line %d\n", i);
        expect_stderr(expected);
    }
    log_thread_stop();
    log_stop();
    journal_close();
}
END_TEST

START_TEST(test_without_a_journal)
{
    char expected[256];

    start();
    snprintf(expected, sizeof(expected),
             "warning no journal; log lines go to standard error socket=%s "
             "error=\"No such file or directory\"\n",
             path);
    log_warning("g", "first");
    log_warning(NULL, "second");
    expect_stderr(expected);
    expect_stderr("warning GUID: g - first\n");
    expect_stderr("warning second\n");
    /* It is looked for once a second; until then lines go on to stderr. */
    journal_open();
    struct pollfd came = {.fd = journal_fd, .events = POLLIN};
    do {
        log_warning(NULL, "third");
    } while (poll(&came, 1, 20) == 0);
    ck_assert_ptr_nonnull(strstr(journal_read(), "MESSAGE=third\n"));
    log_stop();
    journal_close();
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

/* The journal's socket has a successor: nothing goes to stderr. */
START_TEST(test_another_journal)
{
    start();
    journal_open();
    log_warning(NULL, "to the first");
    ck_assert_ptr_nonnull(strstr(journal_read(), "MESSAGE=to the first\n"));
    journal_close();
    journal_open();
    log_warning(NULL, "to the second");
    ck_assert_ptr_nonnull(strstr(journal_read(), "MESSAGE=to the second\n"));
    log_stop();
    struct pollfd said = {.fd = pipe_fds[0], .events = POLLIN};
    ck_assert_int_eq(poll(&said, 1, 0), 0);
    journal_close();
}
END_TEST

/* Logs until lines are dropped; that it comes back is what is tested. */
static int fill(void)
{
    int lines = 0;

    while (log_dropped() < 1000 && lines < 1000000)
        log_info(NULL, "line %d", lines++);
    ck_assert_uint_eq(log_dropped(), 1000);
    return lines;
}

START_TEST(test_a_journal_that_does_not_read)
{
    int last = -1, lines = 0, number;
    long long told = 0, n;

    start();
    journal_open();
    log_thread_start();
    int written = fill();
    /* Now it reads, until it was told of all that are missing. */
    while (told < 1000) {
        const char *text = journal_read();

        if (sscanf(text, "MESSAGE=line %d", &number) == 1) {
            ck_assert_int_gt(number, last);
            last = number;
            lines++;
        } else {
            ck_assert_msg(sscanf(text, "MESSAGE=%lld log lines dropped", &n) == 1, "%s", text);
            told += n;
            ck_assert_ptr_nonnull(strstr(text, "\nPRIORITY=4\n"));
        }
    }
    ck_assert_int_eq(told, 1000);
    ck_assert_int_le(lines, written - 1000);
    log_thread_stop();
    log_stop();
    journal_close();
}
END_TEST

/* How many lines a socket does not take by far, and a ring does. */
#define BACKLOG 1000

/* Records for a journal that reads none: most of them stay in the ring. */
static void log_backlog(void)
{
    start();
    ck_assert_int_gt(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20), 0);
    journal_open();
    log_thread_start();
    for (int i = 0; i < BACKLOG; i++)
        log_info(NULL, "line %d", i);
    log_flush();
}

/* The lines that the journal was sent, which come first. */
static int count_sent(void)
{
    struct pollfd more = {.fd = journal_fd, .events = POLLIN};
    int lines = 0, number;

    while (poll(&more, 1, 0) == 1) {
        ck_assert_int_eq(sscanf(journal_read(), "MESSAGE=line %d\n", &number), 1);
        ck_assert_int_eq(number, lines++);
    }
    ck_assert_int_lt(lines, BACKLOG);
    return lines;
}

static int first_line(void)
{
    int number;

    ck_assert_int_eq(sscanf(read_stderr(), "info line %d\n", &number), 1);
    return number;
}

static void expect_lines(int first)
{
    char expected[64];

    for (int i = first; i < BACKLOG; i++) {
        snprintf(expected, sizeof(expected), "info line %d\n", i);
        expect_stderr(expected);
    }
}

/* A reload takes the log away from a journal that reads nothing, with what waits for it. */
START_TEST(test_another_format_for_a_blocked_journal)
{
    log_backlog();
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_warning(NULL, "text");
    int first = first_line();
    expect_lines(first + 1);
    expect_stderr("warning text\n");
    ck_assert_int_eq(count_sent(), first); /* only now: it takes more when it is read */
    log_stop();
    log_thread_stop();
    journal_close();
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

START_TEST(test_stop_with_a_blocked_journal_loses_nothing)
{
    char expected[256];

    log_backlog();
    log_stop();
    log_thread_stop();
    snprintf(expected, sizeof(expected),
             "warning the journal takes nothing; log lines go to standard error socket=%s "
             "error=\"Resource temporarily unavailable\"\n",
             path);
    expect_stderr(expected);
    expect_lines(count_sent());
    journal_close();
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

/* Whole lines on stderr; it reads without waiting. */
static int count_pipe(void)
{
    char text[4096];
    int lines = 0;
    ssize_t len;

    ck_assert_int_eq(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
    while ((len = read(pipe_fds[0], text, sizeof(text))) > 0)
        for (ssize_t i = 0; i < len; i++)
            lines += text[i] == '\n';
    return lines;
}

/* Nobody reads stderr either: what is lost is counted, and told to whom stderr is by then. */
START_TEST(test_stop_counts_what_it_leaves)
{
    struct pollfd more;
    int last[2];
    char text[256];
    long long told;

    start();
    journal_open();
    log_thread_start();
    int written = fill(), sent = 0;
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe2(last, O_CLOEXEC), 0);
    ck_assert_int_eq(dup2(last[1], STDERR_FILENO), STDERR_FILENO);
    log_stop(); /* comes back, though neither is read */
    dup2(saved, STDERR_FILENO);
    ssize_t len = read(last[0], text, sizeof(text) - 1);
    ck_assert_int_gt(len, 0);
    text[len] = '\0';
    ck_assert_msg(sscanf(text, "%*s warning %lld log lines dropped at the end, at most\n", &told) ==
                      1,
                  "%s", text);
    ck_assert_int_le(told, (long long)log_dropped());
    more = (struct pollfd){.fd = journal_fd, .events = POLLIN};
    for (; poll(&more, 1, 0) == 1; sent++)
        journal_read();
    ck_assert_int_gt(told, 0);
    ck_assert_uint_gt(log_dropped(), 1000);
    ck_assert_int_ge((int)log_dropped() + sent + count_pipe(), written);
    log_thread_stop();
    journal_close();
    close(saved);
}
END_TEST

/* The socket has a successor, but the process that holds it lives, and reads nothing. */
START_TEST(test_a_successor_of_a_blocked_journal)
{
    struct log_style style = {.format = LOG_FORMAT_JOURNAL};
    struct log_journal journal;
    struct log_line line;
    size_t len;

    journal_open();
    int first = journal_fd;
    log_line_make(&line, style, wall_now(), LOG_LEVEL_INFO, NULL, "line", NULL, 0);
    struct iovec piece = {.iov_base = line.data, .iov_len = line.len};
    log_journal_init(&journal, path);
    while (log_journal_send(&journal, &piece, 1, &len) == LOG_JOURNAL_TOOK)
        ;
    journal_open(); /* in its place */
    ck_assert_int_eq(log_journal_send(&journal, &piece, 1, &len), LOG_JOURNAL_FULL);
    journal.full_since = mono_add(mono_now(), -60 * SECOND);
    ck_assert_int_eq(log_journal_send(&journal, &piece, 1, &len), LOG_JOURNAL_TOOK);
    ck_assert_ptr_nonnull(strstr(journal_read(), "MESSAGE=line\n"));
    ck_assert_int_eq(journal.full_since.ns, 0);
    log_journal_fini(&journal);
    close(first);
    journal_close();
}
END_TEST

START_TEST(test_look_for_a_journal)
{
    ck_assert_int_eq(log_journal_look(path), ENOENT);
    journal_open();
    ck_assert_int_eq(log_journal_look(path), 0);
    close(journal_fd); /* its socket stays in the file system */
    ck_assert_int_eq(log_journal_look(path), ECONNREFUSED);
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(log_journal_look(path), ECONNREFUSED);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* A socket buffer that is smaller than the record: it goes to stderr, and the next one is sent. */
START_TEST(test_a_record_that_the_socket_refuses)
{
    struct log_journal journal;
    struct log_line line;
    struct iovec out[4], piece;
    int least = 0, count;
    size_t len = 0;
    char big[LOG_MESSAGE_MAX];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    journal_open();
    log_journal_init(&journal, path);
    struct log_style style = {.format = LOG_FORMAT_JOURNAL, .journal = true};
    log_line_make(&line, style, wall_now(), LOG_LEVEL_INFO, "g", "small", NULL, 0);
    piece = (struct iovec){.iov_base = line.data, .iov_len = line.len};
    ck_assert_int_eq(log_journal_send(&journal, &piece, 1, &len), LOG_JOURNAL_TOOK);
    ck_assert_uint_eq(len, line.len);
    ck_assert_int_eq(setsockopt(journal.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
    const struct log_field field = LOG_TEXT("f", big);
    log_line_make(&line, style, wall_now(), LOG_LEVEL_INFO, "g", big, &field, 1);
    piece = (struct iovec){.iov_base = line.data, .iov_len = line.len};
    ck_assert_int_eq(log_journal_send(&journal, &piece, 1, &len), LOG_JOURNAL_REFUSED);
    count = log_journal_line(&piece, 1, out, &len);
    ck_assert_uint_eq(len, line.len);
    ck_assert_int_eq(count, 2);
    ck_assert_uint_eq(out[0].iov_len, 3);
    ck_assert_int_eq(memcmp(out[0].iov_base, "<6>", 3), 0);
    ck_assert_int_eq(memcmp(out[1].iov_base, "GUID: g - xxx", 13), 0);
    ck_assert_int_eq(((const char *)out[1].iov_base)[out[1].iov_len - 1], '\n');
    log_journal_fini(&journal);
    journal_close();
}
END_TEST

/* Bytes in two pieces, cut at each place there is. */
START_TEST(test_pieces)
{
    char data[] = "0123456789";

    for (size_t cut = 0; cut <= 10; cut++) {
        struct iovec all[] = {{.iov_base = data, .iov_len = cut},
                              {.iov_base = data + cut, .iov_len = 10 - cut}};
        ck_assert_uint_eq(pieces_length(all, 2), 10);
        ck_assert_uint_eq(pieces_find(all, 2, 0, 'x'), 10);
        ck_assert_uint_eq(pieces_count(all, 2, '7'), 1);
        for (size_t at = 0; at < 10; at++) {
            ck_assert_uint_eq(pieces_find(all, 2, 0, data[at]), at);
            ck_assert_uint_eq(pieces_find(all, 2, at, data[at]), at);
            ck_assert_uint_eq(pieces_find(all, 2, at + 1, data[at]), 10);
            for (size_t to = at; to <= 10; to++) {
                struct iovec part[2];
                int n = pieces_part(all, 2, at, to, part);

                ck_assert_uint_eq(pieces_length(part, n), to - at);
                ck_assert(n == 0 || *(const char *)part[0].iov_base == data[at]);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_journal");
    TCase *tcase = tcase_create("log_journal");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_a_line_is_a_datagram);
    tcase_add_test(tcase, test_formats_in_one_ring);
    tcase_add_test(tcase, test_without_a_journal);
    tcase_add_test(tcase, test_another_journal);
    tcase_add_test(tcase, test_a_journal_that_does_not_read);
    tcase_add_test(tcase, test_another_format_for_a_blocked_journal);
    tcase_add_test(tcase, test_stop_with_a_blocked_journal_loses_nothing);
    tcase_add_test(tcase, test_stop_counts_what_it_leaves);
    tcase_add_test(tcase, test_a_successor_of_a_blocked_journal);
    tcase_add_test(tcase, test_look_for_a_journal);
    tcase_add_test(tcase, test_a_record_that_the_socket_refuses);
    tcase_add_test(tcase, test_pieces);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
