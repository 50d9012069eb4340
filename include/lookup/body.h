/*
 * The body of an upstream's 200 (contract 2): what it means by the rules of an upstream, and the
 * small object that a caller may get in its place.
 *
 * Any thread.
 */
#ifndef LOOKUP_BODY_H
#define LOOKUP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json_pointer.h"
#include "base/reason.h"

/* How an upstream's bodies are read. All borrowed; NULL is "not set", {0} the default of all. */
struct body_rules {
    const struct json_pointer *found;    /* leads to something: good. NULL: the default shape */
    const struct json_pointer *failed;   /* leads to something: rejected */
    const struct json_pointer *postcode; /* for the answer; NULL: /postcode */
    const struct json_pointer *country;  /* for the answer; NULL: /country */
    const char *country_constant;        /* UTF-8; in place of `country` */
    bool address;                        /* make an answer */
};

enum body_verdict {
    BODY_GOOD,
    BODY_UNKNOWN,   /* the upstream knows no such postcode: as a 404 */
    BODY_REJECTED,  /* the upstream reports a failure in a 200: as a 401 */
    BODY_MALFORMED, /* `reason` says why */
};

/* What a caller gets in place of the body. */
struct body_answer {
    char *text; /* the receiver's, free() it; NULL: there is none, the body itself is the answer */
    size_t len;
};

/*
 * The body must be JSON as json_scan.h accepts it. Then, in this order:
 *
 *   failed  leads to something: BODY_REJECTED.
 *   found   leads to something: BODY_GOOD; to nothing, or past the end of an array: BODY_UNKNOWN;
 *           nowhere, for a member is missing or a value is of another type: BODY_MALFORMED.
 *   Without `found` the body is an object with a string `postcode`, and with a string or null
 *   `country` where that member is present: BODY_GOOD. Anything else: BODY_MALFORMED.
 *
 * "Something" is every value but null, false, 0, "", [] and {}.
 *
 * With `address` a good body leaves {"postcode":"…","country":…} in *answer, without a newline. The
 * postcode is the string or number that its pointer leads to; `asked` (UTF-8) where there is none
 * or it is empty. The country likewise, or the constant; null where there is none. Both are JSON
 * strings, a number is written as a string. In every other case *answer is {NULL, 0}.
 *
 * `reason` is written for BODY_MALFORMED only. It says what is wrong and, where known, at which
 * byte; it may name members that a pointer names, never a name or a value of the body.
 */
enum body_verdict body_check(const struct body_rules *rules, const char *body, size_t len,
                             const char *asked, struct body_answer *answer, struct reason *reason);

/*
 * For the operator who writes the rules: what a body looks like, without any value of it. Appends
 * the names of the outermost object's members, with type and length, such as
 *
 *   header (object), results (array of 3), status (string of 2)
 *
 * or what else it is: "an array of 3", "an HTML page", "compressed (gzip)", "empty". Printable
 * ASCII; at most BODY_OUTLINE_MAX bytes. The result is in `out`.
 */
#define BODY_OUTLINE_MAX 1200
void body_outline(const char *body, size_t len, struct buf *out);

#endif
