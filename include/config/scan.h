/*
 * The first look at an INI file, over its bytes: which lines can be handed to the INI library, and
 * what is wrong with the others.
 */
#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"
#include "config/faults.h"

struct scan_section {
    char *name;    /* "upstream location": blanks single and none around it */
    unsigned line; /* of its header */
    bool broken;   /* the header is at fault already; the name is a guess */
};

struct scan_secret {
    unsigned line;
    struct secret *value; /* NULL: empty */
};

struct scan {
    /* The file for the INI library: line by line, with broken lines and secrets left out. */
    struct buf clean;
    struct scan_section *sections; /* in order, those given twice too */
    size_t section_count;
    struct scan_secret *secrets; /* the values left out */
    size_t secret_count;
};

/* place names the file; faults about lines are made. False: not even lines, nothing to go on with.
 */
bool scan_bytes(const char *bytes, size_t len, struct config_place place, struct scan *out,
                struct config_faults *faults);

void scan_fini(struct scan *scan);

#endif
