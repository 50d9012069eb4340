/* The keys of callers' TLS, and mode certificate: what needs what, and what is of no use alone. */
#include "config/config.h"

#include <check.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "suite.h"

#define SERVER(line) "p.ini:" #line ": [server] "
#define FILES "tls_certificate = tls.crt\ntls_key = tls.key\n"
#define UNUSED                                                                                     \
    ": no address in listen begins with tls:; the tls_ keys are used only for systemd sockets "    \
    "with "                                                                                        \
    "FileDescriptorName=tls\n"

/* `lines`: of [server], from line 2 on; then [identity] with `identity`. */
static struct config *load_lines(const char *lines, const char *identity)
{
    char *text = mem_printf("[server]\n%s\n[identity]\n%s\n" UPSTREAM, lines, identity);

    write_mode("tls.crt", "not looked at here", 0644);
    write_mode("tls.key", "nor here", 0640);
    struct config *config = load_text(text);
    mem_free(text);
    return config;
}

static const struct {
    const char *lines;
    const char *identity;
    const char *expected;
} cases[] = {
    {"listen = tls:127.0.0.1:1\n" FILES, "key_file = key", ""},
    {"listen = 127.0.0.1:1, tls:[::1]:1, unix:/x\n" FILES, "key_file = key", ""},
    {"listen = tls:127.0.0.1:1", "key_file = key",
     "p.ini: [server] tls_certificate: is missing; tls:127.0.0.1:1 in listen needs it: write "
     "tls_certificate = PATH of the certificate with its chain\n"
     "p.ini: [server] tls_key: is missing; tls:127.0.0.1:1 in listen needs it: write tls_key = "
     "PATH of its private key, such as /etc/postcoded/tls.key\n"},
    {"listen = 127.0.0.1:1\ntls_key = tls.key", "key_file = key",
     "note " SERVER(
         3) "tls_key" UNUSED "p.ini: [server] tls_certificate: is missing; the other of "
            "tls_certificate and tls_key is of "
            "no use without it: write tls_certificate = PATH of the certificate with its chain\n"},
    {"listen = 127.0.0.1:1\n" FILES "tls_client_ca = tls.crt", "key_file = key",
     "note " SERVER(3) "tls_certificate" UNUSED},
    {"listen = 127.0.0.1:1\ntls_client_ca = tls.crt", "key_file = key",
     "note " SERVER(3) "tls_client_ca" UNUSED},
    {"listen = tls:unix:/x\n" FILES, "key_file = key",
     SERVER(2) "listen: tls:unix:/x: a Unix socket takes no TLS; write unix:/x\n"},
    {"listen = tls:8443\n" FILES, "key_file = key",
     SERVER(2) "listen: \"tls:8443\" is not an address; must be HOST:PORT with a numeric host or "
               "localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS; write "
               "tls:127.0.0.1:8443\n"},
    {"listen = 127.0.0.1:1, tls:127.0.0.1:1\n" FILES, "key_file = key",
     SERVER(2) "listen: tls:127.0.0.1:1 is listened on already; write each address once\n"},
    {"listen = tls:127.0.0.1:1\n" FILES "tls_client_ca = ${PC_EMPTY}", "key_file = key",
     SERVER(5) "tls_client_ca: ${PC_EMPTY} is empty; set the variable to a value, or remove the "
               "line\n"},
    {"listen = tls:127.0.0.1:1\n" FILES "tls_client_ca =", "key_file = key", ""},
    /* Mode certificate. */
    {"listen = tls:0.0.0.0:1\n" FILES "tls_client_ca = tls.crt", "mode = certificate", ""},
    {"listen = tls:0.0.0.0:1\n" FILES, "mode = certificate",
     "p.ini:7: [identity] mode: certificate needs [server] tls_client_ca: write there the PATH of "
     "the CA certificates that sign callers' certificates\n"},
    {"listen = tls:0.0.0.0:1, 0.0.0.0:2\n" FILES "tls_client_ca = tls.crt", "mode = certificate",
     "p.ini:7: [identity] mode: certificate identifies no caller on 0.0.0.0:2, which has no TLS; "
     "write tls:0.0.0.0:2 in [server] listen, or use jwt\n"},
    {"listen = tls:0.0.0.0:1, unix:/x\n" FILES "tls_client_ca = tls.crt", "mode = certificate",
     "note p.ini:7: [identity] mode: certificate identifies no caller on unix:/x, which has no "
     "TLS: each lookup there is 401\n"},
    /* Whoever shows a certificate is verified. */
    {"listen = tls:0.0.0.0:1\n" FILES "tls_client_ca = tls.crt", "mode = off", ""},
    {"listen = tls:0.0.0.0:1\n" FILES, "mode = off",
     "p.ini:7: [identity] mode: off authenticates no caller, and [server] listens on "
     "tls:0.0.0.0:1, which is not loopback; use jwt, listen with tls: there and set tls_client_ca, "
     "or set unverified_anywhere = on\n"},
};

START_TEST(said_once)
{
    ck_assert_int_eq(setenv("PC_EMPTY", "", 1), 0);
    struct config *config = load_lines(cases[_i].lines, cases[_i].identity);
    ck_assert_str_eq(fault_lines(), cases[_i].expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}
END_TEST

START_TEST(address_is_tls)
{
    struct config *config =
        load_lines("listen = 127.0.0.1:1, tls:[::1]:2\n" FILES, "key_file = key");
    ck_assert_ptr_nonnull(config);
    const struct config_addresses *listen = &config->server_listen;
    ck_assert_uint_eq(listen->count, 2);
    ck_assert(!listen->items[0].tls && listen->items[1].tls);
    ck_assert(listen->items[1].loopback);
    ck_assert_str_eq(listen->items[1].text, "tls:[::1]:2");
    config_unref(config);
}
END_TEST

START_TEST(others_take_no_tls)
{
    ck_assert_ptr_null(load_text("[metrics]\nlisten = tls:127.0.0.1:1\n[admin]\n"
                                 "listen = tls:127.0.0.1:2\n" WHOLE));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:2: [metrics] listen: tls:127.0.0.1:1: only [server] listen takes tls:; "
                     "write 127.0.0.1:1\n"
                     "p.ini:4: [admin] listen: \"tls:127.0.0.1:2\" is not a Unix socket; write "
                     "unix:PATH, such as unix:/run/postcoded/admin.sock, or off\n");
}
END_TEST

/* A reload changes the files, and never the listeners: what those need stays a fault. */
START_TEST(reload_keeps_listeners)
{
    struct config *before = load_lines("listen = tls:127.0.0.1:1\n" FILES, "key_file = key");
    ck_assert_ptr_nonnull(before);
    scratch_write("q.ini", WHOLE, strlen(WHOLE), 0640);
    ck_assert_ptr_null(load_file(before, "q.ini", false));
    ck_assert_ptr_nonnull(strstr(fault_lines(), "tls:127.0.0.1:1 in listen needs it"));
    config_unref(before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_tls");
    TCase *tests = tcase_create("tls");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, said_once, 0, ARRAY_LEN(cases));
    tcase_add_test(tests, address_is_tls);
    tcase_add_test(tests, others_take_no_tls);
    tcase_add_test(tests, reload_keeps_listeners);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
