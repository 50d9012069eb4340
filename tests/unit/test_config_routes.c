/*
 * Routes: what a section gives, which route a path and a postcode take, and what is wrong with
 * several of them together.
 */
#include "config/route.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/reason.h"
#include "config_fixture.h"
#include "suite.h"

#define NAMED(name)                                                                                \
    "[upstream " name "]\naddress = https://" name ".example\nclient_id = c\n"                     \
    "client_secret_file = secret\n"

/* Two upstreams; the routes of a case stand behind them, from line 11 on. */
#define TWO IDENTITY NAMED("a") NAMED("b")

/* The name of the route that a lookup takes; "none": no prefix, "no route": no postcode. */
static const char *route_of(const struct config *config, const char *path)
{
    const size_t prefix = route_find_prefix(config, path, strlen(path));

    if (prefix == 0)
        return "none";
    const struct config_route *route = route_find(config, path, prefix, path + prefix);
    return route != NULL ? route->name : "no route";
}

START_TEST(built_in)
{
    struct config *config = good(WHOLE);

    ck_assert_uint_eq(config->route_count, 1);
    ck_assert_str_eq(config->routes[0].name, "");
    ck_assert_str_eq(config->routes[0].prefix, CONFIG_ROUTE_PREFIX);
    ck_assert_uint_eq(config->routes[0].upstream_count, 1);
    ck_assert_uint_eq(config->routes[0].upstreams[0], 0);
    ck_assert_str_eq(route_of(config, "/api/v1/addresses/SW1A1AA"), "");
    ck_assert_str_eq(route_of(config, "/api/v1/addresses/"), "");
    ck_assert_str_eq(route_of(config, "/api/v1/addresses"), "none");
    ck_assert_str_eq(route_of(config, "/api/v1/addressez/SW1A1AA"), "none");
    config_unref(config);
}
END_TEST

/* Values, defaults, and a drop-in that changes one key of a route. */
START_TEST(values)
{
    static char text[65536];
    char *path = scratch_path("p.ini.d");

    ck_assert_int_eq(mkdir(path, 0700), 0);
    mem_free(path);
    write_mode("p.ini.d/1.ini", "[route TWO]\nupstream = A\n", 0640);
    struct config *config = good(TWO "[route one]\nprefix = /uk/\nupstream = b, a\n"
                                     "[route two]\npostcodes = bt*, g y-1,JE\nupstream = b\n");
    ck_assert_uint_eq(config->route_count, 2);
    const struct config_route *one = &config->routes[0];
    const struct config_route *two = &config->routes[1];
    ck_assert_str_eq(one->name, "one");
    ck_assert_str_eq(one->prefix, "/uk/");
    ck_assert_uint_eq(one->postcodes.count, 0);
    ck_assert_uint_eq(one->upstream_count, 2);
    ck_assert_uint_eq(one->upstreams[0], 1);
    ck_assert_uint_eq(one->upstreams[1], 0);
    ck_assert_str_eq(two->prefix, CONFIG_ROUTE_PREFIX);
    ck_assert_uint_eq(two->postcodes.count, 3);
    ck_assert_str_eq(two->postcodes.items[0], "BT");
    ck_assert_str_eq(two->postcodes.items[1], "GY1");
    ck_assert_str_eq(two->postcodes.items[2], "JE");
    ck_assert_uint_eq(two->upstream_count, 1);
    ck_assert_uint_eq(two->upstreams[0], 0);
    FILE *out = fmemopen(text, sizeof(text), "w");
    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n[route one]\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nprefix = /uk/\n"));
    ck_assert_ptr_nonnull(strstr(text, "\npostcodes = BT*, GY1*, JE*\n"));
    ck_assert_ptr_nonnull(strstr(text, "/p.ini.d/1.ini:2\nupstream = A\n"));
    config_unref(config);
}
END_TEST

