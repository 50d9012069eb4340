/*
 * Rejects what HTTP/1.1 forbids or leaves ambiguous (RFC 9112) and libmicrohttpd lets through.
 * Without it a second request can be smuggled behind a first (see the essay in guard.c).
 */
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include "exchange/request.h"

/*
 * Reads the header section, once it is whole: whether it announces a body, or tries to, in any
 * spelling (request->announces_body), what is wrong with it (->fault), and whether the connection
 * ends with the response (->close). A request with a body gets its response in libmicrohttpd's
 * first call.
 */
void guard_read(struct request *request);

/*
 * Settles the request with 400 when its header is broken or ambiguous, and finds path and query of
 * its target. What it lets pass has one framing, one Host, one meaning.
 */
void guard_check(struct request *request);

/*
 * For a request with a whole header section that libmicrohttpd is about to reject itself: settles
 * it with our own response, written at once.
 */
void guard_reject_at_once(struct request *request);

#endif
