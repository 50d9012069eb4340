/*
 * A request's life. The state changes in one function, which knows the steps that are allowed, and
 * the ending is decided in one other (settle), which lets the first to come win. That is what
 * keeps the three that may end a request (its handler, its caller, its deadline) from meeting.
 */
#include "exchange/request.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "exchange/cookie.h"

#define REQUEST_MAGIC 0x52455155u

/* A copy of a field's value, without the white space behind it. */
struct trimmed {
    char *value;
    struct trimmed *next;
};

static const char *const state_names[] = {
#define STATE_NAME(id, name) [id] = (name),
    REQUEST_STATES(STATE_NAME)
#undef STATE_NAME
};

/* The states that may follow each: a bit for each successor. */
#define TO(state) (1u << (state))
static const unsigned followers[] = {
    [REQUEST_HEADER_SECTION] = TO(REQUEST_RUNNING),
    [REQUEST_RUNNING] = TO(REQUEST_PARKED) | TO(REQUEST_SETTLED),
    [REQUEST_PARKED] = TO(REQUEST_SETTLED),
    [REQUEST_SETTLED] = TO(REQUEST_SENDING) | TO(REQUEST_ENDED),
    [REQUEST_SENDING] = TO(REQUEST_ENDED),
    [REQUEST_ENDED] = 0,
};

struct request *request_new(struct config *config, const char *target)
{
    struct request *request = mem_zalloc(sizeof(*request));
    MAGIC_SET(request, REQUEST_MAGIC);
    request->state = REQUEST_HEADER_SECTION;
    request->config = config_ref(config);
    request->target = mem_strdup(target);
    request->stats.upstream_duration = -1;
    request->age = -1;
    return request;
}

static void out_of_time(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct request *request = CONTAINER_OF(hook, struct request, deadline);
    MAGIC_OK(request, REQUEST_MAGIC);
    if (cause == CTX_DEADLINE)
        request->timed_out(request);
}

/*
 * A connection that breaks off may take libmicrohttpd's memory along before the access line is
 * written, and the method with it.
 */
static const char *keep_method(struct request *request, const char *method)
{
    static const char *const usual[] = {"GET", "HEAD"};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (strcmp(method, usual[i]) == 0)
            return usual[i];
    return request->unusual_method = mem_strdup(method);
}

void request_begin(struct request *request, struct loop *loop, const char *method)
{
    MUST(request->timed_out != NULL);
    request_enter(request, REQUEST_RUNNING);
    request->method = keep_method(request, method);
    request->began = loop_look(loop);
    request->ctx = ctx_new(loop);
    ctx_set_deadline(request->ctx,
                     mono_add(request->began, request->config->server_request_timeout));
    request->deadline.cancelled = out_of_time;
    ctx_hook_add(request->ctx, &request->deadline);
}

void request_use(struct request *request, struct config *config)
{
    MAGIC_OK(request, REQUEST_MAGIC);
    if (request->config == config)
        return;
    config_ref(config);
    config_unref(request->config);
    request->config = config;
}

static void free_trimmed(struct request *request)
{
    while (request->trimmed != NULL) {
        struct trimmed *kept = request->trimmed;
        request->trimmed = kept->next;
        wipe_free_text(kept->value);
        mem_free(kept);
    }
}

void request_free(struct request *request)
{
    MAGIC_OK(request, REQUEST_MAGIC);
    MUST(request->state == REQUEST_ENDED || request->state == REQUEST_HEADER_SECTION);
    if (request->ctx != NULL)
        ctx_hook_remove(&request->deadline);
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    ctx_free(request->ctx);
    config_unref(request->config);
    mem_free(request->target);
    mem_free(request->unusual_method);
    mem_free(request->flight);
    free_trimmed(request);
    MAGIC_CLEAR(request);
    mem_free(request);
}

const char *request_guid(const struct request *request)
{
    return request->ctx == NULL ? "" : ctx_guid(request->ctx);
}

