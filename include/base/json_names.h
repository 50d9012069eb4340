/*
 * The names in the objects that a scan has open, to find one that occurs twice in its object.
 * Private to json_scan.c.
 *
 * Not shared between threads.
 */
#ifndef BASE_JSON_NAMES_H
#define BASE_JSON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_string.h"

/* As many need no memory from the heap. */
#define JSON_NAMES_FIXED 48

struct json_names {
    struct json_string *items; /* of all open objects, the outermost first */
    size_t count;
    size_t cap;
    struct json_string fixed[JSON_NAMES_FIXED];
};

/* One open object. */
struct json_names_object {
    size_t first;  /* its first name among all */
    uint64_t seen; /* a bit for each kind of name it has had */
};

enum json_names_result { JSON_NAMES_OK, JSON_NAMES_TWICE, JSON_NAMES_NO_MEMORY };

void json_names_init(struct json_names *names);
void json_names_fini(struct json_names *names);

struct json_names_object json_names_open(const struct json_names *names);
/* The name is borrowed until its object is closed. It may be found to be there twice only then. */
enum json_names_result json_names_add(struct json_names *names, struct json_names_object *object,
                                      const struct json_string *name);
/*
 * The object is complete, and the last that was opened. JSON_NAMES_TWICE: *twice is the first name
 * of its text that has been there before.
 */
enum json_names_result json_names_close(struct json_names *names,
                                        const struct json_names_object *object, const char **twice);

#endif
