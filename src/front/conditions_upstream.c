/*
 * What is wrong with an upstream's answers. That every lookup fails is told by their health, and
 * then why; that some do, by the last minute of the history; that it is slow, by comparing that
 * minute with the two hours before.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/duration.h"
#include "front/conditions_internal.h"

/* Some lookups fail: at least so many of the last minute's calls, and such a part of them. */
#define SOME_LEAST 3
#define SOME_SHARE 0.05

/*
 * Slow: of SLOW_LEAST calls or more in the last minute, half took SLOW_FACTOR times as long as the
 * faster quarter of those before, and longer than SLOW_P50. (Not as half of those before: slow for
 * an hour, it would be as it was.) Or the slowest in a hundred took SLOW_FACTOR times as long as
 * before, and longer than SLOW_P99; or more than half of request_timeout, whatever was before.
 */
#define SLOW_LEAST 5
#define SLOW_LEAST_BEFORE 20
#define SLOW_FACTOR 3
#define SLOW_USUAL 0.25
#define SLOW_P50 (100 * MILLISECOND)
#define SLOW_P99 (500 * MILLISECOND)

/* ---- what the history says ---- */

static bool is_slower(const struct upstream_trend *trend, double share, double usual, int64_t least)
{
    const int64_t now = history_percentile(&trend->now, share);

    return now > least && history_durations_count(&trend->before) >= SLOW_LEAST_BEFORE &&
           now > SLOW_FACTOR * history_percentile(&trend->before, usual);
}

static bool nears_timeout(const struct overview *overview, const struct upstream_trend *trend)
{
    return overview->request_timeout > 0 &&
           history_percentile(&trend->now, 0.99) > overview->request_timeout / 2;
}

/* The share of the calls by which it is slow; 0: it is not. */
static double slow_by(const struct overview *overview, const struct upstream_trend *trend)
{
    if (history_durations_count(&trend->now) < SLOW_LEAST)
        return 0;
    if (is_slower(trend, 0.5, SLOW_USUAL, SLOW_P50))
        return 0.5;
    if (is_slower(trend, 0.99, 0.99, SLOW_P99) || nears_timeout(overview, trend))
        return 0.99;
    return 0;
}

/* Half as slow as it is now, at least. */
static bool was_slow(const struct diagnosis *diagnosis, size_t age)
{
    const struct history_upstream_sample *sample =
        history_upstream_at(diagnosis->overview->history, diagnosis->number, age);
    const double share = diagnosis->trend->slow;

    return history_percentile(&sample->calls, share) >
           history_percentile(&diagnosis->trend->now, share) / 2;
}

void conditions_trend(const struct overview *overview, size_t number, struct upstream_trend *out)
{
    const struct history *history = overview->history;

    *out = (struct upstream_trend){.calls = 0};
    for (size_t age = 0; age < history_count(history); age++) {
        const struct history_upstream_sample *sample = history_upstream_at(history, number, age);

        history_durations_add(age < CONDITIONS_RECENT ? &out->now : &out->before, &sample->calls);
        if (age < CONDITIONS_RECENT)
            history_durations_add(&out->queued, &sample->queued);
        for (size_t i = 0; i < HISTORY_CLASSES && age < CONDITIONS_RECENT; i++) {
            out->classes[i] += sample->classes[i];
            out->calls += sample->classes[i];
        }
    }
    out->slow = slow_by(overview, out);
}

/* ---- why lookups fail ---- */

enum trouble {
    TROUBLE_UNREACHABLE,
    TROUBLE_SILENT,
    TROUBLE_QUEUED,
    TROUBLE_ERRORS,
    TROUBLE_LIMITED,
    TROUBLE_PAYMENT,
    TROUBLE_FORBIDDEN,
    TROUBLE_STATUS,
    TROUBLE_MALFORMED,
    TROUBLE_NONE, /* the token's, or ours */
};

static const struct {
    const char *what, *action;
} troubles[] = {
    [TROUBLE_UNREACHABLE] = {"The upstream cannot be reached",
                             "Ask the provider whether it is down; check the network, names, proxy "
                             "and TLS files between this machine and [upstream] address."},
    [TROUBLE_SILENT] = {"The upstream does not answer in time",
                        "Ask the provider why it is slow. [server] request_timeout is how long a "
                        "lookup may take."},
    [TROUBLE_QUEUED] = {"Lookups wait too long for a connection to the upstream",
                        "Raise [upstream] max_connections if the upstream can take it, or reduce "
                        "the callers' rate."},
    [TROUBLE_ERRORS] = {"The upstream answers with errors",
                        "It is the provider's to mend: tell it. Nothing has to be done here."},
    [TROUBLE_LIMITED] = {"The upstream's quota is used up (429)",
                         "Have callers ask less, wait for the provider's next period, or ask it "
                         "for a larger quota."},
    [TROUBLE_PAYMENT] = {"The upstream asks for payment (402)",
                         "Look at the client's account at the provider: payment is due, or the "
                         "quota is used up."},
    [TROUBLE_FORBIDDEN] = {"The upstream forbids the lookups (403)",
                           "Look at the client's rights and its quota at the provider."},
    [TROUBLE_STATUS] =
        {"The upstream does not know what is asked of it",
         "Check [upstream] address, lookup_path and lookup_target; postcoded --probe "
         "shows the answer."},
    [TROUBLE_MALFORMED] = {"The upstream's answers hold no address",
                           "Run postcoded --probe: it shows what the answers look like, and the "
                           "key to set."},
};

