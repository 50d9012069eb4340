/*
 * How long a response says that it may be kept: max-age of Cache-Control (RFC 9111, section 5.2).
 *
 * Thread: any; without state.
 */
#ifndef MIDDLEWARE_MAX_AGE_H
#define MIDDLEWARE_MAX_AGE_H

#include <stdint.h>

/*
 * In ns, of the field's value (NULL: there is no such field). Negative: it says none, or what is no
 * number of seconds. A number that is too large to count is the largest.
 */
int64_t max_age_of(const char *cache_control);

#endif
