/* A connection to a store: opening, commands and their replies, channels, and how each ends. */
#include "resp_fixture.h"

/* ---- opening ---- */

START_TEST(test_nothing_to_say)
{
    begin(SCRIPT({NULL, NULL}));
    await("opened\n");
    ck_told("opened\n");
    finish();
}
END_TEST

START_TEST(test_greeting)
{
    struct secret *password = secret_new("hush", 4);

    settings.user = "u";
    settings.password = password;
    settings.name = "me.1";
    begin(SCRIPT({"AUTH u hush", NULL}, {"CLIENT SETNAME me.1", "+OK\r\n+OK\r\n"}));
    secret_unref(password); /* it has a reference of its own */
    await("opened\n");
    finish();
}
END_TEST

START_TEST(test_password_alone)
{
    struct secret *password = secret_new("hush", 4);

    settings.password = password;
    begin(SCRIPT({"AUTH hush", "+OK\r\n"}, {"PING", "+PONG\r\n"}));
    await("opened\n");
    ck_assert(command("ping", "PING"));
    await("ping +PONG");
    finish();
    secret_unref(password);
}
END_TEST

START_TEST(test_name_that_is_forbidden)
{
    settings.name = "me.1";
    begin(SCRIPT({"CLIENT SETNAME me.1", "-NOPERM this user has no permissions\r\n"}));
    await("opened\n");
    finish();
}
END_TEST

Suite *resp_suite(void);
Suite *resp_suite(void)
{
    Suite *suite = suite_create("resp");
    TCase *opening = tcase_create("opening");

    tcase_add_checked_fixture(opening, setup, teardown);
    tcase_set_timeout(opening, CASE_PATIENCE);
    tcase_add_test(opening, test_nothing_to_say);
    tcase_add_test(opening, test_greeting);
    tcase_add_test(opening, test_password_alone);
    tcase_add_test(opening, test_name_that_is_forbidden);
    suite_add_tcase(suite, opening);
    return suite;
}

int main(void)
{
    return run_suite(resp_suite());
}
