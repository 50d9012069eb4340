/* GUID, traceparent and tracestate, a line each: what is passed on is well-formed. */
#include "fuzz.h"

#include "base/text.h"
#include "runtime/trace.h"

#define HEX "0123456789abcdef"

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, HEX) >= len;
}

static bool all_zero(const char *text, size_t len)
{
    return strspn(text, "0") >= len;
}

/* Version 00 of W3C Trace Context, section 3.2. */
static void check_traceparent(const char *text)
{
    MUST(strlen(text) == TRACEPARENT_LEN);
    MUST(memcmp(text, "00-", 3) == 0 && text[35] == '-' && text[52] == '-');
    MUST(is_hex(text + 3, 32) && !all_zero(text + 3, 32));
    MUST(is_hex(text + 36, 16) && !all_zero(text + 36, 16));
    MUST(is_hex(text + 53, 2));
}

static void read_parent(const char *incoming, size_t len)
{
    static struct guid_source source;
    char child[TRACEPARENT_TEXT];
    bool continued = trace_continue(&source, incoming, len, child);
    check_traceparent(child);
    if (!continued)
        return;
    while (len > 0 && (*incoming == ' ' || *incoming == '\t')) {
        incoming++;
        len--;
    }
    MUST(len >= TRACEPARENT_LEN && memcmp(incoming + 3, child + 3, 32) == 0);
    MUST(memcmp(incoming + 36, child + 36, 16) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece rest = {(const char *)data, size};
    struct piece lines[] = {piece_until(&rest, '\n'), piece_until(&rest, '\n'), rest};
    char *copies[3];
    for (int i = 0; i < 3; i++)
        copies[i] = piece_exact(lines[i]);
    if (guid_is_valid(copies[0], lines[0].len)) {
        MUST(lines[0].len >= 1 && lines[0].len <= GUID_MAX);
        MUST(text_is_visible(copies[0], lines[0].len));
    }
    read_parent(copies[1], lines[1].len);
    if (tracestate_is_valid(copies[2], lines[2].len)) {
        MUST(lines[2].len >= 1 && lines[2].len <= TRACESTATE_MAX);
        for (size_t i = 0; i < lines[2].len; i++)
            MUST(copies[2][i] == '\t' || (copies[2][i] >= 0x20 && copies[2][i] < 0x7f));
    }
    for (int i = 0; i < 3; i++)
        free(copies[i]);
    return 0;
}
