/* The table of codes. Servers add their own, and spell those of the RFC in any case. */
#include "token/rejection.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

#define CREDENTIALS "the token endpoint rejected the client's credentials"

static const struct {
    const char *code;
    const char *event; /* NULL: it is temporary */
} codes[] = {
    {"invalid_client", CREDENTIALS},
    {"unauthorized_client", CREDENTIALS},
    {"invalid_scope", "the token endpoint rejected the scope"},
    {"invalid_grant", "the token endpoint rejected the grant"},
    {"unsupported_grant_type", "the token endpoint does not support the grant type"},
    {"invalid_target", "the token endpoint rejected the audience or resource"},
    {"server_error", NULL},
    {"temporarily_unavailable", NULL},
    {"slow_down", NULL},
};

/* Its place in `codes`, or how many there are. */
static size_t find(const char *code)
{
    size_t i = 0;

    while (i < ARRAY_LEN(codes) && !text_equal_ci(codes[i].code, code))
        i++;
    return i;
}

const char *rejection_event(const char *code)
{
    size_t i = find(code);

    if (i == ARRAY_LEN(codes))
        return "the token endpoint rejected the request";
    return codes[i].event != NULL ? codes[i].event : "the token endpoint is in trouble";
}

bool rejection_blames_client(int status, const char *code)
{
    size_t i = find(code);

    return i < ARRAY_LEN(codes) ? codes[i].event != NULL && strcmp(codes[i].event, CREDENTIALS) == 0
                                : status == 401;
}

bool rejection_is_temporary(const char *code)
{
    size_t i = find(code);

    return i < ARRAY_LEN(codes) && codes[i].event == NULL;
}

bool rejection_may_be_the_secret(int status, const char *code)
{
    if (status == 401 || text_starts_ci(code, "invalid_client"))
        return true;
    return status != 403 && (code[0] == '\0' || strstr(code, "***") != NULL);
}
