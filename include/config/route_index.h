/*
 * The routes in the order that a search needs: prefixes sorted, under each its beginnings of
 * postcodes sorted. It is built once, when the configuration was read. Private to config/.
 */
#ifndef CONFIG_ROUTE_INDEX_H
#define CONFIG_ROUTE_INDEX_H

#include <stddef.h>

#include "config/config.h"

#define ROUTE_NONE SIZE_MAX

/* A text among others that are sorted. */
struct route_node {
    const char *text; /* borrowed from the routes */
    size_t len;
    size_t parent; /* the node of the longest text that this one begins with; ROUTE_NONE: none */
    size_t first;  /* of a prefix: its postcodes; of a postcode: its route */
    size_t count;  /* of a prefix: how many postcodes there are */
};

struct route_index {
    struct route_node *prefixes; /* each once */
    size_t prefix_count;
    /* Grouped by prefix. A route without postcodes has one whose text is "", with which every
     * postcode begins. Equal ones stand side by side, in the order of their routes; that is a
     * fault. */
    struct route_node *postcodes;
    size_t postcode_count;
};

/* Routes whose prefix is at fault are left out. */
struct route_index *route_index_new(const struct config *config);
/* NULL is allowed. */
void route_index_free(struct route_index *index);

#endif