/* The longest prefix first, and under it the longest beginning of the postcode. */
START_TEST(longest)
{
    static const struct {
        const char *path, *route;
    } cases[] = {
        {"/uk/SW1A1AA", "rest"},
        {"/uk/BT11AA", "bt"},
        {"/uk/BT12AA", "bt12"},
        {"/uk/bt1 2aa", "bt12"},
        {"/uk/B-T-1-2AA", "bt12"},
        {"/uk/B", "rest"},
        {"/uk/B11AA", "rest"},
        {"/uk/BT13AA", "bt"},
        {"/uk/ZZ", "rest"},
        {"/uk/A", "rest"},
        {"/uk/new/BT12AA", "new"},
        {"/uk/new/SW1A1AA", "no route"},
        {"/uk/new/BT1", "no route"},
        {"/uk/newer/BT12", "rest"},
        {"/api/v1/addresses/X", "none"},
        {"/ukk/SW1A1AA", "none"},
        {"/uk", "none"},
        {"/zz/x", "none"},
        {"/a/x", "none"},
        {"/", "none"},
        {"", "none"},
        {"/uk/BT12BT12BT12BT1", "bt12"},
    };
    struct config *config =
        good(TWO "[route bt]\nprefix = /uk/\npostcodes = BT*\nupstream = a\n"
                 "[route rest]\nprefix = /uk/\nupstream = b\n"
                 "[route new]\nprefix = /uk/new/\npostcodes = BT12*\nupstream = a\n"
                 "[route bt12]\nprefix = /uk/\npostcodes = BT12, BT14*, BT2\nupstream = a\n");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(strcmp(route_of(config, cases[i].path), cases[i].route) == 0, "%s: %s",
                      cases[i].path, route_of(config, cases[i].path));
    config_unref(config);
}
END_TEST

/* The same as a search that looks at each route, over prefixes and beginnings of all kinds. */
static const char *slow_route(const struct config *config, const char *path)
{
    const struct config_route *best = NULL;
    size_t prefix = 0;
    size_t postcode = 0;

    for (size_t i = 0; i < config->route_count; i++) {
        const size_t len = strlen(config->routes[i].prefix);
        if (strncmp(config->routes[i].prefix, path, len) == 0 && len > prefix)
            prefix = len;
    }
    if (prefix == 0)
        return "none";
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (strlen(route->prefix) != prefix || strncmp(route->prefix, path, prefix) != 0)
            continue;
        if (route->postcodes.count == 0 && best == NULL)
            best = route;
        for (size_t j = 0; j < route->postcodes.count; j++) {
            const size_t len = strlen(route->postcodes.items[j]);
            if (len > postcode && strncmp(route->postcodes.items[j], path + prefix, len) == 0) {
                postcode = len;
                best = route;
            }
        }
    }
    return best != NULL ? best->name : "no route";
}

/* A number's digits of base 3 as letters: short texts, many of which begin with others. */
static char *letters(unsigned number)
{
    static char text[16];
    size_t len = 0;

    for (; number > 0; number = (number - 1) / 3)
        text[len++] = (char)('A' + (number - 1) % 3);
    text[len] = '\0';
    return text;
}

START_TEST(as_a_slow_search)
{
    struct buf text;
    unsigned count = 0;

    buf_init(&text, 1024 * 1024);
    buf_puts(&text, TWO);
    for (unsigned prefix = 0; prefix < 14; prefix++) {
        for (unsigned postcode = prefix; postcode < 120; postcode += 1 + prefix % 5) {
            buf_printf(&text, "[route r%u]\nupstream = a\n", count++);
            buf_printf(&text, "prefix = /%s%s\n", letters(prefix * 7), prefix > 0 ? "/" : "");
            if (postcode > 0)
                buf_printf(&text, "postcodes = %s*\n", letters(postcode));
        }
    }
    ck_assert_uint_gt(count, 200);
    struct config *config = good(buf_text(&text));
    for (unsigned prefix = 0; prefix < 100; prefix++) {
        for (unsigned postcode = prefix % 4; postcode < 400; postcode += 4) {
            buf_reset(&text);
            buf_printf(&text, "/%s/", letters(prefix));
            buf_puts(&text, letters(postcode));
            ck_assert_str_eq(route_of(config, buf_text(&text)),
                             slow_route(config, buf_text(&text)));
        }
    }
    config_unref(config);
    buf_fini(&text);
}
END_TEST

