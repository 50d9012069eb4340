/*
 * What a value is beside its kind: variables of the environment in it, quotes and comments that are
 * part of it, and the permissions of the file that holds a secret. Faults and notes are compared as
 * whole lines.
 */
#include "config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"

#define OPEN_END "or set [server] secret_files = any where its mode cannot be changed\n"

static struct config *load_after(const struct config *before, const char *text, mode_t mode)
{
    write_mode("p.ini", text, mode);
    return load_file(before, "p.ini", false);
}

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(setenv(name, value, 1), 0);
}

/* ---- variables ---- */

static const struct expansion {
    const char *text;
    const char *expected;
} expansions[] = {
    {"${PC_A}", "alpha"},
    {"x${PC_A}y${PC_B}z", "xalphaybetaz"},
    {"${PC_A}${PC_A}", "alphaalpha"},
    /* A dollar alone is one. */
    {"a$b$", "a$b$"},
    {"$PC_A", "$PC_A"},
    {"$(PC_A) $$ }", "$(PC_A) $$ }"},
    {"$${PC_A}", "${PC_A}"},
    {"$${", "${"},
    {"$$${PC_A}", "$${PC_A}"},
    {"a$${b}${PC_A}", "a${b}alpha"},
    /* Once: what a variable holds is not looked through. */
    {"${PC_NESTED}", "${PC_A}"},
    {"${PC_EMPTY}x", "x"},
    /* Blanks around the whole mean nothing, as in a file. */
    {"${PC_BLANKS}", "b c"},
};

START_TEST(expanding)
{
    const struct expansion *e = &expansions[_i];
    char *text = mem_printf(IDENTITY "[upstream u]\naddress = https://h\nclient_id = %s\n"
                                     "client_secret_file = secret\n",
                            e->text);

    set("PC_A", "alpha");
    set("PC_B", "beta");
    set("PC_NESTED", "${PC_A}");
    set("PC_EMPTY", "");
    set("PC_BLANKS", "  b c ");
    struct config *config = good(text);
    ck_assert_str_eq(config->upstreams[0].client_id, e->expected);
    ck_assert_uint_eq(faults.count, 0);

    /* What is printed reads again to the same. */
    char *printed = NULL;
    size_t len;
    FILE *out = open_memstream(&printed, &len);
    config_print(config, out);
    fclose(out);
    config_unref(config);
    unsetenv("PC_A");
    unsetenv("PC_B");
    config = good(printed);
    ck_assert_str_eq(config->upstreams[0].client_id, e->expected);
    config_unref(config);
    free(printed);
    mem_free(text);
}
END_TEST

/* In any kind of value, and before its parser: the effective value is what is shown. */
START_TEST(expanding_kinds)
{
    set("PC_HOST", "api.example");
    set("PC_NUMBER", "12");
    set("PC_PORT", "8099");
    set("PC_FILE", "secret");
    set("PC_Y", "y");
    set("PC_NONE", "");
    struct config *config =
        good("[server]\nrequest_timeout = ${PC_NUMBER}s\nlisten = 127.0.0.1:${PC_PORT}\n"
             "secret_files = an${PC_Y}\n" IDENTITY "[upstream u]\n"
             "address = https://${PC_HOST}\nclient_id = c\nclient_secret_file = ${PC_FILE}\n"
             "auth_flow = client_credentials\nauth_param.a = <${PC_HOST}>\nproxy = ${PC_NONE}\n");
    ck_assert_int_eq(config->server_request_timeout, 12 * CFG_S);
    ck_assert_str_eq(config->server_listen.items[0].text, "127.0.0.1:8099");
    ck_assert_int_eq(config->server_secret_files, SECRET_FILES_ANY);
    ck_assert_str_eq(config->upstreams[0].address, "https://api.example");
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "hush");
    ck_assert_str_eq(config->upstreams[0].auth_param.items[0].value, "<api.example>");
    ck_assert_ptr_null(config->upstreams[0].proxy);
    config_unref(config);
}
END_TEST

