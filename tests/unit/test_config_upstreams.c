/* Several upstreams: each keeps its values, its place and what cannot reload by its name. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config/settings.h"
#include "config_fixture.h"
#include "suite.h"

#define NAMED(name, id)                                                                            \
    "[upstream " name "]\naddress = https://" name ".example\nclient_id = " id                     \
    "\nclient_secret_file = secret\nauth_flow = client_credentials\n"

#define ROUTE(upstreams) "[route all]\nupstream = " upstreams "\n"

static void write_drop_in(const char *text)
{
    char *path = scratch_path("p.ini.d");

    ck_assert_int_eq(mkdir(path, 0700), 0);
    mem_free(path);
    write_mode("p.ini.d/a.ini", text, 0640);
}

/* What --print-config writes, in a buffer of the caller's. */
static void print(const struct config *config, char *text, size_t size)
{
    FILE *out = fmemopen(text, size, "w");

    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
}

/* Each has its own values, parameters, secrets and defaults; a drop-in changes those of one. */
START_TEST(values)
{
    static char text[65536];

    write_drop_in("[upstream V]\nclient_id = dropped\nauth_param.b = 3\n");
    struct config *config = good(IDENTITY ROUTE("u, v") NAMED(
        "u", "first") "auth_param.a = 1\n" NAMED("v", "second") "auth_param.a = 2\n");
    ck_assert_uint_eq(config->upstream_count, 2);
    const struct config_upstream *u = &config->upstreams[0];
    const struct config_upstream *v = &config->upstreams[1];
    ck_assert_str_eq(u->name, "u");
    ck_assert_str_eq(v->name, "v");
    ck_assert_uint_eq(u->index, 0);
    ck_assert_uint_eq(v->index, 1);
    ck_assert_str_eq(u->client_id, "first");
    ck_assert_str_eq(v->client_id, "dropped");
    ck_assert_str_eq(u->auth_token_key, "u_auth_token");
    ck_assert_str_eq(v->auth_token_key, "v_auth_token");
    ck_assert_uint_eq(u->client_secret_count, 1);
    ck_assert_uint_eq(v->client_secret_count, 1);
    ck_assert_uint_eq(u->auth_param.count, 1);
    ck_assert_str_eq(u->auth_param.items[0].value, "1");
    ck_assert_uint_eq(v->auth_param.count, 2);
    ck_assert_str_eq(v->auth_param.items[1].value, "3");
    print(config, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "\n[upstream u]\n"));
    ck_assert_ptr_nonnull(strstr(strstr(text, "client_id = first"), "\n[upstream v]\n"));
    ck_assert_ptr_nonnull(strstr(text, "/p.ini.d/a.ini:2\nclient_id = dropped\n"));
    config_unref(config);
}
END_TEST

START_TEST(faults_name_the_upstream)
{
    ck_assert_ptr_null(load_text(ROUTE("w, v, u") IDENTITY NAMED("u", "c") "retries = x\n" NAMED(
        "v", "c") "auth_path = /p\nauth_url = https://t.example\n"
                  "[upstream w]\naddress = https://w.example\n"));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:10: [upstream u] retries: \"x\" is not understood; must be a number "
                     "from 0 to 10, such as 1\n"
                     "note p.ini:16: [upstream v] auth_path: is not used, for auth_url is set\n"
                     "p.ini: [upstream w] client_id: is missing; must be text of at most 1024 "
                     "bytes; write client_id = ID\n"
                     "p.ini: [upstream w] client_secret_file: is missing, and so is client_secret; "
                     "name the file that holds the secret, such as client_secret_file = "
                     "credential:client.secret\n");
}
END_TEST

static void note_change(void *arg, const char *section, const char *key)
{
    struct buf *out = arg;

    buf_printf(out, "%s %s;", section, key);
}

/* By its name an upstream keeps its index and what cannot reload, wherever it stands in the file.
 */
START_TEST(reload)
{
    struct buf changes;
    struct config *before =
        good(IDENTITY ROUTE("u, v") NAMED("u", "c") NAMED("v", "c") "auth_token_key = k\n");

    buf_init(&changes, 4096);
    write_mode("p.ini",
               IDENTITY ROUTE("u, w, v") NAMED("v", "d")
                   NAMED("u", "c") "auth_token_key = l\n" NAMED("w", "c"),
               0640);
    struct config *after = load_file(before, "p.ini", false);
    ck_assert_msg(after != NULL, "%s", fault_lines());
    ck_assert_uint_eq(after->upstream_count, 3);
    ck_assert_str_eq(after->upstreams[0].name, "v");
    ck_assert_uint_eq(after->upstreams[0].index, 1);
    ck_assert_str_eq(after->upstreams[0].client_id, "d");
    ck_assert_str_eq(after->upstreams[0].auth_token_key, "k");
    ck_assert_uint_eq(after->upstreams[1].index, 0);
    ck_assert_str_eq(after->upstreams[1].auth_token_key, "u_auth_token");
    ck_assert_uint_eq(after->upstreams[2].index, 2);
    config_unreloadable(before, after, note_change, &changes);
    ck_assert_str_eq(buf_text(&changes), "upstream v auth_token_key;upstream u auth_token_key;");
    buf_fini(&changes);
    config_unref(before);
    config_unref(after);
}
END_TEST

