/* What a fleet's link is made of: what a reload compares, and files that cannot be used. */
#include "fleet_link_fixture.h"

static const struct {
    const char *lines;
    bool same;
} variants[] = {
    {ONE, true},
    {ONE "renew = 60\nalone = 3\nlook_interval = 1m\nkey_file = k\n", true},
    {TWO, false},
    {ONE "sentinel = m\n", false},
    {"servers = 127.0.0.1:1\n", false},
    {ONE "plaintext = on\n", false},
    {ONE "ca_file = one\n", false},
    {ONE "password_file = one\n", false},
    {ONE "user = u\npassword_file = one\n", false},
    {ONE "sentinel_password_file = one\n", false},
    {ONE "sentinel_user = u\nsentinel_password_file = one\n", false},
    {ONE "client_certificate = one\nclient_key = one\n", false},
    {ONE "prefix = other\n", false},
    {ONE "timeout = 501ms\n", false},
};

static struct digest digest_of(const char *lines)
{
    char *text = mem_printf(WHOLE "[fleet]\n%s", lines);
    struct config *loaded = good(text);
    const struct digest digest = fleet_link_digest(loaded);

    config_unref(loaded);
    mem_free(text);
    return digest;
}

START_TEST(test_digest)
{
    struct digest digests[ARRAY_LEN(variants)];

    write_mode("one", "1\n", 0600);
    write_mode("k", KEY32, 0600);
    for (size_t i = 0; i < ARRAY_LEN(variants); i++)
        digests[i] = digest_of(variants[i].lines);
    for (size_t i = 0; i < ARRAY_LEN(variants); i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(digest_same(&digests[i], &digests[j]) ==
                              (variants[i].same && variants[j].same),
                          "%zu and %zu", i, j);
}
END_TEST

static const char *const files[] = {
    ONE "ca_file = one\n",
    ONE "password_file = one\n",
    ONE "sentinel_password_file = one\n",
    ONE "client_certificate = one\nclient_key = other\n",
    ONE "client_certificate = other\nclient_key = one\n",
};

START_TEST(test_digest_of_contents)
{
    write_mode("one", "1\n", 0600);
    write_mode("other", "1\n", 0600);
    const struct digest before = digest_of(files[_i]);
    write_mode("one", "2\n", 0600);
    const struct digest after = digest_of(files[_i]);
    ck_assert(!digest_same(&before, &after));
}
END_TEST

START_TEST(test_files_are_checked)
{
    write_mode("one", "no certificate\n", 0600);
    config = good(WHOLE "[fleet]\nservers = 127.0.0.1:1\nca_file = one\n");
    ck_assert_int_eq(fleet_link_new(loop, config, &link_), ERR_INVALID);
    ck_assert_ptr_null(link_);
}
END_TEST

static void add_making(Suite *suite)
{
    TCase *tests = tcase_create("what makes a link");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_digest);
    tcase_add_loop_test(tests, test_digest_of_contents, 0, (int)ARRAY_LEN(files));
    tcase_add_test(tests, test_files_are_checked);
    suite_add_tcase(suite, tests);
}

Suite *fleet_server_suite(void);
Suite *fleet_server_suite(void)
{
    Suite *suite = suite_create("fleet_server");

    add_making(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_server_suite());
}