static const struct fault {
    const char *line; /* 7 of the file */
    const char *expected;
} variable_faults[] = {
    {"client_id = ${PC_UNSET}",
     "p.ini:7: [upstream u] client_id: the variable PC_UNSET is not set; set it in postcoded's "
     "environment (Environment= in a unit), or write $${ for a literal ${\n"},
    {"client_id = a${PC_A",
     "p.ini:7: [upstream u] client_id: \"${PC_A\" has no } at its end; write ${NAME}, or write $${ "
     "for a literal ${\n"},
    {"client_id = ${}",
     "p.ini:7: [upstream u] client_id: \"${}\" names no variable; write ${NAME} with letters, "
     "digits and _, or write $${ for a literal ${\n"},
    {"client_id = ${1a} ${PC_A}",
     "p.ini:7: [upstream u] client_id: \"${1a}\" names no variable; write ${NAME} with letters, "
     "digits and _, or write $${ for a literal ${\n"},
    {"client_id = ${PC_A:-x}",
     "p.ini:7: [upstream u] client_id: \"${PC_A:-x}\" names no variable; write ${NAME} with "
     "letters, digits and _, or write $${ for a literal ${\n"},
    {"client_id = ${PC_LINES}",
     "p.ini:7: [upstream u] client_id: the variable PC_LINES holds a control character or a second "
     "line, or is not UTF-8; set it to plain text\n"},
    {"client_id = ${PC_BYTES}",
     "p.ini:7: [upstream u] client_id: the variable PC_BYTES holds a control character or a second "
     "line, or is not UTF-8; set it to plain text\n"},
    {"client_id = ${PC_LONG}${PC_LONG}",
     "p.ini:7: [upstream u] client_id: is longer than 16384 bytes with its variables; shorten "
     "them\n"},
    {"client_id = ${PC_EMPTY}",
     "p.ini:7: [upstream u] client_id: is empty; must be text of at most 1024 bytes; write "
     "client_id = ID\n"},
    {"client_id = c\nca_file = ${PC_EMPTY}",
     "p.ini:8: [upstream u] ca_file: ${PC_EMPTY} is empty; set the variable to a value, or remove "
     "the line\n"},
    {"client_id = c\nauth_flow = client_credentials\nauth_param.x = ${PC_UNSET}",
     "p.ini:9: [upstream u] auth_param.x: the variable PC_UNSET is not set; set it in postcoded's "
     "environment (Environment= in a unit), or write $${ for a literal ${\n"},
    /* The parser sees what came out. */
    {"client_id = c\nauth_timeout = ${PC_A}",
     "p.ini:8: [upstream u] auth_timeout: \"alpha\" is not understood; must be a duration from "
     "10ms to 24h, such as 5s\n"},
};

START_TEST(variables_at_fault)
{
    const struct fault *f = &variable_faults[_i];
    char *text = mem_printf(IDENTITY "\n[upstream u]\naddress = https://h\n"
                                     "client_secret_file = secret\n%s\n",
                            f->line);
    char *many = mem_zalloc(9001);

    memset(many, 'x', 9000);
    set("PC_A", "alpha");
    set("PC_EMPTY", "");
    set("PC_LINES", "a\nb");
    set("PC_BYTES", "\xff");
    set("PC_LONG", many);
    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), f->expected);
    mem_free(text);
    mem_free(many);
}
END_TEST

/* What a drop-in overrides may name anything. */
START_TEST(variables_overridden)
{
    char *path = scratch_path("p.ini.d");

    ck_assert_int_eq(mkdir(path, 0755), 0);
    mem_free(path);
    write_mode("p.ini.d/1.ini", "[upstream u]\nclient_id = d\n", 0640);
    struct config *config = good(WHOLE "[log]\nlevel = debug\n");
    config_unref(config);
    config = good(IDENTITY "[upstream u]\naddress = https://h\nclient_id = ${PC_UNSET}\n"
                           "client_secret_file = secret\n");
    ck_assert_str_eq(config->upstreams[0].client_id, "d");
    config_unref(config);
}
END_TEST

