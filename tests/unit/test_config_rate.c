/* Rates: what is read, what is printed for it and reads again, and what is said of other forms. */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "suite.h"

static const struct good {
    const char *value;
    const char *printed;
    int64_t interval;
} goods[] = {
    {"10/s", "10/s", 100000000},
    {"100/m", "100/m", 600000000},
    {"5000/h", "5000/h", 720000000},
    {"10 / s", "10/s", 100000000},
    {"10 /\ts", "10/s", 100000000},
    {"007/s", "7/s", 142857143}, /* rounded up: never more than was said */
    {"1000000/s", "1000000/s", 1000},
    {"1/h", "1/h", INT64_C(3600000000000)},
    {"off", "off", 0},
    {"OFF", "off", 0},
};

START_TEST(good_rates)
{
    char *text = mem_printf("%srate = %s\n", WHOLE, goods[_i].value);
    char *line = mem_printf("\nrate = %s\n", goods[_i].printed);
    char *printed = NULL;
    size_t len;
    struct config *config = good(text);

    ck_assert_int_eq(config->upstreams[0].rate, goods[_i].interval);
    FILE *out = open_memstream(&printed, &len);
    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_ptr_nonnull(strstr(printed, line));
    config_unref(config);
    config = good(printed);
    ck_assert_int_eq(config->upstreams[0].rate, goods[_i].interval);
    config_unref(config);
    free(printed);
    mem_free(line);
    mem_free(text);
}
END_TEST

#define FORM "; must be a number from 1 to 1000000, a slash and s, m or h, such as 10/s; or off"

static const struct bad {
    const char *value;
    const char *said;
} bads[] = {
    {"10", "\"10\" is not understood" FORM "; write 10/s"},
    {"10/d", "\"10/d\" is not understood" FORM},
    {"10/", "\"10/\" is not understood" FORM "; write 10/s"},
    {"10/ms", "\"10/ms\" is not understood" FORM},
    {"10 per s", "\"10 per s\" is not understood" FORM "; write 10/s"},
    {"10/min", "\"10/min\" is not understood" FORM "; write 10/m"},
    {"100 per hour", "\"100 per hour\" is not understood" FORM "; write 100/h"},
    {"10 lookups", "\"10 lookups\" is not understood" FORM},
    {"/s", "\"/s\" is not understood" FORM},
    {"1.5/s", "\"1.5/s\" is not understood" FORM},
    {"-1/s", "\"-1/s\" is not understood" FORM},
    {"0 per s", "\"0 per s\" is not understood" FORM},
    {"0/s", "\"0/s\" is out of range" FORM},
    {"1000001/s", "\"1000001/s\" is out of range" FORM},
    {"99999999999999999999/s", "\"99999999999999999999/s\" is not understood" FORM},
};

START_TEST(bad_rates)
{
    char *text = mem_printf("%srate = %s\n", WHOLE, bads[_i].value);
    char *expected = mem_printf("p.ini:7: [upstream u] rate: %s\n", bads[_i].said);

    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), expected);
    mem_free(expected);
    mem_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config rate");
    TCase *tcase = tcase_create("rate");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, good_rates, 0, ARRAY_LEN(goods));
    tcase_add_loop_test(tcase, bad_rates, 0, ARRAY_LEN(bads));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
