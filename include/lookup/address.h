/*
 * What an address is (contract 2): the body of an upstream's 200, checked and passed on unchanged.
 */
#ifndef LOOKUP_ADDRESS_H
#define LOOKUP_ADDRESS_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"

/*
 * A JSON text (RFC 8259) that is one object, without duplicate names at any depth, in valid UTF-8
 * without a byte order mark, with nothing but white space around it; with a string `postcode`, and
 * `country` a string where present. Nesting is bounded (jansson: 2048 levels). "\u0000" is
 * allowed in a value, for it is JSON and the bytes are only passed on; not in a name.
 *
 * ERR_INVALID: `reason` says what and, where known, at which byte; never what the body held.
 */
ERR_CHECKED enum err address_check(const char *body, size_t len, struct reason *reason);

#endif
