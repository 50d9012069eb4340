/*
 * What is wrong with an upstream's answers. That every lookup fails is told by their health, and
 * then why; that some do, by the last minute of the history; that it is slow, by comparing that
 * minute with the two hours before.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/duration.h"
#include "front/conditions_internal.h"
#include "lookup/failover.h"

/* Some lookups fail: at least so many of the last minute's calls, and such a part of them. */
#define SOME_LEAST 3
#define SOME_SHARE 0.05

/* ---- why lookups fail ---- */

enum trouble {
    TROUBLE_UNREACHABLE,
    TROUBLE_NAME,
    TROUBLE_CERTIFICATE,
    TROUBLE_PROXY,
    TROUBLE_INTERNAL,
    TROUBLE_SILENT,
    TROUBLE_QUEUED,
    TROUBLE_ERRORS,
    TROUBLE_LIMITED,
    TROUBLE_PAYMENT,
    TROUBLE_FORBIDDEN,
    TROUBLE_STATUS,
    TROUBLE_ALONE,
    TROUBLE_MALFORMED,
    TROUBLE_NONE, /* the token's, or ours */
};

static const struct {
    const char *what, *past, *action;
} troubles[] = {
    [TROUBLE_UNREACHABLE] =
        {"The upstream cannot be reached", "The upstream could not be reached",
         "Ask the provider whether it is down; check the network, the proxy and "
         "TLS files between this machine and [upstream] address."},
    [TROUBLE_NAME] = {"The upstream's name is not found", "The upstream's name was not found",
                      "Check the spelling of [upstream] address, and this machine's DNS."},
    [TROUBLE_CERTIFICATE] = {"The upstream's certificate is not accepted",
                             "The upstream's certificate was not accepted",
                             "It may have expired, or be of an authority that [upstream] ca_file "
                             "lacks; postcoded --probe says which."},
    [TROUBLE_PROXY] = {"The proxy before the upstream refuses (407)",
                       "The proxy before the upstream refused (407)",
                       "Check [upstream] proxy and proxy_password_file."},
    [TROUBLE_INTERNAL] = {"Calls to the upstream cannot be made",
                          "Calls to the upstream could not be made",
                          "It is this machine's or the daemon's fault: the log tells more. Check "
                          "its memory and open files."},
    [TROUBLE_SILENT] = {"The upstream does not answer in time",
                        "The upstream did not answer in time",
                        "Ask the provider why it is slow. [server] request_timeout is how long a "
                        "lookup may take."},
    [TROUBLE_QUEUED] = {"Lookups wait too long for a connection to the upstream",
                        "Lookups waited too long for a connection to the upstream",
                        "Raise [upstream] max_connections if the upstream can take it, or reduce "
                        "the callers' rate."},
    [TROUBLE_ERRORS] = {"The upstream answers with errors", "The upstream answered with errors",
                        "Only the provider can fix this: report it. Nothing has to be done here."},
    [TROUBLE_LIMITED] = {"The upstream limits the rate (429): its quota may be used up",
                         "The upstream limited the rate (429): its quota may have been used up",
                         "Set [upstream] rate to what the provider allows, wait for its next "
                         "period, or ask it for a larger quota."},
    [TROUBLE_PAYMENT] = {"The upstream asks for payment (402)",
                         "The upstream asked for payment (402)",
                         "Look at the client's account at the provider: payment is due, or the "
                         "quota is used up."},
    [TROUBLE_FORBIDDEN] = {"The upstream forbids the lookups (403)",
                           "The upstream forbade the lookups (403)",
                           "Look at the client's rights and its quota at the provider."},
    [TROUBLE_STATUS] =
        {"The upstream does not know what is asked of it",
         "The upstream did not know what was asked of it",
         "Check [upstream] address, lookup_path and lookup_target; postcoded --probe "
         "shows the answer."},
    [TROUBLE_ALONE] = {"The upstream rejects some lookups (401), though it accepts the token for "
                       "others",
                       "The upstream rejected some lookups (401), though it accepted the token for "
                       "others",
                       "Ask the provider which postcodes this client may look up, and whether all "
                       "of its servers know the token."},
    [TROUBLE_MALFORMED] = {"The upstream's answers hold no address",
                           "The upstream's answers held no address",
                           "Run postcoded --probe: it shows what the answers look like, and the "
                           "key to set."},
};

