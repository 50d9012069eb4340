/*
 * SipHash-2-4 as its authors describe it (Aumasson and Bernstein, 2012): two rounds for each eight
 * bytes, the last of which carry the length, and four at the end. Words are little-endian, so the
 * result is the same on every machine.
 *
 * Every lookup is hashed where answers are kept: the state has to stay in registers, and so all of
 * it is inlined.
 */
#include "base/keyed_hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

#define INLINE static inline __attribute__((always_inline))

struct state {
    uint64_t v0, v1, v2, v3;
};

INLINE uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

INLINE void round_once(struct state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

INLINE void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    round_once(s);
    round_once(s);
    s->v0 ^= word;
}

/* At most eight bytes. */
INLINE uint64_t word_of(const unsigned char *bytes, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, bytes, len);
    return le64toh(word);
}

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t len)
{
    const uint64_t k0 = key->words[0], k1 = key->words[1];
    struct state s = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
    const unsigned char *at = bytes;
    size_t left = len;

    for (; left >= 8; left -= 8, at += 8)
        absorb(&s, word_of(at, 8));
    absorb(&s, word_of(at, left) | (uint64_t)len << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        round_once(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct hash_key hash_key_make(void)
{
    struct hash_key key;
    ssize_t n;

    /* So few bytes come all at once or not at all. */
    do {
        n = getrandom(&key, sizeof(key), 0);
    } while (n < 0 && errno == EINTR);
    MUST(n == (ssize_t)sizeof(key));
    return key;
}
