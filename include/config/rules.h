/* What one value alone cannot show: keys that need, exclude or contradict each other. */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "config/faults.h"
#include "config/snapshot.h"

/*
 * Over a snapshot whose values were parsed; those that failed are unset and have their fault
 * already. `place` is the main file, for what is missing.
 */
void rules_check(const struct snapshot *snapshot, struct config_place place,
                 struct config_faults *faults);

#endif
