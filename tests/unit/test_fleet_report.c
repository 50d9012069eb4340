/* What operators hear of a fleet's store, in false time. */
#include "token/fleet_report.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "suite.h"

#define S "127.0.0.1:1"
#define T "127.0.0.1:2"

static struct fleet_report report;
static struct mono_time now;
static FILE *log_file;
static long read_to;

static void setup(void)
{
    report = (struct fleet_report){.failed = {0}};
    now = (struct mono_time){100 * HOUR};
    read_to = 0;
    log_file = tmpfile();
    ck_assert_ptr_nonnull(log_file);
    ck_assert_int_eq(log_start(fileno(log_file)), ERR_OK);
}

static void teardown(void)
{
    log_stop();
    fclose(log_file);
}

/* What was logged since the last time, without levels and times. Static. */
static const char *lines(void)
{
    static char out[8192];
    char line[2048];
    size_t n = 0;

    log_stop();
    fseek(log_file, read_to, SEEK_SET);
    out[0] = '\0';
    while (fgets(line, sizeof(line), log_file) != NULL) {
        const char *level = strchr(line, ' ');
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", level + 1);
    }
    read_to = ftell(log_file);
    ck_assert_int_eq(log_start(fileno(log_file)), ERR_OK);
    return out;
}

#define ck_lines(text) ck_assert_str_eq(lines(), text)

static void pass(int64_t time)
{
    now = mono_add(now, time);
}

static void fail_round(enum fleet_fault fault)
{
    pass(SECOND);
    fleet_report_attempt(&report, "", S, fault, "why");
    fleet_report_round(&report, 2 * SECOND, now);
}

static void reach(void)
{
    pass(SECOND);
    fleet_report_reached(&report, S, now);
}

static void prove(void)
{
    fleet_report_proved(&report, S, FLEET_LOOK, now);
}

static void lose(enum fleet_fault fault)
{
    pass(SECOND);
    fleet_report_lost(&report, S, fault, "why", SECOND / 2, now);
}

#define REACHED "notice the fleet's store was reached server=" S "\n"
#define LOST(problem)                                                                              \
    "warning the fleet's store was lost server=" S " problem=\"" S " " problem "\""
#define UNUSABLE(problem) "warning the fleet's store cannot be used problem=\"" S " " problem "\""

START_TEST(test_reached_and_lost)
{
    reach();
    ck_lines(REACHED);
    prove();
    prove();
    ck_lines("");
    lose(FLEET_FAULT_CLOSED);
    ck_lines(LOST("closed the connection (why)") " retry_in_ms=500.000\n");
    ck_assert_str_eq(report.problem.text, S " closed the connection (why)");
    ck_assert_int_eq(report.failed.ns, now.ns);
    for (int i = 0; i < 100; i++)
        fail_round(i % 2 == 0 ? FLEET_FAULT_UNREACHABLE : FLEET_FAULT_TIMEOUT);
    ck_lines("");
    reach();
    ck_lines(REACHED);
    ck_assert_str_eq(report.problem.text, "");
    prove();
    lose(FLEET_FAULT_CLOSED); /* it is a new loss */
    ck_lines(LOST("closed the connection (why)") " retry_in_ms=500.000\n");
}
END_TEST

START_TEST(test_another_kind)
{
    fail_round(FLEET_FAULT_UNREACHABLE);
    ck_lines(UNUSABLE("cannot be reached (why)") " retry_in_ms=2000.000\n");
    fail_round(FLEET_FAULT_TLS);
    ck_lines(UNUSABLE("failed in the TLS handshake (why)") " advice=\"check [fleet] tls, ca_file "
                                                           "and client_certificate, "
                                                           "and the server's name\" "
                                                           "retry_in_ms=2000.000\n");
    fail_round(FLEET_FAULT_UNREACHABLE);
    fail_round(FLEET_FAULT_TLS);
    ck_lines("");
}
END_TEST

START_TEST(test_a_round_of_two)
{
    for (int i = 0; i < 3; i++) {
        fleet_report_attempt(&report, "", S, FLEET_FAULT_UNREACHABLE, "why");
        fleet_report_attempt(&report, "the Sentinel ", T, FLEET_FAULT_NO_MASTER, "");
        fleet_report_round(&report, 2 * SECOND, now);
    }
    ck_lines("warning the fleet's store cannot be used problem=\"" S " cannot be reached (why); "
             "the Sentinel " T " knows no master of that name\" advice=\"check [fleet] "
             "sentinel\" retry_in_ms=2000.000\n");
    ck_assert_str_eq(report.problem.text, S " cannot be reached (why); the Sentinel " T
                                            " knows no master of that name; check [fleet] "
                                            "sentinel");
}
END_TEST

