/*
 * A strict check of a JSON text (RFC 8259) in one pass, without a tree, which also finds the values
 * that pointers name. Where jansson would make an object of each value, this leaves references into
 * the text.
 *
 * Any thread. Nothing of a text is kept.
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/err.h"
#include "base/json_pointer.h"
#include "base/json_value.h"
#include "base/reason.h"

/* Open objects and arrays. */
#define JSON_SCAN_DEPTH_MAX 128
/* Pointers that one pass can follow. */
#define JSON_SCAN_POINTERS_MAX 8

/* Where a pointer leads. */
enum json_scan_kind {
    JSON_SCAN_VALUE,          /* to a value */
    JSON_SCAN_MISSING_MEMBER, /* an object on the way has no such member */
    JSON_SCAN_PAST_END,       /* past the end of an array; of an empty one with any token */
    JSON_SCAN_NOTHING,        /* null, false, 0 or "" is on the way */
    JSON_SCAN_MISMATCH,       /* another scalar is on the way, or an array where a name is given */
};

struct json_scan_result {
    enum json_scan_kind kind;
    size_t depth; /* how many of its tokens lead to `value`; all of them with JSON_SCAN_VALUE */
    struct json_value value; /* the value, or the one from which the next token leads nowhere */
};

/*
 * Checks the `len` bytes of `text`, any JSON value with nothing but white space around it.
 * results[i] says where pointers[i] leads; `count` is at most JSON_SCAN_POINTERS_MAX, and both may
 * be NULL when it is 0.
 *
 * Stricter than RFC 8259: valid UTF-8 without a byte-order mark, no lone surrogates, no name twice
 * in an object ("a" and "\u0061" are the same name), no NUL in a name, JSON_SCAN_DEPTH_MAX levels.
 * Numbers may have any length and any exponent. "\u0000" is allowed in a value.
 *
 * The time is linear in `len`, up to a logarithm for objects of many names. Memory is allocated
 * only where the open objects have many names.
 *
 * ERR_INVALID: `reason` says what is wrong and at which byte (the first is byte 1), and nothing of
 * the text. ERR_SYSTEM: memory was refused; `reason` says so. `results` are then undefined.
 */
ERR_CHECKED enum err json_scan(const char *text, size_t len,
                               const struct json_pointer *const *pointers, size_t count,
                               struct json_scan_result *results, struct reason *reason);

#endif
