/*
 * The data of the status page as JSON (GET /status.json).
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_STATUS_JSON_H
#define FRONT_STATUS_JSON_H

#include <jansson.h>

#include "front/overview.h"

/* A new reference. */
json_t *status_json(const struct overview *overview);

#endif
