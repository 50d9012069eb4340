/*
 * What a token endpoint says of an error: RFC 6749, section 5.2, and the shapes that are common
 * instead of it. Private to src/token.
 *
 * Any thread.
 */
#ifndef TOKEN_RESPONSE_ERROR_H
#define TOKEN_RESPONSE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Bytes, without the NUL. */
#define TOKEN_ERROR_MAX 64
#define TOKEN_ERROR_TEXT_MAX 800

struct token_response_error {
    char code[TOKEN_ERROR_MAX + 1];      /* "invalid_client"; "": none was given */
    char text[TOKEN_ERROR_TEXT_MAX + 1]; /* what else is said, joined by "; "; "": nothing */
    bool named; /* a member says by its name that this is an error, and not a message */
};

/*
 * Reads error and error_description; objects and arrays in the place of either (error, errors,
 * fault, detail); errorCode and errorSummary, title and detail of problem+json, message, code and
 * the like, in any case and with or without underscores. A number counts as its text.
 *
 * Both are UTF-8 on one line: control characters become spaces. What they repeat of the client's
 * secrets is masked (token/mask.h) before anything is cut, for a secret that was cut would not be
 * found any more; a text that is too long ends in "...".
 *
 * False, and all of it empty, when the body is no JSON object.
 */
bool token_response_error(struct token_response_error *out, const struct config_upstream *upstream,
                          const char *body, size_t len);

#endif
