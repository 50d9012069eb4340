/*
 * The configuration keeps a rate as the time from one to the next; a caller is told it as it was
 * most likely written, as a whole number a second, a minute or an hour.
 */
#include "front/user_quota.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/metrics.h"
#include "exchange/response.h"

/* The cells of METRIC_QUOTA. */
enum quota_result {
    QUOTA_ALLOWED,
    QUOTA_EXCEEDED,
};

struct pace {
    int64_t count;
    const char *per;
};

/* The interval of so many in that time is rounded up to a whole nanosecond (config.h, RATE). */
static struct pace pace_of(int64_t interval)
{
    static const struct {
        int64_t time;
        const char *name;
    } spans[] = {{SECOND, "a second"}, {MINUTE, "a minute"}, {HOUR, "an hour"}};

    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        int64_t count = (spans[i].time + interval / 2) / interval;
        if (count > 0 && (spans[i].time + count - 1) / count == interval)
            return (struct pace){count, spans[i].name};
    }
    return (struct pace){HOUR / interval, "an hour"};
}

static void reject(struct request *request, const struct rate *rate, int64_t retry_after)
{
    const struct pace pace = pace_of(rate->interval);
    char wait[RESPONSE_RETRY_AFTER];

    response_retry_after(retry_after, wait);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    response_problem(request,
                     &(struct response_problem){.id = PROBLEM_QUOTA_EXCEEDED, .headers = headers},
                     "You may make %" PRId64 " lookup%s %s, and %" PRId64
                     " at once after a pause ([quota] per_user and burst). Try again in %s s.",
                     pace.count, pace.count == 1 ? "" : "s", pace.per, rate->burst, wait);
}

bool user_quota_take(struct quota *quota, struct request *request)
{
    const struct rate rate = {.interval = request->config->quota_per_user,
                              .burst = request->config->quota_burst};
    int64_t retry_after;

    if (rate.interval == 0 || request->user[0] == '\0')
        return true;
    if (quota_take(quota, &rate, request->user, mono_now(), &retry_after)) {
        metric_add(METRIC_QUOTA, QUOTA_ALLOWED, 1);
        return true;
    }
    metric_add(METRIC_QUOTA, QUOTA_EXCEEDED, 1);
    reject(request, &rate, retry_after);
    return false;
}
