/*
 * jansson's strings are ours to write: they belong to the value, which nobody else has; the const
 * is jansson's promise to callers who share values. What its lexer held on the way is beyond reach
 * here: the daemon gives jansson an allocator that overwrites.
 */
#include "jose/json.h"

#include <stdint.h>

#include "base/secret.h"

static void wipe_strings(json_t *json)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < json_array_size(json); i++)
        wipe_strings(json_array_get(json, i));
    json_object_foreach(json, name, value) wipe_strings(value);
    if (json_is_string(json))
        wipe((void *)(uintptr_t)json_string_value(json), json_string_length(json));
}

void jose_json_free(json_t *json)
{
    wipe_strings(json);
    json_decref(json);
}