#define ENVIRONMENT_NOTE                                                                           \
    "note p.ini:6: [upstream u] client_secret: the secret comes from the environment, which is "   \
    "shown in /proc/PID/environ and handed to child processes; client_secret_file keeps it in a "  \
    "file\n"

START_TEST(secret_variables)
{
    static const char *const wrong[] = {"Xyzzy${42}", "Xyzzy${", "Xyzzy${PC_UNSET}", "Xyzzy${}"};
    static const char bare[] = IDENTITY UPSTREAM_HEAD "client_secret = ${PC_SECRET}\n";

    set("PC_SECRET", "Plugh7");
    struct config *config = good(bare);
    ck_assert_str_eq(fault_lines(), ENVIRONMENT_NOTE);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "Plugh7");
    char *printed = NULL;
    size_t len;
    FILE *out = open_memstream(&printed, &len);
    config_print(config, out);
    fclose(out);
    ck_assert_ptr_null(strstr(printed, "Plugh7"));
    ck_assert_ptr_nonnull(strstr(printed, "/p.ini:6\n# client_secret = (set)\n"));
    free(printed);
    config_unref(config);

    /* A file that only names the variable holds no secret; one with a part of it does. */
    config = load_after(NULL, bare, 0644);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    config_unref(config);
    ck_assert_ptr_null(
        load_after(NULL, IDENTITY UPSTREAM_HEAD "client_secret = x${PC_SECRET}\n", 0644));
    ck_assert_str_eq(fault_lines(),
                     ENVIRONMENT_NOTE "p.ini:6: [upstream u] client_secret: others can read this "
                                      "file (mode 0644); chmod 0640 p.ini, " OPEN_END);
    config = good(IDENTITY UPSTREAM_HEAD "client_secret = x$${PC_SECRET}\n");
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "x${PC_SECRET}");
    config_unref(config);

    /* The variable is named; a secret that happens to hold ${ is not quoted. */
    ck_assert_ptr_null(load_text(IDENTITY UPSTREAM_HEAD "client_secret = ${PC_UNSET}\n"));
    ck_assert_ptr_nonnull(strstr(fault_lines(), "the variable PC_UNSET is not set"));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *text = mem_printf(IDENTITY UPSTREAM_HEAD "client_secret = %s\n", wrong[i]);
        ck_assert_ptr_null(load_text(text));
        ck_assert_str_eq(fault_lines(),
                         "p.ini:6: [upstream u] client_secret: a ${NAME} in the value cannot be "
                         "replaced from the environment; write $${ for a literal ${\n");
        mem_free(text);
    }
}
END_TEST

START_TEST(variables_on_reload)
{
    static const char text[] = "[server]\nworkers = ${PC_WORKERS}\n[log]\nlevel = "
                               "${PC_LEVEL}\n" WHOLE;

    set("PC_WORKERS", "2");
    set("PC_LEVEL", "debug");
    struct config *before = good(text);
    set("PC_WORKERS", "3");
    set("PC_LEVEL", "error");
    struct config *after = load_after(before, text, 0640);
    ck_assert_msg(after != NULL, "%s", fault_lines());
    ck_assert_int_eq(after->server_workers, 2);
    ck_assert_int_eq(after->log_level, 4);
    config_unref(after);
    unsetenv("PC_LEVEL");
    ck_assert_ptr_null(load_after(before, text, 0640));
    ck_assert_ptr_nonnull(strstr(fault_lines(), "p.ini:4: [log] level: the variable PC_LEVEL"));
    config_unref(before);
}
END_TEST

/* ---- files that others can read ---- */

#define SECRETS_IN_FILES                                                                           \
    IDENTITY UPSTREAM "client_certificate = certificate\nclient_key = client.key\n"                \
                      "proxy = http://u@p\nproxy_password_file = password\n"

