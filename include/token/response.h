/*
 * Strict parsing of a token endpoint's response (RFC 6749 section 5.1, and contract 5 where it is
 * more exact). Knows no HTTP: it gets a body.
 *
 * The errors name the member that is wrong, never its value.
 */
#ifndef TOKEN_RESPONSE_H
#define TOKEN_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"
#include "token/token.h"

/* The largest reply that is looked at. */
#define TOKEN_RESPONSE_MAX (64 * 1024)
/* The longest type and value, in characters: what a header can be expected to carry. */
#define TOKEN_TYPE_MAX 64
#define TOKEN_VALUE_MAX (16 * 1024)

/*
 * Once, before any other thread is started and before jansson is used: from then on jansson
 * overwrites all memory that it frees, in the whole process. Its parser copies a token several
 * times (while it reads, in a buffer that grows, in the value) and lets nobody reach the copies.
 */
void token_response_setup(void);

/* What was parsed, and the memory behind it. */
struct token_response {
    struct token_grant grant;
    char *type;           /* owned */
    char *value;          /* owned, wiped by _fini */
    bool lifetime_given;  /* else the default was used */
    struct reason reason; /* ERR_INVALID: "access_token: not a string", one line, our words alone */
};

/*
 * Member by member: access_token, visible ASCII, up to TOKEN_VALUE_MAX. token_type absent, or any
 * case of "bearer": Bearer; else a token of RFC 9110, up to TOKEN_TYPE_MAX, as received.
 * expires_in: a number, its fraction cut, or a string of digits, in seconds, over 0, capped at
 * TOKEN_LIFETIME_MAX. Others are ignored, whatever they are.
 *
 * default_lifetime: ns, where expires_in is absent. ERR_INVALID with `reason` set; ERR_TOO_LARGE
 * over TOKEN_RESPONSE_MAX (reason set too). _fini in every case.
 */
ERR_CHECKED enum err token_response_parse(struct token_response *reply, const char *body,
                                          size_t len, int64_t default_lifetime);
void token_response_fini(struct token_response *reply);

/*
 * The `error` and `error_description` of an error response (RFC 6749 section 5.2): what they repeat
 * of the client's secrets is masked first (token_request_mask), for a secret that was cut would not
 * be found any more; then they are cut at the first character that the grammar does not allow (some
 * servers put several lines there) and at 64 and 256 characters; "" where absent or no string.
 * False when the body is no JSON object.
 */
#define TOKEN_ERROR_MAX 64
#define TOKEN_ERROR_DESCRIPTION_MAX 256
struct token_response_error {
    char error[TOKEN_ERROR_MAX + 1];
    char description[TOKEN_ERROR_DESCRIPTION_MAX + 1];
};
bool token_response_error(struct token_response_error *out, const struct config_upstream *upstream,
                          const char *body, size_t len);

#endif
