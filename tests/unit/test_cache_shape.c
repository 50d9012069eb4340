/* The shape of an upstream: each key changes it, or does not; and no key is without an opinion. */
#include "cache/key.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config/table.h"
#include "config_fixture.h"
#include "suite.h"

/* A line more in a section, and whether the shape is another one with it. */
static const struct {
    const char *section;
    const char *line;
    bool changes;
} cases[] = {
    {"upstream", "address = https://other.example", true},
    {"upstream", "address = https://h.example:444", true},
    {"upstream", "plaintext = on", false},
    {"upstream", "lookup_path = /other/", true},
    {"upstream", "lookup_target = /api?q={postcode}", true},
    {"upstream", "lookup_found = /a", true},
    {"upstream", "lookup_failed = /a", true},
    {"upstream", "answer = address", true},
    {"upstream", "address_postcode = /a", true},
    {"upstream", "address_country = /a", true},
    {"upstream", "address_country = \"GB\"", true},
    {"upstream", "header.X-Key = 2", true},
    {"upstream", "header.X-New = 1", true},
    {"upstream", "header_file.X-Secret = ../second", true},
    {"upstream", "header_file.X-Secret = ../first", false},
    {"upstream", "auth_path = /other", true},
    {"upstream", "auth_url = https://auth.example/", true},
    {"upstream", "auth_flow = basic", true},
    {"upstream", "auth_method = get", false},
    {"upstream", "auth_client = post", false},
    {"upstream", "auth_scope = a", true},
    {"upstream", "auth_audience = a", true},
    {"upstream", "auth_subject = a", true},
    {"upstream", "auth_param.tenant = 2", true},
    {"upstream", "auth_param.other = 1", true},
    {"upstream", "auth_body = {}", true},
    {"upstream", "auth_reply = token", false},
    {"upstream", "auth_scheme = Token", false},
    {"upstream", "auth_key_file = ../first", false},
    {"upstream", "auth_key_id = a", false},
    {"upstream", "client_id = other", true},
    {"upstream", "client_secret = other\nclient_secret_file =", false},
    {"upstream", "client_secret_file = ../second", false},
    {"upstream", "client_secret_file = ../secret, ../second", false},
    {"upstream", "auth_token_key = other", false},
    {"upstream", "auth_token_early_expiry = 1m", false},
    {"upstream", "auth_token_default_lifetime = 1m", false},
    {"upstream", "auth_prefetch = off", false},
    {"upstream", "auth_timeout = 1s", false},
    {"upstream", "auth_budget = 1", false},
    {"upstream", "connect_timeout = 1s", false},
    {"upstream", "max_connections = 1", false},
    {"upstream", "connection_max_age = 1s", false},
    {"upstream", "retries = 0", false},
    {"upstream", "retry_budget = 0", false},
    {"upstream", "eject_after = 1", false},
    {"upstream", "rate = 1/s", false},
    {"upstream", "burst = 2", false},
    {"upstream", "queue = 1", false},
    {"upstream", "max_response_size = 2K", false},
    {"upstream", "ca_file = ../ca", false},
    {"upstream", "client_certificate = ../first", false},
    {"upstream", "client_key = ../second", false},
    {"upstream", "client_key_password_file = ../second", false},
    {"upstream", "proxy = http://proxy.example:3128", false},
    {"upstream", "proxy_password_file = ../second", false},
    {"cache", "max_size = 1M", false},
    {"cache", "as = service", true},
    {"cache", "honour = off", true},
    {"cache", "ttl = 2h", true},
    {"cache", "ttl_max = 3h", true},
    {"cache", "negative_ttl = 1s", true},
    {"cache", "stale_if_error = 1s", true},
    {"cache", "stale_while_revalidate = 1s", true},
    {"cache", "coalesce = off", false},
    {"tracker", "header = X-Other", true},
    {"identity", "forward_header = X-User", true},
    {"identity", "issuer = other", false},
    {"server", "max_in_flight = 7", false},
};

#define CACHED "[cache]\nttl = 1h\n"
#define FIELDS                                                                                     \
    "header.X-Key = 1\nheader_file.X-Secret = first\nauth_flow = client_credentials\n"             \
    "auth_param.tenant = 1\n"

static void setup_files(void)
{
    setup();
    write_mode("first", "1", 0640);
    write_mode("second", "2", 0640);
    write_mode("ca", "not looked at here", 0644);
    make_dir("p.ini.d");
}

/* With two drop-ins, the second over the first. */
static struct digest shape_with(const char *first, const char *second)
{
    write_mode("p.ini.d/a.ini", first, 0640);
    write_mode("p.ini.d/b.ini", second, 0640);
    struct config *config = load_text(WHOLE FIELDS CACHED);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    const struct digest shape = cache_shape(config, &config->upstreams[0]);
    config_unref(config);
    return shape;
}

static struct digest shape_of(const char *drop_in)
{
    return shape_with(drop_in, "");
}

