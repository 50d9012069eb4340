/*
 * Header fields that an upstream wants (header.NAME, header_file.NAME): which names are free, where
 * a clash is reported, and what a file must be that holds a value.
 */
#include "config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config_cases.h"
#include "scratch.h"
#include "suite.h"

#define FIELD_NAME                                                                                 \
    "a header field needs a name of at most 64 letters, digits and -; write header.X-Api-Version " \
    "= ... for one\n"

static const struct config_case cases[] = {
    {"header.Authorization = x",
     AT(7) "header.Authorization: Authorization is reserved; name another header, X-... for "
           "one\n"},
    {"header_file.cookie = value",
     AT(7) "header_file.cookie: cookie is reserved; name another header, X-... for one\n"},
    {"header.X-A = 1\nheader.x-a = 2",
     AT(8) "header.X-A: given twice, first in line 7; remove one\n"},
    {"header_file.X-A = value\nheader_file.x-a = value",
     AT(8) "header_file.X-A: given twice, first in line 7; remove one\n"},
    {"header.X-A = 1\nheader_file.x-a = value",
     AT(8) "header_file.x-a: set together with header.X-A (p.ini:7); keep one of the two\n"},
    {"header_file.X-A = value\nheader.X-B = 1\nheader.x-a = 1",
     AT(7) "header_file.X-A: set together with header.x-a (p.ini:9); keep one of the two\n"},
    {"header.X-A = 1\nheader.x-guid = 1",
     AT(8) "header.x-guid: x-guid is the header of [tracker] too; name another header\n"},
    {"header_file.X-User = value\n[tracker]\nheader = X-User",
     AT(7) "header_file.X-User: X-User is the header of [tracker] too; name another header\n"},
    {"header. = 1", AT(7) "header.: " FIELD_NAME},
    {"header_file. = value", AT(7) "header_file.: " FIELD_NAME},
    {"header.X-A = a\tb", AT(7) "header.X-A: holds a tab; write spaces\n"},
    {"header.X-A = \"a\"",
     NOTE(7) "header.X-A: the quotes are part of the value; remove them unless they are meant\n"},
    {"header_file.X-A = open",
     AT(7) "header_file.X-A: others can read open (mode 0644); chmod 0640 open, or set [server] "
           "secret_files = any where its mode cannot be changed\n"},
    {"header_file.X-A = empty", AT(7) "header_file.X-A: empty is empty; it must hold the secret\n"},
    {"header_file.X-A = newline",
     AT(7) "header_file.X-A: newline is empty; it must hold the secret\n"},
    {"header_file.X-A = two",
     AT(7) "header_file.X-A: two holds a control character or a second line; it must hold the "
           "secret on one line\n"},
    {"header_file.X-A = none",
     AT(7) "header_file.X-A: none cannot be read (No such file or directory); it must be a file "
           "that postcoded's user can read\n"},
    {"header_file.X-A = credential:a/b",
     AT(7) "header_file.X-A: a credential has a plain name; write credential:NAME, without a "
           "slash\n"},
};

START_TEST(said_once)
{
    check_case(&cases[_i]);
}
END_TEST

static const char *header_of(const struct config_upstream *upstream, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < upstream->header_count; i++) {
        if (strcmp(upstream->headers[i].name, name) == 0) {
            ck_assert_ptr_null(value);
            value = upstream->headers[i].value;
        }
    }
    return value;
}

START_TEST(headers)
{
    struct config *config = good_lines("header_file.X-Key = value\nheader.X-Version = 2; q=1\n"
                                       "header.Accept-Language = en");
    const struct config_upstream *u = &config->upstreams[0];

    ck_assert_uint_eq(u->header_count, 3);
    ck_assert_str_eq(header_of(u, "X-Key"), "Xyzzy");
    ck_assert_str_eq(header_of(u, "X-Version"), "2; q=1");
    ck_assert_str_eq(header_of(u, "Accept-Language"), "en");
    config_unref(config);
}
END_TEST

