/*
 * Cache-Control, taken apart (RFC 9111, section 5.2; RFC 5861; RFC 8246 is not followed). What
 * cannot be read makes an answer less storable, never more: section 4.2.1.
 *
 * Any thread.
 */
#ifndef CACHE_DIRECTIVES_H
#define CACHE_DIRECTIVES_H

#include <stdbool.h>
#include <stdint.h>

#define DIRECTIVE_NONE (-1) /* no such directive */

struct directives {
    bool faulty; /* a part of it is no directive: nothing may be concluded from those that are */
    bool no_store;
    bool no_cache; /* with field names too: those would have to be left out */
    bool is_private;
    bool is_public;
    bool must_revalidate;
    bool proxy_revalidate;
    bool must_understand;
    /* Seconds, at most 2^31; 0 where the argument cannot be read or two of them disagree. */
    int64_t max_age;
    int64_t s_maxage;
    int64_t stale_if_error;
    int64_t stale_while_revalidate;
    bool garbled; /* one of these four has an argument that cannot be read */
};

/* `value`: all Cache-Control fields, joined with commas; NULL: none. */
void directives_parse(const char *value, struct directives *out);

#endif
