/*
 * A piece of a key file's text, and what is asked of it; and the words of its faults. Only for
 * jose/. Any thread; a piece is borrowed.
 */
#ifndef JOSE_KEY_PART_H
#define JOSE_KEY_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a fault of key_text ends: what the file should hold. */
#define KEY_NEEDED                                                                                 \
    "it should be a JWK, a JWK set, a public key or certificate in PEM, or a secret of random "    \
    "bytes"
#define KEY_NO_SECRET "a public key is not an HMAC secret; " KEY_NEEDED

struct key_part {
    const char *at;
    size_t len;
};

/* Blank, line break, form feed or vertical tab. */
bool key_part_is_space(char c);

/* Without the white space around it. */
struct key_part key_part_trim(struct key_part part);

/* Without its first `skip` bytes; it has as many. */
struct key_part key_part_rest(struct key_part part, size_t skip);

/* Up to the first line break, which may be a carriage return alone; *part is what is behind it. */
struct key_part key_part_line(struct key_part *part);

bool key_part_starts(struct key_part part, const char *prefix);
/* Whatever the ASCII case. */
bool key_part_starts_ci(struct key_part part, const char *prefix);
bool key_part_ends(struct key_part part, const char *suffix);
bool key_part_holds(struct key_part part, const char *text);
bool key_part_holds_ci(struct key_part part, const char *text);

/* How many bytes of the classes (base/text.h) it begins with. */
size_t key_part_span(struct key_part part, uint32_t classes);

#endif