static enum trouble trouble_of_status(int status)
{
    if (status == 402)
        return TROUBLE_PAYMENT;
    if (status == 407)
        return TROUBLE_PROXY;
    return status >= 500 ? TROUBLE_ERRORS : TROUBLE_STATUS;
}

static enum trouble trouble_of_error(enum client_error error)
{
    switch (error) {
    case CLIENT_DNS:
        return TROUBLE_NAME;
    case CLIENT_CERTIFICATE:
        return TROUBLE_CERTIFICATE;
    case CLIENT_PROXY_AUTH:
        return TROUBLE_PROXY;
    case CLIENT_INTERNAL:
        return TROUBLE_INTERNAL;
    case CLIENT_QUEUE_FULL:
        return TROUBLE_QUEUED;
    default:
        return TROUBLE_UNREACHABLE;
    }
}

static enum trouble trouble_of(const struct health_failure *failure)
{
    switch (failure->reason) {
    case HEALTH_NO_RESPONSE:
        return trouble_of_error(failure->error);
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
    case HEALTH_ALONE:
        return TROUBLE_ALONE;
    case HEALTH_NO_TOKEN:
        break;
    }
    return TROUBLE_NONE;
}

bool conditions_want_token(const struct overview_upstream *upstream)
{
    const struct health_state *health = &upstream->health;
    const enum trouble trouble = trouble_of(&health->failure);

    /* No other lookup is good: the token is accepted for none any more. */
    return health->failing &&
           (trouble == TROUBLE_NONE || (health->down && trouble == TROUBLE_ALONE));
}

