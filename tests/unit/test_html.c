/* front/html.h: no byte becomes markup, and numbers read as people write them. */
#include "front/html.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "suite.h"

#define WRONG "\xef\xbf\xbd"

static struct buf out;

static void setup(void)
{
    buf_init(&out, 4096);
}

static void teardown(void)
{
    buf_fini(&out);
}

static const struct {
    const char *text, *shown;
} texts[] = {
    {"", ""},
    {"SW1A 1AA", "SW1A 1AA"},
    {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
    {"\" onload=\"x&amp;", "&quot; onload=&quot;x&amp;amp;"},
    {"a\tb\nc\x01\x7f", "a" WRONG "b" WRONG "c" WRONG WRONG},
    {"\xc2\x85\xc2\xa0", WRONG "\xc2\xa0"}, /* NEL; a no-break space */
    {"\xe2\x80\xae"
     "gpj.exe",
     WRONG "gpj.exe"},                                  /* turns the direction */
    {"\xff\xc3(\xe2\x82", WRONG WRONG "(" WRONG WRONG}, /* no UTF-8; cut off */
    {"\xc0\xbcscript", WRONG WRONG "script"},           /* an overlong < */
    {"M\xc3\xbcnchen \xf0\x9f\x91\x8d", "M\xc3\xbcnchen \xf0\x9f\x91\x8d"},
};

START_TEST(test_text)
{
    html_text(&out, texts[_i].text);
    ck_assert_str_eq(buf_text(&out), texts[_i].shown);
}
END_TEST

/* A character is not cut in two. */
START_TEST(test_cut)
{
    html_text_cut(&out, "M\xc3\xbcnchen", 2);
    html_text_cut(&out, "<<", 1);
    html_text_cut(&out, "<<", 2);
    ck_assert_str_eq(buf_text(&out), "M\xe2\x80\xa6&lt;\xe2\x80\xa6&lt;&lt;");
}
END_TEST

static const struct {
    int64_t duration;
    const char *span, *exact;
} durations[] = {
    {-5 * SECOND, "0 s", NULL},
    {0, "0 s", "0.00 ms"},
    {84 * MICROSECOND, "0 s", "0.08 ms"},
    {12340 * MICROSECOND, "0 s", "12.3 ms"},
    {123400 * MICROSECOND, "0 s", "123 ms"},
    {1234 * MILLISECOND, "1 s", "1.23 s"},
    {59 * SECOND, "59 s", "59.0 s"},
    {60 * SECOND, "1 min", "60.0 s"},
    {4 * MINUTE + 10 * SECOND, "4 min 10 s", "250 s"},
    {3 * HOUR + 12 * MINUTE + 59 * SECOND, "3 h 12 min", "11,579 s"},
    {50 * HOUR, "2 d 2 h", NULL},
};

START_TEST(test_durations)
{
    html_span(&out, durations[_i].duration);
    ck_assert_str_eq(buf_text(&out), durations[_i].span);
    if (durations[_i].exact == NULL)
        return;
    buf_reset(&out);
    html_duration(&out, durations[_i].duration);
    ck_assert_str_eq(buf_text(&out), durations[_i].exact);
}
END_TEST

START_TEST(test_estimates)
{
    static const int64_t spans[] = {0,
                                    84 * MICROSECOND,
                                    997 * MICROSECOND,
                                    3754 * MICROSECOND,
                                    98200 * MICROSECOND,
                                    123400 * MICROSECOND,
                                    996 * MILLISECOND,
                                    2512 * MILLISECOND,
                                    1234 * SECOND};

    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        html_estimate(&out, spans[i]);
        buf_putc(&out, ';');
    }
    ck_assert_str_eq(buf_text(&out),
                     "0.00 ms;0.08 ms;1.0 ms;3.8 ms;98 ms;120 ms;1.0 s;2.5 s;1,200 s;");
}
END_TEST

/* 14:03:10.9 to 14:03:12.1 is two seconds on the clock. */
START_TEST(test_between)
{
    html_between(&out, (struct wall_time){10900 * MILLISECOND},
                 (struct wall_time){12100 * MILLISECOND});
    buf_putc(&out, ';');
    html_between(&out, (struct wall_time){12100 * MILLISECOND},
                 (struct wall_time){10900 * MILLISECOND});
    ck_assert_str_eq(buf_text(&out), "2 s;0 s");
}
END_TEST

START_TEST(test_numbers)
{
    static const int64_t counts[] = {0, 999, 1000, 1234567, -1234};
    static const size_t sizes[] = {0, 512, 1024, 1300 << 10, 64 << 20, (size_t)3 << 39};
    static const double rates[] = {0, 0.05, 9.999, 12.34, 99.97, 1234.4};
    static const double shares[] = {0, 0.0001, 0.004, 0.0994, 0.5, 1};

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        html_count(&out, counts[i]);
        buf_putc(&out, ' ');
    }
    ck_assert_str_eq(buf_text(&out), "0 999 1,000 1,234,567 -1,234 ");
    buf_reset(&out);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        html_size(&out, sizes[i]);
        buf_putc(&out, ' ');
    }
    ck_assert_str_eq(buf_text(&out), "0 KiB 0.50 KiB 1 KiB 1.27 MiB 64 MiB 1.50 TiB ");
    buf_reset(&out);
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        html_rate(&out, rates[i]);
        buf_putc(&out, ' ');
    }
    ck_assert_str_eq(buf_text(&out), "0/s 0.05/s 10.0/s 12.3/s 100/s 1,234/s ");
    buf_reset(&out);
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        html_share(&out, shares[i]);
        buf_putc(&out, ' ');
    }
    ck_assert_str_eq(buf_text(&out), "0 % under 0.1 % 0.4 % 9.9 % 50 % 100 % ");
}
END_TEST

/* The day where it is another one, the year likewise. */
START_TEST(test_times)
{
    const struct wall_time now = {INT64_C(1772632990) * SECOND};

    html_clock(&out, now, now);
    buf_putc(&out, ' ');
    html_clock(&out, (struct wall_time){now.ns - 15 * HOUR}, now);
    buf_putc(&out, ' ');
    html_clock(&out, (struct wall_time){now.ns - 70 * 24 * HOUR}, now);
    ck_assert_str_eq(buf_text(&out), "14:03:10 3 Mar 23:03:10 24 Dec 2025 14:03:10");
    buf_reset(&out);
    html_time(&out, now, now);
    ck_assert_str_eq(buf_text(&out), "<time datetime=\"2026-03-04T14:03:10Z\">14:03:10</time>");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("html");
    TCase *all = tcase_create("html");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, test_text, 0, ARRAY_LEN(texts));
    tcase_add_test(all, test_cut);
    tcase_add_loop_test(all, test_durations, 0, ARRAY_LEN(durations));
    tcase_add_test(all, test_estimates);
    tcase_add_test(all, test_between);
    tcase_add_test(all, test_numbers);
    tcase_add_test(all, test_times);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
