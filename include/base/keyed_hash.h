/*
 * SipHash-2-4: 64 bits of a text, under a key that nobody outside knows. So nobody can choose texts
 * that share a bucket of a hash table, and slow down everybody's look-ups in it.
 *
 * OpenSSL has it too, but a context of it belongs to one thread, begins with a look-up of the
 * algorithm, and is not offered where the FIPS provider is the only one.
 *
 * Any thread.
 */
#ifndef BASE_KEYED_HASH_H
#define BASE_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t words[2]; /* the key's 16 bytes, least significant first */
};

/* From the system's random numbers. */
struct hash_key hash_key_make(void);

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t len);

#endif