/* Contract 6: none of these, in either family. */
START_TEST(forbidden_headers)
{
    const char *rest = CONFIG_FORBIDDEN_HEADERS;

    while (*rest != '\0') {
        const int len = (int)strcspn(rest, " ");
        char *lines = mem_printf("header.%.*s = x\nheader_file.%.*s = value", len, rest, len, rest);
        char *expected = mem_printf(
            AT(7) "header.%.*s: %.*s is reserved; name another header, X-... for one\n" AT(
                8) "header_file.%.*s: %.*s is reserved; name another header, X-... for one\n",
            len, rest, len, rest, len, rest, len, rest);
        ck_assert_ptr_null(load_lines(lines));
        ck_assert_str_eq(fault_lines(), expected);
        mem_free(lines);
        mem_free(expected);
        rest += len;
        rest += strspn(rest, " ");
    }
}
END_TEST

/* The user is sent to the upstream in a field of its own. */
START_TEST(header_of_the_user)
{
    ck_assert_ptr_null(load_text("[identity]\nkey_file = key\nforward_header = X-User\n" UPSTREAM
                                 "header.X-B = b\nheader.x-user = me\n"));
    ck_assert_str_eq(fault_lines(), AT(9) "header.x-user: x-user is forward_header of [identity] "
                                          "too; name another header\n");
}
END_TEST

START_TEST(most_headers)
{
    struct buf lines;

    buf_init(&lines, 65536);
    for (int i = 0; i < CONFIG_HEADERS_MAX; i++)
        buf_printf(&lines, "header%s.X-%d = value\n", i % 2 == 0 ? "" : "_file", i);
    struct config *config = good_lines(buf_text(&lines));
    ck_assert_uint_eq(config->upstreams[0].header_count, CONFIG_HEADERS_MAX);
    config_unref(config);
    buf_puts(&lines, "header_file.X-More = value\nheader_file.X-Even-more = value\n");
    ck_assert_ptr_null(load_lines(buf_text(&lines)));
    ck_assert_str_eq(fault_lines(),
                     AT(39) "header_file.X-More: one too many of header.NAME and header_file.NAME; "
                            "at most 32 are allowed\n");
    buf_fini(&lines);
}
END_TEST

/* Outside systemd a credential is looked at by --check alone, and then has no value. */
START_TEST(header_credentials)
{
    ck_assert_ptr_null(load_lines("header_file.X-A = credential:x"));
    ck_assert_str_eq(
        fault_lines(),
        AT(7) "header_file.X-A: credential:x needs $CREDENTIALS_DIRECTORY, which is not set; start "
              "under systemd with LoadCredential=x:PATH, export CREDENTIALS_DIRECTORY=DIR with the "
              "file x in DIR, or name a path\n");
    struct config *config = load_file(NULL, "p.ini", true);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(config->upstreams[0].header_count, 0);
    config_unref(config);
    /* Its name is known all the same. */
    ck_assert_ptr_null(load_lines("header_file.X-A = credential:x\nheader.X-A = 1"));
    ck_assert_ptr_null(load_file(NULL, "p.ini", true));
    ck_assert_str_eq(
        fault_lines(),
        NOTE(7) "header_file.X-A: credential:x was not looked at, for "
                "$CREDENTIALS_DIRECTORY is not set; it is under systemd\n" AT(
                    7) "header_file.X-A: set together with header.X-A (p.ini:8); keep one "
                       "of the two\n");

    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
    write_mode("x", "Plugh\n", 0400);
    config = good_lines("header_file.X-A = credential:x");
    ck_assert_str_eq(header_of(&config->upstreams[0], "X-A"), "Plugh");
    config_unref(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_headers");
    TCase *tcase = tcase_create("config_headers");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, headers);
    tcase_add_test(tcase, forbidden_headers);
    tcase_add_test(tcase, header_of_the_user);
    tcase_add_test(tcase, most_headers);
    tcase_add_test(tcase, header_credentials);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
