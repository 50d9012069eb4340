/*
 * Undoes how a server may have escaped what it repeats: percent-encoding, the escapes of JSON
 * strings, and those of HTML, all in one pass. Private to src/token.
 *
 * Any thread.
 */
#ifndef TOKEN_UNESCAPE_H
#define TOKEN_UNESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * In place: text[0 .. *len) loses one layer of escapes, and *len shrinks. from[i] goes with
 * text[i]; it stays that of the escape which the byte was written as. NULL: not wanted. What only
 * looks like an escape stays as it is. False: there was none.
 */
bool unescape(char *text, size_t *from, size_t *len);

#endif
