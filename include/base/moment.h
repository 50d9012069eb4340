/*
 * A moment written as text: ISO 8601 in the forms that APIs send (RFC 3339 and its relatives).
 *
 * Any thread.
 */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * 2026-09-22T11:13:20, with T, t or a space; without seconds, or without hyphens or colons too; a
 * fraction of a second is cut; Z, z, +HH, +HHMM or +HH:MM (and -) may follow, with nothing it is
 * UTC. *unix_seconds: seconds since 1970 in UTC.
 * False, and *unix_seconds untouched, when it is anything else, or no such day or time.
 */
bool moment_parse(const char *text, size_t len, int64_t *unix_seconds);

#endif
