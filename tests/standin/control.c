/*
 * /standin/: how tests read the stand-in and change its faults while it runs. A test need never
 * sleep: GET /standin/counters?aborted=3 answers when three callers have left, and the hold knobs
 * keep lookups where they are until the test lets them go.
 */
#include "standin.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_DEFAULT_MS 10000

static const char *const counter_names[COUNTER_COUNT] = {
#define COUNTER_NAME(id, name) [id] = (name),
    COUNTER_TABLE(COUNTER_NAME)
#undef COUNTER_NAME
};

static int find_counter(const char *name)
{
    int i = 0;
    while (i < COUNTER_COUNT && strcmp(counter_names[i], name) != 0)
        i++;
    return i;
}

static void answer_counters(struct call *call, unsigned status)
{
    json_t *body = json_object();
    for (int i = 0; i < COUNTER_COUNT; i++)
        json_object_set_new(body, counter_names[i], json_integer(call->standin->counters[i]));
    call_answer(call, status, body);
}

static bool reached(const struct call *call)
{
    for (int i = 0; i < COUNTER_COUNT; i++) {
        if (call->standin->counters[i] < call->minimum[i])
            return false;
    }
    return true;
}

/* One query argument; an unknown name or a bad number ends the walk. */
static enum MHD_Result take_minimum(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    struct call *call = call_cast(cls);
    int counter = find_counter(name);
    if (strcmp(name, "timeout") == 0)
        return MHD_YES;
    char *end = NULL;
    if (counter == COUNTER_COUNT || value == NULL ||
        (call->minimum[counter] = strtoll(value, &end, 10)) < 0 || end == value || *end != '\0') {
        call_answer_error(call, MHD_HTTP_BAD_REQUEST, "invalid_request",
                          "arguments are COUNTER=MINIMUM and timeout=MS");
        return MHD_NO;
    }
    call->waits_for_counters = true;
    return MHD_YES;
}

static long long wait_limit(const struct call *call)
{
    const char *text = call_query(call, "timeout");
    long long ms = text != NULL ? strtoll(text, NULL, 10) : WAIT_DEFAULT_MS;
    return now_ns() + (ms < 0 || ms > 3600000 ? WAIT_DEFAULT_MS : ms) * NS_PER_MS;
}

void control_counters(struct call *call, const char *rest)
{
    (void)rest;
    MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, take_minimum, call);
    if (call->status != 0)
        return;
    if (reached(call)) {
        answer_counters(call, MHD_HTTP_OK);
        return;
    }
    /* Stands until control_wake puts the good answer in its place. */
    answer_counters(call, MHD_HTTP_GATEWAY_TIMEOUT);
    parking_add(&call->standin->parking, call, wait_limit(call));
}

void control_wake(struct standin *standin)
{
    struct call *call, *next;
    for (call = TAILQ_FIRST(&standin->parking.list); call != NULL; call = next) {
        next = TAILQ_NEXT(call, entry);
        if (call->waits_for_counters && call->due != 0 && reached(call)) {
            answer_counters(call, MHD_HTTP_OK);
            parking_hasten(&standin->parking, call);
        }
    }
}

void control_revoke(struct call *call, const char *rest)
{
    (void)rest;
    tokens_revoke(&call->standin->tokens);
    call_answer_empty(call, MHD_HTTP_NO_CONTENT);
}

static void release_held(struct standin *standin, enum call_kind kind)
{
    struct call *call, *next;
    for (call = TAILQ_FIRST(&standin->parking.list); call != NULL; call = next) {
        next = TAILQ_NEXT(call, entry);
        if (call->held && call->kind == kind)
            parking_hasten(&standin->parking, call);
    }
}

static void release_trickling(struct standin *standin)
{
    struct call *call, *next;
    for (call = TAILQ_FIRST(&standin->parking.list); call != NULL; call = next) {
        next = TAILQ_NEXT(call, entry);
        if (call->trickling)
            parking_hasten(&standin->parking, call);
    }
}

static enum MHD_Result take_knob(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct call *call = call_cast(cls);
    struct knobs *knobs = &call->standin->knobs;
    enum knob knob = knob_find(name);
    enum text_knob text = text_find(name);
    bool known = knob != KNOB_COUNT || text != TEXT_COUNT;
    if (knob != KNOB_COUNT ? knobs_set(knobs, knob, value)
                           : known && knobs_set_text(knobs, text, value))
        return MHD_YES;
    call_answer(call, MHD_HTTP_BAD_REQUEST,
                json_pack("{s:s, s:s}", "error", known ? "value_out_of_range" : "no_such_knob",
                          "knob", name));
    return MHD_NO;
}

void control_set(struct call *call, const char *rest)
{
    (void)rest;
    struct standin *standin = call->standin;
    MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, take_knob, call);
    if (!knobs_on(&standin->knobs, KNOB_HOLD))
        release_held(standin, CALL_LOOKUP);
    if (!knobs_on(&standin->knobs, KNOB_TOKEN_HOLD))
        release_held(standin, CALL_TOKEN);
    if (!knobs_on(&standin->knobs, KNOB_TRICKLE))
        release_trickling(standin);
    if (call->status == 0)
        call_answer_empty(call, MHD_HTTP_NO_CONTENT);
}