START_TEST(open_secrets)
{
    static const char in_ini[] = IDENTITY UPSTREAM_HEAD "client_secret = Xyzzy42\n";

    write_mode("secret", "hush", 0444);
    write_mode("client.key", "pem", 0444);
    write_mode("password", "hush\n", 0444);
    /* A certificate is no secret. */
    write_mode("certificate", "pem", 0444);
    ck_assert_ptr_null(load_text(SECRETS_IN_FILES));
    ck_assert_str_eq(
        fault_lines(),
        "p.ini:6: [upstream u] client_secret_file: others can read secret (mode 0444); chmod 0640 "
        "secret, " OPEN_END
        "p.ini:8: [upstream u] client_key: others can read client.key (mode 0444); chmod 0640 "
        "client.key, " OPEN_END
        "p.ini:10: [upstream u] proxy_password_file: others can read password (mode 0444); chmod "
        "0640 password, " OPEN_END);

    struct config *config = good(SECRETS_IN_FILES "[server]\nsecret_files = any\n");
    ck_assert_str_eq(fault_lines(),
                     "note p.ini:6: [upstream u] client_secret_file: others can read secret (mode "
                     "0444); [server] secret_files = any allows it\n"
                     "note p.ini:8: [upstream u] client_key: others can read client.key (mode "
                     "0444); [server] secret_files = any allows it\n"
                     "note p.ini:10: [upstream u] proxy_password_file: others can read password "
                     "(mode 0444); [server] secret_files = any allows it\n");
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "hush");

    /* It reloads, back too. */
    ck_assert_ptr_null(load_after(config, SECRETS_IN_FILES, 0640));
    ck_assert_uint_eq(faults.faults, 3);
    config_unref(config);

    /* A value of its own that is at fault makes no others. */
    ck_assert_ptr_null(load_text(SECRETS_IN_FILES "[server]\nsecret_files = none\n"));
    ck_assert_uint_eq(faults.faults, 1);

    ck_assert_ptr_null(load_after(NULL, in_ini, 0604));
    ck_assert_str_eq(fault_lines(), "p.ini:6: [upstream u] client_secret: others can read this "
                                    "file (mode 0604); chmod 0640 p.ini, " OPEN_END);
    config = load_after(
        NULL, IDENTITY UPSTREAM_HEAD "client_secret = Xyzzy42\n[server]\nsecret_files = any\n",
        0644);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    ck_assert_str_eq(fault_lines(),
                     "note p.ini:6: [upstream u] client_secret: others can read this "
                     "file (mode 0644); [server] secret_files = any allows it\n");
    config_unref(config);
}
END_TEST

static const struct {
    mode_t mode;
    bool secret;
    const char *expected; /* behind "key_file: " */
    const char *note;     /* with secret_files = any */
} modes[] = {
    {0640, true, NULL, NULL},
    {0640, false, NULL, NULL},
    {0644, false, NULL, NULL},
    {0645, false, NULL, NULL},
    {0664, false, NULL, NULL},
    {0641, true, "others can read key (mode 0641); chmod 0640 key, " OPEN_END,
     "others can read key (mode 0641)"},
    {0644, true, "others can read key (mode 0644); chmod 0640 key, " OPEN_END,
     "others can read key (mode 0644)"},
    {0646, false, "others can write key (mode 0646); chmod 0644 key, " OPEN_END,
     "others can write key (mode 0646)"},
};

static void check_mode(const char *text, bool secret)
{
    struct config *config = good(text);

    ck_assert_uint_eq(faults.count, 0);
    config_judge_mode(&faults, config, "identity", "key_file", &config->identity_key_file, secret);
    config_unref(config);
}

