/*
 * A key's two words are the same function under two keys. Each part of a lookup becomes a hash of
 * its own, and a word is the hash of those, of the parts' lengths and of the shape's: a text of
 * fixed size, so nothing is allocated and no two lists of parts look the same. Two lookups share a
 * key only where both words agree by chance, 1 in 2^128, and nobody outside can work towards it.
 */
#include "cache/key.h"

#include <string.h>

#include "base/text.h"

struct cache_hash cache_hash_make(void)
{
    struct cache_hash hash;

    for (size_t i = 0; i < sizeof(hash.keys) / sizeof(hash.keys[0]); i++)
        hash.keys[i] = hash_key_make();
    return hash;
}

/* No padding: all of its bytes are hashed. Neither text is of 4 GiB, nor a user of 2. */
struct outline {
    uint64_t shape;
    uint64_t target;
    uint64_t user;
    uint32_t target_len;
    uint32_t user_len; /* ALONE: there is no user, which is another thing than "" */
};
_Static_assert(sizeof(struct outline) == 32, "no padding");
#define ALONE UINT32_MAX

static uint64_t word_of(const struct hash_key *key, uint64_t shape, const char *target,
                        const char *user)
{
    const size_t target_len = strlen(target);
    const size_t user_len = user != NULL ? strlen(user) : 0;
    const struct outline outline = {
        .shape = shape,
        .target = keyed_hash(key, target, target_len),
        .user = user != NULL ? keyed_hash(key, user, user_len) : 0,
        .target_len = (uint32_t)target_len,
        .user_len = user != NULL ? (uint32_t)user_len : ALONE,
    };

    return keyed_hash(key, &outline, sizeof(outline));
}

struct cache_shape_words cache_shape_words(const struct cache_hash *hash,
                                           const struct digest *shape)
{
    return (struct cache_shape_words){{keyed_hash(&hash->keys[0], shape, sizeof(*shape)),
                                       keyed_hash(&hash->keys[1], shape, sizeof(*shape))}};
}

struct cache_key cache_key_make(const struct cache_hash *hash,
                                const struct cache_shape_words *shape, const char *target,
                                const char *user)
{
    return (struct cache_key){
        .words = {word_of(&hash->keys[0], shape->words[0], target, user),
                  word_of(&hash->keys[1], shape->words[1], target, user)},
    };
}

/* Whoever forgets a postcode means all that was asked for it, "M11AA" as "M1 1AA". */
uint64_t cache_key_postcode(const struct cache_hash *hash, const char *postcode)
{
    char letters[POSTCODE_MAX];
    size_t len = 0;

    for (; *postcode != '\0' && len < sizeof(letters); postcode++)
        if (text_is(*postcode, TEXT_ALNUM))
            letters[len++] =
                (char)(text_is(*postcode, TEXT_LOWER) ? *postcode - 'a' + 'A' : *postcode);
    return keyed_hash(&hash->keys[2], letters, len);
}