static void find_down(struct diagnosis *diagnosis)
{
    const struct health_state *health = &diagnosis->upstream->health;
    const enum trouble trouble = trouble_of(&health->failure);
    char failure[HEALTH_TEXT];
    struct condition *condition = health->down && !conditions_want_token(diagnosis->upstream)
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
        history_upstream_at(overview->history, diagnosis->upstream->index, age);

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

/* ---- by the classes of calls, and how lookups ended ---- */

static uint64_t less(uint64_t all, uint64_t part)
{
    return all > part ? all - part : 0;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * A call without a response may be one whose caller left: no more of them count than lookups that
 * went on to another upstream for it, or ended with the code. (Of codes it is not known which
 * upstream's they were.)
 */
static uint64_t count_unreachable(const struct diagnosis *diagnosis)
{
    return least_of(diagnosis->trend->classes[HISTORY_NONE],
                    diagnosis->trend->failovers[FAILOVER_NO_CONNECTION] +
                        diagnosis->codes[PROBLEM_UNREACHABLE]);
}

static uint64_t count_silent(const struct diagnosis *diagnosis)
{
    return least_of(diagnosis->trend->classes[HISTORY_NONE],
                    diagnosis->trend->failovers[FAILOVER_TIMEOUT] +
                        less(diagnosis->codes[PROBLEM_DEADLINE], count_queued(diagnosis)));
}

static uint64_t count_errors(const struct diagnosis *diagnosis)
{
    return diagnosis->trend->classes[HISTORY_SERVER_ERROR];
}

static uint64_t count_limited(const struct diagnosis *diagnosis)
{
    return diagnosis->trend->classes[HISTORY_LIMITED];
}

static uint64_t count_forbidden(const struct diagnosis *diagnosis)
{
    return less(diagnosis->trend->classes[HISTORY_REFUSED], diagnosis->trend->rejected);
}

/* A 400 or 422 is about the postcode, and good; so only those count that ended as upstream_error.
 */
static uint64_t count_others(const struct diagnosis *diagnosis)
{
    const uint64_t server = less(diagnosis->trend->classes[HISTORY_SERVER_ERROR],
                                 diagnosis->codes[PROBLEM_UPSTREAM_UNAVAILABLE]);

    return least_of(diagnosis->trend->classes[HISTORY_CLIENT_ERROR],
                    less(diagnosis->codes[PROBLEM_UPSTREAM_ERROR], server));
}

/* One revocation is rejected and accepted within one sample, or two; this goes on and on. */
#define ALONE_SAMPLES 3

static uint64_t count_alone(const struct diagnosis *diagnosis)
{
    if (diagnosis->trend->mixed < ALONE_SAMPLES)
        return 0;
    return least_of(
        diagnosis->trend->rejected,
        less(diagnosis->codes[PROBLEM_UPSTREAM_UNAUTHORIZED], count_forbidden(diagnosis)));
}

/* For which class of calls a trouble is told, where not all fail. */
static const struct partly {
    enum history_class class;
    enum trouble trouble;
    uint64_t (*count)(const struct diagnosis *diagnosis);
    const char *seen;
} partly[] = {
    {HISTORY_NONE, TROUBLE_UNREACHABLE, count_unreachable, "had no response"},
    {HISTORY_NONE, TROUBLE_SILENT, count_silent, "had no response before their deadline"},
    {HISTORY_SERVER_ERROR, TROUBLE_ERRORS, count_errors, "were answered with 500 or more"},
    {HISTORY_LIMITED, TROUBLE_LIMITED, count_limited, "were answered with 429"},
    {HISTORY_REFUSED, TROUBLE_FORBIDDEN, count_forbidden, "were answered with 403"},
    {HISTORY_REFUSED, TROUBLE_ALONE, count_alone, "were answered with 401"},
    {HISTORY_CLIENT_ERROR, TROUBLE_STATUS, count_others,
     "were answered with 3xx or 4xx (postcoded_upstream_requests_total in /metrics says which)"},
};

#define HAS(name, condition)                                                                       \
    static bool name(const struct diagnosis *diagnosis, size_t age)                                \
    {                                                                                              \
        return condition;                                                                          \
    }

static bool has_class(const struct diagnosis *diagnosis, size_t age, enum history_class class)
{
    return history_upstream_at(diagnosis->overview->history, diagnosis->upstream->index, age)
               ->classes[class] > 0;
}

HAS(has_none, has_class(diagnosis, age, HISTORY_NONE))
HAS(has_errors, has_class(diagnosis, age, HISTORY_SERVER_ERROR))
HAS(has_limited, has_class(diagnosis, age, HISTORY_LIMITED))
HAS(has_refused, has_class(diagnosis, age, HISTORY_REFUSED))
HAS(has_others, has_class(diagnosis, age, HISTORY_CLIENT_ERROR))
HAS(has_malformed, history_at(diagnosis->overview->history, age)->codes[PROBLEM_MALFORMED] > 0)

/* Of the last call without a response more may be known. */
static enum trouble particular(const struct diagnosis *diagnosis, enum trouble trouble)
{
    const struct health_failure *last = &diagnosis->upstream->health.failure;

    if (trouble == TROUBLE_UNREACHABLE && last->reason == HEALTH_NO_RESPONSE)
        return trouble_of_error(last->error);
    return trouble;
}

/* What is over is told for a minute still, and as over. */
static void put_partly(struct diagnosis *diagnosis, enum trouble trouble,
                       bool (*has)(const struct diagnosis *, size_t), uint64_t count,
                       const char *seen)
{
    struct condition *condition =
        condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has));
    char end[CONDITION_TIME];
    size_t age = 0;

    if (condition == NULL)
        return;
    while (age + 1 < CONDITIONS_RECENT && !has(diagnosis, age))
        age++;
    condition_time(diagnosis, history_at(diagnosis->overview->history, age)->at, end);
    if (age == 0)
        condition_put(condition->what, "%s%s", troubles[trouble].what,
                      trouble == TROUBLE_ALONE ? "" : ", for some lookups");
    else
        condition_put(condition->what, "%s, until %s", troubles[trouble].past, end);
    condition_put(condition->why, "%llu of %llu calls in the last minute %s",
                  (unsigned long long)count, (unsigned long long)diagnosis->trend->calls, seen);
    condition_put(condition->action, "%s", troubles[trouble].action);
}

/* True: something was told, in this run or another. */
static bool find_partly(struct diagnosis *diagnosis)
{
    static bool (*const has[HISTORY_CLASSES])(const struct diagnosis *,
                                              size_t) = {[HISTORY_NONE] = has_none,
                                                         [HISTORY_SERVER_ERROR] = has_errors,
                                                         [HISTORY_LIMITED] = has_limited,
                                                         [HISTORY_REFUSED] = has_refused,
                                                         [HISTORY_CLIENT_ERROR] = has_others};
    bool told = false;

    for (size_t i = 0; i < ARRAY_LEN(partly); i++) {
        const uint64_t count = partly[i].count(diagnosis);

        if (!is_some(count, diagnosis->trend->calls))
            continue;
        told = true;
        put_partly(diagnosis, particular(diagnosis, partly[i].trouble), has[partly[i].class], count,
                   partly[i].seen);
    }
    return told;
}

/* One is enough. Which upstream's they were is not known where there are several. */
static void find_malformed(struct diagnosis *diagnosis)
{
    const uint64_t malformed = diagnosis->codes[PROBLEM_MALFORMED];

    if (diagnosis->overview->upstream_count == 1 && malformed > 0)
        put_partly(diagnosis, TROUBLE_MALFORMED, has_malformed, malformed,
                   "brought something else");
}

/* ---- all of them, and yet too few to be down ---- */

static bool is_sparse_run(const struct diagnosis *diagnosis)
{
    const struct health_state *health = &diagnosis->upstream->health;

    return health->run >= SOME_LEAST &&
           mono_diff(health->last, health->run_since) > HEALTH_KNOWN_FOR &&
           mono_diff(diagnosis->overview->now, health->last) < HOUR &&
           trouble_of(&health->failure) != TROUBLE_NONE;
}

static void find_run(struct diagnosis *diagnosis)
{
    const struct health_state *health = &diagnosis->upstream->health;
    char failure[HEALTH_TEXT], last[CONDITION_TIME];
    struct condition *condition =
        is_sparse_run(diagnosis) ? condition_begin(diagnosis, CONDITION_WARNING, health->run_since)
                                 : NULL;

    if (condition == NULL)
        return;
    health_failure_text(&health->failure, failure);
    condition_put(condition->what, "The last %u lookups all failed", health->run);
    condition_put(condition->why, "the last one at %s: %s",
                  condition_time(diagnosis, health->last, last), failure);
    condition_put(condition->action, "%s", troubles[trouble_of(&health->failure)].action);
}

bool conditions_are_mixed(const struct diagnosis *diagnosis)
{
    return is_some(count_alone(diagnosis), diagnosis->trend->calls);
}

bool conditions_are_silent(const struct diagnosis *diagnosis)
{
    return is_some(count_silent(diagnosis), diagnosis->trend->calls);
}

void conditions_upstream(struct diagnosis *diagnosis)
{
    find_down(diagnosis);
    if (diagnosis->upstream->health.down)
        return;
    find_queued(diagnosis);
    if (!find_partly(diagnosis))
        find_run(diagnosis);
    find_malformed(diagnosis);
    if (!conditions_are_silent(diagnosis))
        conditions_slow(diagnosis);
}
