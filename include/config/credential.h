/* Values that name files, and values that are secret. */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/reason.h"
#include "config/input.h"

/* KIND_FILE, KIND_KEYFILE (and KIND_PASSWORD), KIND_SECRETS, KIND_SECRET. */
input_parser credential_parse_file, credential_parse_keyfile, credential_parse_secrets,
    credential_parse_secret;
void credential_fini_keyfile(void *field);
void credential_fini_secrets(void *field);

/*
 * About a file that holds a secret, called `what` in faults ("this file", "/etc/k"). False when
 * others can read it and that is a fault.
 */
bool credential_others_read(const struct input *in, const char *what, const char *path,
                            mode_t mode);
/* The same about a file that holds none, and that others can write. */
bool credential_others_write(const struct input *in, const char *path, mode_t mode);

/*
 * What a file of that key holds now, by the rules it was read by first. NULL with `reason` set,
 * without anything of the file. `open`: others may read it.
 */
struct secret *credential_read_again(const struct config_key *key, const char *path, bool open,
                                     struct reason *reason);

#endif
