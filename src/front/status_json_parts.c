/* What the parts of /status.json have in common: values, and how much is given of each upstream. */
#include "base/mem.h"
#include "front/status_json_internal.h"
#include "front/status_series.h"
#include "front/token_json.h"

void status_json_set(json_t *object, const char *name, json_t *value)
{
    MEM_MUST(value != NULL && json_object_set_new(object, name, value) == 0);
}

json_t *status_json_text(const char *bytes)
{
    return bytes == NULL || bytes[0] == '\0' ? json_null() : token_json_text(bytes);
}

json_t *status_json_wall(struct wall_time at)
{
    char exact[CLOCK_TEXT];

    if (at.ns == 0)
        return json_null();
    wall_format(at, exact);
    return json_string(exact);
}

json_t *status_json_moment(const struct overview *overview, struct mono_time at)
{
    return at.ns == 0 ? json_null() : status_json_wall(series_wall(overview, at));
}

json_t *status_json_seconds(int64_t duration)
{
    const int64_t microseconds = duration / MICROSECOND;

    return json_real((double)microseconds / 1e6);
}

#define FULL 4

size_t status_json_merged(const struct overview *overview)
{
    return overview->upstream_count <= FULL ? 1 : (overview->upstream_count + FULL - 1) / FULL;
}
