/*
 * The tracker gives each request its GUID (the caller's, or a fresh UUID) and its place in a trace.
 * contract 3.
 */
#ifndef MIDDLEWARE_TRACKER_H
#define MIDDLEWARE_TRACKER_H

#include "exchange/request.h"
#include "runtime/trace.h"

/* Sets GUID and trace of the request's context; never settles it. `guids` is the thread's. */
void tracker_run(struct request *request, struct guid_source *guids);

/*
 * For a request that is rejected before it could be served. `whole`: its header fields can be read;
 * without them it gets a fresh GUID alone.
 */
void tracker_rejected(struct request *request, struct guid_source *guids, bool whole);

#endif
