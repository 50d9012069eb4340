/*
 * A key's two words are the same function under two keys. Each part of a lookup becomes a hash of
 * its own, and a word is the hash of those, of the parts' lengths and of the shape: a text of fixed
 * size, so nothing is allocated and no two lists of parts look the same. Two lookups share a key
 * only where both words agree by chance, 1 in 2^128, and nobody outside can work towards it.
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

/* No padding: all of its bytes are hashed. */
struct outline {
    struct digest shape;
    uint64_t target_len;
    uint64_t target;
    uint64_t has_user;
    uint64_t user_len;
    uint64_t user;
};
_Static_assert(sizeof(struct outline) == 72, "no padding");

static uint64_t word_of(const struct hash_key *key, const struct digest *shape, const char *target,
                        const char *user)
{
    struct outline outline = {.shape = *shape, .has_user = user != NULL};

    outline.target_len = strlen(target);
    outline.target = keyed_hash(key, target, outline.target_len);
    if (user != NULL) {
        outline.user_len = strlen(user);
        outline.user = keyed_hash(key, user, outline.user_len);
    }
    return keyed_hash(key, &outline, sizeof(outline));
}

struct cache_key cache_key_make(const struct cache_hash *hash, const struct digest *shape,
                                const char *target, const char *postcode, const char *user)
{
    return (struct cache_key){
        .words = {word_of(&hash->keys[0], shape, target, user),
                  word_of(&hash->keys[1], shape, target, user)},
        .postcode = cache_key_postcode(hash, postcode),
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