void request_enter(struct request *request, enum request_state state)
{
    MAGIC_OK(request, REQUEST_MAGIC);
    MUST((followers[request->state] & TO(state)) != 0);
    if (log_enabled(LOG_LEVEL_DEBUG))
        log_debug(request_guid(request), "request: %s -> %s", state_names[request->state],
                  state_names[state]);
    request->state = state;
}

bool request_is_settled(const struct request *request)
{
    return request->state >= REQUEST_SETTLED;
}

static void settle(struct request *request, enum problem_id ending, int status,
                   struct MHD_Response *response, enum ctx_cause cause)
{
    bool parked = request->state == REQUEST_PARKED;
    request->ending = ending;
    request->status = status;
    request->response = response;
    request_enter(request, REQUEST_SETTLED);
    ctx_cancel(request->ctx, cause);
    if (parked)
        request->settled(request);
}

void request_settle(struct request *request, enum problem_id ending, int status,
                    struct MHD_Response *response)
{
    if (request_is_settled(request))
        MHD_destroy_response(response);
    else
        settle(request, ending, status, response, CTX_DONE);
}

void request_abandon(struct request *request)
{
    if (!request_is_settled(request))
        settle(request, ENDED_CANCELLED, problem_of(ENDED_CANCELLED)->status, NULL, CTX_GONE);
}

void request_replace_ending(struct request *request, enum problem_id ending, int status)
{
    MUST(request->state == REQUEST_SENDING);
    request->ending = ending;
    request->status = status;
}

size_t request_header_size(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

/* Wiped in the end: it may be an identity. */
static const char *keep_trimmed(struct request *request, const char *value, size_t len)
{
    struct trimmed *kept = mem_alloc(sizeof(*kept));

    kept->value = mem_strndup(value, len);
    kept->next = request->trimmed;
    request->trimmed = kept;
    return kept->value;
}

/* libmicrohttpd takes off what stands before a value; the blanks behind it are rare. */
const char *request_header(struct request *request, const char *name)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
    size_t len = value != NULL ? strlen(value) : 0;
    const size_t whole = len;
    const char *start = value;

    if (value == NULL)
        return NULL;
    text_trim(&value, &len);
    return value + len == start + whole ? value : keep_trimmed(request, value, len);
}

/* Told from what a caller sends by its address. */
static const char placeholder[] = "";

void request_hide_cookies(struct request *request)
{
    (void)MHD_set_connection_value(request->connection, MHD_HEADER_KIND, "Cookie", placeholder);
}

bool request_is_placeholder(const char *value)
{
    return value == placeholder;
}

static enum MHD_Result take_cookies(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    const char **text = arg;
    (void)kind;
    if (request_is_placeholder(value) || strcasecmp(name, "Cookie") != 0)
        return MHD_YES;
    *text = value;
    return MHD_NO;
}

size_t request_cookie(struct request *request, const char *name, const char **value, size_t *len)
{
    const char *text = NULL;
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_cookies, &text);
    return cookie_find(text == NULL ? "" : text, name, value, len);
}

struct tally {
    const char *name;
    size_t count;
};

static enum MHD_Result tally_value(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct tally *tally = arg;
    (void)kind;
    (void)value;
    tally->count += strcasecmp(name, tally->name) == 0;
    return MHD_YES;
}

size_t request_header_count(const struct request *request, const char *name)
{
    struct tally tally = {.name = name};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, tally_value, &tally);
    return tally.count;
}

struct any_of {
    const char *name;
    bool (*is)(const char *value);
    bool found;
};

static enum MHD_Result judge_value(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct any_of *any = arg;
    (void)kind;
    any->found = any->found || (strcasecmp(name, any->name) == 0 && any->is(value));
    return MHD_YES;
}

bool request_header_any(const struct request *request, const char *name,
                        bool (*is)(const char *value))
{
    struct any_of any = {.name = name, .is = is};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, judge_value, &any);
    return any.found;
}
