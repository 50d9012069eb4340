/*
 * What is wrong with the process as a whole. A consequence is no condition of its own: lookups that
 * pile up because the upstream is slow are not told beside that.
 */
#include "base/check.h"
#include "front/conditions_internal.h"
#include "front/fleet_text.h"

#define TLS_EXPIRY_NOTICE (14 * 24 * HOUR)
/* A worker that is busy for so much of a minute has no reserve. */
#define BUSY_PERMILLE 950
#define DAY (24 * HOUR)

static void find_blocked(struct diagnosis *diagnosis)
{
    const struct mono_time since = diagnosis->overview->blocked_since;
    struct condition *condition =
        since.ns == 0 ? NULL : condition_begin(diagnosis, CONDITION_DOWN, since);

    if (condition == NULL)
        return;
    condition_put(condition->what, "A worker's event loop is blocked");
    condition_put(condition->why, "its callers get no answer");
    condition_put(condition->action, "Restart the daemon; the token survives that. If it happens "
                                     "again, report it with what the log says at that time.");
}

/* What the daemon knows besides: no keys to verify identities with, and that it ends. */
static void find_readiness(struct diagnosis *diagnosis)
{
    const struct readiness *readiness = &diagnosis->overview->readiness;

    for (size_t i = 0; i < readiness->count; i++) {
        const struct readiness_reason *reason = &readiness->reasons[i];
        const bool draining = reason->cause == READINESS_DRAINING;
        struct condition *condition = NULL;

        if (draining || reason->cause == READINESS_KEYS)
            condition = condition_begin(diagnosis, draining ? CONDITION_NOTE : CONDITION_DOWN,
                                        reason->since);
        if (condition == NULL)
            continue;
        condition_put(
            condition->what, "%s",
            draining ? "The daemon is about to end: it still answers lookups, until drain_delay is "
                       "over and those under way are done"
                     : "There are no keys to verify callers' identities with");
        condition_put(condition->why, "%s", draining ? "" : reason->what);
        condition_put(condition->action, "%s",
                      draining ? ""
                               : "Mend what is named: key_url, key_ca_file, the proxy or the "
                                 "network. The daemon asks again by itself.");
    }
}

static bool has_overload(const struct diagnosis *diagnosis, size_t age)
{
    return history_at(diagnosis->overview->history, age)->codes[PROBLEM_OVERLOADED] > 0;
}

static void find_overload(struct diagnosis *diagnosis)
{
    const uint64_t overloaded = diagnosis->codes[PROBLEM_OVERLOADED];
    const uint64_t by_rate = diagnosis->rate_refused; /* which is told by itself */
    const uint64_t refused = overloaded > by_rate ? overloaded - by_rate : 0;
    struct condition *condition = NULL;

    if (refused > 0 && !diagnosis->upstream_troubled)
        condition =
            condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, has_overload));
    if (condition == NULL)
        return;
    condition_put(condition->what, "More lookups come than may be under way at once");
    condition_put(condition->why, "%llu lookups were refused in the last minute (503 overloaded)",
                  (unsigned long long)refused);
    condition_put(condition->action,
                  "Raise [upstream] max_connections, or [server] max_in_flight (%lld), if the "
                  "upstream can take it, or reduce the callers' rate.",
                  (long long)diagnosis->overview->max_in_flight);
}

/* Two looks at the counter, and a page that is loaded in between. */
#define STILL (5 * SECOND)

/* "Connections are refused"; when it has ended, "Connections were refused, last at 12:00:00 UTC".
 */
static void put_lately(const struct diagnosis *diagnosis, const struct lately *lately,
                       struct condition *condition, const char *what, const char *past)
{
    char last[CONDITION_TIME];

    if (mono_diff(diagnosis->overview->now, lately->last) < STILL)
        condition_put(condition->what, "%s", what);
    else
        condition_put(condition->what, "%s, last at %s", past,
                      condition_time(diagnosis, lately->last, last));
}

static void find_refused(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct lately *refused = &overview->refused;
    struct condition *condition =
        lately_has_grown(refused, overview->now)
            ? condition_begin(diagnosis, CONDITION_WARNING, refused->since)
            : NULL;

    if (condition == NULL)
        return;
    put_lately(diagnosis, refused, condition, "Connections are refused: too many are open",
               "Connections were refused");
    condition_put(condition->why,
                  "%llu were closed at once; now %lld callers are connected, and %lld may be",
                  (unsigned long long)refused->count, (long long)overview->connections,
                  (long long)overview->max_connections);
    condition_put(condition->action, "Raise [server] max_connections (and LimitNOFILE=), or find "
                                     "out who opens so many: ss -tn shows it.");
}

static void find_busy(struct diagnosis *diagnosis)
{
    const struct history *history = diagnosis->overview->history;
    uint64_t sum = 0;
    struct condition *condition = NULL;

    if (history_count(history) < CONDITIONS_RECENT)
        return;
    for (size_t age = 0; age < CONDITIONS_RECENT; age++)
        sum += history_at(history, age)->busy_permille;
    if (sum / CONDITIONS_RECENT >= BUSY_PERMILLE)
        condition = condition_begin(diagnosis, CONDITION_WARNING, (struct mono_time){0});
    if (condition == NULL)
        return;
    condition_put(condition->what, "A worker is busy all the time");
    condition_put(condition->why, "%llu %% of the last minute; lookups wait for their turn",
                  (unsigned long long)(sum / CONDITIONS_RECENT / 10));
    condition_put(condition->action,
                  "Raise [server] workers (now %zu) if the machine has more "
                  "cores, or run a second daemon.",
                  diagnosis->overview->workers);
}

