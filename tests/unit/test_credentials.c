/*
 * What a reload makes of a changed key: whether the token request is another one (its digest), and
 * whether the present token is still ours (its credentials). The table says both for each key that
 * an upstream has; a token is dropped where the client, the endpoint or the grant is another one,
 * and is kept where the same grant is only asked for in another way.
 */
#include "token/credentials.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"
#include "token/fetch.h"
#include "token/owner.h"
#include "upstream/client.h"

#define PEM(what) "-----BEGIN PRIVATE KEY-----\n" what "\n-----END PRIVATE KEY-----\n"

static void write_files(void)
{
    write_mode("secret", "hush\n", 0600);
    write_mode("other", "other\n", 0600);
    write_mode("value", "value\n", 0600);
    write_mode("pem", PEM("one"), 0600);
    write_mode("pem2", PEM("two"), 0600);
}

static void setup_files(void)
{
    setup();
    write_files();
}

#define FORM "auth_flow = client_credentials\n"
#define BEARER "auth_flow = jwt_bearer\nauth_key_file = pem\n"
#define TLS FORM "auth_client = tls\nclient_certificate = value\nclient_key = pem\n"
#define MUTUAL "client_certificate = value\nclient_key = pem\n"
#define PROXY "proxy = http://me@p.example:1\nproxy_password_file = value\n"
#define SECRET "client_secret_file = secret\n"

enum { SAME, ASKED_OTHERWISE, ANOTHER_TOKEN };

