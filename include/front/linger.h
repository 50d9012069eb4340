/*
 * Connections that the server has closed, and whose callers may still be sending: a socket that is
 * closed while bytes come is reset, and the caller may never see the response, or the alert, that
 * it was sent. Each is read, and what comes is dropped, until the caller closes too; for a second
 * at most, and a MiB. It counts against its limit until then.
 *
 * Thread: the loop's.
 */
#ifndef FRONT_LINGER_H
#define FRONT_LINGER_H

#include "front/server_app.h"
#include "runtime/loop.h"

struct lingering;

/* Those of one server; a zeroed one is empty. */
struct lingers {
    struct lingering *first;
};

/*
 * Ends what the server sends on `fd`, and takes a duplicate of it where the caller has not ended
 * its half. `fd` may be closed then; `app` and `quota` count the connection on.
 */
void linger_begin(struct lingers *lingers, struct loop *loop, struct server_app *app,
                  struct server_quota *quota, int fd);
/* All of them are closed at once; their memory is the loop's until it has run. */
void lingers_stop(struct lingers *lingers);

#endif
