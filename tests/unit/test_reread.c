/* The files of secrets, read again for a configuration that is in use. */
#include "config/config.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/snapshot.h"
#include "scratch.h"
#include "suite.h"

static struct config *config;
static struct reason reason;

static void write_secret(const char *name, const char *text, mode_t mode)
{
    scratch_write(name, text, strlen(text), mode);
}

static void load(const char *keys)
{
    struct config_faults faults = {.items = NULL};
    char *path = scratch_path("x.ini");
    char *text = mem_printf("[identity]\nmode = off\n[upstream u]\naddress = http://127.0.0.1:9\n"
                            "client_id = id\n%s",
                            keys);

    scratch_write("x.ini", text, strlen(text), 0600);
    config = config_load(NULL, path, false, NULL, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    config_faults_fini(&faults);
    mem_free(text);
    mem_free(path);
}

static void setup(void)
{
    scratch_make();
    write_secret("one", "first", 0600);
    write_secret("two", "second", 0600);
}

static void teardown(void)
{
    config_unref(config);
    scratch_remove();
}

static struct config *reread(void)
{
    return config_reread(config, config->upstreams, &reason);
}

static const char *secret_of(const struct config *of, size_t i)
{
    return secret_text(of->upstreams->client_secrets[i]);
}

START_TEST(the_same_is_no_change)
{
    load("client_secret_file = one, two\n");
    ck_assert_ptr_null(reread());
    ck_assert_str_eq(reason.text, "");
}
END_TEST

START_TEST(a_changed_file)
{
    load("client_secret_file = one, two\nauth_scope = s\nheader.X-A = b\n");
    write_secret("two", "third\n", 0600);
    struct config *fresh = reread();
    ck_assert_ptr_nonnull(fresh);
    ck_assert_str_eq(reason.text, "");
    ck_assert_str_eq(secret_of(config, 1), "second");
    /* It lives on its own. */
    config_unref(config);
    config = fresh;
    ck_assert_uint_eq(fresh->upstreams->client_secret_count, 2);
    ck_assert_str_eq(secret_of(fresh, 0), "first");
    ck_assert_str_eq(secret_of(fresh, 1), "third");
    ck_assert_str_eq(fresh->upstreams->auth_scope, "s");
    ck_assert_str_eq(fresh->upstreams->headers[0].value, "b");
    /* And can be read again itself. */
    ck_assert_ptr_null(reread());
    write_secret("one", "fourth", 0600);
    struct config *again = reread();
    ck_assert_ptr_nonnull(again);
    ck_assert_str_eq(secret_of(again, 0), "fourth");
    ck_assert_str_eq(secret_of(again, 1), "third");
    config_unref(again);
}
END_TEST

START_TEST(a_changed_key)
{
    load("auth_flow = jwt_bearer\nauth_key_file = one\n");
    write_secret("one", "another", 0600);
    struct config *fresh = reread();
    ck_assert_ptr_nonnull(fresh);
    ck_assert_str_eq(secret_text(fresh->upstreams->auth_key_file.bytes), "another");
    ck_assert_str_eq(secret_of(fresh, 0), "another");
    config_unref(fresh);
    ck_assert_str_eq(secret_text(config->upstreams->auth_key_file.bytes), "first");
}
END_TEST

/* A key beside a secret: each file by itself. */
START_TEST(a_key_beside_a_secret)
{
    load("client_secret_file = two\nauth_client = post\nauth_flow = jwt_bearer\n"
         "auth_key_file = one\n");
    write_secret("one", "another", 0600);
    struct config *fresh = reread();
    ck_assert_ptr_nonnull(fresh);
    ck_assert_str_eq(secret_text(fresh->upstreams->auth_key_file.bytes), "another");
    ck_assert_str_eq(secret_of(fresh, 0), "second");
    config_unref(config);
    config = fresh;
    write_secret("two", "third", 0600);
    fresh = reread();
    ck_assert_ptr_nonnull(fresh);
    ck_assert_str_eq(secret_text(fresh->upstreams->auth_key_file.bytes), "another");
    ck_assert_str_eq(secret_of(fresh, 0), "third");
    config_unref(fresh);
}
END_TEST

/* However often it is read: what was derived on the way is freed. */
START_TEST(derived_ones_make_no_chain)
{
    load("client_secret_file = one\n");
    const struct snapshot *first = snapshot_of(config);
    for (int i = 0; i < 10; i++) {
        char *text = mem_printf("secret %d", i);
        write_secret("one", text, 0600);
        struct config *fresh = reread();
        ck_assert_ptr_nonnull(fresh);
        ck_assert_ptr_eq(snapshot_of(fresh)->base, &first->config);
        config_unref(config);
        config = fresh;
        mem_free(text);
    }
    ck_assert_uint_eq(atomic_load(&first->refs), 1);
}
END_TEST

static const struct {
    const char *text;
    mode_t mode;
    const char *reason; /* a part of it */
} bad[] = {
    {"", 0600, "is empty"},
    {"a\nb", 0600, "a second line"},
    {"third!", 0644, "others can read"},
};

START_TEST(what_cannot_be_used)
{
    load("client_secret_file = one\n");
    char *path = scratch_path("one");
    write_secret("one", bad[_i].text, bad[_i].mode);
    ck_assert_int_eq(chmod(path, bad[_i].mode), 0);
    ck_assert_ptr_null(reread());
    ck_assert_msg(strstr(reason.text, bad[_i].reason) != NULL, "%s", reason.text);
    ck_assert_msg(strncmp(reason.text, "client_secret_file: ", 20) == 0, "%s", reason.text);
    ck_assert_ptr_null(strstr(reason.text, "third!"));
    mem_free(path);
}
END_TEST

START_TEST(a_file_that_is_gone)
{
    load("client_secret_file = one\n");
    char *path = scratch_path("one");
    ck_assert_int_eq(remove(path), 0);
    ck_assert_ptr_null(reread());
    ck_assert_ptr_nonnull(strstr(reason.text, "No such file"));
    mem_free(path);
}
END_TEST

START_TEST(a_secret_without_a_file)
{
    load("client_secret = x\n");
    ck_assert_ptr_null(reread());
    ck_assert_str_eq(reason.text, "");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reread");
    TCase *tc = tcase_create("reread");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_same_is_no_change);
    tcase_add_test(tc, a_changed_file);
    tcase_add_test(tc, a_changed_key);
    tcase_add_test(tc, a_key_beside_a_secret);
    tcase_add_test(tc, derived_ones_make_no_chain);
    tcase_add_loop_test(tc, what_cannot_be_used, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(tc, a_file_that_is_gone);
    tcase_add_test(tc, a_secret_without_a_file);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
