/*
 * Is the header section small enough? [server] max_header_size counts it from the request line to
 * the empty line. libmicrohttpd's memory is larger than that (front/server.h), so that it reads
 * header sections that are too large, and always has memory for the response to one that is not.
 */
#ifndef FRONT_HEADER_LIMIT_H
#define FRONT_HEADER_LIMIT_H

#include "exchange/request.h"

/* Settles the request, with 414 or 431, when its header section is larger than max_header_size. */
void header_limit_check(struct request *request);

/* The same at the request line, when its target alone is too large. */
void header_limit_reject_target(struct request *request);

#endif
