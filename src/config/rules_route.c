/*
 * Rules about routes: that each leads to upstreams that there are, and that for every path and
 * postcode one of them is meant.
 */
#include "config/rules_internal.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/table.h"

/* Names in a fault. */
#define NAMES_MAX 4096

static bool is_built_in(const struct config_route *route)
{
    return route->name[0] == '\0';
}

/* "main, spare" */
static void put_names(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", config->upstreams[i].name);
}

/* Which of several upstreams a lookup goes to is not for the daemon to choose. */
static void has_route(const struct rules *rules)
{
    const struct config *config = rules->config;
    struct buf names;

    if (config->upstream_count < 2 || !is_built_in(&config->routes[0]))
        return;
    buf_init(&names, NAMES_MAX);
    put_names(config, &names);
    faults_add(rules->faults, rules->main, "route NAME", NULL,
               "is missing, and there are %zu upstreams; write [route all], and below it upstream "
               "= %s, in the order in which they are to be asked",
               config->upstream_count, buf_text(&names));
    buf_fini(&names);
}

static bool is_upstream(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (text_equal_ci(config->upstreams[i].name, name))
            return true;
    }
    return false;
}

static void unknown_upstream(const struct rules *rules, const char *name)
{
    const struct config *config = rules->config;
    const char *names[CONFIG_UPSTREAMS_MAX];

    for (size_t i = 0; i < config->upstream_count; i++)
        names[i] = config->upstreams[i].name;
    const char *near = config_name_near(names, config->upstream_count, name);
    if (near != NULL)
        rules_wrong(rules, KEY_route_upstream, "there is no [upstream %s]; did you mean %s?", name,
                    near);
    else
        rules_wrong(rules, KEY_route_upstream,
                    "there is no [upstream %s]; write one, or name another", name);
}

static void upstreams(const struct rules *rules)
{
    const struct config_list *list = &rules->route->upstream;

    for (size_t i = 0; i < list->count; i++) {
        if (!is_upstream(rules->config, list->items[i]))
            unknown_upstream(rules, list->items[i]);
        for (size_t j = 0; j < i; j++) {
            if (!text_equal_ci(list->items[i], list->items[j]))
                continue;
            rules_wrong(rules, KEY_route_upstream, "names %s twice; remove one", list->items[i]);
            break;
        }
    }
}

rule *const rules_of_routes[] = {has_route, NULL};
rule *const rules_of_route[] = {upstreams, NULL};
