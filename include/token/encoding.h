/*
 * The forms in which id and secret of a client travel in a token request. What is sent and what is
 * masked in an error are both made here, so that no form is forgotten. Private to src/token.
 *
 * Any thread.
 */
#ifndef TOKEN_ENCODING_H
#define TOKEN_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"
#include "config/config.h"

/* Far over what the configuration can hold. */
#define ENCODING_MAX (64 * 1024 * 1024)

/* Each appends to a buffer whose bound is ENCODING_MAX. */

/* RFC 6749, appendix B: the encoding of HTML forms, over UTF-8. */
void encoding_form(struct buf *out, const char *text, size_t len);
/* name=value, with & between it and what stands there already. */
void encoding_pair(struct buf *out, const char *name, const char *value, size_t value_len);
/* The same without a value that is NULL. */
void encoding_text(struct buf *out, const char *name, const char *value);

#define ENCODING_BASIC "Basic "
/*
 * The value of an Authorization header: ENCODING_BASIC and base64 of id and secret, each
 * form-encoded before where `encoded`. wipe_free_text() it.
 */
char *encoding_basic(const struct config_upstream *upstream, const struct secret *secret,
                     bool encoded);

#endif
