/*
 * A JSON Pointer (RFC 6901) from the configuration: it names one value in a JSON text. It is split
 * and decoded once, when the configuration is loaded; json_scan.h follows it.
 *
 * Immutable once made: any thread.
 */
#ifndef BASE_JSON_POINTER_H
#define BASE_JSON_POINTER_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"

#define JSON_POINTER_TOKENS_MAX 32
/* Bytes of a pointer's text. */
#define JSON_POINTER_LEN_MAX 1024

/* The index of a token that is only a name. No array is as long. */
#define JSON_POINTER_NO_INDEX ((size_t)-1)

/* One step: into an object by name, or into an array by index. */
struct json_pointer_token {
    const char *name; /* decoded, UTF-8, without control characters; a NUL follows */
    size_t len;       /* of the name; 0: the member whose name is empty */
    size_t index;     /* "0", or digits without a leading zero; otherwise JSON_POINTER_NO_INDEX */
};

struct json_pointer {
    const char *text; /* as it was configured */
    size_t count;     /* at most JSON_POINTER_TOKENS_MAX; 0 names a whole text */
    const struct json_pointer_token *tokens;
};

/*
 * `text` begins with "/". ERR_INVALID: `reason` says what is wrong and what to write; it is to
 * stand behind the name of the key. A token "-" is a fault: it names the element behind an array's
 * end, which no text has. The empty pointer is a fault too.
 *
 * *out: the caller's, free it with json_pointer_free; untouched on failure.
 */
ERR_CHECKED enum err json_pointer_new(const char *text, struct reason *reason,
                                      struct json_pointer **out);
/* NULL is allowed. */
void json_pointer_free(struct json_pointer *pointer);

/* As it was configured. Borrowed. */
const char *json_pointer_text(const struct json_pointer *pointer);

#endif
