/*
 * A header section over the limit may have left no memory for a response of libmicrohttpd's, which
 * would then close the connection without one. So these rejections are written to the connection at
 * once.
 *
 * libmicrohttpd keeps an entry of 64 bytes for each field, and for each parameter of the query, in
 * the memory that holds the header section and then the header section of the response. That is
 * enough for all that fit into max_header_size where they are not tiny (front/header_limit.h).
 */
#include "front/header_limit.h"

#include <string.h>

#include "exchange/response.h"
#include "front/server.h"

/* libmicrohttpd's, of both generations: 56 bytes, rounded up to 16. */
#define ENTRY_SIZE 64
/*
 * What the pool is less than SERVER_POOL (64), the copy of an empty Cookie field, rounding, and
 * empty lines before the request line.
 */
#define SPARE 128

static bool response_fits(const struct request *request)
{
    const enum MHD_ValueKind all =
        (enum MHD_ValueKind)(MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND);
    const int entries = MHD_get_connection_values(request->connection, all, NULL, NULL);
    return request_header_size(request) + (size_t)entries * ENTRY_SIZE + RESPONSE_HEADER_MAX +
               SPARE <=
           SERVER_POOL(request->max_header_size);
}

static bool is_long_target(const struct request *request)
{
    return strlen(request->target) > request->max_header_size;
}

/* libmicrohttpd has read half of its memory at most; the rest is for what it finds in that. */
static bool parameters_fit(const struct request *request)
{
    const char *query = strchr(request->target, '?');
    size_t entries = 1 + 1; /* the first parameter, and the Cookie field of request_hide_cookies */

    if (query == NULL)
        return true;
    while ((query = strchr(query, '&')) != NULL) {
        entries++;
        query++;
    }
    return entries * ENTRY_SIZE + SPARE <= SERVER_POOL(request->max_header_size) / 2;
}

/*
 * libmicrohttpd 0.9 forgets its own response where it has no memory for a parameter, and would wait
 * for the rest of the header section.
 */
bool header_limit_allows_target(const struct request *request)
{
    return !is_long_target(request) && parameters_fit(request);
}

void header_limit_reject_target(struct request *request)
{
    response_problem_at_once(request, PROBLEM_TARGET_TOO_LARGE,
                             is_long_target(request)
                                 ? "The target is longer than [server] max_header_size allows."
                                 : "The query has more parameters than [server] max_header_size "
                                   "has room for. Send fewer.");
}

static const char too_many[] = "There are more header fields and query parameters than [server] "
                               "max_header_size has room for. Send fewer.";

void header_limit_reject_fields(struct request *request)
{
    response_problem_at_once(request, PROBLEM_HEADER_TOO_LARGE, too_many);
}

void header_limit_replace_response(struct request *request)
{
    response_problem_instead(request, PROBLEM_HEADER_TOO_LARGE, too_many);
}

void header_limit_check(struct request *request)
{
    if (request_header_size(request) > request->max_header_size)
        response_problem_at_once(request, PROBLEM_HEADER_TOO_LARGE,
                                 "The request line and the header fields together are larger than "
                                 "[server] max_header_size allows.");
    else if (!response_fits(request))
        header_limit_reject_fields(request);
}
