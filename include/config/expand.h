/*
 * Variables in values: ${NAME} stands for the variable of the environment, and $${ for a literal
 * ${. A $ without a brace is a $. What a variable holds is not looked through again.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include <stdbool.h>
#include <stdio.h>

#include "config/faults.h"
#include "config/settings.h"

/*
 * Replaces the variables in a setting's value, of at most SCAN_MAX_LINE bytes afterwards.
 * `section` is for faults. False with a fault made: the value is of no use. For a secret, a note
 * says that it came from the environment.
 */
bool expand_setting(struct setting *setting, const char *section, struct config_faults *faults);

/* Whether the text is nothing but variables, so that it holds no secret of its own. */
bool expand_is_bare(const char *text);

/* Writes a value so that expand_setting would give it back. */
void expand_print(const char *value, FILE *out);

#endif
