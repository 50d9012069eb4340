/* A look a second is enough: all that grew since the last one is one growth. */
#include "front/lately.h"

bool lately_has_grown(const struct lately *lately, struct mono_time now)
{
    return lately->count > 0 && mono_diff(now, lately->last) < LATELY_KNOWN_FOR;
}

void lately_look(struct lately *lately, uint64_t total, struct mono_time now)
{
    if (!lately_has_grown(lately, now))
        lately->count = 0;
    if (total <= lately->total)
        return;
    if (lately->count == 0)
        lately->since = now;
    lately->count += total - lately->total;
    lately->total = total;
    lately->last = now;
}
