/*
 * The INI parser: from the bytes of a file to its sections and keys, each with its line, and to a
 * fault for each line that is neither. It does not know which sections and keys there are; that is
 * for settings.h, which also describes the form of a file.
 */
#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "config/faults.h"

/* A file's sections and keys; the bytes of one line. More are a fault. */
#define SCAN_MAX_ITEMS 5000
#define SCAN_MAX_LINE 16384

struct scan_section {
    char *name;    /* "upstream location": single blanks inside and none around it */
    unsigned line; /* of its header */
    bool broken;   /* the header is at fault already; the name is a guess */
    size_t first;  /* index of the first section of that name, in any case; itself when first */
};

struct scan_key {
    size_t section; /* index of the first section of that name */
    char *name;     /* as written */
    /* The value. A key whose name is that of a secret has `secret`, any other has `text`. */
    char *text;            /* "" for an empty one; NULL for a secret */
    struct secret *secret; /* NULL: empty, or no secret */
    unsigned line;
};

struct scan {
    struct scan_section *sections; /* in the order of the file, those given twice too */
    size_t section_count;
    struct scan_key *keys; /* the same */
    size_t key_count;
};

/*
 * `place` names the file; faults about lines are appended. False when the file has no lines that
 * could be read at all. scan_fini in either case.
 */
bool scan_bytes(const char *bytes, size_t len, struct config_place place, struct scan *out,
                struct config_faults *faults);

/* Overwrites the values. */
void scan_fini(struct scan *scan);

#endif
