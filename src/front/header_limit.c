/*
 * A header section over the limit may have left no memory for a response of libmicrohttpd's, which
 * would then close the connection without one. So these two rejections are written to the
 * connection at once.
 */
#include "front/header_limit.h"

#include <string.h>

#include "exchange/response.h"

void header_limit_reject_target(struct request *request)
{
    response_problem_at_once(request, PROBLEM_TARGET_TOO_LARGE,
                             "The target is longer than [server] max_header_size allows.");
}

void header_limit_check(struct request *request)
{
    if (strlen(request->target) > request->max_header_size)
        header_limit_reject_target(request);
    else if (request_header_size(request) > request->max_header_size)
        response_problem_at_once(request, PROBLEM_HEADER_TOO_LARGE,
                                 "The request line and the header fields together are larger than "
                                 "[server] max_header_size allows.");
}