/*
 * Loads upstreams whose names are `stem` and one of these letters, behind `before`, which it
 * releases.
 */
static struct config *reload_names(struct config *before, const char *stem, const char *letters)
{
    struct buf text;

    buf_init(&text, 65536);
    buf_puts(&text, IDENTITY "[route all]\nupstream = ");
    for (const char *p = letters; *p != '\0'; p++)
        buf_printf(&text, "%s%s%c", p > letters ? ", " : "", stem, *p);
    buf_putc(&text, '\n');
    for (const char *p = letters; *p != '\0'; p++)
        buf_printf(&text,
                   "[upstream %s%c]\naddress = https://h\nclient_id = c\n"
                   "client_secret_file = secret\n",
                   stem, *p);
    write_mode("p.ini", buf_text(&text), 0640);
    buf_fini(&text);
    struct config *after = load_file(before, "p.ini", false);
    ck_assert_msg(after != NULL, "%s", fault_lines());
    config_unref(before);
    return after;
}

/* Lookups of a removed upstream outlive some reloads: its index rests for as long as it can. */
START_TEST(indexes)
{
    static const char all[] = "0123456789abcdefghijklmnopqrstuv";
    struct config *config = reload_names(NULL, "", "uv");

    config = reload_names(config, "", "u");
    ck_assert_uint_eq(config->upstreams[0].index, 0);
    config = reload_names(config, "", "wu");
    ck_assert_uint_eq(config->upstreams[0].index, 2);
    ck_assert_uint_eq(config->upstreams[1].index, 0);
    /* One that was away is a new one. */
    config = reload_names(config, "", "uv");
    ck_assert_uint_eq(config->upstreams[1].index, 3);
    /* As many as there may be, twice over: none has an index of the load before. */
    config = reload_names(config, "a", all);
    config = reload_names(config, "b", all);
    bool taken[2 * CONFIG_UPSTREAMS_MAX] = {false};
    for (size_t i = 0; i < config->upstream_count; i++) {
        ck_assert(!taken[config->upstreams[i].index]);
        taken[config->upstreams[i].index] = true;
    }
    struct config *again = reload_names(config_ref(config), "c", all);
    for (size_t i = 0; i < again->upstream_count; i++)
        ck_assert(!taken[again->upstreams[i].index]);
    config_unref(config);
    config_unref(again);
}
END_TEST

/* A name that is gone is an upstream that is gone; another one keeps nothing of it. */
START_TEST(renamed)
{
    struct buf changes;
    struct config *before = good(IDENTITY NAMED("u", "c"));

    buf_init(&changes, 256);
    write_mode("p.ini", IDENTITY NAMED("v", "c"), 0640);
    struct config *after = load_file(before, "p.ini", false);
    ck_assert_ptr_nonnull(after);
    ck_assert_str_eq(after->upstreams[0].name, "v");
    ck_assert_str_eq(after->upstreams[0].auth_token_key, "v_auth_token");
    ck_assert_uint_eq(after->upstreams[0].index, 1);
    config_unreloadable(before, after, note_change, &changes);
    ck_assert_str_eq(buf_text(&changes), "");
    buf_fini(&changes);
    config_unref(before);
    config_unref(after);
}
END_TEST

static const struct shared_key {
    const char *text;
    const char *expected;
} shared_keys[] = {
    {NAMED("u", "c") "auth_token_key = k\n" NAMED("v", "c") "auth_token_key = k\n",
     "p.ini:16: [upstream v] auth_token_key: k is the key of [upstream u] too, and each has a "
     "token "
     "of its own; write another key\n"},
    {NAMED("u", "c") NAMED("v", "c") "auth_token_key = u_auth_token\n",
     "p.ini:15: [upstream v] auth_token_key: u_auth_token is the key of [upstream u] too, and each "
     "has a token of its own; write another key\n"},
    {NAMED("u", "c") "auth_token_key = v_auth_token\n" NAMED("v", "c"),
     "p.ini:10: [upstream u] auth_token_key: v_auth_token is the key of [upstream v] too, and each "
     "has a token of its own; write another key\n"},
};

START_TEST(shared_token_key)
{
    char *text = mem_printf("%s%s%s", IDENTITY, ROUTE("u, v"), shared_keys[_i].text);

    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), shared_keys[_i].expected);
    mem_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config upstreams");
    TCase *tcase = tcase_create("upstreams");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, values);
    tcase_add_test(tcase, faults_name_the_upstream);
    tcase_add_test(tcase, reload);
    tcase_add_test(tcase, renamed);
    tcase_add_test(tcase, indexes);
    tcase_add_loop_test(tcase, shared_token_key, 0, ARRAY_LEN(shared_keys));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
