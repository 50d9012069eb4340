/*
 * Cookies, read from the text of a Cookie field (RFC 6265, section 5.4). libmicrohttpd has a parser
 * too, but 1.x drops values that hold a space.
 */
#ifndef EXCHANGE_COOKIE_H
#define EXCHANGE_COOKIE_H

#include <stddef.h>

/*
 * How many cookies of this name (case-sensitive) the field's text has. *value, *len: the value of
 * the first one, within the text, without white space around it and without one pair of quotes;
 * NULL and 0 when there is none. One whose value is empty then counts as none: browsers and proxies
 * send it in the place of one that was deleted.
 */
size_t cookie_find(const char *text, const char *name, const char **value, size_t *len);

#endif
