/*
 * What a value may have been meant to be: quotes and comments that belong to it here, units spelt
 * in another way. For faults and notes; no value is changed.
 */
#ifndef CONFIG_HINT_H
#define CONFIG_HINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/table.h"

/* The value in quotes, shortened when it is long. */
void hint_put_value(const char *text, struct buf *out);

/* From where a comment would begin in other programs: # or ; behind a blank. NULL: nowhere. */
const char *hint_comment(const char *text);

/* Whether it begins and ends with the same quote. */
bool hint_is_quoted(const char *text);

/* What to write in the place of a value that a key does not take: "; write 10s", or an example. */
void hint_put_instead(const struct config_key *key, const char *text, struct buf *out);

/*
 * For a value that is at fault: that its quotes, or what seems a comment, are part of it; nothing
 * where there is neither. URLs are not quoted.
 */
void hint_put_form(const struct config_key *key, const char *text, struct buf *out);

#endif
