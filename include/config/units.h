/*
 * Numbers with a unit, as the configuration writes them: durations (500ms, 30s, 5m, 12h), sizes
 * (512, 64K, 1M), modes (0660). Parsing takes nothing but digits and one unit; formatting takes the
 * largest unit that leaves nothing over, so that what was formatted parses to the same number.
 */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Nanoseconds; false when it is no duration or does not fit. */
bool units_parse_duration(const char *text, int64_t *ns);
bool units_parse_size(const char *text, int64_t *bytes);
/* Octal digits, as chmod takes them. */
bool units_parse_mode(const char *text, int64_t *mode);
bool units_parse_count(const char *text, int64_t *count);
/* "100/m": a number, and the ns that it is for; the units are s, m and h. Blanks may stand around
 * the slash. */
bool units_parse_rate(const char *text, int64_t *count, int64_t *per);

void units_format_duration(int64_t ns, struct buf *out);
void units_format_size(int64_t bytes, struct buf *out);
/* `per` is one of what units_parse_rate gives. */
void units_format_rate(int64_t count, int64_t per, struct buf *out);
void units_format_mode(int64_t mode, struct buf *out);

#endif
