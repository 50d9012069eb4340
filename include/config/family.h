/*
 * Families of keys: auth_param.NAME, header.NAME and header_file.NAME, whose names end in what the
 * file chooses. A field holds all of a family, and each is parsed by itself.
 */
#ifndef CONFIG_FAMILY_H
#define CONFIG_FAMILY_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/input.h"

/*
 * Parses one of the family into its field (struct config_params or struct config_header_files).
 * `name` is what the file chose. Appends to `shown` as value_parse does; false with a fault made.
 */
typedef bool family_parser(const struct input *in, const char *name, void *field,
                           struct buf *shown);

family_parser family_parse_param;
family_parser family_parse_header;
family_parser family_parse_header_file;

void family_fini_params(void *field);
void family_fini_header_files(void *field);

#endif
