/*
 * A configuration with what is made of it before anything runs: read, checked whole, and all that
 * is wrong with it gathered. A start, a reload and --check take the same way.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_SETUP_H
#define SERVICE_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "front/tls.h"
#include "middleware/identity.h"

struct setup {
    struct config *config; /* references */
    struct identity *identity;
    struct tls *tls; /* NULL: there is no certificate for callers */
    char **files;    /* what config_files says, of a configuration with faults too */
    size_t file_count;
};

/*
 * Reads `path`; `before` is what a reloading daemon runs with, else NULL. credentials_optional: see
 * config_load. False when there are faults, which are appended to `faults`, notes too; _fini in
 * every case. With faults, the keys that kept their values of `before` are logged at once: what is
 * wrong may be wrong beside those alone.
 */
bool setup_read(struct setup *setup, const char *path, const struct config *before,
                bool credentials_optional, struct config_faults *faults);
/* Notes each Unix socket whose directory does not exist. For --check: a daemon would find it out.
 */
void setup_note_directories(const struct config *config, struct config_faults *notes);
/* Notes a [log] format that needs the journal where there is none; for --check as well. */
void setup_note_journal(const struct config *config, struct config_faults *notes);
/* Takes references to the parts of `other`, without its list of files. */
void setup_copy(struct setup *setup, const struct setup *other);
void setup_fini(struct setup *setup);

/* A line for each key that changed and cannot be reloaded. */
void setup_log_kept(const struct config *before, const struct config *config);
/* Faults and notes as lines of the daemon's log. */
void setup_log_faults(const struct config_faults *faults);

#endif
