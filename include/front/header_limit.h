/*
 * Is the header section small enough? [server] max_header_size counts it from the request line to
 * the empty line. libmicrohttpd's memory is larger than that (front/server.h), so that it reads
 * header sections that are too large, and always has memory for the response to one that is not.
 */
#ifndef FRONT_HEADER_LIMIT_H
#define FRONT_HEADER_LIMIT_H

#include "exchange/request.h"

/*
 * Settles the request, with 414 or 431, when its header section is larger than max_header_size, or
 * when it leaves no memory for a response because it has more fields than so many bytes allow:
 * there is always room for (max_header_size + 3K) / 64 fields and parameters of the query.
 */
void header_limit_check(struct request *request);

/*
 * At the request line: may its target be served? It is larger than max_header_size, or its query
 * has more parameters than libmicrohttpd can keep. header_limit_reject_target settles such a one.
 */
bool header_limit_allows_target(const struct request *request);
void header_limit_reject_target(struct request *request);

/* The same, for a request that libmicrohttpd cannot keep the fields of. */
void header_limit_reject_fields(struct request *request);

/* The same, for a request whose response libmicrohttpd has and cannot send. */
void header_limit_replace_response(struct request *request);

#endif
