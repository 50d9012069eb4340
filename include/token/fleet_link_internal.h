/* What tests need of a fleet's link besides its header. */
#ifndef TOKEN_FLEET_LINK_INTERNAL_H
#define TOKEN_FLEET_LINK_INTERNAL_H

#include "token/fleet_link.h"

/* In the place of arc4random: 0 to UINT32_MAX, uniformly. */
void fleet_link_set_random(struct fleet_link *link, uint32_t (*random)(void));

#endif
