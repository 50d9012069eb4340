/* Postcodes as the stand-in knows them. */
#ifndef STANDIN_AREAS_H
#define STANDIN_AREAS_H

#include <stdbool.h>

struct area {
    const char *letters;
    const char *town;
    const char *region;
    const char *country;
};

/* "SW1A 1AA" and its NUL. */
#define POSTCODE_TEXT 9

struct postcode {
    char text[POSTCODE_TEXT];    /* upper case, one space */
    char outward[POSTCODE_TEXT]; /* "SW1A" */
    const struct area *area;     /* NULL: not in the table */
};

/* False when the text is not a postcode; its space may be missing, its letters in any case. */
bool postcode_parse(struct postcode *postcode, const char *text);

#endif
