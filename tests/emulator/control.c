/*
 * /emulator/: what tests press and read.
 *
 *   POST play?lookup=NAME[&times=N]   lookups get that file (the next N; without N all from now on)
 *   POST play?token=NAME[&times=N]    token requests likewise; without NAME as before
 *   POST expire                       the tokens issued so far are expired
 *   POST revoke                       all but the last one are
 *   GET counters                      as JSON
 *   GET last?of=lookup, last?of=token the last request of that kind: method, target, headers, body
 */
#include "emulator.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[KIND_COUNT] = {
    [KIND_TOKEN] = "token",
    [KIND_LOOKUP] = "lookup",
};

static const char *argument(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void answer_done(struct call *call, bool done)
{
    if (done)
        call_answer(call, MHD_HTTP_NO_CONTENT, "", 0);
    else
        call_answer_json(call, MHD_HTTP_BAD_REQUEST,
                         json_pack("{s:s}", "error", "no such argument"));
}

/* False when there is no such reply, or N is no number. */
static bool play_next(struct emulator *emulator, const struct call *call, enum kind kind)
{
    const char *name = argument(call, kind_names[kind]), *times = argument(call, "times");
    const struct reply *reply = api_reply(&emulator->api, name, kind);
    char *end = NULL;
    long left = times != NULL ? strtol(times, &end, 10) : -1;

    if ((reply == NULL && *name != '\0') || (times != NULL && (left < 1 || *end != '\0')))
        return false;
    emulator->played[kind].reply = reply;
    emulator->played[kind].left = left;
    return true;
}

static void serve_play(struct emulator *emulator, struct call *call)
{
    bool any = false, good = true;

    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        if (argument(call, kind_names[kind]) == NULL)
            continue;
        any = true;
        good = play_next(emulator, call, kind) && good;
    }
    answer_done(call, any && good);
}

static void serve_expire(struct emulator *emulator, struct call *call)
{
    emulator->expired = (unsigned long)emulator->counters[COUNTER_TOKENS_ISSUED];
    answer_done(call, true);
}

static void serve_revoke(struct emulator *emulator, struct call *call)
{
    const unsigned long issued = (unsigned long)emulator->counters[COUNTER_TOKENS_ISSUED];

    emulator->expired = issued > 0 ? issued - 1 : 0;
    answer_done(call, true);
}

static void serve_counters(struct emulator *emulator, struct call *call)
{
    static const char *const names[] = {
#define COUNTER_NAME(id, name) [id] = (name),
        COUNTER_TABLE(COUNTER_NAME)
#undef COUNTER_NAME
    };
    json_t *body = json_object();

    for (int i = 0; i < COUNTER_COUNT; i++)
        json_object_set_new(body, names[i], json_integer(emulator->counters[i]));
    call_answer_json(call, MHD_HTTP_OK, body);
}

static void serve_last(struct emulator *emulator, struct call *call)
{
    const char *of = argument(call, "of");

    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        if (of != NULL && strcmp(of, kind_names[kind]) == 0) {
            json_t *last = emulator->last[kind];

            call_answer_json(call, MHD_HTTP_OK, last != NULL ? json_incref(last) : json_null());
            return;
        }
    }
    answer_done(call, false);
}

void control(struct emulator *emulator, struct call *call, const char *path)
{
    static const struct {
        const char *method, *path;
        void (*serve)(struct emulator *, struct call *);
    } routes[] = {
        {"POST", "play", serve_play},     {"POST", "expire", serve_expire},
        {"POST", "revoke", serve_revoke}, {"GET", "counters", serve_counters},
        {"GET", "last", serve_last},
    };

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(path, routes[i].path) == 0 && strcmp(call->method, routes[i].method) == 0) {
            routes[i].serve(emulator, call);
            return;
        }
    }
    call_answer_json(call, MHD_HTTP_NOT_FOUND, json_pack("{s:s}", "error", "no such control"));
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    json_object_set_new(cls, name, json_string(value != NULL ? value : ""));
    return MHD_YES;
}

void control_remember(struct emulator *emulator, const struct call *call)
{
    json_t *headers = json_object();

    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, take_header, headers);
    json_decref(emulator->last[call->kind]);
    emulator->last[call->kind] = json_pack("{s:s, s:s, s:o, s:s}", "method", call->method, "target",
                                           call->target, "headers", headers, "body", call->body);
}