/* The routes of a case, from line 11 on, and what is said of them. */
static const struct bad {
    const char *routes;
    const char *expected;
} bads[] = {
    {"", "p.ini: [route NAME]: is missing, and there are 2 upstreams; write [route all], and below "
         "it upstream = a, b, in the order in which they are to be asked\n"},
    {"[route]\nupstream = a, b\n",
     "p.ini:11: [route]: a route needs a name of at most 64 letters, digits, - and _; write [route "
     "NAME]\n"},
    {"[route a.b]\nupstream = a, b\n",
     "p.ini:11: [route a.b]: a route needs a name of at most 64 letters, digits, - and _; write "
     "[route NAME]\n"},
    {"[rout r]\nupstream = a, b\n",
     "p.ini:11: [rout r]: unknown section; did you mean [route NAME]?\n"
     "p.ini: [route NAME]: is missing, and there are 2 upstreams; write [route all], and below it "
     "upstream = a, b, in the order in which they are to be asked\n"},
    {"[route r]\nupstreams = a, b\n",
     "p.ini:12: [route r] upstreams: unknown key; did you mean \"upstream\"?\n"
     "p.ini: [route r] upstream: is missing; must be one or more texts with commas between them, "
     "of at most 4096 bytes; write upstream = NAME\n"},
    {"[route r]\nprefix = /r/\n",
     "p.ini: [route r] upstream: is missing; must be one or more texts with commas between them, "
     "of at most 4096 bytes; write upstream = NAME\n"},
    {"[route r]\nupstream =\n",
     "p.ini:12: [route r] upstream: is empty; must be one or more texts with commas between them, "
     "of at most 4096 bytes; write upstream = NAME\n"},
    {"[route r]\nupstream = a, , b\n",
     "p.ini:12: [route r] upstream: has an empty entry; remove the comma\n"},
    {"[route r]\nupstream = a, b, far\n",
     "p.ini:12: [route r] upstream: there is no [upstream far]; write one, or name another\n"},
    {"[route r]\nupstream = a b\n",
     "p.ini:12: [route r] upstream: there is no [upstream a b]; write commas between the names of "
     "several\n"},
    {"[upstream spare]\naddress = https://s.example\nclient_id = c\nclient_secret_file = secret\n"
     "[route r]\nupstream = a, b, Spore, A\n",
     "p.ini:16: [route r] upstream: there is no [upstream Spore]; did you mean spare?\n"
     "p.ini:16: [route r] upstream: names A twice; remove one\n"},
    {"[route r]\nprefix = /uk\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: \"/uk\" ends without a slash; write /uk/\n"},
    {"[route r]\nprefix = uk\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: \"uk\" is not understood; must be the path of a URL, beginning "
     "with a slash and ending with one; write /uk/\n"},
    {"[route r]\nprefix = /u k/\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: \"/u k/\" holds a character that a path cannot hold, behind "
     "\"/u\"; percent-encode it, a space as %20\n"},
    {"[route r]\nprefix = /uk/?postcode=/\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: \"/uk/?postcode=/\" has a query, which no prefix has; end it "
     "before the ?\n"},
    {"[route r]\nprefix = /uk/../\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: \"/uk/../\" has a segment . or .., which would be taken out; "
     "write the path without it\n"},
    {"[route r]\nprefix = /readyz/uk/\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: /readyz/uk/ cannot be a prefix: /readyz/ belongs to [metrics] "
     "listen; write another\n"},
    {"[route r]\nprefix = /tokens/\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: /tokens/ cannot be a prefix: /tokens/ belongs to [admin] listen; "
     "write another\n"},
    {"[route r]\nprefix = /cache/forget/\nupstream = a, b\n",
     "p.ini:12: [route r] prefix: /cache/forget/ cannot be a prefix: /cache/forget/ belongs to "
     "[admin] listen; write another\n"},
    {"[route r]\nupstream = a, b\npostcodes = BT*, *\n",
     "p.ini:13: [route r] postcodes: a * alone stands for all postcodes; leave postcodes out for "
     "that\n"},
    {"[route r]\nupstream = a, b\npostcodes = B*T\n",
     "p.ini:13: [route r] postcodes: \"B*T\" has a * that is not at its end; write a beginning, as "
     "BT*\n"},
    {"[route r]\nupstream = a, b\npostcodes = BT**\n",
     "p.ini:13: [route r] postcodes: \"BT**\" has a * that is not at its end; write a beginning, "
     "as "
     "BT*\n"},
    {"[route r]\nupstream = a, b\npostcodes = BT[0-9]\n",
     "p.ini:13: [route r] postcodes: \"BT[0-9]\" begins no postcode, which is made of letters and "
     "digits; write one such as BT*\n"},
    {"[route r]\nupstream = a, b\npostcodes = -\n",
     "p.ini:13: [route r] postcodes: \"-\" begins no postcode, which is made of letters and "
     "digits; write one such as BT*\n"},
    {"[route r]\nupstream = a, b\npostcodes = BT,\n",
     "p.ini:13: [route r] postcodes: has an empty entry; remove the comma\n"},
    {"[route r]\nupstream = a, b\npostcodes = ABCDEFGH 12345678 9\n",
     "p.ini:13: [route r] postcodes: \"ABCDEFGH 12345678 9\" begins no postcode, which has at most "
     "16 letters and digits\n"},
    {"[route r]\nupstream = a, b\npostcodes = BT*, GY, b t\n",
     "p.ini:13: [route r] postcodes: has BT* twice; remove one\n"},
    {"[route r]\nupstream = a\n[route s]\nupstream = b\n[route t]\nprefix = /t/\nupstream = a\n",
     "p.ini:13: [route s] prefix: /api/v1/addresses/ is the prefix of [route r] too (p.ini:11), "
     "and "
     "neither has postcodes; give one of them postcodes or another prefix\n"},
    {"[route r]\nupstream = a\npostcodes = JE*, BT*\n[route s]\nupstream = b\npostcodes = bt, je\n"
     "[route t]\nupstream = b\nprefix = /t/\npostcodes = BT\n",
     "p.ini:16: [route s] postcodes: BT* is in [route r] too, for the same prefix "
     "/api/v1/addresses/ (p.ini:13); keep it in one of the two\n"},
    /* One whose postcodes are at fault is not taken for one without. */
    {"[route r]\nupstream = a\npostcodes = *T\n[route s]\nupstream = b\n",
     "p.ini:13: [route r] postcodes: \"*T\" has a * that is not at its end; write a beginning, as "
     "BT*\n"},
    /* The same for one that has no prefix then. */
    {"[route r]\nupstream = a\nprefix = x y\n[route s]\nupstream = b\n",
     "p.ini:13: [route r] prefix: \"x y\" is not understood; must be the path of a URL, beginning "
     "with a slash and ending with one, such as /api/v1/addresses/\n"},
};