static enum trouble trouble_of_status(int status)
{
    if (status == 402)
        return TROUBLE_PAYMENT;
    return status >= 500 ? TROUBLE_ERRORS : TROUBLE_STATUS;
}

static enum trouble trouble_of(const struct health_failure *failure)
{
    switch (failure->reason) {
    case HEALTH_NO_RESPONSE:
        return failure->error == CLIENT_QUEUE_FULL ? TROUBLE_QUEUED : TROUBLE_UNREACHABLE;
    case HEALTH_TIMED_OUT:
        return TROUBLE_SILENT;
    case HEALTH_QUEUED:
        return TROUBLE_QUEUED;
    case HEALTH_STATUS:
        return trouble_of_status(failure->status);
    case HEALTH_RATE_LIMITED:
        return TROUBLE_LIMITED;
    case HEALTH_MALFORMED:
        return TROUBLE_MALFORMED;
    case HEALTH_REJECTED:
        return failure->status == 403 ? TROUBLE_FORBIDDEN : TROUBLE_NONE;
    case HEALTH_NO_TOKEN:
        break;
    }
    return TROUBLE_NONE;
}

bool conditions_want_token(const struct overview_upstream *upstream)
{
    return upstream->health.failing && trouble_of(&upstream->health.failure) == TROUBLE_NONE;
}

static void find_down(struct diagnosis *diagnosis)
{
    const struct health_state *health = &diagnosis->upstream->health;
    const enum trouble trouble = trouble_of(&health->failure);
    char failure[HEALTH_TEXT];
    struct condition *condition = health->down && trouble != TROUBLE_NONE
                                      ? condition_begin(diagnosis, CONDITION_DOWN, health->since)
                                      : NULL;

    if (condition == NULL)
        return;
    health_failure_text(&health->failure, failure);
    condition_put(condition->what, "%s", troubles[trouble].what);
    condition_put(condition->why, "every lookup has failed: %s", failure);
    condition_put(condition->action, "%s", troubles[trouble].action);
}

/* ---- some of them do ---- */

static bool is_some(uint64_t count, uint64_t calls)
{
    return count >= SOME_LEAST && (double)count >= SOME_SHARE * (double)calls;
}

/*
 * Lookups that ended in the queue are those that waited there for half of request_timeout or
 * longer, as far as so many lookups ended with their deadline.
 */
static uint64_t count_queued(const struct diagnosis *diagnosis)
{
    const uint64_t ended = diagnosis->codes[PROBLEM_DEADLINE];
    const uint64_t waited =
        history_durations_over(&diagnosis->trend->queued, diagnosis->overview->request_timeout / 2);

    return waited < ended ? waited : ended;
}

static bool has_queued(const struct diagnosis *diagnosis, size_t age)
{
    const struct overview *overview = diagnosis->overview;
    const struct history_upstream_sample *sample =
        history_upstream_at(overview->history, diagnosis->number, age);

    return history_durations_over(&sample->queued, overview->request_timeout / 2) > 0;
}

/* The worker's connections are all in use: the upstream may be as fast as ever. */
static void find_queued(struct diagnosis *diagnosis)
{
    const uint64_t count = count_queued(diagnosis), calls = diagnosis->trend->calls + count;
    struct condition *condition = NULL;

    if (is_some(count, calls))
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has_queued));
    if (condition == NULL)
        return;
    condition_put(condition->what, "%s", troubles[TROUBLE_QUEUED].what);
    condition_put(
        condition->why,
        "%llu of %llu lookups in the last minute waited for one of max_connections (%lld) "
        "until request_timeout",
        (unsigned long long)count, (unsigned long long)calls,
        (long long)diagnosis->upstream->max_connections);
    condition_put(condition->action, "%s", troubles[TROUBLE_QUEUED].action);
}

/*
 * For which class of calls a trouble is told, where not all fail. A call without a response may be
 * one whose caller left: no more of them count than lookups that ended with the code.
 */
