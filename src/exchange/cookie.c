/* Pairs of NAME=VALUE with ";" between them; what is no pair is passed over. */
#include "exchange/cookie.h"

#include <string.h>

#include "base/text.h"

/* One pair's value, when the pair has this name; NULL when it has not. */
static const char *value_of(const char *pair, size_t pair_len, const char *name, size_t *len)
{
    const char *equals = memchr(pair, '=', pair_len);
    if (equals == NULL)
        return NULL;
    const char *key = pair;
    size_t key_len = (size_t)(equals - pair);
    text_trim(&key, &key_len);
    if (key_len != strlen(name) || memcmp(key, name, key_len) != 0)
        return NULL;
    const char *value = equals + 1;
    *len = pair_len - (size_t)(value - pair);
    text_trim(&value, len);
    if (*len >= 2 && value[0] == '"' && value[*len - 1] == '"') {
        value++;
        *len -= 2;
    }
    return value;
}

size_t cookie_find(const char *text, const char *name, const char **value, size_t *len)
{
    size_t count = 0;
    *value = NULL;
    *len = 0;
    for (const char *pair = text; pair != NULL;) {
        size_t pair_len = strcspn(pair, ";");
        size_t found_len;
        const char *found = value_of(pair, pair_len, name, &found_len);
        if (found != NULL && found_len > 0 && count++ == 0) {
            *value = found;
            *len = found_len;
        }
        pair = pair[pair_len] == ';' ? pair + pair_len + 1 : NULL;
    }
    return count;
}
