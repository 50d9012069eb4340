/*
 * libmicrohttpd does not tell how much of its pool is used, but what it puts there is known: the
 * head as it came, a record for each field and each cookie, and a copy of the Cookie field that it
 * cuts into pieces. A head that leaves too little is refused before anything is done about it. The
 * refusal needs a third of the room that is kept; with less than that (a head that all but fills
 * the pool) the connection is closed without a word, and what fills it is refused by libmicrohttpd.
 */
#include "front/room.h"

#include <string.h>

#include "exchange/reply.h"

/* A field's or cookie's record: seven words, rounded up as the pool does. */
#define RECORD 64

struct use {
    size_t records;
    size_t cookies; /* bytes of the copy */
};

static enum MHD_Result count(void *arg, enum MHD_ValueKind kind, const char *name,
                             const char *value)
{
    struct use *use = arg;
    use->records++;
    if (kind == MHD_COOKIE_KIND)
        use->cookies += strlen(name) + (value == NULL ? 0 : strlen(value)) + strlen("=; ");
    return MHD_YES;
}

static size_t used(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct use use = {.records = 0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count, &use);
    MHD_get_connection_values(request->connection, MHD_COOKIE_KIND, count, &use);
    return (info == NULL ? 0 : info->header_size) + use.records * RECORD + use.cookies;
}

void room_check(struct request *request)
{
    const size_t allowed = request->pool - REPLY_HEAD_MAX;
    if (used(request) <= allowed)
        return;
    request->close = true;
    if (strlen(request->target) + RECORD > allowed)
        reply_plain_problem(request, PROBLEM_TARGET_TOO_LARGE,
                            "The target is longer than [server] max_header_size allows.");
    else
        reply_plain_problem(request, PROBLEM_HEAD_TOO_LARGE,
                            "The request's head is larger than [server] max_header_size allows; "
                            "cookies are held twice within it.");
}
