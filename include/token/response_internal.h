/* What response.c and response_error.c share. Private to src/token. */
#ifndef TOKEN_RESPONSE_INTERNAL_H
#define TOKEN_RESPONSE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/reason.h"
#include "token/response.h"

/*
 * The object that a body is, without a byte-order mark and white space around it; json_decref() it.
 * NULL with `reason` set. `rules` name the members that a reason may name; NULL: none.
 */
json_t *token_response_object(const char *body, size_t len,
                              const struct token_response_rules *rules, struct reason *reason);

/* Not null, false, 0, "", [] or {}. NULL is nothing. */
bool token_response_is_something(const json_t *value);

#endif
