/*
 * JSON that holds keys. jansson keeps copies of what it reads in plain memory, and frees them as
 * they are. What is read here leaves no string behind, whichever allocator jansson has.
 */
#ifndef JOSE_JSON_H
#define JOSE_JSON_H

#include <jansson.h>

/* Overwrites every string in it, then gives up the reference, which is the only one. NULL is
 * allowed. */
void jose_json_free(json_t *json);

#endif