/* Whether key_file holds a secret is for others to say. */
START_TEST(modes_of_key_file)
{
    char *key = scratch_path("key");
    char *fault = mem_printf("p.ini:2: [identity] key_file: %s", modes[_i].expected);
    char *note = mem_printf("note p.ini:2: [identity] key_file: %s; [server] secret_files = any "
                            "allows it\n",
                            modes[_i].note);

    ck_assert_int_eq(chmod(key, modes[_i].mode), 0);
    check_mode(WHOLE, modes[_i].secret);
    ck_assert_str_eq(fault_lines(), modes[_i].expected != NULL ? fault : "");
    check_mode(WHOLE "[server]\nsecret_files = any\n", modes[_i].secret);
    ck_assert_str_eq(fault_lines(), modes[_i].note != NULL ? note : "");
    mem_free(note);
    mem_free(fault);
    mem_free(key);
}
END_TEST

/* ---- a proxy's user and password ---- */

START_TEST(proxy_user)
{
    static const char text[] = IDENTITY UPSTREAM "proxy = http://us%20er@proxy.example:3128/\n"
                                                 "proxy_password_file = password\n";
    char *printed = NULL;
    size_t len;

    write_mode("password", "Xyzzy42\r\n", 0640);
    struct config *config = good(text);
    ck_assert_str_eq(config->upstreams[0].proxy, "http://us%20er@proxy.example:3128");
    ck_assert_str_eq(secret_text(config->upstreams[0].proxy_password_file.bytes), "Xyzzy42");
    ck_assert_uint_eq(faults.count, 0);

    FILE *out = open_memstream(&printed, &len);
    config_print(config, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(printed, "proxy = http://us%20er@proxy.example:3128\n"));
    ck_assert_ptr_nonnull(strstr(printed, "/password\n"));
    ck_assert_ptr_null(strstr(printed, "Xyzzy42"));
    config_unref(config);
    free(printed);

    write_mode("password", "two\nlines\n", 0640);
    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), "p.ini:8: [upstream u] proxy_password_file: password holds a "
                                    "control character or a second line; it must hold the secret "
                                    "on one line\n");
}
END_TEST

/* ---- what an editor leaves in a file ---- */

START_TEST(invisible)
{
    static const struct {
        const char *bytes;
        const char *secret;
        const char *expected;
    } cases[] = {
        {"hush\n", "hush", ""},
        {"hush\r\n", "hush", ""},
        {"hu sh", "hu sh", ""},
        {"hush \n", "hush ",
         "note p.ini:6: [upstream u] client_secret_file: secret ends with a blank, which is part "
         "of "
         "the secret; remove it unless it belongs there\n"},
        {"hush ", "hush ",
         "note p.ini:6: [upstream u] client_secret_file: secret ends with a blank, which is part "
         "of "
         "the secret; remove it unless it belongs there\n"},
        {"\xef\xbb\xbfhush\n", "\xef\xbb\xbfhush",
         "note p.ini:6: [upstream u] client_secret_file: secret begins with a byte-order mark, "
         "which is part of the secret; save the file without it\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_mode("secret", cases[i].bytes, 0640);
        struct config *config = good(WHOLE);
        ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), cases[i].secret);
        ck_assert_str_eq(fault_lines(), cases[i].expected);
        config_unref(config);
    }
    /* JSON and PEM do not mind. */
    write_mode("secret", "hush", 0640);
    write_mode("key", "{\"keys\":[], \"padding\":\"0123456789abcdef\"} \n", 0640);
    config_unref(good(WHOLE));
    ck_assert_uint_eq(faults.count, 0);
    write_mode("key", "-----BEGIN X-----\n-----END X----- \n", 0640);
    config_unref(good(WHOLE));
    ck_assert_uint_eq(faults.count, 0);
    write_mode("key", "\xef\xbb\xbf{}", 0640);
    config_unref(good(WHOLE));
    ck_assert_str_eq(fault_lines(), "note p.ini:2: [identity] key_file: key begins with a "
                                    "byte-order mark; save the file without it\n");
    write_mode("key", "-----BEGIN X-----\r\n-----END X-----\r\n", 0640);
    config_unref(good(WHOLE));
    ck_assert_uint_eq(faults.count, 0);
    write_mode("key", KEY32 "\r\n", 0640);
    config_unref(good(WHOLE));
    ck_assert_str_eq(fault_lines(), "note p.ini:2: [identity] key_file: key ends with a carriage "
                                    "return, which is part of the secret; save the file with LF "
                                    "line ends\n");
    write_mode("key", KEY32 " \n", 0640);
    struct config *config = good(WHOLE);
    ck_assert_str_eq(fault_lines(), "note p.ini:2: [identity] key_file: key ends with a blank, "
                                    "which is part of the secret; remove it unless it belongs "
                                    "there\n");
    config_unref(config);
}
END_TEST