static const struct change {
    const char *before;
    const char *after;
    int expected;
} changes[] = {
    {SECRET, SECRET, SAME},

    /* Who asks, and where. */
    {SECRET, SECRET "client_id = d\n", ANOTHER_TOKEN},
    {SECRET, "client_secret_file = other\n", ANOTHER_TOKEN},
    {SECRET, "client_secret = hush\n", SAME},
    {SECRET, SECRET "address = https://other.example\n", ANOTHER_TOKEN},
    {SECRET, SECRET "auth_path = /auth/v1?a=b\n", ANOTHER_TOKEN},
    {SECRET, SECRET "auth_url = https://i.example/t\n", ANOTHER_TOKEN},
    {SECRET "auth_url = https://i.example/t\n", SECRET "auth_url = https://i.example/t?a=b\n",
     ANOTHER_TOKEN},
    {SECRET "auth_url = https://i.example/t\n",
     SECRET "auth_url = https://i.example/t\nauth_path = /x\n", SAME},

    /* What is asked for. */
    {SECRET, SECRET FORM, ANOTHER_TOKEN},
    {SECRET FORM, SECRET FORM "auth_scope = s\n", ANOTHER_TOKEN},
    {SECRET FORM, SECRET FORM "auth_audience = s\n", ANOTHER_TOKEN},
    {SECRET FORM, SECRET FORM "auth_param.a = b\n", ANOTHER_TOKEN},
    {SECRET FORM "auth_param.a = b\n", SECRET FORM "auth_param.a = c\n", ANOTHER_TOKEN},
    {SECRET FORM "auth_param.a = b\n", SECRET FORM "auth_param.c = b\n", ANOTHER_TOKEN},
    {SECRET, SECRET "auth_body = {\"a\":1}\n", ANOTHER_TOKEN},
    {SECRET "auth_body = a=1\n", SECRET "auth_body = a=2\n", ANOTHER_TOKEN},
    {BEARER, BEARER "auth_subject = s\n", ANOTHER_TOKEN},
    {BEARER, BEARER "auth_audience = s\n", ANOTHER_TOKEN},
    {BEARER, "auth_flow = jwt_bearer\nauth_key_file = pem2\n", ANOTHER_TOKEN},
    {BEARER SECRET "auth_client = basic\n",
     "auth_flow = jwt_bearer\nauth_key_file = pem2\nauth_client = basic\n" SECRET, ANOTHER_TOKEN},
    {BEARER SECRET "auth_client = basic\n", BEARER, ANOTHER_TOKEN},

    /* Headers, from either key. */
    {SECRET, SECRET "header.X-A = 1\n", ANOTHER_TOKEN},
    {SECRET "header.X-A = 1\n", SECRET "header.X-A = 2\n", ANOTHER_TOKEN},
    {SECRET "header.X-A = 1\n", SECRET "header.X-B = 1\n", ANOTHER_TOKEN},
    {SECRET "header_file.X-A = value\n", SECRET "header_file.X-A = other\n", ANOTHER_TOKEN},
    {SECRET "header_file.X-A = value\n", SECRET "header.X-A = value\n", SAME},
    {SECRET FORM "auth_param.a = b\n", SECRET FORM "header.a = b\n", ANOTHER_TOKEN},

    /* What is read of the response. */
    {SECRET, SECRET "auth_reply = token expires_in\n", ANOTHER_TOKEN},
    {SECRET, SECRET "auth_reply = access_token until\n", ANOTHER_TOKEN},
    {SECRET, SECRET "auth_scheme = Token\n", ANOTHER_TOKEN},

    /* The same, in another way. */
    {SECRET FORM, SECRET FORM "auth_client = post\n", ASKED_OTHERWISE},
    {SECRET FORM, SECRET FORM "auth_method = get\n", ASKED_OTHERWISE},
    {BEARER, BEARER "auth_key_id = k\n", ASKED_OTHERWISE},
    {BEARER "auth_key_id = k\n", BEARER "auth_key_id = l\n", ASKED_OTHERWISE},
    {BEARER, BEARER "auth_client = none\n", ASKED_OTHERWISE},
    {SECRET, SECRET "auth_timeout = 6s\n", ASKED_OTHERWISE},
    {SECRET, SECRET "auth_token_default_lifetime = 6m\n", ASKED_OTHERWISE},
    {SECRET, SECRET "[tracker]\nheader = X-Id\n", ASKED_OTHERWISE},
    {SECRET, SECRET "connect_timeout = 1s\n", ASKED_OTHERWISE},
    {SECRET, SECRET "connection_max_age = 1m\n", ASKED_OTHERWISE},
    {SECRET, SECRET "retries = 2\n", ASKED_OTHERWISE},
    {SECRET, SECRET PROXY, ASKED_OTHERWISE},
    {SECRET PROXY, SECRET "proxy = http://me@p.example:1\nproxy_password_file = other\n",
     ASKED_OTHERWISE},
    {SECRET PROXY, SECRET "proxy = http://you@p.example:1\nproxy_password_file = value\n",
     ASKED_OTHERWISE},
    {SECRET, SECRET "ca_file = value\n", ASKED_OTHERWISE},
    {SECRET, SECRET MUTUAL, ASKED_OTHERWISE},
    {SECRET MUTUAL, SECRET "client_certificate = other\nclient_key = pem\n", ASKED_OTHERWISE},
    {SECRET MUTUAL, SECRET "client_certificate = value\nclient_key = pem2\n", ASKED_OTHERWISE},
    {SECRET MUTUAL, SECRET MUTUAL "client_key_password_file = other\n", ASKED_OTHERWISE},

    /* The key of the certificate is what proves the client. */
    {TLS, FORM "auth_client = tls\nclient_certificate = value\nclient_key = pem2\n", ANOTHER_TOKEN},
    {TLS, FORM "auth_client = tls\nclient_certificate = other\nclient_key = pem\n",
     ASKED_OTHERWISE},

    /* No part of the token request. */
    {SECRET, SECRET "lookup_path = /x/\n", SAME},
    {SECRET, SECRET "lookup_target = /x?q={postcode}\n", SAME},
    {SECRET, SECRET "lookup_found = /x\n", SAME},
    {SECRET, SECRET "lookup_failed = /x\n", SAME},
    {SECRET, SECRET "answer = address\naddress_postcode = /p\naddress_country = \"GB\"\n", SAME},
    {SECRET, SECRET "max_response_size = 2K\n", SAME},
    {SECRET, SECRET "auth_token_early_expiry = 1m\nauth_prefetch = off\nauth_budget = 3\n", SAME},
};

