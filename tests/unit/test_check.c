/* base/check.h: the last words of a program that found itself wrong. */
#include "base/check.h"
#include "suite.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What `die` says on stderr in a process of its own, which it must end by SIGABRT. */
static void last_words(void (*die)(void), char *text, size_t size)
{
    int fds[2], status;
    size_t len = 0;
    ssize_t n;

    ck_assert_int_eq(pipe(fds), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        die();
        _exit(0);
    }
    close(fds[1]);
    while ((n = read(fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void die_plainly(void)
{
    check_request("guid-1");
    check_request(NULL);
    MUST(1 + 1 == 2);
    check_failed("x > 0", "here.c", 7);
}

static void die_at_work(void)
{
    check_request("guid-1");
    check_failed("x > 0", "here.c", 7);
}

static void die_at_length(void)
{
    static char guid[1000];

    memset(guid, 'g', sizeof(guid) - 1);
    check_request(guid);
    check_failed("x > 0", "here.c", 7);
}

struct thing {
    unsigned magic;
};

static void die_of_wrong_magic(void)
{
    struct thing thing;
    void *p = &thing;

    MAGIC_SET(&thing, 17);
    {
        MAGIC_CAST(struct thing, right, p, 17);
        MAGIC_CLEAR(right);
    }
    MAGIC_CAST(struct thing, wrong, p, 17);
    wrong->magic = 1;
}

START_TEST(test_last_words)
{
    char text[2000];

    last_words(die_plainly, text, sizeof(text));
    ck_assert_str_eq(text, "postcoded: here.c:7: this cannot happen: !(x > 0)\n");
    last_words(die_at_work, text, sizeof(text));
    ck_assert_str_eq(text,
                     "postcoded: here.c:7: this cannot happen: !(x > 0), at work on guid-1\n");
    last_words(die_at_length, text, sizeof(text));
    ck_assert_uint_gt(strlen(text), 100);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    last_words(die_of_wrong_magic, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "magic == (17)"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("check");
    TCase *tcase = tcase_create("check");

    tcase_add_test(tcase, test_last_words);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
