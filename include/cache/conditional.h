/*
 * A caller's If-None-Match and If-Modified-Since, judged by the answer at hand (RFC 9110, sections
 * 13.1.2, 13.1.3 and 13.2.2).
 *
 * Any thread.
 */
#ifndef CACHE_CONDITIONAL_H
#define CACHE_CONDITIONAL_H

#include <stdbool.h>

#include "base/clock.h"

/* NULL is absent in all four. True: the caller has it already, which is a 304. */
bool conditional_holds(const char *if_none_match, const char *if_modified_since, const char *etag,
                       const char *last_modified, struct wall_time now);

#endif
