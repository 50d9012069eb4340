/* [fleet]: what its keys give, what needs what, and what is of no use alone. */
#include "config/fleet.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "suite.h"

#define FLEET "[fleet]\n"
#define LOCAL "servers = 127.0.0.1:6379\ntls = off\n"
#define AT(line) "p.ini:" #line ": [fleet] "
#define NOTE(line) "note " AT(line)
#define FORM "must be HOST:PORT, [V6]:PORT or unix:/PATH"

/* `lines`: of [fleet], from line 8 of the file on. */
static struct config *load_lines(const char *lines)
{
    char *text = mem_printf(WHOLE FLEET "%s\n", lines);
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

static void setup_files(void)
{
    setup();
    write_mode("ca", "not looked at here", 0644);
    write_mode("cert", "nor this", 0644);
    write_mode("cert.key", "nor that", 0640);
    write_mode("password", "Xyzzy\n", 0640);
    write_mode("open", KEY32, 0644);
    write_mode("short", "0123456789abcdef0123456789abcde", 0640);
    write_mode("long", KEY32 "\n", 0640);
    /* The bytes of a key are no text. */
    scratch_write("binary", "\0\n\r 0123456789abcdef0123456789\t \xff", 32, 0640);
}

static const struct {
    const char *lines;
    const char *expected;
} cases[] = {
    /* Servers. */
    {"servers = redis.internal:6379", ""},
    {"servers = redis-1.internal:6379, [2001:db8::1]:6379, 192.0.2.7:65535, unix:/run/redis.sock",
     ""},
    {"servers = redis.internal",
     AT(8) "servers: \"redis.internal\" names no server; " FORM "; write redis.internal:6379\n"},
    {"servers = 2001:db8::1",
     AT(8) "servers: \"2001:db8::1\" names no server; " FORM "; write [2001:db8::1]:6379\n"},
    {"servers = [2001:db8::1]",
     AT(8) "servers: \"[2001:db8::1]\" names no server; " FORM "; write [2001:db8::1]:6379\n"},
    {"servers = [2001:db8::g]:6379",
     AT(8) "servers: \"[2001:db8::g]:6379\" names no server; " FORM "\n"},
    {"servers = redis://redis.internal:6379/0",
     AT(8) "servers: \"redis://redis.internal:6379/0\" names no server; " FORM
           "; write redis.internal:6379\n"},
    {"servers = rediss://u:Xyzzy@redis.internal",
     AT(8) "servers: a URL names no server here; " FORM "; write redis.internal:6379, and user and "
           "password in keys of their own\n"},
    {"servers = /run/redis.sock",
     AT(8) "servers: \"/run/redis.sock\" names no server; " FORM "; write unix:/run/redis.sock\n"},
    {"servers = unix:redis.sock", AT(8) "servers: \"unix:redis.sock\" names no server; " FORM "\n"},
    {"servers = unix:/", AT(8) "servers: \"unix:/\" names no server; " FORM "\n"},
    {"servers = redis.internal:0", AT(8) "servers: \"redis.internal:0\" names no server; " FORM
                                         ", with a port from 1 to 65535\n"},
    {"servers = redis.internal:65536",
     AT(8) "servers: \"redis.internal:65536\" names no server; " FORM
           ", with a port from 1 to 65535\n"},
    {"servers = redis.internal:redis",
     AT(8) "servers: \"redis.internal:redis\" names no server; " FORM
           ", with a port from 1 to 65535\n"},
    {"servers = :6379", AT(8) "servers: \":6379\" names no server; " FORM "\n"},
    {"servers = a:1 b:2", AT(8) "servers: \"a:1 b:2\" holds a blank; write commas between "
                                "servers\n"},
    {"servers = a:1,, b:2", AT(8) "servers: has an empty entry; remove the comma\n"},
    {"servers = a_b:1, A_B:1, a_b:2, unix:/x, unix:/X, unix:/x",
     AT(8) "servers: names A_B:1 twice; remove one\n" AT(8) "servers: names unix:/x twice; remove "
                                                            "one\n"},
    {"servers = a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9,a:10,a:11,a:12,a:13,a:14,a:15,a:16", ""},
    {"servers = a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9,a:10,a:11,a:12,a:13,a:14,a:15,a:16,a:17",
     AT(8) "servers: names 17 servers; at most 16 are allowed\n"},
    /* TLS. */
    {LOCAL, ""},
    {"servers = localhost:6379, [::1]:6379, unix:/run/redis.sock\ntls = off", ""},
    {"servers = 127.0.0.1:1, redis.internal:6379\ntls = off",
     AT(9) "tls: off would send the password and all commands to redis.internal:6379 in the clear; "
           "remove the line, or set plaintext = on\n"},
    {"servers = redis.internal:6379\ntls = off\nplaintext = on",
     NOTE(10) "plaintext: everybody on the way can read what goes to the store, its password "
              "included; the tokens are sealed all the same\n"},
    {"servers = 127.0.0.1:6379\ntls = off\nplaintext = on",
     NOTE(10) "plaintext: is not used: all servers are on this machine\n"},
    {"servers = redis.internal:6379\nplaintext = on",
     NOTE(9) "plaintext: is not used with tls = on\n"},
    {"servers = unix:/run/sentinel.sock\ntls = off\nsentinel = mymaster",
     NOTE(9) "tls: off is for the master too: one that is not on this machine is not used without "
             "plaintext = on\n"},
    {"servers = unix:/run/sentinel.sock\ntls = off\nsentinel = mymaster\nplaintext = on",
     NOTE(11) "plaintext: everybody on the way can read what goes to the store, its password "
              "included; the tokens are sealed all the same\n"},
    {"servers = a:1\nca_file = ca\nclient_certificate = cert\nclient_key = cert.key", ""},
    {LOCAL "ca_file = ca", NOTE(10) "ca_file: is not used with tls = off\n"},
    {LOCAL "client_certificate = cert\nclient_key = cert.key",
     NOTE(10) "client_certificate: is not used with tls = off\n" NOTE(
         11) "client_key: is not used with tls = off\n"},
    {"servers = unix:/run/redis.sock\nca_file = ca",
     NOTE(9) "ca_file: is not used: no server but Unix sockets, which take no TLS\n"},
    {"servers = unix:/run/sentinel.sock\nca_file = ca\nsentinel = mymaster", ""},
    {"servers = a:1\nclient_certificate = cert",
     AT(9) "client_certificate: needs its key; set client_key = PATH too\n"},
    {"servers = a:1\nclient_key = cert.key",
     AT(9) "client_key: needs its certificate; set client_certificate = PATH too\n"},
    /* Users. */
    {LOCAL "user = postcoded\npassword_file = password", ""},
    {LOCAL "password_file = password", ""},
    {LOCAL "user = postcoded", AT(10) "user: needs its password; set password_file = PATH too\n"},
    {LOCAL "sentinel = mymaster\nsentinel_user = s",
     "note p.ini:9: [fleet] tls: off is for the master too: one that is not on this machine is not "
     "used without plaintext = on\n" AT(
         11) "sentinel_user: needs its password; set sentinel_password_file = PATH too\n"},
    {LOCAL "sentinel_user = s\nsentinel_password_file = password",
     NOTE(10) "sentinel_user: is not used without sentinel; set sentinel = NAME of the "
              "master\n" NOTE(11) "sentinel_password_file: is not used without sentinel; set "
                                  "sentinel = NAME of "
                                  "the master\n"},
    {LOCAL "sentinel = my master",
     NOTE(9) "tls: off is for the master too: one that is not on this machine is not used without "
             "plaintext = on\n" AT(10) "sentinel: \"my master\" holds a blank, which no name of a "
                                       "master has; write one name\n"},
    /* The keys of the store, and the one that seals. */
    {LOCAL "prefix = pc-2.test_A", ""},
    {LOCAL "prefix = 0123456789012345678901234567890a", ""},
    {LOCAL "prefix = 01234567890123456789012345678901x",
     AT(10) "prefix: is too long with 33 bytes; must be text of at most 32 bytes\n"},
    {LOCAL "prefix = pc:{x}", AT(10) "prefix: \"pc:{x}\" holds a character other than letters, "
                                     "digits, '.', '-' and '_'; write another\n"},
    {LOCAL "key_file = key", ""},
    {LOCAL "key_file = binary", ""},
    {LOCAL "key_file = short",
     AT(10) "key_file: short has 31 bytes; it must have 32: make one with "
            "head -c 32 /dev/urandom > FILE, once for the whole fleet\n"},
    {LOCAL "key_file = long", AT(10) "key_file: long has 33 bytes; it must have 32: make one with "
                                     "head -c 32 /dev/urandom > FILE, once for the whole fleet\n"},
    {LOCAL "key_file = open", AT(10) "key_file: others can read open (mode 0644); chmod 0640 open, "
                                     "or set [server] secret_files = any where its mode cannot be "
                                     "changed\n"},
    {LOCAL "key_file = https://k.example/x",
     AT(10) "key_file: https://k.example/x is a URL, and this key names a file\n"},
    /* Numbers. */
    {LOCAL "renew = 10\nalone = 0\nlook_interval = 1s\ntimeout = 10ms", ""},
    {LOCAL "renew = 95\nalone = 1000000\nlook_interval = 24h\ntimeout = 1m", ""},
    {LOCAL "renew = 9", AT(10) "renew: \"9\" is out of range; must be a number from 10 to 95\n"},
    {LOCAL "renew = 96", AT(10) "renew: \"96\" is out of range; must be a number from 10 to 95\n"},
    {LOCAL "look_interval = 999ms",
     AT(10) "look_interval: \"999ms\" is out of range; must be a duration from 1s to 24h\n"},
    /* Without servers there is no fleet. */
    {"", ""},
    {"servers =", ""},
    {"renew = 50\nprefix = pc", ""},
    {"renew = 60\nuser = u\nkey_file = short\ntls = off\npassword_file = credential:x",
     NOTE(8) "renew: has no effect without servers; set servers = HOST:PORT\n" NOTE(
         9) "user: has "
            "no effect "
            "without "
            "servers; "
            "set "
            "servers = "
            "HOST:"
            "PORT"
            "\n" NOTE(10) "key_file: has no effect without servers; set servers = HOST:PORT\n" NOTE(
                11) "tls"
                    ": "
                    "has"
                    " no"
                    " ef"
                    "fec"
                    "t "
                    "wit"
                    "hou"
                    "t "
                    "ser"
                    "ver"
                    "s; "
                    "set"
                    " se"
                    "rve"
                    "rs "
                    "= "
                    "HOS"
                    "T:"
                    "POR"
                    "T"
                    "\n" NOTE(12) "password_file: has no effect without servers; set servers = "
                                  "HOST:PORT\n"},
    /* What was at fault already is told once. */
    {"servers = redis\nuser = u\ntls = off",
     AT(8) "servers: \"redis\" names no server; " FORM
           "; write redis:6379\n" AT(9) "user: needs its password; set password_file = PATH too\n"},
    {"servers = redis.internal:6379\ntls = of",
     AT(9) "tls: \"of\" is not understood; must be on or off\n"},
    /* Names. */
    {"server = a:1", AT(8) "server: unknown key; did you mean \"servers\"?\n"},
};

START_TEST(said_once)
{
    struct config *config = load_lines(cases[_i].lines);

    ck_assert_str_eq(fault_lines(), cases[_i].expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}
END_TEST

START_TEST(other_sections)
{
    ck_assert_ptr_null(load_text(WHOLE "[fleets]\nservers = a:1\n"));
    ck_assert_str_eq(fault_lines(), "p.ini:7: [fleets]: unknown section; did you mean [fleet]?\n");
    config_unref(good(WHOLE "[Fleet]\nServers = a:1\n"));
    ck_assert_str_eq(fault_lines(), "");
}
END_TEST

/* Its names are common words: a near name of the section that they stand in is meant first. */
START_TEST(names_elsewhere)
{
    ck_assert_ptr_null(load_text("[server]\ntls = on\nservers = a:1\n[metrics]\ntls = on\n" WHOLE
                                 "timeout = 5s\npassword_file = x\nrenew = 50\n"));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:2: [server] tls: unknown key; write tls: before the address in listen, "
                     "such as listen = tls:127.0.0.1:8443\n"
                     "p.ini:3: [server] servers: unknown key; it belongs in [fleet]\n"
                     "p.ini:5: [metrics] tls: unknown key; postcoded.ini(5) lists the keys\n"
                     "p.ini:12: [upstream u] timeout: unknown key; did you mean "
                     "\"auth_timeout\"?\n"
                     "p.ini:13: [upstream u] password_file: unknown key; did you mean "
                     "\"client_key_password_file\"?\n"
                     "p.ini:14: [upstream u] renew: unknown key; it belongs in [fleet]\n");
}
END_TEST

/* The early expiry that an upstream is given decides nothing there. */
START_TEST(early_expiry)
{
    config_unref(good(WHOLE "auth_token_early_expiry = 1m\n" FLEET LOCAL));
    ck_assert_str_eq(fault_lines(),
                     "note p.ini:7: [upstream u] auth_token_early_expiry: is not used in a fleet: "
                     "[fleet] renew says when a token is renewed\n");
    config_unref(good(WHOLE "auth_token_early_expiry = 5m\n" FLEET LOCAL));
    ck_assert_str_eq(fault_lines(), "");
    config_unref(good(WHOLE "auth_token_early_expiry = 1m\n"));
    ck_assert_str_eq(fault_lines(), "");
}
END_TEST

START_TEST(defaults)
{
    struct config *config = good(WHOLE);

    ck_assert(!config_fleet_is_set(config));
    ck_assert_uint_eq(config->fleet_servers.count, 0);
    ck_assert(config->fleet_tls && !config->fleet_plaintext);
    ck_assert_str_eq(config->fleet_prefix, "pc");
    ck_assert_int_eq(config->fleet_timeout, 500 * CFG_MS);
    ck_assert_int_eq(config->fleet_renew, 50);
    ck_assert_int_eq(config->fleet_alone, 60);
    ck_assert_int_eq(config->fleet_look_interval, 300 * CFG_S);
    ck_assert_ptr_null(config->fleet_key_file.bytes);
    config_unref(config);
}
END_TEST

START_TEST(values)
{
    struct config *config = good(WHOLE FLEET "servers = a:1 , unix:/run/r.sock\nkey_file = binary\n"
                                             "user = u\npassword_file = password\n");

    ck_assert(config_fleet_is_set(config));
    ck_assert_uint_eq(config->fleet_servers.count, 2);
    ck_assert_str_eq(config->fleet_servers.items[1], "unix:/run/r.sock");
    ck_assert_uint_eq(secret_len(config->fleet_key_file.bytes), 32);
    ck_assert_str_eq(secret_text(config->fleet_password_file.bytes), "Xyzzy");
    ck_assert(config_fleet_takes_tls(config, "a:1"));
    ck_assert(!config_fleet_takes_tls(config, "unix:/run/r.sock"));
    config_unref(config);
}
END_TEST

/* As a Sentinel gives the address of the master, too. */
START_TEST(on_this_machine)
{
    static const struct {
        const char *server;
        bool local;
    } servers[] = {
        {"127.0.0.1:6379", true},
        {"127.9.8.7:1", true},
        {"localhost:6379", true},
        {"[::1]:6379", true},
        {"unix:/x", true},
        {"[::ffff:127.0.0.1]:1", true},
        {"10.0.0.1:6379", false},
        {"[2001:db8::1]:1", false},
        {"localhost.example:1", false},
        {"0.0.0.0:6379", false},
        {"redis:6379", false},
        {"127.0.0.1.example:6379", false},
        {"128.0.0.1:6379", false},
        {"", false},
        {"[::1", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(servers); i++)
        ck_assert_msg(config_fleet_is_local(servers[i].server) == servers[i].local, "%s",
                      servers[i].server);
}
END_TEST

/* Without the servers it may stay in a file whose credentials are not there. */
START_TEST(printed_and_read_again)
{
    static char text[65536];
    struct config *config =
        good(WHOLE FLEET "servers = A.example:1,unix:/run/r.sock\nrenew = 70\nkey_file = key\n");
    FILE *out = fmemopen(text, sizeof(text), "w");

    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n[fleet]\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nservers = A.example:1, unix:/run/r.sock\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nrenew = 70\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# sentinel =\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nlook_interval = 5m\n"));
    ck_assert_ptr_null(strstr(text, KEY32));
    config_unref(config);
    config = good(text);
    ck_assert_str_eq(fault_lines(), "");
    ck_assert_uint_eq(config->fleet_servers.count, 2);
    ck_assert_int_eq(config->fleet_renew, 70);
    config_unref(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config fleet");
    TCase *tcase = tcase_create("fleet");

    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, other_sections);
    tcase_add_test(tcase, names_elsewhere);
    tcase_add_test(tcase, early_expiry);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, values);
    tcase_add_test(tcase, on_this_machine);
    tcase_add_test(tcase, printed_and_read_again);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
