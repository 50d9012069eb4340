/*
 * An object of a few names is checked name by name: each is compared with those before it. That is
 * quadratic, so an object of many names only collects them, and sorts them at its end. Its names
 * come from outside: a hash table could be made slow by names that collide, a sorted list cannot.
 *
 * Even the few comparisons are mostly saved. Each name sets one of 64 bits by its length and ends;
 * one whose bit is not yet set has not been there. The bits say nothing of a name with an escape,
 * which can be spelled in many ways, so it is compared always, and so is every name behind it.
 */
#include "base/json_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An object of more names is sorted. */
#define PAIRWISE_MAX 32

void json_names_init(struct json_names *names)
{
    names->items = names->fixed;
    names->count = 0;
    names->cap = JSON_NAMES_FIXED;
}

void json_names_fini(struct json_names *names)
{
    if (names->items != names->fixed)
        mem_free(names->items);
}

struct json_names_object json_names_open(const struct json_names *names)
{
    return (struct json_names_object){.first = names->count};
}

/* Room for another name; false when memory is refused. */
static bool grow(struct json_names *names)
{
    bool fixed = names->items == names->fixed;
    size_t cap = 2 * names->cap;
    struct json_string *items = mem_try_realloc(fixed ? NULL : names->items, cap * sizeof(*items));

    if (items == NULL)
        return false;
    if (fixed)
        memcpy(items, names->fixed, sizeof(names->fixed));
    names->items = items;
    names->cap = cap;
    return true;
}

static uint64_t bit_of(const struct json_string *name)
{
    const unsigned char *text = (const unsigned char *)name->text;
    unsigned mix = (unsigned)name->len;

    if (name->len > 0)
        mix = 5 * mix + 3 * text[0] + text[name->len - 1];
    return UINT64_C(1) << (mix & 63);
}

static bool is_there(const struct json_names *names, size_t first, const struct json_string *name)
{
    for (size_t i = first; i < names->count; i++) {
        const struct json_string *other = &names->items[i];

        if (!name->escaped && !other->escaped && name->len != other->len)
            continue;
        if (json_string_compare(name, other) == 0)
            return true;
    }
    return false;
}

enum json_names_result json_names_add(struct json_names *names, struct json_names_object *object,
                                      const struct json_string *name)
{
    uint64_t bit = name->escaped ? UINT64_MAX : bit_of(name);

    if ((object->seen & bit) != 0 && names->count - object->first < PAIRWISE_MAX &&
        is_there(names, object->first, name))
        return JSON_NAMES_TWICE;
    object->seen |= bit;
    if (names->count == names->cap && !grow(names))
        return JSON_NAMES_NO_MEMORY;
    names->items[names->count++] = *name;
    return JSON_NAMES_OK;
}

/* Equal names in the order of the text, so that the result does not depend on the sorting. */
static int by_name(const void *a, const void *b)
{
    const struct json_string *name = a, *other = b;
    int order = json_string_compare(name, other);

    return order != 0 ? order : (name->text > other->text) - (name->text < other->text);
}

static const char *first_twice(const struct json_string *sorted, size_t count)
{
    const char *twice = NULL;

    for (size_t i = 1; i < count; i++) {
        if (json_string_compare(&sorted[i - 1], &sorted[i]) == 0 &&
            (twice == NULL || sorted[i].text < twice))
            twice = sorted[i].text;
    }
    return twice;
}

enum json_names_result json_names_close(struct json_names *names,
                                        const struct json_names_object *object, const char **twice)
{
    struct json_string *own = names->items + object->first;
    size_t count = names->count - object->first;

    names->count = object->first;
    if (count <= PAIRWISE_MAX)
        return JSON_NAMES_OK;
    qsort(own, count, sizeof(*own), by_name);
    *twice = first_twice(own, count);
    return *twice == NULL ? JSON_NAMES_OK : JSON_NAMES_TWICE;
}
