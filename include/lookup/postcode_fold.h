/*
 * What a character of a pasted postcode stands for (contract 2). A word processor, a web page and a
 * Japanese keyboard write spaces, hyphens, letters and digits that look like those of ASCII, and
 * characters that cannot be seen at all.
 */
#ifndef LOOKUP_POSTCODE_FOLD_H
#define LOOKUP_POSTCODE_FOLD_H

#include <stdint.h>

enum postcode_fold {
    FOLD_NONE, /* stands for nothing that a postcode may hold */
    FOLD_TO,   /* for one character: a letter, a digit, a space or a hyphen of ASCII */
    FOLD_DROP, /* for nothing: it is invisible */
    FOLD_EDGE, /* for nothing, but before the first or behind the last character only */
};

/* `code` is a code point; *to is written for FOLD_TO. Letters keep their case. Any thread. */
enum postcode_fold postcode_fold(uint32_t code, char *to);

#endif
