/*
 * One value: from the text in a file to the field in struct config or struct config_upstream, by
 * the kind of its key, and back to the text that would be written for it.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/input.h"
#include "config/table.h"

/*
 * Parses into the key's field and appends to `shown` the text that would give the same value from
 * any file: units in their plainest form, paths absolute. False with a fault made.
 */
bool value_parse(const struct input *in, void *field, struct buf *shown);

/* The same for one of a family of keys; `name` is what the file chose. */
bool value_parse_member(const struct input *in, const char *name, void *field, struct buf *shown);

/* Frees and wipes the key's field and leaves it unset. */
void value_fini(const struct config_key *key, void *field);

#endif
