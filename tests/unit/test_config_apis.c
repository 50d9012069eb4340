/*
 * The keys of an [upstream NAME] that fit lookups to a Location API of somebody else: where the
 * postcode goes, what a body means, and what a caller gets.
 */
#include "config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_cases.h"
#include "suite.h"

static char *repeat(char letter, size_t count)
{
    char *text = mem_zalloc(count + 1);

    memset(text, letter, count);
    return text;
}

/* ---- one fault or note each ---- */

#define BRACE(before)                                                                              \
    " holds a brace that is no part of {postcode}, behind \"" before "\"; percent-encode it, as "  \
    "%7B or %7D"
#define DOTS " has a segment . or .., which would be taken out; write the path without it\n"
#define A_TARGET                                                                                   \
    " is not understood; must be the path of a URL, beginning with a slash, and perhaps a query, " \
    "with {postcode} once"
static const struct config_case cases[] = {
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
     AT(8) "lookup_path: set together with lookup_target; keep one of the two\n"},
    {"lookup_path = /b\nlookup_target = /{postcode}",
     AT(7) "lookup_path: set together with lookup_target; keep one of the two\n"},
    {"lookup_path = /b",
     NOTE(7) "lookup_path: ends without a slash, and the postcode is appended as it is: "
             "/bSW1A1AA; write /b/ unless that is meant\n"},
    {"lookup_path = /b/{postcode}",
     AT(7) "lookup_path: \"/b/{postcode}\" holds {postcode}, which lookup_target takes; write "
           "lookup_target = /b/{postcode}\n"},
    {"lookup_path = /b?x=",
     AT(7) "lookup_path: \"/b?x=\" has a query, which lookup_target takes; write lookup_target = "
           "/b?x={postcode}\n"},

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
};

START_TEST(said_once)
{
    check_case(&cases[_i]);
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
        {"auth_body = s{client_secret}", "", 8192},
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
    tcase_add_test(tcase, too_long);
    tcase_add_test(tcase, longest);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
