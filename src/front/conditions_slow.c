/*
 * Whether an upstream is slow, by the durations of its calls in the history. An answer that comes
 * late enough is none any more: then the upstream is silent, and that alone is told.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/duration.h"
#include "front/conditions_internal.h"

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

/* Above which duration a share of the calls is slow, measured by what was before; 0: not known. */
static int64_t slow_above(const struct upstream_trend *trend, double usual, int64_t least)
{
    if (history_durations_count(&trend->before) < SLOW_LEAST_BEFORE)
        return 0;
    const int64_t above = SLOW_FACTOR * history_percentile(&trend->before, usual);

    return above > least ? above : least;
}

/* Of these shares of the calls, by this bound, if there is one. */
static bool is_slow(struct upstream_trend *trend, double share, int64_t above)
{
    if (above <= 0 || history_percentile(&trend->now, share) <= above)
        return false;
    trend->slow = share;
    trend->slow_above = above;
    return true;
}

static void judge(const struct overview *overview, struct upstream_trend *trend)
{
    if (history_durations_count(&trend->now) < SLOW_LEAST)
        return;
    if (is_slow(trend, 0.5, slow_above(trend, SLOW_USUAL, SLOW_P50)) ||
        is_slow(trend, 0.99, slow_above(trend, 0.99, SLOW_P99)))
        return;
    is_slow(trend, 0.99, overview->request_timeout / 2);
}

static void add_classes(struct upstream_trend *out, const struct history_upstream_sample *sample)
{
    for (size_t i = 0; i < HISTORY_CLASSES; i++) {
        out->classes[i] += sample->classes[i];
        out->calls += sample->classes[i];
    }
    history_durations_add(&out->queued, &sample->queued);
    out->rejected += sample->rejected;
    out->rate_refused += sample->rate_refused;
    out->retries_refused += sample->retries_refused;
    for (size_t i = 0; i < METRIC_FAILOVER_REASONS; i++)
        out->failovers[i] += sample->failovers[i];
    out->mixed += sample->rejected > 0 && sample->classes[HISTORY_GOOD] > 0;
}

void conditions_trend(const struct overview *overview, const struct overview_upstream *upstream,
                      struct upstream_trend *out)
{
    const struct history *history = overview->history;

    *out = (struct upstream_trend){.calls = 0};
    for (size_t age = 0; age < history_count(history); age++) {
        const struct history_upstream_sample *sample =
            history_upstream_at(history, upstream->index, age);

        if (history_at(history, age)->at.ns <= upstream->health.began.ns)
            break; /* of the upstream before a reload */
        history_durations_add(age < CONDITIONS_RECENT ? &out->now : &out->before, &sample->calls);
        if (age < CONDITIONS_RECENT)
            add_classes(out, sample);
    }
    judge(overview, out);
}

static bool was_slow(const struct diagnosis *diagnosis, size_t age)
{
    const struct history_upstream_sample *sample =
        history_upstream_at(diagnosis->overview->history, diagnosis->upstream->index, age);

    return history_percentile(&sample->calls, diagnosis->trend->slow) >
           diagnosis->trend->slow_above;
}

/* A lookup takes no longer than request_timeout; a bucket may end behind that. */
static int64_t duration_of(const struct diagnosis *diagnosis,
                           const struct history_durations *durations)
{
    const int64_t most = diagnosis->overview->request_timeout;
    const int64_t duration = history_percentile(durations, diagnosis->trend->slow);

    return most > 0 && duration > most ? most : duration;
}

/* What was usual before it began. */
static void put_usual(const struct diagnosis *diagnosis, struct mono_time since,
                      char out[CONDITION_TEXT])
{
    const struct history *history = diagnosis->overview->history;
    struct history_durations usual = {.cells = {0}};
    char span[CONDITION_SPAN];

    for (size_t age = 0; age < history_count(history); age++)
        if (!mono_before(since, history_at(history, age)->at))
            history_durations_add(
                &usual, &history_upstream_at(history, diagnosis->upstream->index, age)->calls);
    out[0] = '\0';
    if (history_durations_count(&usual) >= SLOW_LEAST_BEFORE)
        condition_put(out, "; before it began, %s",
                      condition_span(duration_of(diagnosis, &usual), span));
}

void conditions_slow(struct diagnosis *diagnosis)
{
    const struct upstream_trend *trend = diagnosis->trend;
    char span[CONDITION_SPAN], usual[CONDITION_TEXT], limit[DURATION_TEXT];
    struct condition *condition = NULL;

    if (trend->slow > 0)
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, was_slow));
    if (condition == NULL)
        return;
    put_usual(diagnosis, condition->since, usual);
    duration_format(diagnosis->overview->request_timeout, limit);
    condition_put(condition->what, "The upstream is slow");
    condition_put(condition->why,
                  "%s of its answers took %s or longer in the last minute%s; a lookup that takes "
                  "longer than request_timeout (%s) fails",
                  trend->slow < 0.9 ? "half" : "one in a hundred",
                  condition_span(duration_of(diagnosis, &trend->now), span), usual, limit);
    condition_put(condition->action,
                  "Ask the provider why. Slow answers occupy connections for longer: if all are in "
                  "use, raise [upstream] max_connections.");
}
