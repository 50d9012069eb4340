/*
 * Sorted texts with a link from each to the longest one that it begins with. All texts that a given
 * text begins with are then on the way from its predecessor over the links, the longest first.
 */
#include "config/route_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A beginning of postcodes with the prefix that it stands under. */
struct entry {
    const char *prefix;
    const char *postcode;
    size_t route;
};

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->prefix, b->prefix);

    if (order == 0)
        order = strcmp(a->postcode, b->postcode);
    if (order != 0)
        return order;
    return a->route < b->route ? -1 : a->route > b->route;
}

static size_t count_entries(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->route_count; i++)
        count += config->routes[i].postcodes.count > 0 ? config->routes[i].postcodes.count : 1;
    return count;
}

/* How many there are. */
static size_t put_entries(const struct config *config, struct entry *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (route->prefix == NULL)
            continue;
        if (route->postcodes.count == 0)
            entries[count++] = (struct entry){route->prefix, "", i};
        for (size_t j = 0; j < route->postcodes.count; j++)
            entries[count++] = (struct entry){route->prefix, route->postcodes.items[j], i};
    }
    return count;
}

static bool begins_with(const struct route_node *node, const struct route_node *other)
{
    return node->len >= other->len && memcmp(node->text, other->text, other->len) == 0;
}

/* Puts a node behind the others, the first of which is at `first`. Whoever is on the way of links
 * from the one before is the only one that it can begin with. */
static struct route_node *add(struct route_node *nodes, size_t first, size_t *count,
                              const char *text)
{
    struct route_node *node = &nodes[*count];

    *node = (struct route_node){
        .text = text,
        .len = strlen(text),
        .parent = *count > first ? *count - 1 : ROUTE_NONE,
    };
    while (node->parent != ROUTE_NONE && !begins_with(node, &nodes[node->parent]))
        node->parent = nodes[node->parent].parent;
    (*count)++;
    return node;
}

static void put_nodes(struct route_index *index, const struct entry *entries, size_t count)
{
    struct route_node *prefix = NULL;

    for (size_t i = 0; i < count; i++) {
        if (prefix == NULL || strcmp(prefix->text, entries[i].prefix) != 0) {
            prefix = add(index->prefixes, 0, &index->prefix_count, entries[i].prefix);
            prefix->first = index->postcode_count;
        }
        add(index->postcodes, prefix->first, &index->postcode_count, entries[i].postcode)->first =
            entries[i].route;
        prefix->count++;
    }
}

struct route_index *route_index_new(const struct config *config)
{
    const size_t room = count_entries(config);
    struct entry *entries = mem_zalloc(room * sizeof(*entries));
    struct route_index *index = mem_zalloc(sizeof(*index));
    const size_t count = put_entries(config, entries);

    if (count > 1)
        qsort(entries, count, sizeof(*entries), compare_entries);
    index->prefixes = mem_zalloc(config->route_count * sizeof(*index->prefixes));
    index->postcodes = mem_zalloc(room * sizeof(*index->postcodes));
    put_nodes(index, entries, count);
    mem_free(entries);
    return index;
}

void route_index_free(struct route_index *index)
{
    if (index == NULL)
        return;
    mem_free(index->prefixes);
    mem_free(index->postcodes);
    mem_free(index);
}