/* `lines` may have address and client_id themselves. */
static struct config *load(const char *lines)
{
    const bool address = strstr(lines, "\naddress = ") != NULL;
    const bool id = strstr(lines, "\nclient_id = ") != NULL;
    char *text =
        mem_printf(IDENTITY "[upstream u]\n%s%s%s", address ? "" : "address = https://h.example\n",
                   id ? "" : "client_id = c\n", lines);
    struct config *config = good(text);

    mem_free(text);
    return config;
}

static bool same_key(const struct config_upstream *before, const struct config_upstream *after)
{
    struct secret *a = credentials_key(before, 0);
    struct secret *b = credentials_key(after, 0);
    const bool same = secret_equal(a, b);

    secret_unref(a);
    secret_unref(b);
    return same;
}

START_TEST(a_change)
{
    const struct change *c = &changes[_i];
    struct config *before = load(c->before);
    struct config *after = load(c->after);
    const struct config_upstream *a = &before->upstreams[0];
    const struct config_upstream *b = &after->upstreams[0];
    const struct digest request = token_fetch_digest(before, a);
    const struct digest other = token_fetch_digest(after, b);
    const struct token_grant grant = {.type = "Bearer", .value = "v", .lifetime = HOUR};
    struct token_owner owner = {.token = NULL};

    ck_assert_msg(digest_same(&request, &other) == (c->expected == SAME), "request:\n%s->\n%s",
                  c->before, c->after);
    ck_assert_msg(same_key(a, b) == (c->expected != ANOTHER_TOKEN), "token:\n%s->\n%s", c->before,
                  c->after);
    /* Without a token it is whether one would be the same, with one whether it stays. */
    ck_assert(token_owner_stays(&owner, a, b) == (c->expected != ANOTHER_TOKEN));
    struct token *token =
        token_new(&grant, mono_now(), &(struct token_renewal){.early = MINUTE}, 0, 1, 1);
    token_owner_granted(&owner, a, 0);
    ck_assert(token_owner_change(&owner, token));
    ck_assert(token_owner_stays(&owner, a, b) == (c->expected != ANOTHER_TOKEN));
    token_owner_fini(&owner);
    token_unref(token);
    config_unref(before);
    config_unref(after);
}
END_TEST

/* The files are read when a configuration is loaded: the same path is not the same secret. */
START_TEST(changed_files)
{
    static const struct {
        const char *lines;
        const char *file;
        const char *text;
        bool token; /* is another one */
    } cases[] = {
        {SECRET, "secret", "changed\n", true},
        {SECRET "header_file.X-A = value\n", "value", "changed\n", true},
        {BEARER, "pem", PEM("changed"), true},
        {SECRET PROXY, "value", "changed\n", false},
        {SECRET MUTUAL, "value", "changed\n", false},
        {SECRET MUTUAL, "pem", PEM("again"), false},
        {TLS, "pem", PEM("and again"), true},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *before = load(cases[i].lines);
        const struct digest request = token_fetch_digest(before, before->upstreams);
        write_mode(cases[i].file, cases[i].text, 0600);
        struct config *after = load(cases[i].lines);
        const struct digest other = token_fetch_digest(after, after->upstreams);
        ck_assert_msg(!digest_same(&request, &other), "%s", cases[i].lines);
        ck_assert_msg(same_key(before->upstreams, after->upstreams) != cases[i].token, "%s",
                      cases[i].lines);
        config_unref(before);
        config_unref(after);
        write_files();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credentials");
    TCase *tcase = tcase_create("credentials");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, a_change, 0, ARRAY_LEN(changes));
    tcase_add_test(tcase, changed_files);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