/* ---- quotes, comments and other spellings ---- */

#define FORM_QUOTES "; quotes are part of a value: write it without them\n"
#define FORM_COMMENT " is part of the value: a comment stands on a line of its own\n"
#define DURATION "; must be a duration from 10ms to 24h"
#define ADDRESS                                                                                    \
    " is not an address; must be HOST:PORT with a numeric host or localhost, [V6]:PORT or "        \
    "unix:PATH, with tls: before HOST or [V6] for TLS"

static const struct spelling {
    const char *section;
    const char *line;
    const char *expected; /* behind the place, section and key */
} spellings[] = {
    {"server", "idle_timeout = \"10s\"",
     "\"10s\" is not understood" DURATION "; write 10s" FORM_QUOTES},
    {"server", "idle_timeout = 10s ; ten",
     "\"10s ; ten\" is not understood" DURATION "; write 10s; \"; ten\"" FORM_COMMENT},
    {"server", "idle_timeout = 10 # ten",
     "\"10 # ten\" is not understood" DURATION "; write 10s; \"# ten\"" FORM_COMMENT},
    {"server", "idle_timeout = 2 minutes",
     "\"2 minutes\" is not understood" DURATION "; write 2m\n"},
    {"server", "idle_timeout = 5S", "\"5S\" is not understood" DURATION "; write 5s\n"},
    /* What would be out of range is not proposed. */
    {"server", "idle_timeout = 100000", "\"100000\" is not understood" DURATION ", such as 60s\n"},
    {"server", "idle_timeout = 1.5s", "\"1.5s\" is not understood" DURATION ", such as 60s\n"},
    {"server", "max_header_size = 8KB",
     "\"8KB\" is not understood; must be a size from 2K to 64K; write 8K\n"},
    {"server", "max_header_size = 8 kib",
     "\"8 kib\" is not understood; must be a size from 2K to 64K; write 8K\n"},
    {"server", "max_header_size = 4096 bytes",
     "\"4096 bytes\" is not understood; must be a size from 2K to 64K; write 4096\n"},
    {"server", "max_in_flight = 10,000",
     "\"10,000\" is not understood; must be a number from 1 to 1000000; write 10000\n"},
    {"server", "max_in_flight = 2000000",
     "\"2000000\" is out of range; must be a number from 1 to 1000000\n"},
    {"server", "listen = 8080", "\"8080\"" ADDRESS "; write 127.0.0.1:8080\n"},
    {"server", "listen = *:8080", "\"*:8080\"" ADDRESS "; write 0.0.0.0:8080\n"},
    {"server", "listen = ::1", "\"::1\"" ADDRESS "; write [::1]:8080\n"},
    {"server", "listen = /run/x.sock", "\"/run/x.sock\"" ADDRESS "; write unix:/run/x.sock\n"},
    {"server", "listen = http://127.0.0.1:80/",
     "\"http://127.0.0.1:80/\"" ADDRESS "; write 127.0.0.1:80\n"},
    {"server", "listen = http://api:80", "\"http://api:80\"" ADDRESS ", such as 127.0.0.1:8080\n"},
    {"server", "listen = 127.0.0.1:99999",
     "\"127.0.0.1:99999\"" ADDRESS ", such as 127.0.0.1:8080\n"},
    {"server", "listen = api:80 # here",
     "\"api:80 # here\"" ADDRESS ", such as 127.0.0.1:8080; \"# here\"" FORM_COMMENT},
    {"server", "listen = http://[::1]:80", "\"http://[::1]:80\"" ADDRESS "; write [::1]:80\n"},
    {"server", "listen = https://127.0.0.1:18443",
     "\"https://127.0.0.1:18443\"" ADDRESS "; write tls:127.0.0.1:18443\n"},
    {"server", "listen = https://[::1]/", "\"https://[::1]/\"" ADDRESS "; write tls:[::1]:8443\n"},
    {"server", "listen = tls://127.0.0.1:1",
     "\"tls://127.0.0.1:1\"" ADDRESS "; write tls:127.0.0.1:1\n"},
    {"server", "listen = TLS:127.0.0.1:1",
     "\"TLS:127.0.0.1:1\"" ADDRESS "; write tls:127.0.0.1:1\n"},
    {"server", "listen = tls: 127.0.0.1:1",
     "\"tls: 127.0.0.1:1\"" ADDRESS "; write tls:127.0.0.1:1\n"},
    {"server", "listen = tls:*:1", "\"tls:*:1\"" ADDRESS "; write tls:0.0.0.0:1\n"},
    {"server", "listen = tls:8443", "\"tls:8443\"" ADDRESS "; write tls:127.0.0.1:8443\n"},
    {"server", "listen = tls:[::1]", "\"tls:[::1]\"" ADDRESS "; write tls:[::1]:8443\n"},
    {"server", "listen = tls:0.0.0.0", "\"tls:0.0.0.0\"" ADDRESS "; write tls:0.0.0.0:8443\n"},
    {"server", "listen = https://api:1",
     "\"https://api:1\"" ADDRESS ", such as tls:127.0.0.1:8443\n"},
    {"server", "listen = tls:", "\"tls:\"" ADDRESS ", such as tls:127.0.0.1:8443\n"},
    {"metrics", "listen = TLS:127.0.0.1:1",
     "TLS:127.0.0.1:1: only [server] listen takes tls:; write 127.0.0.1:1\n"},
    {"log", "access = 1", "\"1\" is not understood; must be on or off; write on\n"},
    {"log", "access = disabled", "\"disabled\" is not understood; must be on or off; write off\n"},
    {"log", "access = 'on'", "'on' is not understood; must be on or off; write on" FORM_QUOTES},
    {"log", "level = err",
     "\"err\" is not understood; must be one of: debug, info, notice, warning, error; write "
     "error\n"},
    {"tracker", "header = X-Id:",
     "\"X-Id:\" is not understood; must be the name of a header, of at most 64 bytes; write "
     "X-Id\n"},
};

