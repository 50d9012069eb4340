/*
 * A connection to a Redis or Valkey, in RESP2 (redis.io, "Redis serialization protocol"): commands
 * go out, replies come back in the same order, and what a channel says comes in between. libcurl
 * opens the connection (upstream/stream.h), hiredis's reader and formatter do the protocol; nothing
 * here blocks. Knows no tokens.
 *
 * One connection, one life: what goes wrong once (a command without a reply in time, bytes that are
 * no RESP2, a reply over the bounds, a push that was not asked for) closes it, and its user opens
 * another one when it likes. After a missed reply nobody could tell which command the next one
 * belongs to.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_RESP_H
#define UPSTREAM_RESP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "upstream/resp_types.h"

struct resp;

/* Each is the last call in a callback of ours: resp_close is allowed in it. */
struct resp_ports {
    void *arg;
    /* The connection is open, and AUTH was accepted. Commands may be sent. */
    void (*opened)(void *arg);
    /* A message of a channel; the texts may hold any byte. */
    void (*message)(void *arg, const char *channel, const char *text, size_t len);
    /*
     * It could not be opened, or has ended; it is freed, and no callback of a command follows.
     * `detail` is one line for the log, no secret in it; borrowed.
     */
    void (*closed)(void *arg, enum resp_error error, const char *detail);
};

/*
 * ERR_SYSTEM: libcurl cannot be set up; ERR_INVALID: `server` is no such address, or the TLS files
 * cannot be used. No port is called from within.
 */
ERR_CHECKED enum err resp_open(const struct resp_settings *settings, const struct resp_ports *ports,
                               struct resp **out);
/* No port is called any more, nor a command's callback. NULL is allowed, as is one in `closed`. */
void resp_close(struct resp *resp);

/*
 * A command; the arguments may hold any byte, and are copied. `replied` is called in a later turn,
 * with an error reply as well; never when the connection ends first. NULL: nobody asks. False:
 * RESP_COMMANDS or RESP_UNSENT_MAX wait already, or it is not open; then nothing was sent.
 */
bool resp_command(struct resp *resp, const char *const *words, const size_t *lengths, size_t count,
                  resp_replied *replied, void *arg);
/*
 * From the first one on the connection is for channels alone: resp_command is not allowed any more.
 * `replied` is called with the number of channels when the server has confirmed it.
 */
bool resp_subscribe(struct resp *resp, const char *channel, resp_replied *replied, void *arg);
/*
 * An error reply to it is passed over: the channel's messages go on then. False: as above, or
 * nothing was subscribed to.
 */
bool resp_unsubscribe(struct resp *resp, const char *channel);

#endif
