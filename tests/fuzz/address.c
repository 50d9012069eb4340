/* The body of an upstream's 200: what is passed on is JSON that every parser reads alike. */
#include "fuzz.h"

#include <jansson.h>

#include "base/text.h"
#include "lookup/address.h"

/* Address or not, by a whole parser; a quick look may say yes before it, but no other yes. */
static bool is_address(const char *body, size_t len)
{
    const json_t *country;
    json_t *json = json_loadb(
        body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    country = json_object_get(json, "country");
    bool is = json_is_string(json_object_get(json, "postcode")) &&
              (country == NULL || json_is_string(country));
    json_decref(json);
    return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    struct reason reason;
    memset(&reason, 'x', sizeof(reason));
    if (address_check(body, size, &reason) != ERR_OK) {
        MUST(memchr(reason.text, '\0', sizeof(reason)) != NULL && reason.text[0] != '\0');
        return 0;
    }
    MUST(is_address(body, size));
    size_t start = 0;
    while (start < size && strchr(" \t\r\n", body[start]) != NULL)
        start++;
    size_t end = size;
    while (end > start && strchr(" \t\r\n", body[end - 1]) != NULL)
        end--;
    MUST(end - start > 2 && body[start] == '{' && body[end - 1] == '}');
    MUST(text_is_utf8(body, size) && memchr(body, '\0', size) == NULL);
    MUST(memmem(body, size, "\"", 1) != NULL);
    return 0;
}