/* What failed before another one was reached is not told of later rounds. */
START_TEST(test_a_round_that_ends_well)
{
    fleet_report_attempt(&report, "", S, FLEET_FAULT_REPLICA, "");
    fleet_report_reached(&report, T, now);
    fleet_report_proved(&report, T, FLEET_LOOK, now);
    fleet_report_lost(&report, T, FLEET_FAULT_CLOSED, "", 0, now);
    (void)lines();
    fleet_report_attempt(&report, "", S, FLEET_FAULT_UNREACHABLE, "");
    fleet_report_round(&report, 0, now);
    ck_assert_str_eq(report.problem.text, S " cannot be reached");
    ck_lines("");
}
END_TEST

/* More text than there is space for. */
START_TEST(test_a_round_of_many)
{
    for (int i = 0; i < 50; i++)
        fleet_report_attempt(&report, "", S, FLEET_FAULT_UNREACHABLE,
                             i % 2 ? "a detail of some length" : "");
    fleet_report_round(&report, 2 * SECOND, now);
    ck_assert_uint_lt(strlen(report.problem.text), REASON_MAX);
    ck_assert_ptr_nonnull(strstr(lines(), S " cannot be reached; " S " cannot be reached (a"));
}
END_TEST

START_TEST(test_wrong_password_hourly)
{
    size_t count = 0;

    for (int i = 0; i < 3 * 3600 - 1; i += 30) {
        pass(29 * SECOND);
        fail_round(FLEET_FAULT_AUTH);
    }
    for (const char *at = lines(); (at = strstr(at, "refused the user")) != NULL; at++)
        count++;
    ck_assert_uint_eq(count, 3);
    reach();
    prove();
    lose(FLEET_FAULT_CLOSED);
    (void)lines();
    fail_round(FLEET_FAULT_AUTH); /* it was right until now */
    ck_assert_ptr_nonnull(strstr(lines(), "refused the user"));
}
END_TEST

/* Another login is another matter. */
START_TEST(test_wrong_password_of_another)
{
    fail_round(FLEET_FAULT_SENTINEL_AUTH);
    (void)lines();
    fail_round(FLEET_FAULT_AUTH);
    fail_round(FLEET_FAULT_SENTINEL_AUTH);
    const char *text = lines();
    ck_assert_ptr_nonnull(strstr(text, "check [fleet] user"));
    ck_assert_ptr_null(strstr(text, "check [fleet] sentinel_user"));
}
END_TEST

/* It accepts connections and then says LOADING. */
START_TEST(test_not_ready)
{
    reach();
    lose(FLEET_FAULT_NOT_READY);
    ck_lines(REACHED LOST("is not ready (why)") " retry_in_ms=500.000\n");
    for (int i = 0; i < 5; i++) {
        reach();
        lose(FLEET_FAULT_NOT_READY);
    }
    ck_lines("");
    reach();
    ck_lines("");
    prove();
    ck_lines(REACHED);
    prove();
    lose(FLEET_FAULT_NOT_READY);
    ck_lines(LOST("is not ready (why)") " retry_in_ms=500.000\n");
}
END_TEST

START_TEST(test_what_has_worked)
{
    reach();
    ck_assert(!fleet_report_has_worked(&report, FLEET_FAULT_CLOSED, now));
    ck_assert(fleet_report_has_worked(&report, FLEET_FAULT_CLOSED, mono_add(now, FLEET_STEADY)));
    prove();
    ck_assert(fleet_report_has_worked(&report, FLEET_FAULT_CLOSED, now));
    ck_assert(!fleet_report_has_worked(&report, FLEET_FAULT_MOVED, now));
    ck_assert(fleet_report_has_worked(&report, FLEET_FAULT_MOVED, mono_add(now, FLEET_STEADY)));
    lose(FLEET_FAULT_CLOSED);
    reach();
    ck_assert(!fleet_report_has_worked(&report, FLEET_FAULT_CLOSED, now));
}
END_TEST

/* The keys of two upstreams are on two nodes: replies are good until the other one asks. */
START_TEST(test_moved_for_ever)
{
    for (int i = 0; i < 10; i++) {
        reach();
        prove();
        lose(FLEET_FAULT_MOVED);
    }
    ck_lines(REACHED LOST("has moved the keys to another node (why)") " advice=\"a Cluster can be "
                                                                      "used while one of its "
                                                                      "nodes has the keys of all "
                                                                      "upstreams\" "
                                                                      "retry_in_ms=500.000\n");
    reach();
    prove();
    pass(FLEET_STEADY);
    prove();
    ck_lines(REACHED);
}
END_TEST

