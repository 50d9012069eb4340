/*
 * The keys of an [upstream NAME] that fit it to a Location API of somebody else: where the postcode
 * goes, what a body means, which headers are sent, and what a token request is made of. Faults and
 * notes are compared as whole lines.
 */
#include "config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"

#define AT(line) "p.ini:" #line ": [upstream u] "
#define NOTE(line) "note " AT(line)

/* The file: lines 1 to 6 make it whole, those of the case follow. */
static struct config *load_lines(const char *lines)
{
    char *text = mem_printf(WHOLE "%s\n", lines);
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

static struct config *good_lines(const char *lines)
{
    struct config *config = load_lines(lines);

    ck_assert_msg(config != NULL && faults.count == 0, "%s: %s", lines, fault_lines());
    return config;
}

static char *repeat(char letter, size_t count)
{
    char *text = mem_zalloc(count + 1);

    memset(text, letter, count);
    return text;
}

/* ---- one fault or note each ---- */

#define CHARACTER(part, before)                                                                    \
    " holds a character that a " part " cannot hold, behind \"" before                             \
    "\"; percent-encode it, a space as %20"
#define BRACE(before)                                                                              \
    " holds a brace that is no part of {postcode}, behind \"" before "\"; percent-encode it, as "  \
    "%7B or %7D"
#define DOTS " has a segment . or .., which would be taken out; write the path without it\n"
#define A_TARGET                                                                                   \
    " is not understood; must be the path of a URL, beginning with a slash, and perhaps a query, " \
    "with {postcode} once"
#define FIELD_NAME                                                                                 \
    "a header field needs a name of at most 64 letters, digits and -; write header.X-Api-Version " \
    "= ... for one\n"

static const struct case_ {
    const char *lines;
    const char *expected;
} cases[] = {
    /* lookup_target */
    {"lookup_target = /a",
     AT(7) "lookup_target: the postcode has no place in \"/a\"; write {postcode} where it "
           "belongs\n"},
    {"lookup_target = /a?{postcode}={Postcode}",
     AT(7) "lookup_target: {postcode} stands twice in \"/a?{postcode}={Postcode}\"; write it "
           "once\n"},
    {"lookup_target = /a?q={postcode}#top",
     AT(7) "lookup_target: \"/a?q={postcode}#top\"" CHARACTER("query", "/a?q={postcode}") "\n"},
    {"lookup_target = /a b/{postcode}",
     AT(7) "lookup_target: \"/a b/{postcode}\"" CHARACTER("path", "/a") "\n"},
    {"lookup_target = /a/{postcode}?q=a b",
     AT(7) "lookup_target: \"/a/{postcode}?q=a b\"" CHARACTER("query", "/a/{postcode}?q=a") "\n"},
    {"lookup_target = /%2/{postcode}",
     AT(7) "lookup_target: \"/%2/{postcode}\"" CHARACTER("path", "/") "\n"},
    {"lookup_target = /\xc3\xa4/{postcode}",
     AT(7) "lookup_target: \"/\xc3\xa4/{postcode}\"" CHARACTER("path", "/") "\n"},
    {"lookup_target = /a?q=\"{postcode}\"",
     AT(7) "lookup_target: \"/a?q=\"{postcode}\"\"" CHARACTER("query", "/a?q=") "\n"},
    {"lookup_target = /a?q={postcode} # ours",
     AT(7) "lookup_target: \"/a?q={postcode} # ours\"" CHARACTER(
         "query", "/a?q={postcode}") "; \"# ours\" is part of the value: a comment stands on a "
                                     "line of its own\n"},
    {"lookup_target = /a/../{postcode}", AT(7) "lookup_target: \"/a/../{postcode}\"" DOTS},
    {"lookup_target = /a/./{postcode}", AT(7) "lookup_target: \"/a/./{postcode}\"" DOTS},
    {"lookup_target = /{postcode}/..?a=b", AT(7) "lookup_target: \"/{postcode}/..?a=b\"" DOTS},
    {"lookup_target = a/{postcode}", AT(7) "lookup_target: \"a/{postcode}\"" A_TARGET "\n"},
    {"lookup_target = ?q={postcode}", AT(7) "lookup_target: \"?q={postcode}\"" A_TARGET "\n"},
    {"lookup_target = https://h/{postcode}",
     AT(7) "lookup_target: \"https://h/{postcode}\"" A_TARGET "\n"},
    {"lookup_target = \"/{postcode}\"",
     AT(7) "lookup_target: \"/{postcode}\"" A_TARGET
           "; quotes are part of a value: write it without them\n"},

    {"lookup_target = /{post}/{postcode}",
     AT(7) "lookup_target: \"/{post}/{postcode}\"" BRACE("/") "\n"},
    {"lookup_target = /a?q={{postcode}}",
     AT(7) "lookup_target: \"/a?q={{postcode}}\"" BRACE("/a?q=") "\n"},
    {"lookup_target = /a/{postcode}}",
     AT(7) "lookup_target: \"/a/{postcode}}\"" BRACE("/a/{postcode}") "\n"},

    /* lookup_path */
    {"lookup_target = /{postcode}\nlookup_path = /b/",
     AT(8) "lookup_path: given beside lookup_target; keep one of the two\n"},
    {"lookup_path = /b\nlookup_target = /{postcode}",
     AT(7) "lookup_path: given beside lookup_target; keep one of the two\n"},
    {"lookup_path = /b",
     NOTE(7) "lookup_path: ends without a slash, and the postcode is appended as it is: "
             "/bSW1A1AA; write /b/ unless that is meant\n"},
    {"lookup_path = /b/{postcode}",
     AT(7) "lookup_path: \"/b/{postcode}\" holds {postcode}, which lookup_target takes; write "
           "lookup_target = /b/{postcode}\n"},
    {"lookup_path = /b?x=", AT(7) "lookup_path: \"/b?x=\"" CHARACTER("path", "/b") "\n"},

    /* Pointers, and what was written in another notation. */
    {"lookup_found = results",
     AT(7) "lookup_found: \"results\": a JSON Pointer begins with \"/\"; write \"/results\"\n"},
    {"lookup_found = $.results[0]['id']",
     AT(7) "lookup_found: \"$.results[0]['id']\": a JSON Pointer begins with \"/\"; write "
           "\"/results/0/id\"\n"},
    {"lookup_failed = #/error",
     AT(7) "lookup_failed: \"#/error\": a JSON Pointer begins with \"/\"; write \"/error\"\n"},
    {"lookup_found = $",
     AT(7) "lookup_found: \"$\": not a JSON Pointer; write it as in \"/results/0\"\n"},
    {"lookup_found = \"/a\"",
     AT(7) "lookup_found: \"/a\" stands in quotes, which no pointer does; write it without them\n"},
    {"answer = address\naddress_postcode = \"M1\"",
     AT(8) "address_postcode: \"M1\" stands in quotes, which no pointer does; write it without "
           "them\n"},
    {"lookup_found = /a/-",
     AT(7) "lookup_found: \"/a/-\": \"-\" is the element behind an array's end, which is never "
           "there; write an index such as 0\n"},
    {"lookup_found = /a~2",
     AT(7) "lookup_found: \"/a~2\": \"~\" at byte 3: write \"~0\" for \"~\", \"~1\" for \"/\" in "
           "a name\n"},
    {"lookup_found = /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0/1/2/3/4/5/6",
     AT(7) "lookup_found: \"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0/1/2/3/4/5/6\": "
           "more than 32 steps\n"},
    {"answer = address\naddress_country = GB",
     AT(8) "address_country: \"GB\": a JSON Pointer begins with \"/\"; write \"/GB\"; a constant "
           "stands in quotes, such as \"GB\"\n"},
    {"answer = address\naddress_country = 'GB'",
     AT(8) "address_country: 'GB': a constant stands in double quotes, such as \"GB\"\n"},

    /* The answer. */
    {"answer = adress",
     AT(7) "answer: \"adress\" is not understood; must be one of: body, address\n"},
    {"address_country = \"GB\"",
     NOTE(7) "address_country: is not used with answer = body; set answer = address\n"},
    {"address_postcode = /x",
     NOTE(7) "address_postcode: is not used with answer = body; set answer = address\n"},
    {"address_country = \"\"\nanswer = address",
     AT(7) "address_country: the text in quotes is empty; write one, such as \"GB\"\n"},

    /* Headers. */
    {"header.Authorization = x",
     AT(7) "header.Authorization: Authorization is reserved; name another header, X-... for "
           "one\n"},
    {"header_file.cookie = value",
     AT(7) "header_file.cookie: cookie is reserved; name another header, X-... for one\n"},
    {"header.X-A = 1\nheader.x-a = 2",
     AT(8) "header.X-A: given twice, first in line 7; remove one\n"},
    {"header_file.X-A = value\nheader_file.x-a = value",
     AT(8) "header_file.X-A: given twice, first in line 7; remove one\n"},
    {"header.X-A = 1\nheader_file.x-a = value",
     AT(8) "header_file.x-a: given beside header.X-A (p.ini:7); keep one of the two\n"},
    {"header_file.X-A = value\nheader.X-B = 1\nheader.x-a = 1",
     AT(7) "header_file.X-A: given beside header.x-a (p.ini:9); keep one of the two\n"},
    {"header.X-A = 1\nheader.x-guid = 1",
     AT(8) "header.x-guid: x-guid is the header of [tracker] too; name another header\n"},
    {"header_file.X-User = value\n[tracker]\nheader = X-User",
     AT(7) "header_file.X-User: X-User is the header of [tracker] too; name another header\n"},
    {"header. = 1", AT(7) "header.: " FIELD_NAME},
    {"header_file. = value", AT(7) "header_file.: " FIELD_NAME},
    {"header.X-A = a\tb", AT(7) "header.X-A: holds a tab; write spaces\n"},
    {"header.X-A = \"a\"",
     NOTE(7) "header.X-A: the quotes are part of the value; remove them unless they are meant\n"},
    {"header_file.X-A = open",
     AT(7) "header_file.X-A: others can read open (mode 0644); chmod 0640 open, or set [server] "
           "secret_files = any where its mode cannot be changed\n"},
    {"header_file.X-A = empty", AT(7) "header_file.X-A: empty is empty; it must hold the secret\n"},
    {"header_file.X-A = newline",
     AT(7) "header_file.X-A: newline is empty; it must hold the secret\n"},
    {"header_file.X-A = two",
     AT(7) "header_file.X-A: two holds a control character or a second line; it must hold the "
           "secret on one line\n"},
    {"header_file.X-A = none",
     AT(7) "header_file.X-A: none cannot be read (No such file or directory); it must be a file "
           "that postcoded's user can read\n"},
    {"header_file.X-A = credential:a/b",
     AT(7) "header_file.X-A: a credential has a plain name; write credential:NAME, without a "
           "slash\n"},

    /* What a token response is called. */
    {"auth_reply = a b c",
     AT(7) "auth_reply: \"a b c\" is not understood; must be one or two names of JSON members, "
           "separated by a space, such as access_token expires_in\n"},
    {"auth_reply =",
     AT(7) "auth_reply: is empty; must be one or two names of JSON members, separated by a space, "
           "such as access_token expires_in\n"},
    {"auth_scheme = a b",
     AT(7) "auth_scheme: \"a b\" is not understood; must be a word of at most 64 letters, digits "
           "and !#$%&'*+-.^_`|~\n"},
    {"auth_scheme = \"Token\"",
     AT(7) "auth_scheme: \"Token\" is not understood; must be a word of at most 64 letters, "
           "digits and !#$%&'*+-.^_`|~; quotes are part of a value: write it without them\n"},

    /* auth_body, and what it takes the place of. */
    {"auth_body = a\nauth_scope = s",
     AT(8) "auth_scope: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_audience = s\nauth_body = a",
     AT(7) "auth_audience: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_body = a\nauth_param.x = s",
     AT(8) "auth_param.NAME: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_body = a\nauth_method = get",
     AT(8) "auth_method: get sends no body, and auth_body is set; remove one of the two\n"},
    {"auth_body = a\nauth_client = none",
     NOTE(6) "client_secret_file: is not used: auth_body has no {client_secret}\n"},

    {"auth_body = a={client_secret}\nauth_flow = jwt_bearer\nauth_key_file = value",
     AT(7) "auth_body: has no place for the assertion of auth_flow = jwt_bearer; remove one of the "
           "two\n"},
    {"auth_body = a={client_secret}\nauth_client = private_key_jwt\nauth_key_file = value\n"
     "auth_key_id = k",
     AT(7) "auth_body: has no place for the assertion of auth_client = private_key_jwt; remove one "
           "of the two\n"},
    {"auth_body = a={client_secret}\nauth_key_file = value",
     NOTE(8) "auth_key_file: is not used without auth_client = private_key_jwt or auth_flow = "
             "jwt_bearer\n"},

    /* auth_client with a flow that has no form. */
    {"auth_client = none",
     AT(7) "auth_client: none needs a request with a form; set auth_flow = client_credentials\n"},
    {"auth_client = tls\nclient_certificate = value\nclient_key = value",
     AT(7) "auth_client: tls needs a request with a form; set auth_flow = client_credentials\n"},
    {"auth_client = private_key_jwt\nauth_key_file = value",
     AT(7) "auth_client: private_key_jwt needs a request with a form; set auth_flow = "
           "client_credentials\n"},
    {"auth_client = post", NOTE(7) "auth_client: is not used with auth_flow = basic\n"},

    /* What belongs to one way alone. */
    {"auth_flow = client_credentials\nauth_client = none",
     NOTE(6) "client_secret_file: is not used with auth_flow = client_credentials and auth_client "
             "= none\n"},
    {"auth_flow = jwt_bearer\nauth_key_file = value",
     NOTE(6) "client_secret_file: is not used with auth_flow = jwt_bearer unless auth_client is "
             "set\n"},
    {"auth_flow = jwt_bearer\nauth_key_file = value\nauth_client = none",
     NOTE(6) "client_secret_file: is not used with auth_flow = jwt_bearer and auth_client = "
             "none\n"},
    {"auth_body = a={client_secret}\nauth_client = tls",
     AT(8) "auth_client: tls authenticates the client by its certificate; set client_certificate "
           "and client_key\n"},
    {"auth_key_file = value",
     NOTE(7) "auth_key_file: is not used without auth_client = private_key_jwt or auth_flow = "
             "jwt_bearer\n"},
    {"auth_key_id = k", NOTE(7) "auth_key_id: is not used without auth_key_file\n"},
    {"auth_subject = s", NOTE(7) "auth_subject: is not used without auth_flow = jwt_bearer\n"},
    {"auth_scope = s", NOTE(7) "auth_scope: is not used with auth_flow = basic\n"},
    {"auth_method = put",
     AT(7) "auth_method: \"put\" is not understood; must be one of: post, get\n"},
    {"auth_flow = client_credentials\nauth_param.client_assertion = 1",
     AT(8) "auth_param.client_assertion: the token request sets client_assertion itself; use the "
           "key for it, if there is one\n"},

    /* The endpoint. */
    {"auth_url = https://i/t#x",
     AT(7) "auth_url: a fragment has no place here; end the URL before #\n"},
    {"auth_url = https://i/t?a=b c",
     AT(7) "auth_url: a URL is ASCII without spaces; percent-encode what is not\n"},
    {"auth_url = https://u@i/t?a=b",
     AT(7) "auth_url: a user in a URL is not supported; remove what precedes the @\n"},
    {"auth_url = http://i/t?secret=1",
     AT(7) "auth_url: http://i/t would send secrets in the clear; write https://, or set "
           "plaintext = on\n"},
    {"auth_url = https://i/t\nauth_path = /x",
     NOTE(8) "auth_path: is not used, for auth_url is set\n"},
    {"auth_path = /x?y=z#a", AT(7) "auth_path: \"/x?y=z#a\"" CHARACTER("query", "/x?y=z") "\n"},
};

static void setup_files(void)
{
    setup();
    write_mode("value", "Xyzzy\n", 0640);
    write_mode("open", "Xyzzy\n", 0644);
    write_mode("empty", "", 0640);
    write_mode("newline", "\n", 0640);
    write_mode("two", "Xyzzy\nPlugh\n", 0640);
}

START_TEST(said_once)
{
    const struct case_ *c = &cases[_i];
    struct config *config = load_lines(c->lines);

    ck_assert_str_eq(fault_lines(), c->expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}
END_TEST

/* ---- lookup_target ---- */

START_TEST(targets)
{
    static const struct {
        const char *text;
        const char *before;
        const char *behind;
        bool has_query;
    } good_ones[] = {
        {"/a/{postcode}", "/a/", "", false},
        {"/a/{POSTCODE}.json", "/a/", ".json", false},
        {"/{postcode}/x?a=%C3%A4&b=/?:@", "/", "/x?a=%C3%A4&b=/?:@", true},
        {"/find?q={postcode}", "/find?q=", "", true},
        {"/find?{postcode}", "/find?", "", true},
        {"/..a/b../{postcode}?x=/../", "/..a/b../", "?x=/../", true},
        {"/{postcode}?", "/", "?", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(good_ones); i++) {
        char *line = mem_printf("lookup_target = %s", good_ones[i].text);
        struct config *config = good_lines(line);
        const struct config_target *target = &config->upstreams[0].lookup_target;
        ck_assert_str_eq(target->text, good_ones[i].text);
        ck_assert_str_eq(target->before, good_ones[i].before);
        ck_assert_str_eq(target->behind, good_ones[i].behind);
        ck_assert(target->has_query == good_ones[i].has_query);
        config_unref(config);
        mem_free(line);
    }
    /* The default of lookup_path is none that somebody gave, and an empty target is unset. */
    struct config *config = good_lines("lookup_target =\nlookup_path = /x/");
    ck_assert_ptr_null(config->upstreams[0].lookup_target.text);
    config_unref(config);
}
END_TEST

/* ---- pointers ---- */

START_TEST(pointers)
{
    struct config *config = good_lines("lookup_found = /results/0/a~1b~0\nlookup_failed = /\n"
                                       "answer = address\naddress_postcode = /p\n"
                                       "address_country = /c/00");
    const struct config_upstream *u = &config->upstreams[0];

    ck_assert_str_eq(json_pointer_text(u->lookup_found.pointer), "/results/0/a~1b~0");
    ck_assert_uint_eq(u->lookup_found.pointer->count, 3);
    ck_assert_uint_eq(u->lookup_found.pointer->tokens[1].index, 0);
    ck_assert_str_eq(u->lookup_found.pointer->tokens[2].name, "a/b~");
    ck_assert_str_eq(u->lookup_failed.pointer->tokens[0].name, "");
    ck_assert_ptr_null(u->address_country.constant);
    ck_assert_str_eq(json_pointer_text(u->address_country.pointer), "/c/00");
    config_unref(config);

    config = good_lines("answer = address");
    u = &config->upstreams[0];
    ck_assert_ptr_null(u->lookup_found.pointer);
    ck_assert_ptr_null(u->lookup_failed.pointer);
    ck_assert_str_eq(json_pointer_text(u->address_postcode.pointer), "/postcode");
    ck_assert_str_eq(json_pointer_text(u->address_country.pointer), "/country");
    config_unref(config);
}
END_TEST

/* The quotes mark a constant: they are no part of it, and nothing is said about them. */
START_TEST(constant_country)
{
    static const char *const constants[] = {"GB", "/c", " ", "\"", "C\xc3\xb4te d'Ivoire"};

    for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
        char *line = mem_printf("answer = address\naddress_country = \"%s\"", constants[i]);
        struct config *config = good_lines(line);
        ck_assert_str_eq(config->upstreams[0].address_country.constant, constants[i]);
        ck_assert_ptr_null(config->upstreams[0].address_country.pointer);
        config_unref(config);
        mem_free(line);
    }
}
END_TEST

/* ---- headers ---- */

static const char *header_of(const struct config_upstream *upstream, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < upstream->header_count; i++) {
        if (strcmp(upstream->headers[i].name, name) == 0) {
            ck_assert_ptr_null(value);
            value = upstream->headers[i].value;
        }
    }
    return value;
}

START_TEST(headers)
{
    struct config *config = good_lines("header_file.X-Key = value\nheader.X-Version = 2; q=1\n"
                                       "header.Accept-Language = en");
    const struct config_upstream *u = &config->upstreams[0];

    ck_assert_uint_eq(u->header_count, 3);
    ck_assert_str_eq(header_of(u, "X-Key"), "Xyzzy");
    ck_assert_str_eq(header_of(u, "X-Version"), "2; q=1");
    ck_assert_str_eq(header_of(u, "Accept-Language"), "en");
    config_unref(config);
}
END_TEST

/* Contract 6: none of these, in either family. */
START_TEST(forbidden_headers)
{
    const char *rest = CONFIG_FORBIDDEN_HEADERS;

    while (*rest != '\0') {
        const int len = (int)strcspn(rest, " ");
        char *lines = mem_printf("header.%.*s = x\nheader_file.%.*s = value", len, rest, len, rest);
        char *expected = mem_printf(
            AT(7) "header.%.*s: %.*s is reserved; name another header, X-... for one\n" AT(
                8) "header_file.%.*s: %.*s is reserved; name another header, X-... for one\n",
            len, rest, len, rest, len, rest, len, rest);
        ck_assert_ptr_null(load_lines(lines));
        ck_assert_str_eq(fault_lines(), expected);
        mem_free(lines);
        mem_free(expected);
        rest += len;
        rest += strspn(rest, " ");
    }
}
END_TEST

/* The user is sent to the upstream in a field of its own. */
START_TEST(header_of_the_user)
{
    ck_assert_ptr_null(load_text("[identity]\nkey_file = key\nforward_header = X-User\n" UPSTREAM
                                 "header.X-B = b\nheader.x-user = me\n"));
    ck_assert_str_eq(fault_lines(), AT(9) "header.x-user: x-user is forward_header of [identity] "
                                          "too; name another header\n");
}
END_TEST

START_TEST(most_headers)
{
    struct buf lines;

    buf_init(&lines, 65536);
    for (int i = 0; i < CONFIG_HEADERS_MAX; i++)
        buf_printf(&lines, "header%s.X-%d = value\n", i % 2 == 0 ? "" : "_file", i);
    struct config *config = good_lines(buf_text(&lines));
    ck_assert_uint_eq(config->upstreams[0].header_count, CONFIG_HEADERS_MAX);
    config_unref(config);
    buf_puts(&lines, "header_file.X-More = value\nheader_file.X-Even-more = value\n");
    ck_assert_ptr_null(load_lines(buf_text(&lines)));
    ck_assert_str_eq(fault_lines(),
                     AT(39) "header_file.X-More: one too many of header.NAME and header_file.NAME; "
                            "at most 32 are allowed\n");
    buf_fini(&lines);
}
END_TEST

/* Outside systemd a credential is looked at by --check alone, and then has no value. */
START_TEST(header_credentials)
{
    ck_assert_ptr_null(load_lines("header_file.X-A = credential:x"));
    ck_assert_str_eq(
        fault_lines(),
        AT(7) "header_file.X-A: credential:x needs $CREDENTIALS_DIRECTORY, which is not set; start "
              "under systemd with LoadCredential=x:PATH, export CREDENTIALS_DIRECTORY=DIR with the "
              "file x in DIR, or name a path\n");
    struct config *config = load_file(NULL, "p.ini", true);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(config->upstreams[0].header_count, 0);
    config_unref(config);
    /* Its name is known all the same. */
    ck_assert_ptr_null(load_lines("header_file.X-A = credential:x\nheader.X-A = 1"));
    ck_assert_ptr_null(load_file(NULL, "p.ini", true));
    ck_assert_str_eq(fault_lines(),
                     NOTE(7) "header_file.X-A: credential:x was not looked at, for "
                             "$CREDENTIALS_DIRECTORY is not set; it is under systemd\n" AT(
                                 7) "header_file.X-A: given beside header.X-A (p.ini:8); keep one "
                                    "of the two\n");

    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
    write_mode("x", "Plugh\n", 0400);
    config = good_lines("header_file.X-A = credential:x");
    ck_assert_str_eq(header_of(&config->upstreams[0], "X-A"), "Plugh");
    config_unref(config);
}
END_TEST

/* ---- the longest of each ---- */

/* What is too long is not called wrong in form. */
START_TEST(too_long)
{
    char *fill = repeat('x', 3000);
    char *lines = mem_printf("lookup_target = /%s{postcode}\nauth_path = /%s", fill, fill);

    ck_assert_ptr_null(load_lines(lines));
    ck_assert_str_eq(
        fault_lines(),
        AT(7) "lookup_target: is too long with 3011 bytes; at most 2048 are allowed\n" AT(
            8) "auth_path: is too long with 3001 bytes; at most 1024 are allowed\n");
    mem_free(lines);
    mem_free(fill);
}
END_TEST

START_TEST(longest)
{
    static const struct {
        const char *before;
        const char *behind;
        size_t most;
    } keys[] = {
        {"lookup_target = /", "{postcode}", 2048},
        {"lookup_path = /", "/", 1024},
        {"lookup_found = /", "", 1024},
        {"answer = address\naddress_country = \"", "\"", 1024},
        {"header.X-A = ", "", 4096},
        {"auth_body = {client_secret}", "", 8192},
        {"auth_reply = ", " b", 256},
        {"auth_scheme = ", "", 64},
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *value = strrchr(keys[i].before, '=') + 2;
        char *fill = repeat('x', keys[i].most - strlen(value) - strlen(keys[i].behind) + 1);
        char *lines = mem_printf("%s%s%s", keys[i].before, fill, keys[i].behind);
        ck_assert_msg(load_lines(lines) == NULL && faults.faults == 1, "%s", keys[i].before);
        mem_free(lines);
        lines = mem_printf("%s%s%s", keys[i].before, fill + 1, keys[i].behind);
        config_unref(good_lines(lines));
        mem_free(lines);
        mem_free(fill);
    }
}
END_TEST

/* A form can carry any byte, JSON only UTF-8. */
START_TEST(a_secret_that_json_cannot_carry)
{
    static const char lines[] =
        IDENTITY UPSTREAM_HEAD "client_secret_file = latin\nauth_client = post\nauth_body = ";
    char *json = mem_printf("%s{\"s\":\"{client_secret}\"}\n", lines);
    char *form = mem_printf("%ss={client_secret}\n", lines);

    write_mode("latin", "\xe9t\xe9", 0640);
    ck_assert_ptr_null(load_text(json));
    ck_assert_str_eq(fault_lines(), "p.ini:8: [upstream u] auth_body: cannot carry the client's "
                                    "secret, which is not UTF-8, as JSON must be\n");
    config_unref(good(form));
    mem_free(json);
    mem_free(form);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_apis");
    TCase *tcase = tcase_create("config_apis");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, a_secret_that_json_cannot_carry);
    tcase_add_test(tcase, targets);
    tcase_add_test(tcase, pointers);
    tcase_add_test(tcase, constant_country);
    tcase_add_test(tcase, headers);
    tcase_add_test(tcase, forbidden_headers);
    tcase_add_test(tcase, header_of_the_user);
    tcase_add_test(tcase, most_headers);
    tcase_add_test(tcase, header_credentials);
    tcase_add_test(tcase, too_long);
    tcase_add_test(tcase, longest);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
