/* What a lookup asks for. */
#ifndef LOOKUP_QUERY_H
#define LOOKUP_QUERY_H

#include "base/buf.h"
#include "exchange/lookup_stats.h"
#include "lookup/postcode.h"

/*
 * What is looked up; copied, but for its strings, which are borrowed until `done` is called or
 * the context is cancelled. NULL: not given.
 */
struct lookup_query {
    struct postcode postcode;
    const char *user;  /* "": no identity */
    const char *query; /* valid by query_is_valid; goes upstream unchanged */
    const char *if_none_match;
    const char *if_modified_since;
    /* Of an answer that is kept: sent in the place of those two, to the upstream of this index
     * (struct config_upstream) alone, and whatever its body becomes. */
    struct {
        size_t upstream;
        const char *etag, *last_modified; /* both NULL: nothing is kept */
    } kept;
    /* Borrowed likewise; set at once, and written as the lookup goes on. */
    struct lookup_stats *stats;
    struct buf *outline; /* what the body of a 200 looks like is appended (lookup/body.h) */
};

#endif
