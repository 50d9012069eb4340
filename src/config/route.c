/*
 * Two searches of the same kind: the longest prefix that a path begins with, and under it the
 * longest beginning of the postcode. A bisection finds the last text that is not behind the one
 * that is searched, and the way over the links ends at the first that it begins with. One prefix
 * for all postcodes, which most configurations have, costs a comparison.
 */
#include "config/route.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "config/route_index.h"

/* As strcmp orders them; `text` is behind the node's text where it begins with it. */
static bool is_behind(const struct route_node *node, const char *text, size_t len)
{
    const int order = memcmp(node->text, text, node->len < len ? node->len : len);

    return order > 0 || (order == 0 && node->len > len);
}

static bool fits(const struct route_node *node, const char *text, size_t len)
{
    return node->len <= len && memcmp(node->text, text, node->len) == 0;
}

/* The longest of the nodes from `first` that `text` begins with; NULL: none. */
static const struct route_node *find(const struct route_node *nodes, size_t first, size_t count,
                                     const char *text, size_t len)
{
    size_t low = first;
    size_t high = first + count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (is_behind(&nodes[middle], text, len))
            high = middle;
        else
            low = middle + 1;
    }
    size_t at = low > first ? low - 1 : ROUTE_NONE;
    while (at != ROUTE_NONE && !fits(&nodes[at], text, len))
        at = nodes[at].parent;
    return at != ROUTE_NONE ? &nodes[at] : NULL;
}

static const struct route_node *find_prefix(const struct config *config, const char *path,
                                            size_t len)
{
    const struct route_index *index = config->route_index;

    return find(index->prefixes, 0, index->prefix_count, path, len);
}

size_t route_find_prefix(const struct config *config, const char *path, size_t len)
{
    const struct route_node *prefix = find_prefix(config, path, len);

    return prefix != NULL ? prefix->len : 0;
}

/* As the beginnings are kept. What is over their greatest length is not compared. */
static size_t compact(const char *postcode, char out[CONFIG_POSTCODES_MAX])
{
    size_t len = 0;

    for (; *postcode != '\0' && len < CONFIG_POSTCODES_MAX; postcode++) {
        const char c = *postcode;
        if (!text_is(c, TEXT_SPACE | TEXT_HYPHEN))
            out[len++] = text_is(c, TEXT_LOWER) ? (char)(c - 'a' + 'A') : c;
    }
    return len;
}

const struct config_route *route_find(const struct config *config, const char *path,
                                      size_t prefix_len, const char *postcode)
{
    const struct route_index *index = config->route_index;
    const struct route_node *prefix = find_prefix(config, path, prefix_len);
    char text[CONFIG_POSTCODES_MAX];

    MUST(prefix != NULL && prefix->len == prefix_len);
    const struct route_node *only = &index->postcodes[prefix->first];
    if (prefix->count == 1 && only->len == 0)
        return &config->routes[only->first];
    const size_t len = compact(postcode, text);
    const struct route_node *node = find(index->postcodes, prefix->first, prefix->count, text, len);
    return node != NULL ? &config->routes[node->first] : NULL;
}
