/*
 * Rules about routes: that each leads to upstreams that there are, and that for every path and
 * postcode one of them is meant.
 */
#include "config/rules_internal.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/route_index.h"
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

    if (config->upstream_count < 2 || rules->snapshot->routes[0].place.file != NULL)
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
    else if (strpbrk(name, " ;\t") != NULL)
        rules_wrong(rules, KEY_route_upstream,
                    "there is no [upstream %s]; write commas between the names of several", name);
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

/* How an upstream is asked; bodies of one way of asking have one shape. */
static bool same_shape(const struct rules *rules, size_t a, size_t b)
{
    static const enum config_key_index keys[] = {
        KEY_upstream_lookup_path, KEY_upstream_lookup_target, KEY_upstream_lookup_found};

    if (rules->config->upstreams[a].answer == ANSWER_ADDRESS)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct config_key *key = &config_keys[keys[i]];
        const char *one = snapshot_origin(rules->snapshot, key, a)->text;
        const char *other = snapshot_origin(rules->snapshot, key, b)->text;
        if (strcmp(one != NULL ? one : "", other != NULL ? other : "") != 0)
            return false;
    }
    return true;
}

/* A caller should not see by the shape of an answer which upstream gave it. */
static void answers(const struct rules *rules)
{
    const struct config_upstream *upstreams = rules->config->upstreams;
    const struct config_route *route = rules->route;

    for (size_t i = 1; i < route->upstream_count; i++) {
        const size_t a = route->upstreams[0];
        const size_t b = route->upstreams[i];
        if (upstreams[a].answer == upstreams[b].answer && same_shape(rules, a, b))
            continue;
        rules_note(rules, KEY_route_upstream,
                   "%s and %s differ in %s, so that callers may get bodies of two shapes; set "
                   "answer = address for each of them",
                   upstreams[a].name, upstreams[b].name,
                   upstreams[a].answer != upstreams[b].answer
                       ? "answer"
                       : "lookup_* and pass bodies on as they are");
        return;
    }
}

static bool is_named(const struct config *config, size_t upstream)
{
    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t j = 0; j < config->routes[i].upstream_count; j++) {
            if (config->routes[i].upstreams[j] == upstream)
                return true;
        }
    }
    return false;
}

/* Names that are at fault may be what was meant. */
static bool names_are_known(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (is_built_in(route) || route->upstream_count == 0 ||
            route->upstream_count != route->upstream.count)
            return false;
    }
    return true;
}

static void unused(const struct rules *rules)
{
    const struct config *config = rules->config;

    if (!names_are_known(config))
        return;
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (is_named(config, i))
            continue;
        char *section =
            snapshot_section(config, &config_keys[config_owners[OWNER_UPSTREAM].first], i);
        faults_note(rules->faults, rules->snapshot->upstreams[i].place, section, NULL,
                    "no route names it, so that it gets no lookups; name it in upstream of a "
                    "route, or remove it");
        mem_free(section);
    }
}

/* Where something is said of a key of a route. */
static struct config_place place_of(const struct rules *rules, size_t route,
                                    enum config_key_index key)
{
    const struct snapshot_origin *origin =
        snapshot_origin(rules->snapshot, &config_keys[key], route);

    return origin->place.file != NULL ? origin->place : rules->snapshot->routes[route].place;
}

/* `first` and then `second` have the same postcodes, or none, and the same prefix. */
static void ambiguous(const struct rules *rules, const char *postcode, size_t first, size_t second)
{
    const enum config_key_index key = *postcode != '\0' ? KEY_route_postcodes : KEY_route_prefix;
    const struct config_place here = place_of(rules, second, key);
    const struct config_place there = place_of(rules, first, key);
    const struct config_route *other = &rules->config->routes[first];
    char *section = snapshot_section(rules->config, &config_keys[key], second);

    if (first == second)
        faults_add(rules->faults, here, section, config_keys[key].name, "has %s* twice; remove one",
                   postcode);
    else if (*postcode != '\0')
        faults_add(rules->faults, here, section, config_keys[key].name,
                   "%s* is in [route %s] too, for the same prefix %s (%s:%u); keep it in one of "
                   "the two",
                   postcode, other->name, other->prefix, there.file, there.line);
    else
        faults_add(rules->faults, here, section, config_keys[key].name,
                   "%s is the prefix of [route %s] too (%s:%u), and neither has postcodes; give "
                   "one of them postcodes or another prefix",
                   other->prefix, other->name, there.file, there.line);
    mem_free(section);
}

/* A route whose postcodes are at fault seems to have none. */
static bool is_doubtful(const struct rules *rules, size_t route)
{
    const struct snapshot_origin *origin =
        snapshot_origin(rules->snapshot, &config_keys[KEY_route_postcodes], route);

    return origin->given && origin->text == NULL;
}

/* One fault for each route: a list that was copied would make one for each entry. */
static void unambiguous(const struct rules *rules)
{
    const struct route_index *index = rules->config->route_index;
    bool *told = mem_zalloc(rules->config->route_count * sizeof(*told));

    for (size_t i = 0; i < index->prefix_count; i++) {
        const struct route_node *prefix = &index->prefixes[i];
        for (size_t j = prefix->first + 1; j < prefix->first + prefix->count; j++) {
            const struct route_node *one = &index->postcodes[j - 1];
            const struct route_node *other = &index->postcodes[j];
            if (strcmp(one->text, other->text) != 0 || told[other->first] ||
                is_doubtful(rules, one->first) || is_doubtful(rules, other->first))
                continue;
            told[other->first] = true;
            ambiguous(rules, other->text, one->first, other->first);
        }
    }
    mem_free(told);
}

/* The listeners of lookups tell whoever asks for these where they are, before any route. */
static void reserved(const struct rules *rules)
{
    static const struct {
        const char *path;
        const char *section;
    } paths[] = {{"/readyz/", "metrics"}, {"/tokens/", "admin"}, {"/cache/forget/", "admin"}};
    const char *prefix = rules->route->prefix;

    for (size_t i = 0; prefix != NULL && i < ARRAY_LEN(paths); i++) {
        if (strncmp(prefix, paths[i].path, strlen(paths[i].path)) == 0)
            rules_wrong(rules, KEY_route_prefix,
                        "%s cannot be a prefix: %s belongs to [%s] listen; write another", prefix,
                        paths[i].path, paths[i].section);
    }
}

rule *const rules_of_routes[] = {has_route, unused, unambiguous, NULL};
rule *const rules_of_route[] = {upstreams, answers, reserved, NULL};