START_TEST(other_spellings)
{
    const struct spelling *s = &spellings[_i];
    char *text = mem_printf("[%s]\n%s\n" WHOLE, s->section, s->line);
    char *line = mem_printf("p.ini:2: [%s] %.*s: %s", s->section, (int)strcspn(s->line, " "),
                            s->line, s->expected);

    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), line);
    mem_free(text);
    mem_free(line);
}
END_TEST

START_TEST(addresses_of_an_api)
{
    static const struct {
        const char *url;
        const char *expected; /* NULL: good */
    } cases[] = {
        {"\"https://h.example\"", "\"https://h.example\" is not a URL (Bad scheme); write "
                                  "https://HOST[:PORT][/PATH]" FORM_QUOTES},
        {"https://h.example # ours", "a URL is ASCII without spaces; percent-encode what is not; "
                                     "what follows the blank" FORM_COMMENT},
        {"h.example/v1",
         "\"h.example/v1\" is not a URL (Bad scheme); write https://h.example/v1\n"},
        {"h.example/?pw=Xyzzy", "is not a URL (Bad scheme); write https://HOST[:PORT][/PATH]\n"},
        {"https://location.example", "https://location.example is the placeholder of the shipped "
                                     "file; write the address of your own Location API, such as "
                                     "address = https://HOST\n"},
        {"https://Location.example:8443/x/",
         "https://location.example is the placeholder of the shipped file; write the address of "
         "your own Location API, such as address = https://HOST\n"},
        {"https://location.example.org", NULL},
        {"https://location.examples", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = mem_printf(IDENTITY "[upstream u]\naddress = %s\nclient_id = c\n"
                                         "client_secret_file = secret\n",
                                cases[i].url);
        char *line = mem_printf("p.ini:4: [upstream u] address: %s", cases[i].expected);
        struct config *config = load_text(text);
        ck_assert((config != NULL) == (cases[i].expected == NULL));
        ck_assert_str_eq(fault_lines(), config != NULL ? "" : line);
        config_unref(config);
        mem_free(text);
        mem_free(line);
    }
}
END_TEST

/* Where a value takes anything, quotes and comments are told and kept. */
START_TEST(parts_of_a_value)
{
    struct config *config = good("[identity]\nkey_file = key\nissuer = \"me\"\naudience = a#b;c\n"
                                 "[upstream u]\naddress = https://h\nclient_id = us ; our client\n"
                                 "client_secret = 'Xyzzy' # 42\n"
                                 "auth_flow = client_credentials\nauth_param.x = a #b\n");

    ck_assert_str_eq(
        fault_lines(),
        "note p.ini:3: [identity] issuer: the quotes are part of the value; remove them unless "
        "they are meant\n"
        "note p.ini:7: [upstream u] client_id: \"; our client\" is part of the value; a comment "
        "stands on a line of its own\n"
        "note p.ini:8: [upstream u] client_secret: what follows # or ; is part of the value; a "
        "comment stands on a line of its own\n"
        "note p.ini:10: [upstream u] auth_param.x: \"#b\" is part of the value; a comment stands "
        "on a line of its own\n");
    ck_assert_str_eq(config->identity_issuer, "\"me\"");
    ck_assert_str_eq(config->upstreams[0].client_id, "us ; our client");
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "'Xyzzy' # 42");
    config_unref(config);
}
END_TEST