START_TEST(test_useless_replies)
{
    const struct resp_reply oom = {.type = RESP_ERROR, .text = "OOM x"};
    const struct resp_reply denied = {.type = RESP_ERROR, .text = "NOPERM x"};
    const struct resp_reply number = {.type = RESP_INTEGER, .integer = 3};

    reach();
    prove();
    (void)lines();
    fleet_report_useless(&report, S, FLEET_PUT, &oom, now);
    fleet_report_useless(&report, S, FLEET_PUT, &oom, now);
    ck_lines("warning the fleet's store failed to run a script server=" S " script=put "
             "problem=\"OOM x\"\n");
    ck_assert_str_eq(report.problem.text, S " failed to run a script (OOM x)");
    prove(); /* another script */
    ck_assert_str_ne(report.problem.text, "");
    fleet_report_useless(&report, S, FLEET_PUT, &oom, now);
    ck_lines("");
    fleet_report_proved(&report, S, FLEET_PUT, now);
    ck_assert_str_eq(report.problem.text, "");
    fleet_report_useless(&report, S, FLEET_PUT, &denied, now);
    ck_lines("warning the fleet's store failed to run a script server=" S " script=put "
             "problem=\"NOPERM x\" advice=\"give the user all of the ACL line in postcoded.ini(5), "
             "with [fleet] prefix in it\"\n");
    fleet_report_useless(&report, S, FLEET_ASK, &number, now);
    ck_lines("warning the fleet's store failed to run a script server=" S " script=ask "
             "problem=\"its reply is none that the script gives\"\n");
}
END_TEST

START_TEST(test_each_failure_is_counted)
{
    enum fleet_fault fault = (enum fleet_fault)_i;
    const int64_t before = metric_sum(METRIC_FLEET_STORE_ERRORS, fleet_fault_cell(fault));

    fleet_report_attempt(&report, "", S, fault, "");
    fleet_report_attempt(&report, "", T, fault, NULL);
    fleet_report_round(&report, 0, now);
    reach();
    prove();
    lose(fault);
    ck_assert_int_eq(metric_sum(METRIC_FLEET_STORE_ERRORS, fleet_fault_cell(fault)), before + 3);
}
END_TEST

/* ---- error replies ---- */

static const struct {
    const char *text;
    bool denial;
} denials[] = {
    {"NOPERM this user has no permissions to run the 'evalsha' command", true},
    {"NOPERM this user has no permissions to access one of the keys used as arguments", true},
    {"ERR ACL failure in script: User u has no permissions to run the 'hget' command", true},
    {"ERR The user executing the script can't run this command or subcommand script: 29", true},
    {"ERR Error running script (call to f_1): @user_script:1: -NOPERM this user x", true},
    {"NOPERMISSION x", false},
    {"ERR NOPERM", false},
    {"OOM x", false},
};

START_TEST(test_denials)
{
    struct resp_reply reply = {.type = RESP_ERROR, .text = denials[_i].text};

    ck_assert_int_eq(fleet_fault_is_denial(&reply), denials[_i].denial);
    reply.type = RESP_STRING;
    ck_assert(!fleet_fault_is_denial(&reply));
}
END_TEST

Suite *fleet_report_suite(void);
Suite *fleet_report_suite(void)
{
    Suite *suite = suite_create("fleet_report");
    TCase *tests = tcase_create("in false time");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_reached_and_lost);
    tcase_add_test(tests, test_another_kind);
    tcase_add_test(tests, test_a_round_of_two);
    tcase_add_test(tests, test_a_round_that_ends_well);
    tcase_add_test(tests, test_a_round_of_many);
    tcase_add_test(tests, test_wrong_password_hourly);
    tcase_add_test(tests, test_wrong_password_of_another);
    tcase_add_test(tests, test_not_ready);
    tcase_add_test(tests, test_what_has_worked);
    tcase_add_test(tests, test_moved_for_ever);
    tcase_add_test(tests, test_useless_replies);
    tcase_add_loop_test(tests, test_each_failure_is_counted, 0, FLEET_FAULT_COUNT);
    tcase_add_loop_test(tests, test_denials, 0, (int)ARRAY_LEN(denials));
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(fleet_report_suite());
}