#define ASSERTS "auth_client = private_key_jwt\nauth_key_file = ../key\nclient_secret_file =\n"
#define CERTIFICATE "client_certificate = ../ca\nclient_key = ../key\n"

/* Lines that a case's own needs beside it; they are in what it is compared with, too. */
static const char *needs(const char *line)
{
    static const char *const all[][2] = {
        {"client_certificate", CERTIFICATE},
        {"client_key", CERTIFICATE},
        {"proxy_password_file", "proxy = http://u@proxy.example:3128\n"},
        {"auth_key_", ASSERTS},
        {"auth_subject", ASSERTS "auth_flow = jwt_bearer\n"},
        {"auth_flow", "auth_param.tenant =\n"},
        {"auth_body", "auth_param.tenant =\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strncmp(line, all[i][0], strlen(all[i][0])) == 0)
            return all[i][1];
    }
    return "";
}

START_TEST(each_key)
{
    const char *rest = strcmp(cases[_i].section, "upstream") == 0 ? " u" : "";
    char *first = mem_printf("[%s%s]\n%s", cases[_i].section, rest, needs(cases[_i].line));
    char *second = mem_printf("[%s%s]\n%s\n", cases[_i].section, rest, cases[_i].line);
    const struct digest before = shape_with(first, "");
    const struct digest after = shape_with(first, second);

    ck_assert_msg(digest_same(&before, &after) != cases[_i].changes, "[%s] %s", cases[_i].section,
                  cases[_i].line);
    mem_free(first);
    mem_free(second);
}
END_TEST

static bool has_case(const struct config_key *key)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *line = cases[i].line;
        char *name = mem_strndup(line, strcspn(line, " ="));
        const bool same =
            strcmp(cases[i].section, key->section) == 0 && config_key_is_named(key, name);
        mem_free(name);
        if (same)
            return true;
    }
    return false;
}

/* Whoever adds a key decides whether answers of before are good under it. */
START_TEST(no_key_is_forgotten)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->owner == OWNER_UPSTREAM || strcmp(key->section, "cache") == 0)
            ck_assert_msg(has_case(key), "[%s] %s", key->section, key->name);
    }
}
END_TEST

/* The name: two upstreams that are alike in all else may be two APIs behind one proxy. */
START_TEST(each_upstream)
{
    struct config *config =
        good(WHOLE "[upstream v]\naddress = https://h.example\nclient_id = c\n"
                   "client_secret_file = secret\n[route all]\nupstream = u, v\n[cache]\n");
    const struct digest u = cache_shape(config, &config->upstreams[0]);
    const struct digest v = cache_shape(config, &config->upstreams[1]);
    const struct digest again = cache_shape(config, &config->upstreams[0]);

    ck_assert(!digest_same(&u, &v));
    ck_assert(digest_same(&u, &again));
    config_unref(config);
}
END_TEST

/* What a file of secrets holds counts, not where it is. */
START_TEST(content_of_a_header_file)
{
    const struct digest before = shape_of("");
    write_mode("third", "1", 0640);
    const struct digest same = shape_of("[upstream u]\nheader_file.X-Secret = ../third\n");
    write_mode("first", "3", 0640);
    const struct digest other = shape_of("");

    ck_assert(digest_same(&before, &same));
    ck_assert(!digest_same(&before, &other));
}
END_TEST

START_TEST(a_new_client_secret)
{
    const struct digest before = shape_of("");
    write_mode("secret", "another", 0640);
    const struct digest after = shape_of("");

    ck_assert(digest_same(&before, &after));
}
END_TEST

/* A value is not taken for its neighbour's. */
START_TEST(neighbours_differ)
{
    static const char *const pairs[][2] = {
        {"lookup_found = /a", "lookup_failed = /a"},
        {"auth_scope = a", "auth_audience = a"},
        {"address_country = /country", "address_country = \"/country\""},
        {"address_country = \"GB\"", "address_country = \"IE\""},
        {"header.X-A = 1", "header.X-B = 1"},
        {"auth_param.a = 1", "auth_param.b = 1"},
        {"header.X-Key = 1\nheader.X-B = 2", "header.X-Key = 2\nheader.X-B = 1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char *one = mem_printf("[upstream u]\n%s\n", pairs[i][0]);
        char *two = mem_printf("[upstream u]\n%s\n", pairs[i][1]);
        const struct digest a = shape_of(one);
        const struct digest b = shape_of(two);
        ck_assert_msg(!digest_same(&a, &b), "%s", pairs[i][0]);
        mem_free(one);
        mem_free(two);
    }
    const struct digest ttl = shape_of("[cache]\nnegative_ttl = 5s\n");
    const struct digest stale = shape_of("[cache]\nstale_if_error = 5s\n");
    ck_assert(!digest_same(&ttl, &stale));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache shape");
    TCase *tcase = tcase_create("shape");

    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, each_key, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, no_key_is_forgotten);
    tcase_add_test(tcase, each_upstream);
    tcase_add_test(tcase, content_of_a_header_file);
    tcase_add_test(tcase, a_new_client_secret);
    tcase_add_test(tcase, neighbours_differ);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
