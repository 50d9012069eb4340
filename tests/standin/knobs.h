/*
 * The faults and measures that can be turned: by an option at the start (--token-delay MS), and by
 * POST /standin/set?token_delay=MS while it runs. One table serves both, and --help.
 *
 * A knob is a number; a flag is 0 or 1, and needs no value on the command line. Further below are
 * those that are texts, such as a field of an answer; in a query they are percent-encoded.
 */
#ifndef STANDIN_KNOBS_H
#define STANDIN_KNOBS_H

#include <stdbool.h>

/* id, name, the value's name (NULL: a flag), smallest, largest, at start, whole only, help */
#define KNOB_TABLE(X)                                                                              \
    X(KNOB_LIFETIME, "lifetime", "SECONDS", 0.001, 86400 * 365, 3600, false,                       \
      "how long a token lives; fractions are allowed")                                             \
    X(KNOB_DELAY, "delay", "MS", 0, 3600000, 0, true, "each lookup's answer waits this long")      \
    X(KNOB_TOKEN_DELAY, "token_delay", "MS", 0, 3600000, 0, true,                                  \
      "each token's answer waits this long")                                                       \
    X(KNOB_HOLD, "hold", NULL, 0, 1, 0, true, "lookups wait until this is turned off")             \
    X(KNOB_TOKEN_HOLD, "token_hold", NULL, 0, 1, 0, true,                                          \
      "token requests wait until this is turned off")                                              \
    X(KNOB_ERROR_SHARE, "error_share", "PERCENT", 0, 100, 0, false,                                \
      "this share of authorised lookups, evenly spread, is answered 500")                          \
    X(KNOB_LOOKUP_STATUS, "lookup_status", "N", 0, 599, 0, true,                                   \
      "authorised lookups are answered with this status; 0: as they should be")                    \
    X(KNOB_RETRY_AFTER, "retry_after", "SECONDS", 0, 86400, 60, true,                              \
      "the Retry-After of a 429 to a lookup; 0: none")                                             \
    X(KNOB_UNAUTHORIZED, "unauthorized", "N", 0, 1e9, 0, true,                                     \
      "the next N lookups are answered 401, whatever their token")                                 \
    X(KNOB_TOKEN_DOWN, "token_down", NULL, 0, 1, 0, true, "token requests are answered 503")       \
    X(KNOB_TOKEN_STATUS, "token_status", "N", 0, 599, 0, true,                                     \
      "token requests are answered with this status; 0: as they should be")                        \
    X(KNOB_TOKEN_ECHO, "token_echo", NULL, 0, 1, 0, true,                                          \
      "a refusal of a token request repeats the request, its secret too")                          \
    X(KNOB_SAME_TOKEN, "same_token", NULL, 0, 1, 0, true,                                          \
      "hands out the same dying token for as long as it lives")                                    \
    X(KNOB_BODY_SIZE, "body_size", "BYTES", 0, 1e6, 0, true,                                       \
      "an address has so many bytes at least: results, one after the other")                       \
    X(KNOB_VERSION, "version", "N", 0, 1e9, 0, true,                                               \
      "an address says which version it is, and its ETag is another; 0: it does not")              \
    X(KNOB_ETAG, "etag", "N", 0, 2, 1, true, "the ETag of an address: 0 none, 1 strong, 2 weak")   \
    X(KNOB_ERROR_FIELDS, "error_fields", NULL, 0, 1, 0, true,                                      \
      "errors have Cache-Control, Expires, Age and Vary too")                                      \
    X(KNOB_TRICKLE, "trickle", NULL, 0, 1, 0, true,                                                \
      "an address ends after its first byte until this is turned off")                             \
    X(KNOB_TOKEN_SIZE, "token_size", "BYTES", 16, 16384, 40, true, "the length of a token")

/* id, name, the value's name, at start, help */
#define TEXT_TABLE(X)                                                                              \
    X(TEXT_CACHE_CONTROL, "cache_control", "TEXT", "private, max-age=86400",                       \
      "Cache-Control of an address; empty: none, as for those below")                              \
    X(TEXT_EXPIRES, "expires", "TEXT", "", "Expires of an address")                                \
    X(TEXT_AGE, "age", "TEXT", "", "Age of an address")                                            \
    X(TEXT_VARY, "vary", "TEXT", "", "Vary of an address")                                         \
    X(TEXT_LAST_MODIFIED, "last_modified", "DATE", "",                                             \
      "Last-Modified of an address; an equal If-Modified-Since is answered 304")                   \
    X(TEXT_ECHO, "echo", "FIELD", "", "an address repeats this field of the request")              \
    X(TEXT_STATUS_POSTCODE, "status_postcode", "POSTCODE", "",                                     \
      "lookup_status is for this postcode alone, without blanks; empty: for all")

enum knob {
#define KNOB_ENUM(id, name, value, min, max, initial, whole, help) id,
    KNOB_TABLE(KNOB_ENUM)
#undef KNOB_ENUM
        KNOB_COUNT
};

enum text_knob {
#define TEXT_ENUM(id, name, value, initial, help) id,
    TEXT_TABLE(TEXT_ENUM)
#undef TEXT_ENUM
        TEXT_COUNT
};

struct knob_info {
    const char *name; /* with underscores; an option has dashes in their place */
    const char *value_name;
    double min, max, initial;
    bool whole;
    const char *help;
};

extern const struct knob_info knob_info[KNOB_COUNT];

struct text_info {
    const char *name;
    const char *value_name;
    const char *initial;
    const char *help;
};

extern const struct text_info text_info[TEXT_COUNT];

#define TEXT_MAX 512 /* with the NUL */

struct knobs {
    double value[KNOB_COUNT];
    char text[TEXT_COUNT][TEXT_MAX];
};

void knobs_init(struct knobs *knobs);

/* The knob of that name; KNOB_COUNT when there is none. */
enum knob knob_find(const char *name);

/* False, and nothing changed, when `text` is no number in the knob's range. NULL: a flag's 1. */
bool knobs_set(struct knobs *knobs, enum knob knob, const char *text);

/* The same for texts. False for one that is too long, or cannot be in a field. NULL: "". */
enum text_knob text_find(const char *name);
bool knobs_set_text(struct knobs *knobs, enum text_knob knob, const char *text);

bool knobs_on(const struct knobs *knobs, enum knob knob);

/* A knob in milliseconds as nanoseconds. */
long long knobs_ns(const struct knobs *knobs, enum knob knob);

#endif
