/*
 * GUIDs come first of all, so that every response carries one, also the one to a broken request. A
 * GUID that is not well-formed, or sent twice, is replaced without a word: it is a courtesy to the
 * caller, and no reason to reject a lookup.
 */
#include "middleware/tracker.h"

#include <string.h>

#include "runtime/trace.h"

static void set_fresh_guid(struct request *request, struct guid_source *guids)
{
    char fresh[GUID_UUID_TEXT];
    guid_make(guids, fresh);
    ctx_set_guid(request->ctx, fresh);
}

static void set_guid(struct request *request, struct guid_source *guids)
{
    const struct config *config = request->config;
    if (config->tracker_trust_incoming) {
        const char *given = request_header(request, config->tracker_header);
        if (given != NULL && guid_is_valid(given, strlen(given)) &&
            request_header_count(request, config->tracker_header) == 1) {
            ctx_set_guid(request->ctx, given);
            return;
        }
    }
    set_fresh_guid(request, guids);
}

/* A tracestate belongs to its traceparent, and is dropped with it. */
static void set_trace(struct request *request, struct guid_source *guids)
{
    const char *parent = request_header(request, "traceparent");
    const char *state = request_header(request, "tracestate");
    char child[TRACEPARENT_TEXT];
    bool continued = trace_continue(guids, parent, parent == NULL ? 0 : strlen(parent), child);
    if (!continued || state == NULL || !tracestate_is_valid(state, strlen(state)))
        state = "";
    ctx_set_trace(request->ctx, child, state);
}

void tracker_run(struct request *request, struct guid_source *guids)
{
    set_guid(request, guids);
    set_trace(request, guids);
}

void tracker_rejected(struct request *request, struct guid_source *guids, bool whole)
{
    if (whole)
        tracker_run(request, guids);
    else
        set_fresh_guid(request, guids);
}
