/*
 * Rules about the cache: what would give the answer for one user to another, what needs something
 * else, and what goes against the upstream's word. Without the section none of its keys is set, so
 * that no rule asks whether the cache is on.
 */
#include "config/rules_internal.h"

#include "base/duration.h"

/* The time of an answer is known, and set. */
static bool has_ttl(const struct rules *rules)
{
    return rules_known(rules, KEY_cache_ttl) && rules->config->cache_ttl > 0;
}

static bool is_service(const struct rules *rules)
{
    return rules_known(rules, KEY_cache_as) && rules->config->cache_as == CACHE_AS_SERVICE;
}

static bool is_deaf(const struct rules *rules)
{
    return rules_known(rules, KEY_cache_honour) && !rules->config->cache_honour;
}

/* What is private to a user may be given to that user alone, and `service` keeps it. */
static void one_client(const struct rules *rules)
{
    if (is_service(rules) && rules_given(rules, KEY_identity_forward_header))
        rules_wrong(rules, KEY_cache_as,
                    "service is for an upstream to which all lookups come from one client, but "
                    "[identity] forward_header tells it each caller's user; write as = shared, or "
                    "remove forward_header");
    else if (rules_changed(rules, KEY_cache_as) && is_deaf(rules))
        rules_note(rules, KEY_cache_as, "is not used with honour = off");
}

static void deaf(const struct rules *rules)
{
    if (is_deaf(rules) && rules_known(rules, KEY_cache_ttl) && !has_ttl(rules))
        rules_wrong(rules, KEY_cache_honour,
                    "off leaves nothing that says how long an answer is fresh; set ttl too, such "
                    "as ttl = 1h, or remove the line");
}

static void longest(const struct rules *rules)
{
    const struct config *config = rules->config;
    char most[DURATION_TEXT];

    if (!has_ttl(rules) || !rules_known(rules, KEY_cache_ttl_max) ||
        config->cache_ttl <= config->cache_ttl_max)
        return;
    duration_format(config->cache_ttl_max, most);
    rules_wrong(rules, KEY_cache_ttl,
                "%s is longer than ttl_max, which is %s; write a shorter one, or raise ttl_max",
                rules_origin(rules, KEY_cache_ttl)->text, most);
}

static void against_the_word(const struct rules *rules)
{
    if (has_ttl(rules))
        rules_note(rules, KEY_cache_ttl,
                   "%s goes against the upstream's word on how long an answer is fresh%s; its "
                   "licence must allow that",
                   rules_origin(rules, KEY_cache_ttl)->text,
                   is_deaf(rules) ? ", and honour = off against its no-store and private" : "");
}

rule *const rules_of_cache[] = {one_client, deaf, longest, against_the_word, NULL};
