/*
 * Durations as text, in the spelling that the configuration takes: "500ms", "30s", "5m", "12h".
 * Each function writes at most DURATION_TEXT bytes, its NUL included. Any thread.
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

#define DURATION_TEXT 32

/* In nanoseconds; the largest unit that says it whole. What is below a millisecond is cut. */
void duration_format(int64_t duration, char out[DURATION_TEXT]);

/* The same, cut to whole seconds from ten seconds on: "57s" rather than "57123ms". */
void duration_format_rounded(int64_t duration, char out[DURATION_TEXT]);

/*
 * With several units where one does not do: "under 1ms", "420ms", "7s", "4m30s", "1h". Cut to whole
 * seconds from ten seconds on. Returns `out`.
 */
const char *duration_format_parts(int64_t duration, char out[DURATION_TEXT]);

#endif
