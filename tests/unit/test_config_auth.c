/*
 * What the keys of a token request mean together (contract 5 and 12), as a table that was written
 * from the contract: which parts the request has, and whether it needs the client's secret. And
 * what becomes of these keys when they are printed, and when a drop-in file overrides them.
 */
#include "config/auth.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"

static void setup_files(void)
{
    setup();
    char *path = scratch_path("p.ini.d");
    write_mode("value", "Xyzzy-value\n", 0640);
    write_mode("secret", "Xyzzy-secret\n", 0640);
    write_mode("password", "Xyzzy-password\n", 0640);
    write_mode("pem", "-----BEGIN PRIVATE KEY-----\nXyzzy\n-----END PRIVATE KEY-----\n", 0640);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    mem_free(path);
}

/* ---- the parts of a request ---- */

#define BASIC 1u
#define FORM 2u
#define ID 4u
#define SECRET 8u
#define CLIENT 16u
#define GRANT 32u

#define WITH_SECRET "auth_body = id={client_id}&key={client_secret}\n"
#define WITHOUT_SECRET "auth_body = id={client_id}\n"

static const struct row {
    const char *flow;
    const char *client; /* "": auth_client is not given */
    const char *body;
    int parts; /* -1: cannot be meant, a fault */
} rows[] = {
    /* HTTP Basic, no body; and so no other way. */
    {"basic", "", "", BASIC | SECRET},
    {"basic", "basic", "", BASIC | SECRET},
    {"basic", "post", "", BASIC | SECRET},
    {"basic", "none", "", -1},
    {"basic", "tls", "", -1},
    {"basic", "private_key_jwt", "", -1},

    {"client_credentials", "", "", BASIC | FORM | SECRET},
    {"client_credentials", "basic", "", BASIC | FORM | SECRET},
    {"client_credentials", "post", "", FORM | ID | SECRET},
    {"client_credentials", "none", "", FORM | ID},
    {"client_credentials", "tls", "", FORM | ID},
    {"client_credentials", "private_key_jwt", "", FORM | ID | CLIENT},

    /* The assertion alone, unless auth_client is set. */
    {"jwt_bearer", "", "", FORM | GRANT},
    {"jwt_bearer", "basic", "", BASIC | FORM | SECRET | GRANT},
    {"jwt_bearer", "post", "", FORM | ID | SECRET | GRANT},
    {"jwt_bearer", "none", "", FORM | ID | GRANT},
    {"jwt_bearer", "tls", "", FORM | ID | GRANT},
    {"jwt_bearer", "private_key_jwt", "", FORM | ID | CLIENT | GRANT},

    /* basic adds its header and tls its certificate; post and none send the body alone. */
    {"basic", "", WITH_SECRET, BASIC | SECRET},
    {"basic", "", WITHOUT_SECRET, BASIC | SECRET},
    {"basic", "basic", WITHOUT_SECRET, BASIC | SECRET},
    {"basic", "post", WITH_SECRET, SECRET},
    {"basic", "post", WITHOUT_SECRET, 0},
    {"basic", "none", WITH_SECRET, SECRET},
    {"basic", "none", WITHOUT_SECRET, 0},
    {"basic", "tls", WITH_SECRET, SECRET},
    {"basic", "tls", WITHOUT_SECRET, 0},
    {"basic", "private_key_jwt", WITH_SECRET, -1},
    {"client_credentials", "", WITH_SECRET, BASIC | SECRET},
    {"client_credentials", "", WITHOUT_SECRET, BASIC | SECRET},
    {"client_credentials", "basic", WITHOUT_SECRET, BASIC | SECRET},
    {"client_credentials", "post", WITH_SECRET, SECRET},
    {"client_credentials", "post", WITHOUT_SECRET, 0},
    {"client_credentials", "none", WITH_SECRET, SECRET},
    {"client_credentials", "none", WITHOUT_SECRET, 0},
    {"client_credentials", "tls", WITH_SECRET, SECRET},
    {"client_credentials", "tls", WITHOUT_SECRET, 0},
    {"client_credentials", "private_key_jwt", WITHOUT_SECRET, -1},
    {"jwt_bearer", "", WITH_SECRET, -1},
    {"jwt_bearer", "basic", WITHOUT_SECRET, -1},
    {"jwt_bearer", "none", WITH_SECRET, -1},
    {"jwt_bearer", "private_key_jwt", WITH_SECRET, -1},
};