/* What the upstreams' members make of a store that is out of reach. */
struct store_outage {
    enum condition_level level; /* down: a member has no token for it */
    struct mono_time since;     /* MONO_NEVER: none is alone */
    struct mono_time until;     /* when lookups begin to fail; MONO_NEVER: not for this */
};

static struct store_outage outage_of(const struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    struct store_outage outage = {CONDITION_WARNING, MONO_NEVER, MONO_NEVER};

    for (size_t i = 0; i < overview->upstream_count; i++) {
        const struct overview_upstream *upstream = &overview->upstreams[i];

        if (upstream->in_fleet && upstream->member.state == FLEET_ALONE)
            outage.since = mono_min(outage.since, upstream->member.since);
        if (conditions_lack_store(upstream) && !upstream->covered)
            outage.level = CONDITION_DOWN;
        outage.until = mono_min(outage.until, conditions_need_store(diagnosis, upstream));
    }
    return outage;
}

static void put_outage(const struct diagnosis *diagnosis, const struct store_outage *outage,
                       const char *error, struct condition *condition)
{
    const bool ends = outage->until.ns != MONO_NEVER.ns;
    char shown[CONDITION_TEXT / 2], when[CONDITION_TIME] = "";

    condition_cut(shown, sizeof(shown), error);
    if (ends)
        condition_time(diagnosis, outage->until, when);
    condition_put(
        condition->why,
        "%s; all members together request %lld tokens an hour meanwhile ([fleet] alone)%s%s", shown,
        (long long)diagnosis->overview->fleet_alone,
        outage->level == CONDITION_DOWN ? ", and this one none now"
        : ends                          ? ", and this one none: lookups fail from "
                                        : "; lookups go on with the token that there is",
        outage->level != CONDITION_DOWN ? when : "");
}

static void find_store(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct store_outage outage = outage_of(diagnosis);
    struct condition *condition = outage.since.ns != MONO_NEVER.ns
                                      ? condition_begin(diagnosis, outage.level, outage.since)
                                      : NULL;
    char error[FLEET_STORE_TEXT];

    if (condition == NULL)
        return;
    /* It is connected to, and of no use all the same. */
    if (!fleet_text_store(overview->has_store ? &overview->store : NULL, error))
        condition_put(error, "%s", "it answers with errors, which are in the log");
    if (outage.level != CONDITION_DOWN && outage.until.ns != MONO_NEVER.ns)
        condition->until = outage.until;
    condition_put(condition->what, "The fleet's store is out of reach%s",
                  outage.level == CONDITION_DOWN ? ", and this member has no token" : "");
    put_outage(diagnosis, &outage, error, condition);
    condition_put(condition->action,
                  "Bring the store back, or correct what is named: [fleet] servers, tls, ca_file, "
                  "user, password_file. The daemon connects again by itself.");
}

static void find_certificate(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const int64_t left = overview->tls_expiry.ns - overview->wall.ns;
    char when[CONDITION_TIME];

    if (overview->tls_expiry.ns == 0 || left > TLS_EXPIRY_NOTICE)
        return;
    const struct mono_time end = mono_add(overview->now, left);
    struct condition *condition =
        left <= 0 ? condition_begin(diagnosis, CONDITION_DOWN, end)
                  : condition_begin(diagnosis, CONDITION_WARNING, (struct mono_time){0});
    if (condition == NULL)
        return;
    condition_time(diagnosis, end, when);
    if (left <= 0)
        condition_put(condition->what, "The certificate that callers see has expired");
    else
        condition_put(condition->what, "The certificate that callers see expires in %lld days",
                      (long long)(left / DAY));
    condition_put(condition->why, "%s%s", left <= 0 ? "it was good until " : "it is good until ",
                  when);
    condition_put(condition->action, "Put a renewed one where [server] tls_certificate points, and "
                                     "reload.");
}

static void find_reload(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct reload_status *reload = &overview->reload;
    const struct mono_time tried =
        mono_add(overview->now, -(overview->wall.ns - reload->tried_at.ns));
    struct condition *condition =
        reload->failed ? condition_begin(diagnosis, CONDITION_WARNING, tried) : NULL;

    if (condition == NULL)
        return;
    condition_put(condition->what, "The last reload failed");
    condition_put(condition->why, "the previous configuration is used");
    condition_put(condition->action,
                  "The log says why. Run postcoded --check as well: it names faults of the "
                  "files. Then reload again.");
}

static void find_dropped(struct diagnosis *diagnosis)
{
    const struct lately *dropped = &diagnosis->overview->log_dropped;
    struct condition *condition = lately_has_grown(dropped, diagnosis->overview->now)
                                      ? condition_begin(diagnosis, CONDITION_NOTE, dropped->since)
                                      : NULL;

    if (condition == NULL)
        return;
    put_lately(diagnosis, dropped, condition, "Log lines are lost", "Log lines were lost");
    condition_put(condition->why, "%llu were dropped, because they were not taken fast enough",
                  (unsigned long long)dropped->count);
    condition_put(condition->action, "Look at what takes the log (journald, a pipe), or write "
                                     "[log] access = off.");
}

static void (*const finders[])(struct diagnosis *diagnosis) = {
    find_blocked, find_readiness,   find_overload, find_refused, find_busy,
    find_store,   find_certificate, find_reload,   find_dropped,
};

void conditions_process(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < ARRAY_LEN(finders); i++)
        finders[i](diagnosis);
}
