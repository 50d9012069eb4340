/*
 * What happened to a token, in words: for the marks of its timeline, and as a table.
 *
 * Not shared between threads.
 */
#ifndef FRONT_TOKEN_EVENTS_H
#define FRONT_TOKEN_EVENTS_H

#include "base/buf.h"
#include "front/overview.h"

/* "token request failed: ..."; a long reason is cut. Escaped. */
void token_event_text(const struct overview *overview, const struct history_event *event,
                      struct buf *out);
/* A closed <details> with what is planned, then the newest events, at most `most`. */
void token_events_write(const struct overview *overview, const struct overview_upstream *upstream,
                        size_t most, struct buf *out);

#endif
