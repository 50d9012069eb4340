/*
 * Whether a key file holds nothing secret, so that others may read it. A secret is whatever could
 * sign, be it used or not: a private key that is left out of a set is one all the same.
 *
 * Any thread. Nothing here keeps, quotes or leaves behind what it read.
 */
#ifndef JOSE_KEY_PUBLIC_H
#define JOSE_KEY_PUBLIC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * `bytes`: what a key file holds. True for PEM of public keys and certificates alone, and for JSON
 * without a member that a private or symmetric key has. False for anything else, and for what
 * cannot be read.
 */
bool key_public_only(const char *bytes, size_t len);

#endif
