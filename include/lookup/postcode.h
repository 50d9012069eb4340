/*
 * The postcode of a lookup (contract 2): from the raw path segment that a caller sent to the bytes
 * that go into the upstream's path, with nothing between that could mean another path.
 */
#ifndef LOOKUP_POSTCODE_H
#define LOOKUP_POSTCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "config/config.h" /* enum config_postcodes */

/* Characters of a postcode, normalised. */
#define POSTCODE_MAX 16

struct postcode {
    char text[POSTCODE_MAX + 1];        /* for people: letters, digits, spaces, hyphens */
    char encoded[3 * POSTCODE_MAX + 1]; /* percent-encoded afresh, for the upstream's path */
};

/*
 * Reads the segment behind /api/v1/addresses/, as it came: not decoded, without query. It is
 * percent-decoded once; ASCII letters, digits, space and hyphen are allowed (`+` is no space).
 * With `normalise`, characters that are pasted in place of those are folded to them
 * (lookup/postcode_fold.h), outer space is trimmed, inner runs of space become one, letters upper
 * case. Without, case and spacing stay, and nothing else is allowed. Either way something but space
 * is left, and what is kept has 1 to POSTCODE_MAX characters of ASCII.
 * ERR_INVALID for anything else: *out is then not touched, and *reason is a sentence for the caller
 * without its full stop. It names the first character that is not allowed by its position (from 1,
 * decoded) and code point, and has no byte of the segment but one of printable ASCII.
 */
ERR_CHECKED enum err postcode_parse(const char *raw, size_t len, bool normalise,
                                    struct postcode *out, struct reason *reason);

/* A query (what follows `?`, which may be empty) by RFC 3986, section 3.4. */
bool query_is_valid(const char *query, size_t len);

/* Room for what postcode_for_log writes, whatever the segment. */
#define POSTCODE_LOG_TEXT 64

/*
 * What a log line may show of a raw segment:
 *   POSTCODES_FULL     as it came, cut (with "..." at its end) where `out` is too small
 *   POSTCODES_OUTWARD  all but the last three characters of its normalised form, encoded, then
 *                      "***": "SW1A%20***"; what is no postcode, or has no more than three: "***"
 *   POSTCODES_OFF      "***"
 * An empty segment stays empty. Bytes from outside are escaped by the log, not here.
 * `size` is at least 4.
 */
void postcode_for_log(const char *raw, size_t len, enum config_postcodes policy, char *out,
                      size_t size);

#endif
