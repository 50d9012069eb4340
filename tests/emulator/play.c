/*
 * The reply to a request: a fault's own status, the API's refusal of a client or of an expired
 * token, what a test asked for by name, and else what the request deserves.
 *
 * Tokens are numbers in the sample's text, so that a test can tell them apart, none has to be kept,
 * and one look at a log shows whether a token got there.
 */
#include "emulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_PATTERN "tok-abcdefghijklmnopqrstuvwxyz0123%06lu"

void play_token_text(char text[TOKEN_TEXT], unsigned long number)
{
    snprintf(text, TOKEN_TEXT, TOKEN_PATTERN, number % 1000000);
}

/* A fault that the API has no reply for: its name, and where to read more. */
static void answer_fault(struct call *call)
{
    static const struct {
        const char *name;
        unsigned status;
    } faults[] = {
#define FAULT_ROW(id, name, status) [id] = {name, status},
        FAULT_TABLE(FAULT_ROW)
#undef FAULT_ROW
    };
    char error[64];

    snprintf(error, sizeof error, "emulator_%s", faults[call->fault].name);
    call_answer_json(call, faults[call->fault].status,
                     json_pack("{s:s, s:s}", "error", error, "error_description",
                               "the emulator says on stderr what is right"));
}

static void answer_reply(struct call *call, const struct reply *reply, const char *text, size_t len)
{
    const char *name;
    json_t *value;

    call_answer(call, reply->status, text, len);
    json_object_foreach(reply->headers, name, value)
    {
        MHD_add_response_header(call->response, name, json_string_value(value));
    }
}

/* A time as the API writes it: "local" has no offset, "epoch" is a string of seconds. */
static json_t *time_text(time_t at, const char *form, int offset)
{
    char text[64];
    struct tm parts;

    if (strcmp(form, "epoch") == 0)
        return json_sprintf("%lld", (long long)at);
    at += offset;
    gmtime_r(&at, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return json_string(text);
}

/* Members that are times, so many seconds from now in place of the sample's. */
static void set_times(const struct api *api, json_t *grant)
{
    const char *name, *form;
    json_t *rule;
    int seconds, offset;

    json_object_foreach(api->token_times, name, rule)
    {
        offset = 0;
        if (json_object_get(grant, name) != NULL &&
            json_unpack(rule, "{s:i, s:s, s?i}", "seconds", &seconds, "form", &form, "offset",
                        &offset) == 0)
            json_object_set_new(grant, name, time_text(time(NULL) + seconds, form, offset));
    }
}

/* A token reply; where it has a token, a new one. */
static void answer_token(struct emulator *emulator, struct call *call, const struct reply *reply)
{
    const struct api *api = &emulator->api;
    char token[TOKEN_TEXT];
    json_t *grant = json_loadb(reply->text, reply->len, 0, NULL);

    if (!json_is_string(json_object_get(grant, api->token_member))) {
        answer_reply(call, reply, reply->text, reply->len);
        json_decref(grant);
        return;
    }
    play_token_text(token, (unsigned long)++emulator->counters[COUNTER_TOKENS_ISSUED]);
    json_object_set_new(grant, api->token_member, json_string(token));
    set_times(api, grant);
    char *text = json_dumps(grant, JSON_COMPACT);
    answer_reply(call, reply, text, strlen(text));
    free(text);
    json_decref(grant);
}

/* What a test asked for; NULL for nothing. */
static const struct reply *played(struct emulator *emulator, enum kind kind)
{
    const struct reply *reply = emulator->played[kind].reply;

    if (reply != NULL && emulator->played[kind].left > 0 && --emulator->played[kind].left == 0)
        emulator->played[kind].reply = NULL;
    return reply;
}

static void play_token(struct emulator *emulator, struct call *call)
{
    const char *name = call->fault == FAULT_CLIENT ? "token-refused.json" : "token.json";
    const struct reply *reply = call->fault == FAULT_CLIENT ? NULL : played(emulator, KIND_TOKEN);

    answer_token(emulator, call,
                 reply != NULL ? reply : api_reply(&emulator->api, name, KIND_TOKEN));
}

static void play_lookup(struct emulator *emulator, struct call *call)
{
    const struct api *api = &emulator->api;
    const char *name = strcmp(call->postcode, api->known) == 0 ? "found.json" : "unknown.json";
    const struct reply *reply = NULL;

    if (call->token <= emulator->expired) {
        emulator->counters[COUNTER_LOOKUPS_EXPIRED]++;
        name = "expired.json";
    } else {
        reply = played(emulator, KIND_LOOKUP);
    }
    if (reply == NULL)
        reply = api_reply(api, name, KIND_LOOKUP);
    answer_reply(call, reply, reply->text, reply->len);
}

void play(struct emulator *emulator, struct call *call)
{
    bool is_token = call->kind == KIND_TOKEN;

    emulator->counters[is_token ? COUNTER_TOKEN_REQUESTS : COUNTER_LOOKUPS]++;
    emulator->counters[COUNTER_FAULTS] += call->fault != FAULT_NONE;
    if (call->fault != FAULT_NONE && call->fault != FAULT_CLIENT)
        answer_fault(call);
    else if (is_token)
        play_token(emulator, call);
    else
        play_lookup(emulator, call);
}
