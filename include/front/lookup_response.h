/*
 * The response to a lookup, by its result.
 *
 * Thread: the worker's.
 */
#ifndef FRONT_LOOKUP_RESPONSE_H
#define FRONT_LOOKUP_RESPONSE_H

#include "cache/answer.h"
#include "exchange/request.h"
#include "lookup/result.h"

/* Settles it. `answer`: where the body is if not in *result; NULL: there. */
void lookup_respond(struct request *request, const struct lookup_result *result,
                    struct answer *answer);
/* 503: more lookups `what` at once than `key` allows. */
void lookup_respond_overload(struct request *request, const char *what, const char *key);

#endif
