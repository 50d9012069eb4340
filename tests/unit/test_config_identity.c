/*
 * The keys about what an identity must hold: the list of audiences, the claim that names the user,
 * required claims, the longest lifetime.
 */
#include "config/config.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"

#define AT(line) "p.ini:" #line ": [identity] "

#define EMPTY_END "; set the variable to a value, or remove the line\n"

/* `lines`: from line 3 of the file on. */
static struct config *load_lines(const char *lines)
{
    char *text = mem_printf(IDENTITY "%s\n" UPSTREAM, lines);
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

static struct config *good_lines(const char *lines)
{
    struct config *config = load_lines(lines);

    ck_assert_msg(config != NULL, "%s: %s", lines, fault_lines());
    return config;
}

static const struct {
    const char *lines;
    const char *expected;
} cases[] = {
    {"audience = a,,b", AT(3) "audience: has an empty entry; remove the comma\n"},
    {"audience = a, ", AT(3) "audience: has an empty entry; remove the comma\n"},
    {"audience = ,a", AT(3) "audience: has an empty entry; remove the comma\n"},
    {"audience = a\tb", AT(3) "audience: holds a tab; write spaces\n"},
    {"user_claim =",
     AT(3) "user_claim: is empty; must be the name of a claim, or a JSON Pointer, such as sub\n"},
    {"user_claim = /a~b", AT(3) "user_claim: \"/a~b\" is not a claim: \"~\" at byte 3: write "
                                "\"~0\" for \"~\", \"~1\" for \"/\" in a name\n"},
    {"require. = x", AT(3) "require.: names no claim; write require.scope = ... for one\n"},
    {"require = x", AT(3) "require: unknown key; did you mean \"require.CLAIM\"?\n"},
    {"require./a/- = x", AT(3) "require./a/-: \"/a/-\" is not a claim: \"-\" is the element behind "
                               "an array's end, which is never there; write an index such as 0\n"},
    {"require.a = x\ty", AT(3) "require.a: holds a tab; write spaces\n"},
    {"require.a = 1\nREQUIRE.a = 2", AT(4) "require.a: given twice, first in line 3; remove one\n"},
    {"require.a =",
     AT(3) "require.a: is empty; write what the claim must be, or remove the line\n"},
    {"require.a = ${PC_EMPTY}", AT(3) "require.a: ${PC_EMPTY} is empty" EMPTY_END},
    {"require.a = ${PC_EMPTY} ${PC_BLANK}",
     AT(3) "require.a: ${PC_EMPTY} ${PC_BLANK} is empty" EMPTY_END},
    {"issuer = ${PC_EMPTY}", AT(3) "issuer: ${PC_EMPTY} is empty" EMPTY_END},
    {"audience = ${PC_EMPTY}", AT(3) "audience: ${PC_EMPTY} is empty" EMPTY_END},
    {"user_claim = ${PC_EMPTY}", AT(3) "user_claim: ${PC_EMPTY} is empty" EMPTY_END},
    {"max_lifetime = ${PC_EMPTY}", AT(3) "max_lifetime: ${PC_EMPTY} is empty" EMPTY_END},
    {"key_url = ${PC_EMPTY}",
     AT(3) "key_url: ${PC_EMPTY} is empty" EMPTY_END
           "p.ini:3: [identity] key_url: set together with key_file; keep one of the two\n"},
    {"key_ca_file = ${PC_EMPTY}", AT(3) "key_ca_file: ${PC_EMPTY} is empty" EMPTY_END
                                        "note " AT(3) "key_ca_file: is not used without key_url\n"},
    {"require.a b = 1", "p.ini:3: a key holds no blank, and ASCII alone; write key = value\n"},
    {"max_lifetime = 0s", AT(3) "max_lifetime: \"0s\" is out of range; must be a duration from 1s "
                                "to 8784h, or off\n"},
    {"max_lifetime = 900", AT(3) "max_lifetime: \"900\" is not understood; must be a duration from "
                                 "1s to 8784h, or off; write 900s\n"},
    {"max_lifetime = never", AT(3) "max_lifetime: \"never\" is not understood; must be a duration "
                                   "from 1s to 8784h, or off, such as off\n"},
    {"leeway = off",
     AT(3) "leeway: \"off\" is not understood; must be a duration from 0s to 1h, such as 30s\n"},
    {"require.realm_access.roles = x",
     "note " AT(3) "require.CLAIM: realm_access.roles is the claim of that name; one inside of an "
                   "object is written with slashes, such as require./realm_access/roles\n"},
    {"require.a/b = x",
     "note " AT(3) "require.CLAIM: a/b is the claim of that name; one inside of an object is "
                   "written with slashes, such as require./realm_access/roles\n"},
    {"mode = off\nrequire.a = 1",
     "note " AT(2) "key_file: is not used in mode off\n"
                   "note " AT(4) "require.CLAIM: mode off does not check claims; only jwt does\n"},
};

/* Keys of another mode, in [identity] from line 2 on. */
static const struct {
    const char *lines;
    const char *expected;
} unused[] = {
    {"mode = off\nkey_file = credential:identity.key\nissuer = i\naudience = a\ncookie = c",
     "note " AT(3) "key_file: is not used in mode off\n"
                   "note " AT(4) "issuer: is not used in mode off\n"
                                 "note " AT(5) "audience: is not used in mode off\n"
                                               "note " AT(6) "cookie: is not used in mode off\n"},
    {"mode = plain\ncookie = c\nuser_claim = a\nmax_lifetime = 1h\nleeway = 1s",
     "note " AT(2) "mode: plain takes the cookie as it stands: anyone can forge it\n"
                   "note " AT(4) "user_claim: is not used in mode plain\n"
                                 "note " AT(5) "max_lifetime: is not used in mode plain\n"
                                               "note " AT(6) "leeway: is not used in mode plain\n"},
    {"key_url = https://h/\nkey_ca_file = credential:ca.pem\nmode = off\ncookie = identity",
     "note " AT(2) "key_url: is not used in mode off\n"
                   "note " AT(3) "key_ca_file: is not used in mode off\n"},
    /* In the file is what the mode is not asked about. */
    {"key_file = absent\nmode = off", NULL},
    {"key_file = credential:identity.key", NULL},
};

/* `name`: what $CREDENTIALS_DIRECTORY is, below the scratch directory; NULL: not set. */
static void check_unused(size_t i, const char *name)
{
    char *text = mem_printf("[identity]\n%s\n" UPSTREAM, unused[i].lines);
    char *path = name != NULL ? scratch_path(name) : NULL;

    if (path != NULL)
        ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", path, 1), 0);
    else
        unsetenv("CREDENTIALS_DIRECTORY");
    struct config *config = load_text(text);
    if (unused[i].expected != NULL)
        ck_assert_str_eq(fault_lines(), unused[i].expected);
    ck_assert((config != NULL) == (unused[i].expected != NULL));
    config_unref(config);
    unsetenv("CREDENTIALS_DIRECTORY");
    mem_free(path);
    mem_free(text);
}

/* A credential of a mode that is not used may be missing, or empty, as systemd makes it. */
START_TEST(other_mode)
{
    make_dir("none");
    make_dir("some");
    write_mode("some/identity.key", "", 0400);
    write_mode("some/ca.pem", "", 0400);
    check_unused((size_t)_i, NULL);
    check_unused((size_t)_i, "none");
    check_unused((size_t)_i, "some");
}
END_TEST

static void set_variables(void)
{
    ck_assert_int_eq(setenv("PC_EMPTY", "", 1), 0);
    ck_assert_int_eq(setenv("PC_BLANK", " ", 1), 0);
}

START_TEST(said_once)
{
    set_variables();
    struct config *config = load_lines(cases[_i].lines);
    ck_assert_str_eq(fault_lines(), cases[_i].expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}
END_TEST

START_TEST(long_names)
{
    char name[600];

    memset(name, 'n', sizeof(name));
    char *lines = mem_printf("require.%.*s = x", 512 - (int)strlen("require."), name);
    struct config *config = good_lines(lines);
    ck_assert_uint_eq(strlen(config->identity_require.items[0].claim.name), 504);
    config_unref(config);
    mem_free(lines);
    lines = mem_printf("require.%.*s = x", 513 - (int)strlen("require."), name);
    ck_assert_ptr_null(load_lines(lines));
    ck_assert_str_eq(fault_lines(), "p.ini:3: the key is longer than 512 bytes; shorten it\n");
    mem_free(lines);
}
END_TEST

START_TEST(defaults)
{
    struct config *config = good_lines("");

    ck_assert_uint_eq(config->identity_audience.count, 0);
    ck_assert_ptr_null(config->identity_audience.items);
    ck_assert_str_eq(config->identity_user_claim.name, "sub");
    ck_assert_ptr_null(config->identity_user_claim.pointer);
    ck_assert_uint_eq(config->identity_require.count, 0);
    ck_assert_int_eq(config->identity_max_lifetime, 0);
    config_unref(config);
}
END_TEST

START_TEST(audiences)
{
    struct config *config = good_lines("audience =  api ,\thttps://a.example/ b,c ");
    const struct config_list *list = &config->identity_audience;

    ck_assert_uint_eq(list->count, 3);
    ck_assert_str_eq(list->items[0], "api");
    ck_assert_str_eq(list->items[1], "https://a.example/ b");
    ck_assert_str_eq(list->items[2], "c");
    ck_assert_ptr_null(list->items[3]);
    config_unref(config);
}
END_TEST

START_TEST(one_audience)
{
    struct config *config = good_lines("audience = api");

    ck_assert_uint_eq(config->identity_audience.count, 1);
    ck_assert_ptr_null(config->identity_audience.items[1]);
    config_unref(config);
}
END_TEST

/* Names as providers have them; their case is theirs. */
static const char *const names[] = {
    "scope", "Role", "role", "https://example.com/roles", "cognito:groups", "urn:x:{y}#z?a[0]&b",
    "a.b.c",
};

START_TEST(claims_are_named_as_they_are)
{
    struct buf lines;

    buf_init(&lines, 4096);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        buf_printf(&lines, "%s.%s = v %zu\n", i % 2 == 0 ? "require" : "Require", names[i], i);
    struct config *config = good_lines(buf_text(&lines));
    ck_assert_uint_eq(config->identity_require.count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct config_requirement *one = &config->identity_require.items[i];
        char *value = mem_printf("v %zu", i);
        ck_assert_str_eq(one->claim.name, names[i]);
        ck_assert_ptr_null(one->claim.pointer);
        ck_assert_str_eq(one->value, value);
        mem_free(value);
    }
    config_unref(config);
    buf_fini(&lines);
}
END_TEST

START_TEST(claims_may_be_pointers)
{
    struct config *config =
        good_lines("user_claim = /user/name\nrequire./realm_access/roles = lookup\n");
    const struct config_requirement *one = &config->identity_require.items[0];

    ck_assert_str_eq(config->identity_user_claim.name, "/user/name");
    ck_assert_uint_eq(config->identity_user_claim.pointer->count, 2);
    ck_assert_str_eq(one->claim.name, "/realm_access/roles");
    ck_assert_str_eq(one->claim.pointer->tokens[1].name, "roles");
    config_unref(config);
}
END_TEST

START_TEST(lifetimes)
{
    struct config *config = good_lines("max_lifetime = 15m");

    ck_assert_int_eq(config->identity_max_lifetime, 15 * 60 * CFG_S);
    config_unref(config);
    config = good_lines("max_lifetime = OFF");
    ck_assert_int_eq(config->identity_max_lifetime, 0);
    config_unref(config);
}
END_TEST

static void write_drop_in(const char *lines)
{
    char *drop_ins = scratch_path("p.ini.d");
    char *text = mem_printf("[identity]\n%s\n", lines);

    ck_assert(mkdir(drop_ins, 0750) == 0 || errno == EEXIST);
    write_mode("p.ini.d/a.ini", text, 0640);
    mem_free(text);
    mem_free(drop_ins);
}

/* A drop-in changes one requirement, unsets another and leaves the rest. */
START_TEST(drop_ins_override)
{
    write_drop_in("require.a = 2\nrequire.b =\nrequire.A = 3");
    struct config *config = load_lines("require.a = 1\nrequire.b = 1\nrequire.c = 1\n");
    const struct config_requirements *all = &config->identity_require;

    ck_assert_str_eq(fault_lines(), "note p.ini.d/a.ini:3: [identity] require.b: is empty, which "
                                    "removes the requirement of p.ini:4\n");
    ck_assert_uint_eq(all->count, 3);
    ck_assert_str_eq(all->items[0].claim.name, "c");
    ck_assert_str_eq(all->items[1].claim.name, "a");
    ck_assert_str_eq(all->items[1].value, "2");
    ck_assert_str_eq(all->items[2].claim.name, "A");
    config_unref(config);
}
END_TEST

/* `main` are lines of the main file. */
static const struct {
    const char *main;
    const char *drop_in;
    const char *expected;
} removals[] = {
    {"require.a =", "require.a =",
     "p.ini.d/a.ini:2: [identity] require.a: is empty; write what the claim must be, or remove the "
     "line\n"},
    {"require.a = 1", "require.a = ${PC_EMPTY}",
     "p.ini.d/a.ini:2: [identity] require.a: ${PC_EMPTY} is empty" EMPTY_END},
    {"require.a = ${PC_EMPTY}", "require.a =",
     "note p.ini.d/a.ini:2: [identity] require.a: is empty, which removes the requirement of "
     "p.ini:3\n"},
    {"require.a = 1", "require.A =",
     "p.ini.d/a.ini:2: [identity] require.A: is empty; write what the claim must be, or remove the "
     "line\n"},
    {"audience = a", "audience = ${PC_EMPTY}",
     "p.ini.d/a.ini:2: [identity] audience: ${PC_EMPTY} is empty" EMPTY_END},
    {"audience = ${PC_EMPTY}", "audience = b", ""},
    {"audience = a", "audience =", ""},
};

/* What a drop-in takes away, it takes away on purpose. */
START_TEST(removed_in_a_drop_in)
{
    set_variables();
    write_drop_in(removals[_i].drop_in);
    struct config *config = load_lines(removals[_i].main);

    ck_assert_str_eq(fault_lines(), removals[_i].expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}
END_TEST

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    config_print(config, out);
    fclose(out);
    return text;
}

/* What is printed is read again as the same. */
START_TEST(printed_and_read_again)
{
    struct config *config = good_lines(
        "audience = a,b\nuser_claim = /u\nrequire.https://e.example/r = ad min\nrequire.Scope = "
        "x\nmax_lifetime = 3600s\n");
    char *text = printed(config);

    ck_assert_ptr_nonnull(strstr(text, "\naudience = a, b\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nuser_claim = /u\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nrequire.https://e.example/r = ad min\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nrequire.Scope = x\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nmax_lifetime = 1h\n"));
    config_unref(config);
    config = good(text);
    ck_assert_uint_eq(config->identity_audience.count, 2);
    ck_assert_uint_eq(config->identity_require.count, 2);
    ck_assert_str_eq(config->identity_require.items[0].claim.name, "https://e.example/r");
    config_unref(config);
    free(text);
    config = good_lines("");
    text = printed(config);
    ck_assert_ptr_nonnull(strstr(text, "\nmax_lifetime = off\n"));
    config_unref(config);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_identity");
    TCase *tcase = tcase_create("config_identity");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, other_mode, 0, ARRAY_LEN(unused));
    tcase_add_test(tcase, long_names);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, audiences);
    tcase_add_test(tcase, one_audience);
    tcase_add_test(tcase, claims_are_named_as_they_are);
    tcase_add_test(tcase, claims_may_be_pointers);
    tcase_add_test(tcase, lifetimes);
    tcase_add_test(tcase, drop_ins_override);
    tcase_add_loop_test(tcase, removed_in_a_drop_in, 0, ARRAY_LEN(removals));
    tcase_add_test(tcase, printed_and_read_again);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
