/* When a change counts, in false time; and where a change to a file can come from. */
#include "service/watch.h"

#include <check.h>
#include <unistd.h>

#include "base/check.h"
#include "scratch.h"
#include "suite.h"

static struct mono_time at(int64_t ms)
{
    return (struct mono_time){.ns = ms * MILLISECOND};
}

static struct digest files(unsigned char version)
{
    return (struct digest){.bytes = {version}};
}

static int64_t look(struct watch_quiet *quiet, unsigned char version, int64_t ms)
{
    const struct digest digest = files(version);

    return watch_quiet_look(quiet, &digest, at(ms));
}

START_TEST(a_change_counts_after_a_quiet_second)
{
    struct watch_quiet quiet = {.read = files(1), .seen = files(1)};

    /* However much happens beside the files. */
    for (int64_t ms = 0; ms < 5000; ms += 100)
        ck_assert_int_eq(look(&quiet, 1, ms), WATCH_UNCHANGED);
    ck_assert_int_eq(look(&quiet, 2, 5000), SECOND);
    ck_assert_int_eq(look(&quiet, 2, 5400), 600 * MILLISECOND);
    ck_assert_int_eq(look(&quiet, 2, 5999), MILLISECOND);
    ck_assert_int_eq(look(&quiet, 2, 6000), 0);
    /* Once. */
    ck_assert_int_eq(look(&quiet, 2, 6001), WATCH_UNCHANGED);
    ck_assert_int_eq(look(&quiet, 2, 9000), WATCH_UNCHANGED);
}
END_TEST

START_TEST(another_change_begins_the_second_anew)
{
    struct watch_quiet quiet = {.read = files(1), .seen = files(1)};

    ck_assert_int_eq(look(&quiet, 2, 0), SECOND);
    ck_assert_int_eq(look(&quiet, 3, 900), SECOND);
    ck_assert_int_eq(look(&quiet, 3, 1000), 900 * MILLISECOND);
    ck_assert_int_eq(look(&quiet, 4, 1900), SECOND);
    ck_assert_int_eq(look(&quiet, 4, 2900), 0);
    /* A change that is taken back is none, and does not shorten the next. */
    ck_assert_int_eq(look(&quiet, 5, 3000), SECOND);
    ck_assert_int_eq(look(&quiet, 4, 3500), WATCH_UNCHANGED);
    ck_assert_int_eq(look(&quiet, 5, 3900), SECOND);
    ck_assert_int_eq(look(&quiet, 5, 4000), 900 * MILLISECOND);
}
END_TEST

START_TEST(what_was_read_meanwhile_is_no_change)
{
    struct watch_quiet quiet = {.read = files(1), .seen = files(1)};

    ck_assert_int_eq(look(&quiet, 2, 0), SECOND);
    quiet.read = files(2); /* SIGHUP came first */
    ck_assert_int_eq(look(&quiet, 2, 1000), WATCH_UNCHANGED);
}
END_TEST

/* ---- directories ---- */

static char *root; /* of what the test makes, without links of the system's in it */

static void make(const char *name)
{
    char *path = scratch_path(name);

    ck_assert_int_eq(mkdir(path, 0755), 0);
    mem_free(path);
}

static void link_to(const char *target, const char *name)
{
    char *path = scratch_path(name);

    ck_assert_int_eq(symlink(target, path), 0);
    mem_free(path);
}

/* The directories that `path` depends on, below the test's own, with a blank behind each. */
static const char *dirs_of(const char *name)
{
    static char text[1024];
    struct watch_dirs dirs = {.paths = NULL};
    char *path = scratch_path(name);
    size_t len = 0;

    text[0] = '\0';
    watch_find_dirs(&dirs, path);
    watch_find_dirs(&dirs, path); /* each once */
    for (size_t i = 0; i < dirs.count; i++) {
        const char *dir_of_it = dirs.paths[i];
        if (strncmp(dir_of_it, root, strlen(root)) == 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
                                    dir_of_it[strlen(root)] == '/' ? dir_of_it + strlen(root) + 1
                                                                   : ".");
    }
    watch_dirs_fini(&dirs);
    mem_free(path);
    return text;
}

START_TEST(directories)
{
    scratch_make();
    root = realpath(dir, NULL);
    ck_assert_ptr_nonnull(root);
    make("conf");
    make("conf/postcoded.ini.d");
    make("conf/..2026");
    make("other");
    scratch_write("conf/plain.ini", "", 0, 0600);
    scratch_write("conf/..2026/postcoded.ini", "", 0, 0600);
    scratch_write("other/secret", "", 0, 0600);

    ck_assert_str_eq(dirs_of("conf/plain.ini"), "conf ");
    ck_assert_str_eq(dirs_of("conf/./../conf/plain.ini"), "conf ");
    /* As Kubernetes has it: the link of the file, the link it leads by, and the file. */
    link_to("..2026", "conf/..data");
    link_to("..data/postcoded.ini", "conf/postcoded.ini");
    ck_assert_str_eq(dirs_of("conf/postcoded.ini"), "conf conf/..2026 ");
    /* Out of the directory, by an absolute link and by a relative one; a directory's link too. */
    char *absolute = scratch_path("other/secret");
    link_to(absolute, "conf/secret");
    link_to("conf", "way");
    mem_free(absolute);
    ck_assert_str_eq(dirs_of("conf/secret"), "conf other ");
    ck_assert_str_eq(dirs_of("way/secret"), ". conf other ");
    /* A directory is what lies in it; what is not there may come. */
    ck_assert_str_eq(dirs_of("conf/postcoded.ini.d"), "conf/postcoded.ini.d ");
    ck_assert_str_eq(dirs_of("conf/none.ini.d"), "conf ");
    ck_assert_str_eq(dirs_of("conf/none/at/all"), "conf ");
    link_to("nowhere", "conf/dangling");
    ck_assert_str_eq(dirs_of("conf/dangling"), "conf ");
    /* A circle ends. */
    link_to("b", "other/a");
    link_to("a", "other/b");
    ck_assert_str_eq(dirs_of("other/a"), "other ");
    free(root);
    scratch_remove();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");

    tcase_add_test(tcase, a_change_counts_after_a_quiet_second);
    tcase_add_test(tcase, another_change_begins_the_second_anew);
    tcase_add_test(tcase, what_was_read_meanwhile_is_no_change);
    tcase_add_test(tcase, directories);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
