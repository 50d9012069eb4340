#include "front/refusals.h"

#include <microhttpd.h>
#include <stddef.h>
#include <utlist.h>

#include "base/mem.h"

struct refusal {
    unsigned status;
    struct refusal *prev, *next;
};

void refusals_note(struct refusals *refusals, unsigned status)
{
    struct refusal *refusal = mem_zalloc(sizeof(*refusal));
    refusal->status = status;
    DL_APPEND(refusals->first, refusal);
}

unsigned refusals_oldest(const struct refusals *refusals)
{
    return refusals->first == NULL ? 0 : refusals->first->status;
}

static void forget(struct refusals *refusals, struct refusal *refusal)
{
    DL_DELETE(refusals->first, refusal);
    mem_free(refusal);
}

void refusals_forget(struct refusals *refusals, unsigned status)
{
    struct refusal *refusal;
    DL_SEARCH_SCALAR(refusals->first, refusal, status, status);
    if (refusal != NULL)
        forget(refusals, refusal);
}

void refusals_forget_closings(struct refusals *refusals)
{
    struct refusal *refusal, *next;
    DL_FOREACH_SAFE(refusals->first, refusal, next)
    {
        if (refusal->status == MHD_HTTP_BAD_REQUEST)
            forget(refusals, refusal);
    }
}

void refusals_fini(struct refusals *refusals)
{
    while (refusals->first != NULL)
        forget(refusals, refusals->first);
}
