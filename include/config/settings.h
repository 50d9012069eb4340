/*
 * INI files to a list of settings, each with its place: the names are known and spelt as in the
 * table, the values are still text.
 *
 * The form of a file: UTF-8 (a byte order mark is skipped), lines ended by LF or CR LF. A line is
 * one of `[section]`, `key = value`, a comment (# or ; first), or blank; blanks around it and
 * around the equals sign mean nothing. A value is the rest of its line, # and ; included; there are
 * no quotes, no escapes but those of variables (expand.h), and no continuation on the next line. An
 * empty value unsets a key that has no default. Names are the same in any case, but for a claim's
 * behind `require.`. Within a file a section or a key stands once.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/secret.h"
#include "config/faults.h"
#include "config/table.h"

/* A file's bytes. More are a fault. */
#define SETTINGS_MAX_BYTES (1024 * 1024)

struct setting {
    const struct config_key *key;
    char *name; /* as faults and documents show it; "auth_param.resource" for a parameter */
    char *text; /* "" for one that unsets; NULL for a SECRET */
    struct secret *secret; /* of a SECRET; NULL for one that unsets */
    mode_t mode;  /* the permissions of the file that the secret stands in; 0 for other values */
    bool broken;  /* a variable in it made a fault */
    size_t which; /* whose it is, an index of its owner's sections; 0 for the process */
    struct config_place place;
};

/* One [upstream NAME] or [route NAME]. */
struct settings_section {
    char *name;                /* "" for a header without one, which is a fault */
    struct config_place place; /* of its first header */
};

/* All of one kind. */
struct settings_sections {
    struct settings_section *items; /* in the order of the files, each name once */
    size_t count; /* at most CONFIG_UPSTREAMS_MAX or CONFIG_ROUTES_MAX: one more is a fault */
};

/* What all the files together say. */
struct settings {
    struct setting *items; /* in the order of the files */
    size_t count;
    struct settings_sections sections[OWNER_COUNT]; /* by owner; the process has none */
    bool has_cache; /* [cache] is there, which turns the cache on though it sets nothing */
};

/*
 * Appends what a file sets; what is wrong with it goes to `faults`, and all else in it is still
 * read. False when that was nothing at all. place names the file (line 0), whose name is borrowed
 * for as long as the settings live.
 */
bool settings_read(struct config_place place, struct settings *settings,
                   struct config_faults *faults);

void settings_fini(struct settings *settings);

/*
 * The setting that counts for a key, of that upstream or route where it is theirs: the last one.
 * NULL when no file sets it.
 */
const struct setting *settings_last(const struct settings *settings, const struct config_key *key,
                                    size_t which);

#endif