/* A long value is shown in part, and no character of it is cut. */
START_TEST(long_values_in_faults)
{
    struct buf text, line;

    buf_init(&text, 65536);
    buf_init(&line, 65536);
    buf_puts(&text, "[log]\naccess = x");
    buf_puts(&line, "p.ini:2: [log] access: \"x");
    for (int i = 0; i < 60; i++)
        buf_puts(&text, "\xc3\xa9");
    for (int i = 0; i < 49; i++)
        buf_puts(&line, "\xc3\xa9");
    buf_puts(&text, "\n" WHOLE);
    buf_puts(&line, "...\" is not understood; must be on or off\n");
    ck_assert_ptr_null(load_text(buf_text(&text)));
    ck_assert_str_eq(fault_lines(), buf_text(&line));
    buf_fini(&text);
    buf_fini(&line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_values");
    TCase *tcase = tcase_create("config_values");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, expanding, 0, ARRAY_LEN(expansions));
    tcase_add_test(tcase, expanding_kinds);
    tcase_add_loop_test(tcase, variables_at_fault, 0, ARRAY_LEN(variable_faults));
    tcase_add_test(tcase, variables_overridden);
    tcase_add_test(tcase, secret_variables);
    tcase_add_test(tcase, variables_on_reload);
    tcase_add_test(tcase, open_secrets);
    tcase_add_loop_test(tcase, modes_of_key_file, 0, ARRAY_LEN(modes));
    tcase_add_test(tcase, proxy_user);
    tcase_add_test(tcase, invisible);
    tcase_add_loop_test(tcase, other_spellings, 0, ARRAY_LEN(spellings));
    tcase_add_test(tcase, addresses_of_an_api);
    tcase_add_test(tcase, parts_of_a_value);
    tcase_add_test(tcase, long_values_in_faults);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