START_TEST(bad)
{
    char *text = mem_printf("%s%s", TWO, bads[_i].routes);

    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), bads[_i].expected);
    mem_free(text);
}
END_TEST

/* What is worth saying of a configuration that is good. */
static const struct noted {
    const char *rest;
    const char *expected;
} notes[] = {
    {"[route r]\nupstream = a, b\n", ""},
    {"[route r]\nupstream = a\n",
     "note p.ini:7: [upstream b]: no route names it, so that it gets no lookups; name it in "
     "upstream of a route, or remove it\n"},
    {"answer = address\n[route r]\nupstream = a, b\n",
     "note p.ini:13: [route r] upstream: a and b differ in answer, so that callers may get bodies "
     "of two shapes; set answer = address for each of them\n"},
    {"lookup_found = /result\n[route r]\nupstream = a, b\n",
     "note p.ini:13: [route r] upstream: a and b differ in lookup_* and pass bodies on as they "
     "are, so that callers may get bodies of two shapes; set answer = address for each of them\n"},
    {"lookup_found = /result\n[route r]\nupstream = a\n[route s]\nprefix = /s/\nupstream = b\n",
     ""},
    {"burst = 7\nqueue = 3\n[route r]\nupstream = a, b\n",
     "note p.ini:11: [upstream b] burst: is not used without rate; set rate, such as rate = 10/s\n"
     "note p.ini:12: [upstream b] queue: is not used without rate; set rate, such as rate = "
     "10/s\n"},
    {"rate = 100/h\n[route r]\nupstream = a, b\n",
     "note p.ini:11: [upstream b] rate: gives a turn every 36s, and [server] request_timeout is "
     "10s: beyond burst, a lookup rarely has its turn in time and gets 503; set a longer "
     "request_timeout, or a larger burst\n"},
    {"rate = 6/m\nburst = 7\nqueue = 3\n[route r]\nupstream = a, b\n", ""},
    {"[quota]\nburst = 3\n[route r]\nupstream = a, b\n",
     "note p.ini:12: [quota] burst: is not used without per_user; set per_user, such as per_user = "
     "100/m\n"},
    {"[quota]\nper_user = 5/s\nburst = 3\n[route r]\nupstream = a, b\n", ""},
};

