/*
 * What a code of a token endpoint's error response means (RFC 6749, section 5.2). Private to
 * src/token.
 *
 * A code is "" where the endpoint gives none. Any thread.
 */
#ifndef TOKEN_REJECTION_H
#define TOKEN_REJECTION_H

#include <stdbool.h>

/* What the log says happened. Only invalid_client and unauthorized_client blame the credentials. */
const char *rejection_event(const char *code);

/* It refuses who asks, and not what is asked for. */
bool rejection_blames_client(int status, const char *code);

/* The endpoint's own trouble, which passes. */
bool rejection_is_temporary(const char *code);

/*
 * Another secret of the client may be accepted: a 401, an error that blames the client, or, but for
 * a 403, one without a code. A code in which the secret was masked says nothing of what the server
 * meant.
 */
bool rejection_may_be_the_secret(int status, const char *code);

#endif
