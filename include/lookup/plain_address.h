/*
 * A check without a parser: is a body certainly an address? Private to lookup/address.c.
 */
#ifndef LOOKUP_PLAIN_ADDRESS_H
#define LOOKUP_PLAIN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True: a JSON object (RFC 8259) as address_check wants it, of well-formed UTF-8, no name twice in
 * an object. False: only the parser can tell.
 */
bool plain_address(const char *body, size_t len);

#endif
