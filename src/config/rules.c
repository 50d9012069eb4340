/*
 * Rules over several keys, one function each. A rule speaks only of values that were understood: a
 * key that is at fault already would make every rule that reads it a second, false fault.
 */
#include "config/rules.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/rules_internal.h"

/* What a line for a required key looks like. */
static const char *form_of(enum config_key_index key)
{
    switch (key) {
    case KEY_upstream_address:
        return "https://HOST[:PORT][/PREFIX]";
    case KEY_route_upstream:
        return "NAME";
    default:
        return "ID";
    }
}

static void required(const struct rules *rules)
{
    for (enum config_key_index i = 0; i < KEY_COUNT; i++) {
        struct buf allowed;
        if ((config_keys[i].flags & CONFIG_REQUIRED) == 0 || config_keys[i].owner != rules->owner ||
            rules_given(rules, i))
            continue;
        buf_init(&allowed, 1024);
        config_key_allowed(&config_keys[i], &allowed);
        rules_wrong(rules, i, "is %s; must be %s; write %s = %s", rules_absent(rules, i),
                    buf_text(&allowed), config_keys[i].name, form_of(i));
        buf_fini(&allowed);
    }
}

static void headers_differ(const struct rules *rules)
{
    const char *tracker = rules->config->tracker_header;
    const char *forward = rules->config->identity_forward_header;

    if (tracker != NULL && forward != NULL && text_equal_ci(tracker, forward))
        rules_wrong(rules, KEY_identity_forward_header,
                    "%s is the header of [tracker] too; name another header, such as X-User",
                    forward);
}

static rule *const process_rules[] = {required, headers_differ, NULL};

static rule *const upstream_rules[] = {required, NULL};

static rule *const route_rules[] = {required, NULL};

static void run(const struct rules *rules, rule *const *list)
{
    for (; *list != NULL; list++)
        (*list)(rules);
}

void rules_check(const struct snapshot *snapshot, struct config_place place,
                 struct config_faults *faults)
{
    struct rules rules = {
        .snapshot = snapshot,
        .config = &snapshot->config,
        .main = place,
        .faults = faults,
    };

    run(&rules, process_rules);
    run(&rules, rules_of_listeners);
    run(&rules, rules_of_tls);
    run(&rules, rules_of_identity);
    run(&rules, rules_of_quota);
    run(&rules, rules_of_fleet);
    run(&rules, rules_of_cache);
    run(&rules, rules_of_routes);
    rules.owner = OWNER_UPSTREAM;
    for (; rules.index < rules.config->upstream_count; rules.index++) {
        rules.upstream = &rules.config->upstreams[rules.index];
        run(&rules, upstream_rules);
        run(&rules, rules_of_upstream);
        run(&rules, rules_of_auth);
        run(&rules, rules_of_rate);
        run(&rules, rules_of_member);
    }
    rules.owner = OWNER_ROUTE;
    rules.upstream = NULL;
    for (rules.index = 0; rules.index < rules.config->route_count; rules.index++) {
        rules.route = &rules.config->routes[rules.index];
        if (rules.route->name[0] == '\0')
            continue;
        run(&rules, route_rules);
        run(&rules, rules_of_route);
    }
}
