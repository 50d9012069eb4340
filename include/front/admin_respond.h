/* Responses to operators. Thread: the main loop's. */
#ifndef FRONT_ADMIN_RESPOND_H
#define FRONT_ADMIN_RESPOND_H

#include <jansson.h>

#include "exchange/request.h"

/* The text ends its line. */
void admin_respond_text(struct request *request, int status, const char *text);
/* 200; takes the reference. */
void admin_respond_json(struct request *request, json_t *value);

#endif
