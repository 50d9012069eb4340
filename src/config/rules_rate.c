/*
 * Rules about rates: what has no effect without one, and one that no lookup can wait for.
 */
#include "config/rules_internal.h"

#include "base/buf.h"
#include "base/check.h"
#include "config/units.h"

/* Keys that say nothing while there is no rate. */
static void without_rate(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_upstream_burst, KEY_upstream_queue};

    if (!rules_known(rules, KEY_upstream_rate) || rules->upstream->rate != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (rules_changed(rules, keys[i]))
            rules_note(rules, keys[i], "is not used without rate; set rate, such as rate = 10/s");
    }
}

/* A turn that comes after the deadline is never taken. */
static void turn_in_time(const struct rules *rules)
{
    const int64_t interval = rules->upstream->rate;
    const int64_t timeout = rules->config->server_request_timeout;
    struct buf turn, deadline;

    if (!rules_known(rules, KEY_upstream_rate) || timeout == 0 || interval <= timeout)
        return;
    buf_init(&turn, 64);
    buf_init(&deadline, 64);
    units_format_duration(interval / CFG_MS * CFG_MS, &turn);
    units_format_duration(timeout, &deadline);
    rules_note(rules, KEY_upstream_rate,
               "gives a turn every %s, and [server] request_timeout is %s: beyond burst, a lookup "
               "rarely has its turn in time and gets 503; set a longer request_timeout, or a "
               "larger burst",
               buf_text(&turn), buf_text(&deadline));
    buf_fini(&turn);
    buf_fini(&deadline);
}

static void quota(const struct rules *rules)
{
    if (!rules_known(rules, KEY_quota_per_user))
        return;
    if (rules->config->quota_per_user == 0) {
        if (rules_changed(rules, KEY_quota_burst))
            rules_note(rules, KEY_quota_burst,
                       "is not used without per_user; set per_user, such as per_user = 100/m");
        return;
    }
    if (rules_known(rules, KEY_identity_mode) && rules->config->identity_mode == IDENTITY_OFF)
        rules_wrong(rules, KEY_quota_per_user,
                    "needs callers with a name, and [identity] mode is off; set another mode, or "
                    "per_user = off");
}

rule *const rules_of_quota[] = {quota, NULL};
rule *const rules_of_rate[] = {without_rate, turn_in_time, NULL};
