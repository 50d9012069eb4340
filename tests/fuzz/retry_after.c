/* Retry-After: 0 to a day, whatever an upstream writes. */
#include "fuzz.h"

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = piece_text((struct piece){(const char *)data, size});
    int64_t seconds = -1;
    if (text_parse_retry_after(text, 1700000000, &seconds))
        MUST(seconds >= 0 && seconds <= 86400);
    if (text_parse_retry_after(text, -5, &seconds))
        MUST(seconds >= 0 && seconds <= 86400);
    free(text);
    return 0;
}
