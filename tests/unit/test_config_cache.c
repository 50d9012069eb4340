/* [cache]: that the section alone turns it on, what its keys give, and what needs what. */
#include "config/cache.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "suite.h"

#define CACHE "[cache]\n"
#define AT(line) "p.ini:" #line ": [cache] "
#define NOTE(line) "note " AT(line)
#define FORWARD "[identity]\nkey_file = key\nforward_header = X-User\n" UPSTREAM
#define TIME "must be 0s, or a duration from 1s to 8784h"
#define AGAINST(time)                                                                              \
    "ttl: " time " goes against the upstream's word on how long an answer is fresh"
#define DEAF ", and honour = off against its no-store and private"
#define LICENCE "; its licence must allow that\n"
#define SECTION_ALONE                                                                              \
    "unknown key; the section alone turns the cache on; remove this line, or all of [cache] to "   \
    "turn it off\n"
#define SIZE "unknown key; write max_size = 64M for about 300,000 answers\n"
#define AGE                                                                                        \
    "unknown key; the upstream says how long an answer is fresh; ttl_max bounds that, ttl "        \
    "overrides it\n"
#define MEMORY "unknown key; answers are in the memory of each daemon alone; remove the line\n"
#define STALE                                                                                      \
    "unknown key; write stale_if_error or stale_while_revalidate for how long a stale answer is "  \
    "given\n"

/* `lines`: of [cache], from line 8 of the file on. */
static const struct {
    const char *lines;
    const char *expected;
} cases[] = {
    {"", ""},
    {"max_size = 1M\nas = service\nttl_max = 1s\nnegative_ttl = 1s\nstale_if_error = 8784h\n"
     "stale_while_revalidate = 1m\ncoalesce = off",
     ""},
    /* Times. */
    {"negative_ttl = 0s\nstale_if_error = 0ms\nstale_while_revalidate = 0h\nttl = 0m", ""},
    {"negative_ttl = 999ms\nstale_if_error = 1ms\nstale_while_revalidate = 500ms\nttl = 8785h",
     AT(8) "negative_ttl: \"999ms\" is out of range; " TIME
           "\n" AT(9) "stale_if_error: \"1ms\" is out of range; " TIME
                      "\n" AT(10) "stale_while_revalidate: \"500ms\" is out of range; " TIME
                                  "\n" AT(11) "ttl: \"8785h\" is out of range; " TIME "\n"},
    {"ttl_max = 0s",
     AT(8) "ttl_max: \"0s\" is out of range; must be a duration from 1s to 8784h\n"},
    {"ttl = 1d", AT(8) "ttl: \"1d\" is not understood; " TIME "; write 24h\n"},
    {"ttl = 2 weeks", AT(8) "ttl: \"2 weeks\" is not understood; " TIME "; write 336h\n"},
    {"ttl = 367 days", AT(8) "ttl: \"367 days\" is not understood; " TIME "\n"},
    {"ttl = 3600", AT(8) "ttl: \"3600\" is not understood; " TIME "; write 3600s\n"},
    {"ttl = 0", AT(8) "ttl: \"0\" is not understood; " TIME "; write 0s\n"},
    {"ttl = Off", AT(8) "ttl: \"Off\" is not understood; " TIME "; write 0s\n"},
    {"ttl = long", AT(8) "ttl: \"long\" is not understood; " TIME "\n"},
    {"ttl = 99999999999999999999d",
     AT(8) "ttl: \"99999999999999999999d\" is not understood; " TIME "\n"},
    /* Sizes. */
    {"max_size = 1G",
     AT(8) "max_size: \"1G\" is not understood; must be a size from 1M to 1048576M; write 1024M\n"},
    {"max_size = 2 GB", AT(8) "max_size: \"2 GB\" is not understood; must be a size from 1M to "
                              "1048576M; write 2048M\n"},
    {"max_size = 1023K",
     AT(8) "max_size: \"1023K\" is out of range; must be a size from 1M to 1048576M\n"},
    /* Against the upstream's word. */
    {"ttl = 1h", NOTE(8) AGAINST("1h") LICENCE},
    {"ttl = 24h", NOTE(8) AGAINST("24h") LICENCE},
    {"ttl = 1h\nhonour = off", NOTE(8) AGAINST("1h") DEAF LICENCE},
    {"honour = off", AT(8) "honour: off leaves nothing that says how long an answer is fresh; set "
                           "ttl too, such as ttl = 1h, or remove the line\n"},
    {"honour = off\nttl = 0s",
     AT(8) "honour: off leaves nothing that says how long an answer is fresh; set "
           "ttl too, such as ttl = 1h, or remove the line\n"},
    {"ttl = 25h", AT(8) "ttl: 25h is longer than ttl_max, which is 24h; write a shorter one, or "
                        "raise ttl_max\n" NOTE(8) AGAINST("25h") LICENCE},
    {"ttl = 25h\nttl_max = 25h", NOTE(8) AGAINST("25h") LICENCE},
    {"as = service\nhonour = off\nttl = 1h",
     NOTE(8) "as: is not used with honour = off\n" NOTE(10) AGAINST("1h") DEAF LICENCE},
    /* What was at fault already is told once. */
    {"honour = off\nttl = 1d", AT(9) "ttl: \"1d\" is not understood; " TIME "; write 24h\n"},
    {"honour = of", AT(8) "honour: \"of\" is not understood; must be on or off\n"},
    {"ttl = 2h\nttl_max = 1",
     NOTE(8) AGAINST("2h") LICENCE AT(9) "ttl_max: \"1\" is not understood; must be a duration "
                                         "from 1s to 8784h; write 1s\n"},
    {"as = private", AT(8) "as: \"private\" is not understood; must be one of: shared, service\n"},
    /* Names. */
    {"enabled = on", AT(8) "enabled: " SECTION_ALONE},
    {"Mode = memory", AT(8) "Mode: " SECTION_ALONE},
    {"size = 64M", AT(8) "size: " SIZE},
    {"max_age = 1h", AT(8) "max_age: " AGE},
    {"path = /var/cache", AT(8) "path: " MEMORY},
    {"servers = a:1", AT(8) "servers: " MEMORY},
    {"grace = 1h", AT(8) "grace: " STALE},
    {"honor = on", AT(8) "honor: unknown key; did you mean \"honour\"?\n"},
    {"default_ttl = 1h", AT(8) "default_ttl: unknown key; did you mean \"ttl\"?\n"},
    {"levels = 1:2", AT(8) "levels: unknown key; postcoded.ini(5) lists the keys\n"},
};

