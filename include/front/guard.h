/*
 * Refusal of what HTTP/1.1 forbids or leaves ambiguous (RFC 9112) and libmicrohttpd lets through.
 * Without it a second request can be smuggled behind a first (see the essay in guard.c).
 */
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include <stdbool.h>

#include "exchange/request.h"

/*
 * Does the head announce a body, or try to, in any spelling? Such a request is answered in
 * libmicrohttpd's first call, and its connection closed.
 */
bool guard_announces_body(const struct request *request);

/*
 * Settles the request with 400 when its head is broken or ambiguous, and finds path and query of
 * its target. What it lets pass has one framing, one Host, one meaning.
 */
void guard_check(struct request *request);

#endif
