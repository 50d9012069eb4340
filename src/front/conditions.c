/* The run through the finders, the upstreams' first: they are what lookups fail for, as a rule. */
#include "front/conditions.h"

#include "front/conditions_internal.h"
#include "lookup/failover.h"

/* Codes are of all upstreams together; those of the one before a reload are no news. */
static struct mono_time began(const struct overview *overview)
{
    struct mono_time last = {0};

    for (size_t i = 0; i < overview->upstream_count; i++)
        if (mono_before(last, overview->upstreams[i].health.began))
            last = overview->upstreams[i].health.began;
    return last;
}

static void add_recent(struct diagnosis *diagnosis)
{
    const struct history *history = diagnosis->overview->history;
    const struct mono_time first = began(diagnosis->overview);

    for (size_t age = 0; age < history_count(history) && age < CONDITIONS_RECENT; age++)
        for (size_t code = 0; code < PROBLEM_COUNT; code++)
            if (mono_before(first, history_at(history, age)->at))
                diagnosis->codes[code] += history_at(history, age)->codes[code];
}

/* Those that went to another upstream did not end so. */
static void add_rate_refused(struct diagnosis *diagnosis, const struct upstream_trend *trend)
{
    const uint64_t moved = trend->failovers[FAILOVER_RATE];

    if (trend->rate_refused > moved)
        diagnosis->rate_refused += trend->rate_refused - moved;
}

static void run(struct diagnosis *diagnosis, struct upstream_trend trends[])
{
    struct overview *overview = diagnosis->overview;

    for (size_t i = 0; i < overview->upstream_count; i++) {
        diagnosis->upstream = &overview->upstreams[i];
        diagnosis->trend = &trends[i];
        conditions_upstream(diagnosis);
        conditions_token(diagnosis);
        conditions_way(diagnosis);
    }
    diagnosis->upstream = NULL;
    conditions_routes(diagnosis);
    conditions_cache(diagnosis);
    conditions_process(diagnosis);
}

void conditions_fill(struct overview *overview)
{
    struct upstream_trend trends[CONFIG_UPSTREAMS_MAX];
    struct diagnosis diagnosis = {.overview = overview};

    overview->condition_count = overview->conditions_left = 0;
    add_recent(&diagnosis);
    for (size_t i = 0; i < overview->upstream_count; i++) {
        conditions_trend(overview, &overview->upstreams[i], &trends[i]);
        overview->upstreams[i].slow = trends[i].slow > 0;
        add_rate_refused(&diagnosis, &trends[i]);
        diagnosis.upstream_troubled =
            diagnosis.upstream_troubled || trends[i].slow > 0 || overview->upstreams[i].health.down;
    }
    for (diagnosis.level = CONDITION_DOWN; diagnosis.level <= CONDITION_NOTE; diagnosis.level++)
        run(&diagnosis, trends);
}
