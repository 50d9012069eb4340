/* The segment and the query of a lookup: what is let through can be nothing but one postcode. */
#include "fuzz.h"

#include "lookup/postcode.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

static void check_postcode(const struct postcode *postcode, bool normalise)
{
    size_t len = strlen(postcode->text);
    MUST(len >= 1 && len <= POSTCODE_MAX);
    MUST(strspn(postcode->text, PLAIN " ") == len);
    for (const char *c = postcode->encoded; *c != '\0'; c++) {
        MUST(*c == '%' || strchr(PLAIN, *c) != NULL);
        if (*c == '%')
            MUST(c[1] == '2' && c[2] == '0');
    }
    if (normalise)
        MUST(postcode->text[0] != ' ' && postcode->text[len - 1] != ' ' &&
             strstr(postcode->text, "  ") == NULL &&
             strpbrk(postcode->text, "abcdefghijklmnopqrstuvwxyz") == NULL);
}

/* One line of printable ASCII, whatever the segment holds, and whole. */
static void check_reason(const char *text)
{
    static const char begin[] = "A postcode is ";
    size_t len = strlen(text);
    MUST(len < REASON_MAX / 2 && strncmp(text, begin, sizeof(begin) - 1) == 0);
    for (size_t i = 0; i < len; i++)
        MUST(text[i] >= 0x20 && text[i] < 0x7f);
}

static void read_postcode(const char *raw, size_t len, bool normalise)
{
    struct postcode postcode, again;
    struct reason reason = {""};
    if (postcode_parse(raw, len, normalise, &postcode, &reason) != ERR_OK) {
        check_reason(reason.text);
        return;
    }
    check_postcode(&postcode, normalise);
    /* What goes upstream means the same when it is read as we read it. */
    MUST(postcode_parse(postcode.encoded, strlen(postcode.encoded), normalise, &again, &reason) ==
         ERR_OK);
    MUST(strcmp(postcode.text, again.text) == 0 && strcmp(postcode.encoded, again.encoded) == 0);
}

static void read_query(const char *query, size_t len)
{
    if (!query_is_valid(query, len))
        return;
    for (size_t i = 0; i < len; i++)
        MUST(query[i] > 0x20 && query[i] < 0x7f && query[i] != '#');
}

static void write_log(const char *raw, size_t len, enum config_postcodes policy)
{
    char out[POSTCODE_LOG_TEXT];
    for (size_t size = 4; size <= sizeof(out); size += 30) {
        memset(out, 'x', sizeof(out));
        postcode_for_log(raw, len, policy, out, size);
        MUST(memchr(out, '\0', size) != NULL);
    }
    if (policy == POSTCODES_OFF && len > 0)
        MUST(strcmp(out, "***") == 0);
    if (policy == POSTCODES_OUTWARD && len > 0)
        MUST(strcmp(out + strlen(out) - 3, "***") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece rest = {(const char *)data, size};
    struct piece segment = piece_until(&rest, '?');
    char *raw = piece_exact(segment), *query = piece_exact(rest);
    read_postcode(raw, segment.len, true);
    read_postcode(raw, segment.len, false);
    read_query(query, rest.len);
    for (int policy = POSTCODES_FULL; policy <= POSTCODES_OFF; policy++)
        write_log(raw, segment.len, (enum config_postcodes)policy);
    free(raw);
    free(query);
    return 0;
}
