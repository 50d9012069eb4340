/* HTTP dates (RFC 9110, section 5.6.7): IMF-fixdate, and the two obsolete forms. Any thread. */
#ifndef BASE_HTTP_DATE_H
#define BASE_HTTP_DATE_H

#include <stdbool.h>

#include "base/clock.h"

/*
 * False: it is none of the three forms, to the letter but for case (RFC 9111, section 4.2), or no
 * date. `now` decides a year of two digits. A time that does not fit is the nearest that does.
 */
bool http_date_parse(const char *text, struct wall_time now, struct wall_time *out);

#endif
