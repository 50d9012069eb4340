/* The phrases stand in the header's table; this file only gives them a place in memory. */
#include "base/err.h"

#include <stddef.h>

static const char *const texts[] = {
#define ERR_TEXT(name, text) [name] = (text),
    ERR_TABLE(ERR_TEXT)
#undef ERR_TEXT
};

const char *err_text(enum err err)
{
    size_t i = (size_t)err;

    return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "an unknown error";
}