static struct config *load_row(const struct row *row, bool secret)
{
    const bool given = *row->client != '\0';
    const bool tls = strcmp(row->client, "tls") == 0;
    const bool key =
        strcmp(row->flow, "jwt_bearer") == 0 || strcmp(row->client, "private_key_jwt") == 0;
    char *text = mem_printf(IDENTITY UPSTREAM_HEAD "auth_flow = %s\n%s%s%s%s%s%s%s", row->flow,
                            given ? "auth_client = " : "", row->client, given ? "\n" : "",
                            row->body, secret ? "client_secret_file = secret\n" : "",
                            tls ? "client_certificate = value\nclient_key = pem\n" : "",
                            key ? "auth_key_file = pem\n" : "");
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

static int parts_of(const struct config_upstream *upstream)
{
    const struct {
        bool has;
        unsigned part;
    } parts[] = {
        {auth_sends_basic(upstream), BASIC},   {auth_sends_form(upstream), FORM},
        {auth_sends_id(upstream), ID},         {auth_sends_secret(upstream), SECRET},
        {auth_signs_client(upstream), CLIENT}, {auth_signs_grant(upstream), GRANT},
    };
    unsigned all = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        all |= parts[i].has ? parts[i].part : 0;
    ck_assert(auth_signs(upstream) == ((all & (CLIENT | GRANT)) != 0));
    return (int)all;
}

START_TEST(parts)
{
    const struct row *row = &rows[_i];
    const bool needs = row->parts > 0 && ((unsigned)row->parts & SECRET) != 0;
    struct config *with = load_row(row, true);
    const bool unused = strstr(fault_lines(), "client_secret_file: is not used") != NULL;

    ck_assert_msg((with != NULL) == (row->parts >= 0), "%s", fault_lines());
    if (with == NULL)
        return;
    ck_assert_int_eq(parts_of(&with->upstreams[0]), row->parts);
    ck_assert_msg(unused != needs, "%s", fault_lines());
    config_unref(with);

    struct config *without = load_row(row, false);
    ck_assert_msg((without == NULL) == needs, "%s", fault_lines());
    ck_assert(needs == (strstr(fault_lines(), "client_secret_file: is missing") != NULL));
    if (without != NULL)
        ck_assert_int_eq(parts_of(&without->upstreams[0]), row->parts);
    config_unref(without);
}
END_TEST

/* What proves the client where no secret does: it decides whose token is kept. */
START_TEST(proofs)
{
    static const struct {
        const char *flow;
        const char *client;
        const char *proof;
    } cases[] = {
        {"client_credentials", "none", ""},
        {"client_credentials", "tls", "BEGIN"},
        {"client_credentials", "private_key_jwt", "BEGIN"},
        {"jwt_bearer", "", "BEGIN"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct row row = {cases[i].flow, cases[i].client, "", 0};
        struct config *config = load_row(&row, false);
        ck_assert_msg(config != NULL, "%s", fault_lines());
        const struct config_upstream *u = &config->upstreams[0];
        ck_assert_uint_eq(u->client_secret_count, 1);
        ck_assert(*cases[i].proof != '\0'
                      ? strstr(secret_text(u->client_secrets[0]), "BEGIN") != NULL
                      : secret_len(u->client_secrets[0]) == 0);
        config_unref(config);
    }
}
END_TEST

/* ---- the endpoint ---- */

START_TEST(endpoints)
{
    static const struct {
        const char *url;
        const char *kept;
    } cases[] = {
        {"https://i.example/token/", "https://i.example/token/"},
        {"https://i.example/token/?a=b&c=%20", "https://i.example/token/?a=b&c=%20"},
        {"https://i.example/?a=b", "https://i.example/?a=b"},
        {"https://i.example?a=b", "https://i.example/?a=b"},
        {"https://i.example/", "https://i.example"},
        {"https://i.example", "https://i.example"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = mem_printf(WHOLE "auth_url = %s\n", cases[i].url);
        struct config *config = good(text);
        ck_assert_uint_eq(faults.count, 0);
        ck_assert_str_eq(config->upstreams[0].auth_url, cases[i].kept);
        config_unref(config);
        mem_free(text);
    }
    struct config *config = good(WHOLE "auth_path = /token/?a=/b\n");
    ck_assert_str_eq(config->upstreams[0].auth_path, "/token/?a=/b");
    config_unref(config);
}
END_TEST

/* ---- names of a response ---- */

START_TEST(reply_names)
{
    struct config *config = good(WHOLE "auth_reply = token\nauth_scheme = Zoho-oauthtoken\n");
    const struct config_upstream *u = &config->upstreams[0];

    ck_assert_str_eq(u->auth_reply.first, "token");
    ck_assert_ptr_null(u->auth_reply.second);
    ck_assert_str_eq(u->auth_scheme, "Zoho-oauthtoken");
    config_unref(config);

    config = good(WHOLE "auth_reply = token \t expires\nauth_scheme =\n");
    u = &config->upstreams[0];
    ck_assert_str_eq(u->auth_reply.first, "token");
    ck_assert_str_eq(u->auth_reply.second, "expires");
    ck_assert_ptr_null(u->auth_scheme);
    config_unref(config);

    config = good(WHOLE);
    u = &config->upstreams[0];
    ck_assert_str_eq(u->auth_reply.first, "access_token");
    ck_assert_str_eq(u->auth_reply.second, "expires_in");
    config_unref(config);
}
END_TEST

/* ---- printed ---- */

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    ck_assert_ptr_nonnull(out);
    config_print(config, out);
    fclose(out);
    return text;
}

/* Without comments, which say where each value stands. In place. */
static char *values_of(char *text)
{
    char *to = text;

    for (char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n") + 1;
        if (*line != '#') {
            memmove(to, line, len);
            to += len;
        }
        line += len;
    }
    *to = '\0';
    return text;
}

static const char *const printed[] = {
    /* A search by GET, with headers and a form. */
    "lookup_target = /find?q={postcode}&x=%20\nlookup_found = /results/0/a~1b\n"
    "lookup_failed = /error\nanswer = address\naddress_postcode = /p/0\n"
    "address_country = \"C'\xc3\xb4 \\\"te\"\nheader.X-B = b; c=\"d\"\nheader_file.X-Key = value\n"
    "header.x-a = $a $${b}\nauth_url = https://i.example/t/?a=b\nauth_method = get\n"
    "auth_flow = client_credentials\nauth_client = post\nauth_scope = a b\nauth_audience = c\n"
    "auth_param.z = 1\nauth_param.y = 2\nauth_reply = token expires\nauth_scheme = Token\n"
    "proxy = http://me@p.example:3128\nproxy_password_file = password\n"
    "client_secret_file = secret\n",
    /* A body. */
    "lookup_path = /x/\nanswer = address\naddress_country = /c\n"
    "auth_body = {\"id\":\"{client_id}\",\"s\":\"{client_secret}\",\"x\":\"$${y}\"}\n"
    "auth_client = none\nauth_reply = token\nclient_secret_file = secret\n",
    /* A secret in the file itself: nothing of it is shown, and it is not read back. */
    "auth_body = a={client_id}\nauth_client = tls\nclient_certificate = value\nclient_key = pem\n"
    "client_key_password_file = password\n",
    /* Keys. */
    "auth_path = /t?a=b\nauth_flow = jwt_bearer\nauth_client = private_key_jwt\n"
    "auth_key_file = pem\nauth_key_id = k 1\nauth_subject = s\nauth_audience = a\n",
    /* The default of auth_client, printed, must not become one that was given. */
    "auth_flow = jwt_bearer\nauth_key_file = pem\n",
};

START_TEST(print_reads_back)
{
    char *text = mem_printf(IDENTITY UPSTREAM_HEAD "%s", printed[_i]);
    struct config *config = good(text);
    char *first = print(config);

    ck_assert_ptr_null(strstr(first, "Xyzzy"));
    struct config *again = good(first);
    char *second = print(again);
    ck_assert_int_eq(parts_of(&again->upstreams[0]), parts_of(&config->upstreams[0]));
    ck_assert_str_eq(values_of(first), values_of(second));
    ck_assert_uint_eq(config->upstreams[0].header_count, again->upstreams[0].header_count);
    for (size_t i = 0; i < config->upstreams[0].header_count; i++) {
        const struct config_header *a = &config->upstreams[0].headers[i];
        const struct config_header *b = &again->upstreams[0].headers[i];
        ck_assert_str_eq(a->name, b->name);
        ck_assert_str_eq(a->value, b->value);
    }
    config_unref(config);
    config_unref(again);
    free(first);
    free(second);
    mem_free(text);
}
END_TEST

/* The whole line of each key is there, and so the comparison above is of something. */
START_TEST(print_shows_all)
{
    char *text = mem_printf(IDENTITY UPSTREAM_HEAD "%s", printed[0]);
    struct config *config = good(text);
    char *shown = print(config);
    char *rest = mem_strdup(printed[0]);

    for (char *line = rest, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        char *file = strstr(line, "_file");
        if (file != NULL)
            *strchr(line, '=') = '\0';
        ck_assert_msg(strstr(shown, line) != NULL, "%s", line);
    }
    mem_free(rest);
    mem_free(text);
    free(shown);
    config_unref(config);
}
END_TEST

/* ---- drop-in files ---- */

static struct config *with_drop_in(const char *lines, const char *drop_in)
{
    char *text = mem_printf(WHOLE "%s", lines);
    char *over = mem_printf("[upstream u]\n%s", drop_in);

    write_mode("p.ini.d/1.ini", over, 0640);
    struct config *config = good(text);
    ck_assert_str_eq(fault_lines(), "");
    mem_free(text);
    mem_free(over);
    return config;
}

static const char *header_of(const struct config *config, const char *name)
{
    const struct config_upstream *upstream = &config->upstreams[0];

    for (size_t i = 0; i < upstream->header_count; i++) {
        if (strcmp(upstream->headers[i].name, name) == 0)
            return upstream->headers[i].value;
    }
    return NULL;
}

START_TEST(headers_overridden)
{
    struct config *config =
        with_drop_in("header.X-A = 1\nheader.X-B = 2\nheader_file.X-C = value\nheader.X-D = 4\n",
                     "header.x-a = other\nheader.X-B =\nheader_file.X-C =\nheader.X-C = open\n"
                     "header_file.X-E = ../value\n");

    ck_assert_uint_eq(config->upstreams[0].header_count, 4);
    ck_assert_str_eq(header_of(config, "x-a"), "other");
    ck_assert_str_eq(header_of(config, "X-C"), "open");
    ck_assert_str_eq(header_of(config, "X-D"), "4");
    ck_assert_str_eq(header_of(config, "X-E"), "Xyzzy-value");
    config_unref(config);
}
END_TEST

/* One way is taken back, so that the other can be taken. */
START_TEST(ways_overridden)
{
    struct config *config = with_drop_in(
        "lookup_target = /{postcode}\nauth_body = a={client_secret}\nauth_client = post\n",
        "lookup_target =\nlookup_path = /x/\nauth_body =\nauth_flow = client_credentials\n"
        "auth_scope = s\n");
    const struct config_upstream *u = &config->upstreams[0];

    ck_assert_ptr_null(u->lookup_target.text);
    ck_assert_ptr_null(u->auth_body);
    ck_assert_str_eq(u->lookup_path, "/x/");
    ck_assert_int_eq(parts_of(u), FORM | ID | SECRET);
    config_unref(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_auth");
    TCase *tcase = tcase_create("config_auth");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, parts, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, proofs);
    tcase_add_test(tcase, endpoints);
    tcase_add_test(tcase, reply_names);
    tcase_add_loop_test(tcase, print_reads_back, 0, ARRAY_LEN(printed));
    tcase_add_test(tcase, print_shows_all);
    tcase_add_test(tcase, headers_overridden);
    tcase_add_test(tcase, ways_overridden);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
