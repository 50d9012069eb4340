/*
 * WWW-Authenticate: only a value with the words says that a token is invalid, it says so whatever
 * follows it, and a quoted string in front of it hides nothing.
 */
#include "fuzz.h"

#include <stdio.h>

#include "upstream/challenge.h"

#define SAYS "Bearer error=invalid_token, "

static void check_value(const char *value)
{
    bool bearer = challenge_is_bearer(value);
    bool invalid = challenge_says_invalid_token(value);
    MUST(!bearer || strcasestr(value, "Bearer") != NULL);
    MUST(!invalid || (bearer && strcasestr(value, "error") != NULL));
}

static void check_behind(const char *value, size_t len)
{
    char *longer = malloc(sizeof(SAYS) + len);
    MUST(longer != NULL);
    snprintf(longer, sizeof(SAYS) + len, "%s%s", SAYS, value);
    MUST(challenge_is_bearer(longer) && challenge_says_invalid_token(longer));
    free(longer);
}

/* In a quoted string it is neither: each quote of its own is escaped. */
static void check_quoted(const char *value, size_t len)
{
    static const char begin[] = "Basic realm=\"";
    char *quoted = malloc(sizeof(begin) + 2 * len + 1);
    MUST(quoted != NULL);
    char *to = mempcpy(quoted, begin, sizeof(begin) - 1);
    for (size_t i = 0; i < len; i++) {
        *to++ = '\\';
        *to++ = value[i];
    }
    memcpy(to, "\"", 2);
    MUST(!challenge_is_bearer(quoted) && !challenge_says_invalid_token(quoted));
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece input = {(const char *)data, size};
    char *value = piece_text(input);
    size_t len = strlen(value);
    check_value(value);
    check_behind(value, len);
    check_quoted(value, len);
    free(value);
    return 0;
}
