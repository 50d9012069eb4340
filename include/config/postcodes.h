/* The value of a key that lists how postcodes begin. Private to config/. */
#ifndef CONFIG_POSTCODES_H
#define CONFIG_POSTCODES_H

#include "config/input.h"

/* Fills a struct config_list; shown as "BT*, GY*". */
bool postcodes_parse(const struct input *in, void *field, struct buf *shown);

#endif
