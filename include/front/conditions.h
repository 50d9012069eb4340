/*
 * What is wrong, in sentences, for a person who has never read the manual: worked out from the
 * token's status, the lookups' health and the last two hours. The status page begins with them.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_CONDITIONS_H
#define FRONT_CONDITIONS_H

#include <stddef.h>

#include "base/clock.h"
#include "front/overview.h"

/* Fills overview->conditions from the rest of it, the worst first. */
void conditions_fill(struct overview *overview);

#endif