static struct config *load_lines(const char *before, const char *lines)
{
    char *text = mem_printf("%s" CACHE "%s\n", before, lines);
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

START_TEST(said_once)
{
    struct config *config = load_lines(WHOLE, cases[_i].lines);

    ck_assert_str_eq(fault_lines(), cases[_i].expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    ck_assert(config == NULL || config_cache_is_on(config));
    config_unref(config);
}
END_TEST

START_TEST(one_client)
{
    static const char fault[] =
        AT(9) "as: service is for an upstream to which all lookups come from one client, but "
              "[identity] forward_header tells it each caller's user; write as = shared, or remove "
              "forward_header\n";

    ck_assert_ptr_null(load_lines(FORWARD, "as = service"));
    ck_assert_str_eq(fault_lines(), fault);
    ck_assert_ptr_null(load_lines(FORWARD, "as = service\nhonour = off\nttl = 1h"));
    ck_assert_ptr_nonnull(strstr(fault_lines(), fault));
    config_unref(load_lines(FORWARD, "as = shared"));
    ck_assert_str_eq(fault_lines(), "");
}
END_TEST

static const struct {
    const char *text;
    bool on;
} whether[] = {
    {WHOLE, false},
    {WHOLE "[cache]\n", true},
    {"[cache]\n" WHOLE, true},
    {WHOLE " [ Cache ] \n", true},
    {WHOLE "[cache]", true},
    {WHOLE "[cache]\n# ttl = 1h\n", true},
    {WHOLE "[cache]\nmax_size = 64M\n", true},
    {WHOLE "#[cache]\n#max_size = 64M\n", false},
    {WHOLE "# [cache]\n", false},
};

START_TEST(is_on)
{
    struct config *config = good(whether[_i].text);

    ck_assert_str_eq(fault_lines(), "");
    ck_assert(config_cache_is_on(config) == whether[_i].on);
    config_unref(config);
}
END_TEST

/* A drop-in turns it on, with a key or without; each key is the last one's. */
START_TEST(drop_ins)
{
    struct config *config = good(WHOLE);

    ck_assert(!config_cache_is_on(config));
    config_unref(config);
    make_dir("p.ini.d");
    write_mode("p.ini.d/a.ini", "[cache]\n", 0640);
    config = good(WHOLE);
    ck_assert(config_cache_is_on(config));
    ck_assert_int_eq(config->cache_ttl_max, 24 * 3600 * CFG_S);
    config_unref(config);
    write_mode("p.ini.d/b.ini", "[cache]\nttl_max = 1h\n", 0640);
    write_mode("p.ini.d/c.ini", "[cache]\nttl_max = 2h\n", 0640);
    config = good(WHOLE CACHE "ttl_max = 3h\nnegative_ttl = 1s\n");
    ck_assert_str_eq(fault_lines(), "");
    ck_assert_int_eq(config->cache_ttl_max, 2 * 3600 * CFG_S);
    ck_assert_int_eq(config->cache_negative_ttl, CFG_S);
    config_unref(config);
}
END_TEST

/* All of it reloads, the section itself too. */
START_TEST(reloaded)
{
    struct config *off = good(WHOLE);
    struct config *on = NULL;

    write_mode("p.ini", WHOLE CACHE "max_size = 2M\nas = service\n", 0640);
    on = load_file(off, "p.ini", false);
    ck_assert(on != NULL && config_cache_is_on(on) && !config_cache_is_on(off));
    ck_assert_int_eq(on->cache_max_size, 2 << 20);
    ck_assert_int_eq(on->cache_as, CACHE_AS_SERVICE);
    config_unref(off);
    write_mode("p.ini", WHOLE, 0640);
    off = load_file(on, "p.ini", false);
    ck_assert(off != NULL && !config_cache_is_on(off));
    ck_assert_int_eq(off->cache_max_size, 64 << 20);
    config_unref(off);
    config_unref(on);
}
END_TEST

START_TEST(defaults)
{
    struct config *config = good(WHOLE CACHE);

    ck_assert_int_eq(config->cache_max_size, 64 << 20);
    ck_assert_int_eq(config->cache_as, CACHE_AS_SHARED);
    ck_assert(config->cache_honour && config->cache_coalesce);
    ck_assert_int_eq(config->cache_ttl, 0);
    ck_assert_int_eq(config->cache_negative_ttl, 0);
    ck_assert_int_eq(config->cache_stale_if_error, 0);
    ck_assert_int_eq(config->cache_stale_while_revalidate, 0);
    config_unref(config);
}
END_TEST

START_TEST(names_elsewhere)
{
    ck_assert_ptr_null(load_text("[server]\ncache = on\n" WHOLE "ttl = 1h\ncache = on\n"));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:2: [server] cache: unknown key; [cache] is a section of its own\n"
                     "p.ini:9: [upstream u] ttl: unknown key; it belongs in [cache]\n"
                     "p.ini:10: [upstream u] cache: unknown key; [cache] is a section of its "
                     "own\n");
}
END_TEST

/* Static. */
static const char *printed(const struct config *config)
{
    static char text[65536];
    FILE *out = fmemopen(text, sizeof(text), "w");

    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* Of the keys of [cache]: how many are shown with a value, and how many without. */
struct shown {
    unsigned set;
    unsigned unset;
};

static void count(void *arg, const struct config_entry *entry)
{
    struct shown *shown = arg;

    if (strcmp(entry->section, "cache") == 0)
        *(*entry->value != '\0' ? &shown->set : &shown->unset) += 1;
}

static struct shown show(const struct config *config)
{
    struct shown shown = {0};

    config_each(config, count, &shown);
    return shown;
}

/* One that is off stays off. */
START_TEST(printed_off_and_read_again)
{
    struct config *config = good(WHOLE);
    const struct shown shown = show(config);
    const char *text = printed(config);

    ck_assert(shown.set == 0 && shown.unset == 9);
    ck_assert_ptr_null(strstr(text, "\n[cache]"));
    ck_assert_ptr_nonnull(strstr(text, "\n# [cache]\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# max_size =\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# coalesce =\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n[store]\n"));
    config_unref(config);
    config = good(text);
    ck_assert_str_eq(fault_lines(), "");
    ck_assert(!config_cache_is_on(config));
    config_unref(config);
}
END_TEST

START_TEST(printed_on_and_read_again)
{
    struct config *config = good(WHOLE CACHE "ttl_max = 90s\nstale_if_error = 24h\n");
    const struct shown shown = show(config);
    const char *text = printed(config);

    ck_assert(shown.set == 9 && shown.unset == 0);
    ck_assert_ptr_nonnull(strstr(text, "\n[cache]\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nttl = 0s\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nttl_max = 90s\n"));
    ck_assert_ptr_nonnull(strstr(text, "\ncoalesce = on\n"));
    config_unref(config);
    config = good(text);
    ck_assert_str_eq(fault_lines(), "");
    ck_assert(config_cache_is_on(config));
    ck_assert_int_eq(config->cache_ttl_max, 90 * CFG_S);
    ck_assert_int_eq(config->cache_stale_if_error, 24 * 3600 * CFG_S);
    config_unref(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config cache");
    TCase *tcase = tcase_create("cache");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, one_client);
    tcase_add_loop_test(tcase, is_on, 0, ARRAY_LEN(whether));
    tcase_add_test(tcase, drop_ins);
    tcase_add_test(tcase, reloaded);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, names_elsewhere);
    tcase_add_test(tcase, printed_off_and_read_again);
    tcase_add_test(tcase, printed_on_and_read_again);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
