/* The body of an upstream's 200: what is passed on is JSON that every parser reads alike. */
#include "fuzz.h"

#include <jansson.h>

#include "base/text.h"
#include "lookup/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    char problem[ADDRESS_PROBLEM];
    memset(problem, 'x', sizeof(problem));
    if (address_check(body, size, problem) != ERR_OK) {
        MUST(memchr(problem, '\0', sizeof(problem)) != NULL && problem[0] != '\0');
        return 0;
    }
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
