/*
 * The pieces of key_text: what a text is, what it has in it, and the place it names. What is behind
 * an encoding is key_text's own. Only for key_text. Any thread; nothing is kept.
 *
 * NULL: it is nothing of the kind. Else a constant as of key_text_mistaken.
 */
#ifndef JOSE_KEY_TEXT_PARTS_H
#define JOSE_KEY_TEXT_PARTS_H

#include "jose/key_part.h"

/* What random data does not have anywhere: the lines around a key, the names of its members. */
const char *key_text_marks(struct key_part text);

/* What it is from its begin to its end: JSON, a token, markup, configuration, a key of OpenSSH. */
const char *key_text_kind(struct key_part text);

/* The place of keys in place of the keys: a URL, a host, a path, an address. */
const char *key_text_place(struct key_part text);

/* A key in the middle: base64 in a program or a page, rows of a dump, a list of numbers. */
const char *key_text_pieces(struct key_part text);

#endif
