/*
 * One line for a round of attempts, not one a server: where two alternatives fail for two reasons,
 * each would else be the other's change of kind.
 *
 * "Away" is one kind, however it shows: a server that is restarted first closes, then refuses.
 */
#include "token/fleet_report.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"

#define AUTH_BITS (fleet_fault_bit(FLEET_FAULT_AUTH) | fleet_fault_bit(FLEET_FAULT_SENTINEL_AUTH))

static void count(enum fleet_fault fault)
{
    metric_add(METRIC_FLEET_STORE_ERRORS, fleet_fault_cell(fault), 1);
}

/* "127.0.0.1:6379 cannot be reached (Connection refused)" */
static void describe(char *out, size_t size, const char *what, const char *server,
                     enum fleet_fault fault, const char *detail)
{
    const bool detailed = detail != NULL && detail[0] != '\0';

    snprintf(out, size, "%s%s %s%s%s%s", what, server, fleet_fault_phrase(fault),
             detailed ? " (" : "", detailed ? detail : "", detailed ? ")" : "");
}

/* Whether a line about these faults is due. It is taken as logged. */
static bool is_due(struct fleet_report *report, unsigned faults, struct mono_time now)
{
    const bool fresh = (faults & ~report->said) != 0;
    const bool auth = (faults & AUTH_BITS) != 0 && !mono_before(now, report->auth_due);

    report->said |= faults;
    if (auth)
        report->auth_due = mono_add(now, HOUR);
    return fresh || auth;
}

static void warn(const char *message, const char *server, const char *problem, const char *advice,
                 int64_t wait)
{
    const struct log_field fields[] = {
        LOG_TEXT("server", server),
        LOG_TEXT("problem", problem),
        LOG_TEXT("advice", advice),
        LOG_MS("retry_in_ms", wait),
    };

    log_fields(LOG_LEVEL_WARNING, NULL, message, fields, ARRAY_LEN(fields));
}

static void note_problem(struct fleet_report *report, const char *problem, const char *advice,
                         struct mono_time now)
{
    const bool advised = advice != NULL;

    reason_set(&report->problem, "%s%s%s", problem, advised ? "; " : "", advised ? advice : "");
    report->failed = now;
}

void fleet_report_attempt(struct fleet_report *report, const char *what, const char *server,
                          enum fleet_fault fault, const char *detail)
{
    const size_t len = strlen(report->texts);
    const size_t space = sizeof(report->texts) - len;
    const char *between = len > 0 ? "; " : "";

    count(fault);
    if (space > strlen(between) + 1) {
        snprintf(report->texts + len, space, "%s", between);
        describe(report->texts + len + strlen(between), space - strlen(between), what, server,
                 fault, detail);
    }
    if (report->advice == NULL)
        report->advice = fleet_fault_advice(fault);
    report->round |= fleet_fault_bit(fault);
}

static void forget_round(struct fleet_report *report)
{
    report->round = 0;
    report->texts[0] = '\0';
    report->advice = NULL;
}

void fleet_report_round(struct fleet_report *report, int64_t wait, struct mono_time now)
{
    note_problem(report, report->texts, report->advice, now);
    if (is_due(report, report->round, now))
        warn("the fleet's store cannot be used", NULL, report->texts, report->advice, wait);
    forget_round(report);
}

static bool is_steady(const struct fleet_report *report, struct mono_time now)
{
    return mono_diff(now, report->reached) >= FLEET_STEADY;
}

bool fleet_report_has_worked(const struct fleet_report *report, enum fleet_fault fault,
                             struct mono_time now)
{
    MUST(report->connected);
    return is_steady(report, now) || (report->proved && fault != FLEET_FAULT_MOVED);
}

static void log_reached(struct fleet_report *report, const char *server)
{
    report->unsaid = false;
    log_write_fields(LOG_LEVEL_NOTICE, NULL, &LOG_TEXT("server", server), 1,
                     "the fleet's store was reached");
}

void fleet_report_reached(struct fleet_report *report, const char *server, struct mono_time now)
{
    report->connected = true;
    report->reached = now;
    report->proved = false;
    report->problem.text[0] = '\0';
    report->unsaid = true;
    forget_round(report);
    if (!report->doubted)
        log_reached(report, server);
}

void fleet_report_proved(struct fleet_report *report, const char *server, enum fleet_verb verb,
                         struct mono_time now)
{
    MUST(report->connected);
    report->useless &= ~(1u << verb);
    report->proved = true;
    if (report->useless == 0)
        report->problem.text[0] = '\0';
    if (report->unsaid && (!report->unsettled || is_steady(report, now)))
        log_reached(report, server);
}

void fleet_report_lost(struct fleet_report *report, const char *server, enum fleet_fault fault,
                       const char *detail, int64_t wait, struct mono_time now)
{
    char text[sizeof(report->texts)];
    const char *advice = fleet_fault_advice(fault);

    count(fault);
    describe(text, sizeof(text), "", server, fault, detail);
    note_problem(report, text, advice, now);
    report->doubted = !fleet_report_has_worked(report, fault, now);
    report->unsettled = report->doubted && fault == FLEET_FAULT_MOVED;
    report->connected = false;
    if (!report->doubted) {
        report->said = 0;
        report->auth_due = (struct mono_time){0};
    }
    if (is_due(report, fleet_fault_bit(fault), now))
        warn("the fleet's store was lost", server, text, advice, wait);
}

void fleet_report_moved(struct fleet_report *report, const char *server, const char *to,
                        struct mono_time now)
{
    char text[sizeof(report->texts)];
    const struct log_field fields[] = {LOG_TEXT("server", server), LOG_TEXT("to", to)};

    count(FLEET_FAULT_MOVED);
    describe(text, sizeof(text), "", server, FLEET_FAULT_MOVED, to);
    note_problem(report, text, NULL, now);
    report->connected = false;
    log_fields(LOG_LEVEL_NOTICE, NULL, "the fleet's store has moved the keys to another node",
               fields, ARRAY_LEN(fields));
}

void fleet_report_useless(struct fleet_report *report, const char *server, enum fleet_verb verb,
                          const struct resp_reply *reply, struct mono_time now)
{
    static const char *const verbs[FLEET_VERBS] = {"look", "ask", "put", "fail"};
    const bool error = reply->type == RESP_ERROR;
    const bool said = (report->useless & 1u << verb) != 0;
    const char *problem = error ? reply->text : "its reply is none that the script gives";
    const char *advice =
        fleet_fault_is_denial(reply) ? fleet_fault_advice(FLEET_FAULT_DENIED) : NULL;
    const struct log_field fields[] = {
        LOG_TEXT("server", server),
        LOG_TEXT("script", verbs[verb]),
        LOG_TEXT("problem", problem),
        LOG_TEXT("advice", advice),
    };
    char text[sizeof(report->texts)];

    snprintf(text, sizeof(text), "%s failed to run a script (%s)", server, problem);
    note_problem(report, text, advice, now);

    count(error ? FLEET_FAULT_REFUSED : FLEET_FAULT_PROTOCOL);
    report->useless |= 1u << verb;
    if (!said)
        log_fields(LOG_LEVEL_WARNING, NULL, "the fleet's store failed to run a script", fields,
                   ARRAY_LEN(fields));
}
