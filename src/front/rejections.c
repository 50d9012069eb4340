#include "front/rejections.h"

#include <microhttpd.h>
#include <stddef.h>
#include <utlist.h>

#include "base/mem.h"

struct rejection {
    unsigned status;
    struct rejection *prev, *next;
};

void rejections_note(struct rejections *rejections, unsigned status)
{
    struct rejection *rejection = mem_zalloc(sizeof(*rejection));
    rejection->status = status;
    DL_APPEND(rejections->first, rejection);
}

unsigned rejections_oldest(const struct rejections *rejections)
{
    return rejections->first == NULL ? 0 : rejections->first->status;
}

static void forget(struct rejections *rejections, struct rejection *rejection)
{
    DL_DELETE(rejections->first, rejection);
    mem_free(rejection);
}

void rejections_forget(struct rejections *rejections, unsigned status)
{
    struct rejection *rejection;
    DL_SEARCH_SCALAR(rejections->first, rejection, status, status);
    if (rejection != NULL)
        forget(rejections, rejection);
}

void rejections_forget_closings(struct rejections *rejections)
{
    struct rejection *rejection, *next;
    DL_FOREACH_SAFE(rejections->first, rejection, next)
    {
        if (rejection->status == MHD_HTTP_BAD_REQUEST)
            forget(rejections, rejection);
    }
}

void rejections_fini(struct rejections *rejections)
{
    while (rejections->first != NULL)
        forget(rejections, rejections->first);
}
