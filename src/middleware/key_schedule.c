/*
 * The next moment is worked out of the facts each time it is asked for, so that another key_refresh
 * counts at once, and nothing can disagree with it.
 *
 * The jitter shortens a period and never lengthens it: a withdrawn key is out of use after
 * key_refresh at the latest. A failure waits between half of what the backoff allows and all of it,
 * so that many daemons spread out and none comes back at once.
 */
#include "middleware/key_schedule.h"

/* A tenth of a period, at most. */
#define JITTER 10

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t bounded_max_age(int64_t max_age)
{
    if (max_age < KEY_SCHEDULE_MAX_AGE_LEAST)
        return KEY_SCHEDULE_MAX_AGE_LEAST;
    return smaller(max_age, KEY_SCHEDULE_MAX_AGE_MOST);
}

static int64_t period(const struct key_schedule *schedule)
{
    const bool aged = schedule->max_age >= 0;
    const int64_t max_age = bounded_max_age(schedule->max_age);

    if (schedule->refresh == 0)
        return aged ? max_age : KEY_SCHEDULE_PERIOD;
    return aged ? smaller(schedule->refresh, max_age) : schedule->refresh;
}

/* The next fetch when all is well. */
static struct mono_time regular(const struct key_schedule *schedule)
{
    const int64_t whole = period(schedule);
    const int64_t most = whole / JITTER;
    const double share = (double)schedule->random / (double)UINT32_MAX;

    return mono_add(schedule->good, whole - (int64_t)((double)most * share));
}

void key_schedule_refresh(struct key_schedule *schedule, int64_t refresh)
{
    schedule->refresh = refresh;
}

static void note_end(struct key_schedule *schedule, struct mono_time now)
{
    schedule->fetched = true;
    schedule->ended = now;
    schedule->wanted = false;
}

void key_schedule_succeeded(struct key_schedule *schedule, struct mono_time now, int64_t max_age,
                            uint32_t random)
{
    note_end(schedule, now);
    schedule->succeeded = true;
    schedule->good = now;
    schedule->max_age = max_age;
    schedule->random = random;
    backoff_reset(&schedule->backoff);
}

void key_schedule_failed(struct key_schedule *schedule, struct mono_time now, uint32_t random)
{
    const int64_t ceiling = backoff_ceiling(&schedule->backoff);
    const int64_t wait = (ceiling + backoff_next(&schedule->backoff, random)) / 2;

    note_end(schedule, now);
    schedule->retry = mono_add(now, wait);
}

bool key_schedule_unknown(struct key_schedule *schedule, struct mono_time now)
{
    if (!schedule->fetched || mono_diff(now, schedule->ended) < KEY_SCHEDULE_UNKNOWN)
        return false;
    schedule->wanted = true;
    return true;
}

/* After a failure: the retry, but no later than without it. */
static struct mono_time after_failure(const struct key_schedule *schedule)
{
    const struct mono_time planned = regular(schedule);

    if (!schedule->succeeded)
        return schedule->retry;
    if (mono_before(schedule->ended, planned))
        return mono_min(schedule->retry, planned);
    return mono_min(schedule->retry, mono_add(schedule->ended, period(schedule)));
}

struct mono_time key_schedule_next(const struct key_schedule *schedule)
{
    if (!schedule->fetched)
        return schedule->ended;
    if (schedule->wanted)
        return mono_add(schedule->ended, KEY_SCHEDULE_UNKNOWN);
    return schedule->backoff.failures > 0 ? after_failure(schedule) : regular(schedule);
}
