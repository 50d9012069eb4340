/*
 * Takes secrets out of a text. A server may repeat what it was sent in the text of an error, which
 * is logged and shown to operators. Private to src/token.
 *
 * Any thread.
 */
#ifndef TOKEN_MASK_H
#define TOKEN_MASK_H

#include "config/config.h"

/*
 * A copy of a server's text in which "***" stands for whatever it repeats of the client's secrets
 * and of the values of header_file: each as it is, form-encoded, escaped as in JSON, and the
 * secrets in base64 with the id, as an Authorization header has it, with and without padding; each
 * of these also escaped by the server, up to three times (token/unescape.h); and for whatever looks
 * like a JWT, be it an assertion or a token. mem_free() it.
 */
char *token_mask(const struct config_upstream *upstream, const char *text);

#endif
