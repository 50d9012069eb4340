/* front/status_plot.h: what a series is drawn as, digit by digit. */
#include "front/status_plot.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "overview_fixture.h"
#include "suite.h"

#define COLUMNS 6

static struct plot *plot;
static struct buf out;
static const struct series_span span = {
    .length = COLUMNS * HISTORY_INTERVAL, .step = HISTORY_INTERVAL, .columns = COLUMNS};

static void setup(void)
{
    plot = mem_alloc(sizeof(*plot));
    buf_init(&out, 64 * 1024);
}

static void teardown(void)
{
    buf_fini(&out);
    mem_free(plot);
}

static void series(const char *name, const double values[COLUMNS])
{
    memcpy(plot_add(plot, name), values, COLUMNS * sizeof(*values));
}

static void shows(const char *text)
{
    ck_assert_msg(strstr(buf_text(&out), text) != NULL, "no %s in %s", text, buf_text(&out));
}

static void lacks(const char *text)
{
    ck_assert_msg(strstr(buf_text(&out), text) == NULL, "%s", text);
}

/* More is higher; what does not change is one step; a gap is one, and a column alone is seen. */
START_TEST(test_line)
{
    plot_begin(plot, "id", "<of>", "Title", PLOT_RATE);
    series("", (const double[]){5, 10, 10, 10, NAN, 2.5});
    plot_write(plot, &span, &out);
    shows("<figure class=\"plot\" id=\"plot-id-&lt;of&gt;\">");
    shows("data-unit=\"rate\" data-min=\"0\" data-max=\"10\">");
    shows("data-name=\"\" d=\"M0 500l1-500h2M5 750h.9\"/>");
    shows("<path class=\"grid\" d=\"M0 500H6M0 0H6\"/>");
    shows(">5/s</text>");
    shows(">10/s</text>");
    shows("<span class=\"info\">last 10 s: 2.50/s</span>");
}
END_TEST

START_TEST(test_slopes)
{
    plot_begin(plot, "id", NULL, "Title", PLOT_SHARE);
    series("", (const double[]){0, 0.25, 0.5, 0.25, 0.25, 1});
    plot_write(plot, &span, &out);
    shows("d=\"M0 1000l1-250 1-250 1 250h1l1-750\"/>");
    shows(">100 %</text>");
    shows("last 10 s: 100 %</span>");
}
END_TEST

/* Areas stand on each other: the highest is drawn first, and is the sum of all. */
START_TEST(test_stacked)
{
    plot_begin(plot, "id", NULL, "Title", PLOT_RATE);
    plot->stacked = true;
    series("low", (const double[]){1, 1, 1, NAN, NAN, NAN});
    series("high", (const double[]){3, 1, 0, NAN, NAN, NAN});
    plot_write(plot, &span, &out);
    shows("data-max=\"4\" data-stacked=\"\">");
    shows("<path class=\"e1\" data-name=\"high\" d=\"M0 0l1 500 1 250V1000H0z\"/>"
          "<path class=\"e0\" data-name=\"low\" d=\"M0 750h2V1000H0z\"/>");
    shows("<i class=\"k e0\"></i>low 1.00/s <i class=\"k e1\"></i>high 0/s</span>");
}
END_TEST

/* Whole decades, each with its label; within them the lines of 2 and 5. */
START_TEST(test_log)
{
    plot_begin(plot, "id", NULL, "Title", PLOT_SECONDS);
    series("median", (const double[]){0.01, 0.1, 1, NAN, NAN, NAN});
    plot_write(plot, &span, &out);
    shows("data-unit=\"s\" data-min=\"0.01\" data-max=\"1\" data-log=\"\">");
    shows("d=\"M0 1000l1-500 1-500\"/>");
    shows("<path class=\"fine\" d=\"M0 849H6M0 651H6M0 349H6M0 151H6\"/>");
    shows("<path class=\"grid\" d=\"M0 500H6M0 0H6\"/>");
    shows("<text y=\"109\">10 ms</text><text y=\"61\">100 ms</text><text y=\"13\">1 s</text>");
    shows(" <small>log scale</small>");
}
END_TEST

START_TEST(test_colour)
{
    plot_begin(plot, "id", NULL, "Title", PLOT_COUNT);
    series("a", (const double[]){1, 1, 1, 1, 1, 1});
    series("b", (const double[]){2, 2, 2, 2, 2, 7});
    plot->series[1].colour = 3;
    plot_write(plot, &span, &out);
    shows("<path class=\"l3\" data-name=\"b\" d=\"M0 750h4l1-625\"/>");
    shows("<i class=\"k l3\"></i>b 7</span>");
    shows("data-max=\"8\"");
}
END_TEST

START_TEST(test_nothing)
{
    plot_begin(plot, "id", NULL, "Title", PLOT_SECONDS);
    series("a", (const double[]){NAN, NAN, NAN, NAN, NAN, NAN});
    plot_write(plot, &span, &out);
    shows("none yet");
    shows("data-min=\"0.001\" data-max=\"0.1\"");
    shows("d=\"\"/>");
}
END_TEST

/* Times stand on multiples of the step, and none without its label. */
START_TEST(test_ticks)
{
    struct overview *overview = overview_make(1, HOUR);
    const struct plot_scale scale = {.from = mono_add(overview->now, -10 * MINUTE),
                                     .to = overview->now,
                                     .left = 0,
                                     .right = 100,
                                     .ticks = 6,
                                     .top = 16,
                                     .bottom = 92};

    plot_ticks(overview, &scale, &out); /* 13:53:10 to 14:03:10 */
    shows("<line x1=\"8.33%\" x2=\"8.33%\" y1=\"16\" y2=\"92\"/>"
          "<text x=\"8.33%\" y=\"107\" class=\"odd\">13:54</text>");
    shows("<text x=\"88.33%\" y=\"107\" class=\"odd\">14:02</text>");
    lacks("13:55");
    lacks("14:04");
    overview_unmake(overview);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status_plot");
    TCase *all = tcase_create("status_plot");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, test_line);
    tcase_add_test(all, test_slopes);
    tcase_add_test(all, test_stacked);
    tcase_add_test(all, test_log);
    tcase_add_test(all, test_colour);
    tcase_add_test(all, test_nothing);
    tcase_add_test(all, test_ticks);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
