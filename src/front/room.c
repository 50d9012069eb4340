/*
 * A head over the limit may have left no memory for an answer of libmicrohttpd's, which would then
 * close the connection without one. So these two refusals are written to the connection at once.
 */
#include "front/room.h"

#include <string.h>

#include "exchange/reply.h"

void room_refuse_target(struct request *request)
{
    reply_problem_at_once(request, PROBLEM_TARGET_TOO_LARGE,
                          "The target is longer than [server] max_header_size allows.");
}

void room_check(struct request *request)
{
    if (strlen(request->target) > request->max_head)
        room_refuse_target(request);
    else if (request_head_size(request) > request->max_head)
        reply_problem_at_once(request, PROBLEM_HEAD_TOO_LARGE,
                              "The request line and the header fields together are larger than "
                              "[server] max_header_size allows.");
}
