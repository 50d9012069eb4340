/*
 * Claims of a JWT in the configuration: user_claim, whose value is one, and the family
 * require.CLAIM, whose names end in one. A claim that begins with a slash is a JSON Pointer; any
 * other is the name of a member, whatever is in it, for providers use URLs and colons.
 */
#ifndef CONFIG_CLAIM_H
#define CONFIG_CLAIM_H

#include "config/family.h"
#include "config/input.h"

/* The field is a struct config_claim. */
input_parser claim_parse;
void claim_fini(void *field);

/* The field is a struct config_requirements. */
family_parser claim_parse_requirement;
void claim_fini_requirements(void *field);

#endif