START_TEST(noted)
{
    char *text = mem_printf("%s%s", TWO, notes[_i].rest);
    struct config *config = good(text);

    ck_assert_str_eq(fault_lines(), notes[_i].expected);
    config_unref(config);
    mem_free(text);
}
END_TEST

START_TEST(quota_needs_names)
{
    ck_assert_ptr_null(load_text("[identity]\nmode = off\n[quota]\nper_user = 100/m\n" UPSTREAM));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:4: [quota] per_user: needs callers with a name, and [identity] mode is "
                     "off; set another mode, or per_user = off\n");
}
END_TEST

/* As many as are allowed, and one more. */
START_TEST(bounds)
{
    struct buf text;

    buf_init(&text, 256 * 1024);
    buf_puts(&text, WHOLE);
    for (int i = 0; i < CONFIG_ROUTES_MAX; i++)
        buf_printf(&text, "[route r%d]\nprefix = /%d/\nupstream = u\n", i, i);
    struct config *config = good(buf_text(&text));
    ck_assert_uint_eq(config->route_count, CONFIG_ROUTES_MAX);
    ck_assert_str_eq(route_of(config, "/999/BT1"), "r999");
    config_unref(config);
    buf_puts(&text, "[route last]\nprefix = /last/\nupstream = u\n");
    ck_assert_ptr_null(load_text(buf_text(&text)));
    ck_assert_str_eq(fault_lines(), "p.ini:3007: [route last]: is one more than the 1000 routes "
                                    "that are allowed; remove one\n");

    buf_reset(&text);
    buf_puts(&text, IDENTITY "[route r]\nupstream = u0\n");
    for (int i = 0; i <= CONFIG_UPSTREAMS_MAX; i++)
        buf_printf(&text,
                   "[upstream u%d]\naddress = https://h\nclient_id = c\n"
                   "client_secret_file = secret\n",
                   i);
    ck_assert_ptr_null(load_text(buf_text(&text)));
    ck_assert_ptr_nonnull(strstr(fault_lines(), "p.ini:133: [upstream u32]: is one more than the "
                                                "32 upstreams that are allowed; remove one\n"));
    buf_fini(&text);
}
END_TEST

/* What is read again keeps its routes. */
START_TEST(derived)
{
    struct reason reason;
    struct config *config = good(TWO "[route r]\nprefix = /r/\nupstream = b\n");

    write_mode("secret", "new\n", 0640);
    struct config *again = config_reread(config, &config->upstreams[1], &reason);
    ck_assert_ptr_nonnull(again);
    config_unref(config);
    ck_assert_uint_eq(again->route_count, 1);
    ck_assert_str_eq(route_of(again, "/r/X"), "r");
    ck_assert_str_eq(again->upstreams[again->routes[0].upstreams[0]].name, "b");
    config_unref(again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config routes");
    TCase *tcase = tcase_create("routes");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, built_in);
    tcase_add_test(tcase, values);
    tcase_add_test(tcase, longest);
    tcase_add_test(tcase, as_a_slow_search);
    tcase_add_loop_test(tcase, bad, 0, ARRAY_LEN(bads));
    tcase_add_loop_test(tcase, noted, 0, ARRAY_LEN(notes));
    tcase_add_test(tcase, quota_needs_names);
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, derived);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
