/* A JSON Pointer is taken apart here, once, so that nothing is left to do for a request. */
#include "config/claim.h"

#include <string.h>

#include "base/json_pointer.h"
#include "base/mem.h"

static bool read_claim(const struct input *in, const char *name, struct config_claim *out)
{
    struct reason reason;

    if (*name == '/' && json_pointer_new(name, &reason, &out->pointer) != ERR_OK)
        return input_wrong(in, "\"%s\" is not a claim: %s", name, reason.text);
    out->name = mem_strdup(name);
    return true;
}

bool claim_parse(const struct input *in, void *field, struct buf *shown)
{
    char *name = NULL;

    if (!input_take_text(in, &name, shown))
        return false;
    bool good = read_claim(in, name, field);
    mem_free(name);
    return good;
}

void claim_fini(void *field)
{
    struct config_claim *claim = field;

    mem_free(claim->name);
    json_pointer_free(claim->pointer);
    *claim = (struct config_claim){0};
}

bool claim_parse_requirement(const struct input *in, const char *name, void *field,
                             struct buf *shown)
{
    struct config_requirements *all = field;
    struct config_requirement one = {0};

    if (*name == '\0')
        return input_wrong(in, "names no claim; write require.scope = ... for one");
    if (!read_claim(in, name, &one.claim))
        return false;
    if (!input_take_text(in, &one.value, shown)) {
        claim_fini(&one.claim);
        return false;
    }
    all->items = mem_grow(all->items, all->count, sizeof(*all->items));
    all->items[all->count++] = one;
    return true;
}

void claim_fini_requirements(void *field)
{
    struct config_requirements *all = field;

    for (size_t i = 0; i < all->count; i++) {
        claim_fini(&all->items[i].claim);
        mem_free(all->items[i].value);
    }
    mem_free(all->items);
    *all = (struct config_requirements){0};
}
