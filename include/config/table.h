/*
 * The table of keys as data, for the code that goes over all keys, and the words that describe a
 * key in faults and documents. Private to config/ and to the generator of the documents.
 *
 * Threads: all of it is constant.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

enum config_kind {
    KIND_TEXT,
    KIND_DURATION,
    KIND_SIZE,
    KIND_COUNT,
    KIND_WORKERS,
    KIND_MODE,
    KIND_BOOL,
    KIND_CHOICE,
    KIND_ADDRESSES,
    KIND_URL,
    KIND_PROXY,
    KIND_FILE,
    KIND_KEYFILE,
    KIND_PASSWORD,
    KIND_SECRET,
    KIND_SECRETS,
    KIND_HEADER,
    KIND_PATH,
    KIND_TARGET,
    KIND_POINTER,
    KIND_NAMES,
    KIND_TOKEN,
    KIND_LIST,
    KIND_POSTCODES,
    KIND_RATE,
    KIND_CLAIM,
    /* Families. */
    KIND_PARAMS,
    KIND_HEADERS,
    KIND_HEADER_FILES,
    KIND_REQUIREMENTS,
};

/*
 * The place of each key in the table: KEY_server_listen, ..., KEY_upstream_address, ...,
 * KEY_route_prefix, ... Keys of the process come first, then those of each upstream, then those of
 * each route.
 */
enum config_key_index {
#define CONFIG_INDEX(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    KEY_##field,
    CONFIG_KEYS(CONFIG_INDEX)
#undef CONFIG_INDEX
        KEY_PROCESS_COUNT,
    KEY_BEFORE_UPSTREAM = KEY_PROCESS_COUNT - 1,
#define CONFIG_INDEX(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    KEY_upstream_##field,
    CONFIG_UPSTREAM_KEYS(CONFIG_INDEX)
#undef CONFIG_INDEX
        KEY_UPSTREAM_END,
    KEY_BEFORE_ROUTE = KEY_UPSTREAM_END - 1,
#define CONFIG_INDEX(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    KEY_route_##field,
    CONFIG_ROUTE_KEYS(CONFIG_INDEX)
#undef CONFIG_INDEX
        KEY_COUNT
};

#define KEY_UPSTREAM_COUNT (KEY_UPSTREAM_END - KEY_PROCESS_COUNT)
#define KEY_ROUTE_COUNT (KEY_COUNT - KEY_UPSTREAM_END)

/* Whose a key is: the process has one value, each upstream or route has its own. */
enum config_owner { OWNER_PROCESS, OWNER_UPSTREAM, OWNER_ROUTE, OWNER_COUNT };

/* The keys of an owner are those from `first` to before `end`. */
struct config_owner_keys {
    const char *section; /* of a header with a name; NULL for the process, whose are plain words */
    enum config_key_index first, end;
};

extern const struct config_owner_keys config_owners[OWNER_COUNT];

struct config_key {
    const char *section;
    const char *name;
    enum config_kind kind;
    const char *def; /* NULL: unset */
    int64_t min;
    int64_t max;
    const char *choices;
    unsigned flags;
    const char *meaning;
    enum config_owner owner;
    size_t offset; /* of its field in the owner's struct */
};

extern const struct config_key config_keys[KEY_COUNT];

/* What follows the word of a section in its header: " NAME", or nothing. */
const char *config_section_rest(const char *section);

/* Its place in the table. */
enum config_key_index config_key_index(const struct config_key *key);

/*
 * A family of keys: auth_param.NAME stands for every name that begins with auth_param. and ends in
 * what the file chooses. The length of what they begin with; 0 for a key that is no family.
 */
size_t config_key_prefix(const struct config_key *key);

/* Names are compared without case. */
bool config_key_is_named(const struct config_key *key, const char *name);
/*
 * Whether two names of this key are one: without case, but for the claims of require.CLAIM, where
 * JSON has it (RFC 8259, section 8.3).
 */
bool config_key_same_name(const struct config_key *key, const char *a, const char *b);
/* NULL when the section has no such key. */
const struct config_key *config_key_find(const char *section, const char *name);

/* The section as the table spells it; NULL when there is none. */
const char *config_section_find(const char *section);

/* Whether any section has a secret key of this name: one in the wrong section is a secret too. */
bool config_name_is_secret(const char *name);

/*
 * The name in the table that may have been meant, by edit distance; NULL when none is near.
 * For a key: among those of its section, and one that shares its words before all others.
 */
const char *config_section_near(const char *section);
const char *config_key_near(const char *section, const char *name);
/* The same among other names. */
const char *config_name_near(const char *const *names, size_t count, const char *name);

/*
 * What a value may be: "a duration from 10ms to 24h", "one of: jwt, plain, off". For faults ("...,
 * but must be ") and documents alike.
 */
void config_key_allowed(const struct config_key *key, struct buf *out);

#endif