static const struct {
    enum history_class class;
    enum problem_id code; /* ENDED_OK: all of the class count */
    enum trouble trouble;
    const char *seen;
} partly[] = {
    {HISTORY_NONE, PROBLEM_UNREACHABLE, TROUBLE_UNREACHABLE, "had no response"},
    {HISTORY_NONE, PROBLEM_DEADLINE, TROUBLE_SILENT, "had no response before their deadline"},
    {HISTORY_SERVER_ERROR, ENDED_OK, TROUBLE_ERRORS, "were answered with 500 or more"},
    {HISTORY_LIMITED, ENDED_OK, TROUBLE_LIMITED, "were answered with 429"},
};

static uint64_t count_of(const struct diagnosis *diagnosis, size_t row)
{
    const uint64_t calls = diagnosis->trend->classes[partly[row].class];
    const enum problem_id code = partly[row].code;
    const uint64_t queued = code == PROBLEM_DEADLINE ? count_queued(diagnosis) : 0;
    const uint64_t lookups = diagnosis->codes[code] - queued;

    return code == ENDED_OK || calls < lookups ? calls : lookups;
}

static bool has_class(const struct diagnosis *diagnosis, size_t age, enum history_class class)
{
    return history_upstream_at(diagnosis->overview->history, diagnosis->number, age)
               ->classes[class] > 0;
}

static bool has_none(const struct diagnosis *diagnosis, size_t age)
{
    return has_class(diagnosis, age, HISTORY_NONE);
}

static bool has_errors(const struct diagnosis *diagnosis, size_t age)
{
    return has_class(diagnosis, age, HISTORY_SERVER_ERROR);
}

static bool has_limited(const struct diagnosis *diagnosis, size_t age)
{
    return has_class(diagnosis, age, HISTORY_LIMITED);
}

static bool has_malformed(const struct diagnosis *diagnosis, size_t age)
{
    return history_at(diagnosis->overview->history, age)->codes[PROBLEM_MALFORMED] > 0;
}

static void put_partly(struct condition *condition, enum trouble trouble, uint64_t count,
                       uint64_t calls, const char *seen)
{
    if (condition == NULL)
        return;
    condition_put(condition->what, "%s, for some lookups", troubles[trouble].what);
    condition_put(condition->why, "%llu of %llu calls in the last minute %s",
                  (unsigned long long)count, (unsigned long long)calls, seen);
    condition_put(condition->action, "%s", troubles[trouble].action);
}

static void find_partly(struct diagnosis *diagnosis)
{
    static bool (*const has[])(const struct diagnosis *, size_t) = {has_none, has_none, has_errors,
                                                                    has_limited};
    const uint64_t calls = diagnosis->trend->calls;
    const uint64_t malformed = diagnosis->codes[PROBLEM_MALFORMED];

    for (size_t i = 0; i < ARRAY_LEN(partly); i++)
        if (is_some(count_of(diagnosis, i), calls))
            put_partly(
                condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has[i])),
                partly[i].trouble, count_of(diagnosis, i), calls, partly[i].seen);
    /* Which upstream's they were is not known where there are several. */
    if (diagnosis->overview->upstream_count == 1 && malformed > 0)
        put_partly(condition_begin(diagnosis, CONDITION_WARNING,
                                   condition_since(diagnosis, has_malformed)),
                   TROUBLE_MALFORMED, malformed, calls, "brought something else");
}

static void put_usual(const struct upstream_trend *trend, char out[CONDITION_TEXT])
{
    char half[CONDITION_SPAN], most[CONDITION_SPAN];

    out[0] = '\0';
    if (history_durations_count(&trend->before) >= SLOW_LEAST_BEFORE)
        condition_put(out, ", and before that %s and %s",
                      condition_span(history_percentile(&trend->before, 0.5), half),
                      condition_span(history_percentile(&trend->before, 0.99), most));
}

static void find_slow(struct diagnosis *diagnosis)
{
    const struct upstream_trend *trend = diagnosis->trend;
    char half[CONDITION_SPAN], most[CONDITION_SPAN], usual[CONDITION_TEXT], limit[DURATION_TEXT];
    struct condition *condition = NULL;

    if (trend->slow > 0)
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, was_slow));
    if (condition == NULL)
        return;
    put_usual(trend, usual);
    duration_format(diagnosis->overview->request_timeout, limit);
    condition_put(condition->what, "The upstream is slow");
    condition_put(
        condition->why,
        "half of its answers took %s or longer in the last minute, one in a hundred %s%s; "
        "a lookup may take %s",
        condition_span(history_percentile(&trend->now, 0.5), half),
        condition_span(history_percentile(&trend->now, 0.99), most), usual, limit);
    condition_put(condition->action,
                  "Ask the provider why. If it needs more connections for as many lookups, raise "
                  "[upstream] max_connections.");
}

void conditions_upstream(struct diagnosis *diagnosis)
{
    find_down(diagnosis);
    if (diagnosis->upstream->health.down)
        return;
    find_queued(diagnosis);
    find_partly(diagnosis);
    find_slow(diagnosis);
}
