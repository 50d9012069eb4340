/*
 * Bytes that are under way stay where they are until all of them are sent, for TLS wants to be
 * given the same ones again after it took none; what is added meanwhile waits in a second buffer.
 * Both are wiped: AUTH passes through them.
 */
#include "upstream/resp_output.h"

#include <hiredis/hiredis.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"

void resp_output_init(struct resp_output *output, size_t max)
{
    *output = (struct resp_output){.sent = 0};
    buf_init_secret(&output->out, max);
    buf_init_secret(&output->next, max);
}

void resp_output_fini(struct resp_output *output)
{
    buf_fini(&output->out);
    buf_fini(&output->next);
}

bool resp_output_add(struct resp_output *output, const char *const *words, const size_t *lengths,
                     size_t count)
{
    char *bytes = NULL;
    /* hiredis changes none of the words. */
    long long len =
        redisFormatCommandArgv(&bytes, (int)count, (const char **)(uintptr_t)words, lengths);

    MEM_MUST(len > 0);
    bool added = (size_t)len <= output->next.max - output->next.len;
    if (added)
        MEM_MUST(buf_append(&output->next, bytes, (size_t)len) == ERR_OK);
    wipe(bytes, (size_t)len);
    redisFreeCommand(bytes);
    return added;
}

static bool is_empty(const struct resp_output *output)
{
    return output->sent == output->out.len && output->next.len == 0;
}

bool resp_output_waits(const struct resp_output *output)
{
    return !is_empty(output) && !output->wants_room && !output->broken;
}

/* All that was under way is gone: it is wiped, and what came after it is under way. */
static void turn_over(struct resp_output *output)
{
    struct buf gone = output->out;

    buf_reset(&gone);
    output->out = output->next;
    output->next = gone;
    output->sent = 0;
}

static void want_room(struct resp_output *output, struct stream *stream, bool wanted)
{
    if (output->wants_room != wanted)
        stream_want_room(stream, wanted);
    output->wants_room = wanted;
}

static enum connection_io send_once(struct resp_output *output, struct stream *stream)
{
    size_t sent;
    enum connection_io io =
        stream_send(stream, output->out.data + output->sent, output->out.len - output->sent, &sent);

    output->sent += sent;
    if (output->sent == output->out.len)
        turn_over(output);
    return io;
}

void resp_output_send(struct resp_output *output, struct stream *stream)
{
    enum connection_io io = CONNECTION_DONE;

    if (output->sent == output->out.len)
        turn_over(output);
    while (output->out.len > 0 && io == CONNECTION_DONE)
        io = send_once(output, stream);
    output->broken = io != CONNECTION_DONE && io != CONNECTION_AGAIN;
    want_room(output, stream, io == CONNECTION_AGAIN);
}
