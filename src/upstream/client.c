/*
 * A call's life. It waits its turn in a queue in order of arrival, runs (upstream/attempt.h), and
 * ends. What has ended is told from one place, deliver(), which libcurl never calls: so a callback
 * may do anything, start calls, cancel them, or free the client.
 *
 *     client_call --> QUEUED --> RUNNING --> ENDED --> `done`
 *          \________________________________/   (no room in the queue)
 *
 * At every stage the cancellation of the call's context takes it out and frees it.
 */
#include "upstream/client.h"

#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "upstream/attempt.h"

#define CLIENT_MAGIC 0xc11e0001u

enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_ENDED, CALL_STATES };

struct call {
    enum call_state state;
    struct client *client;
    struct call *prev, *next; /* in the client's list for its state */
    struct ctx *ctx;
    struct ctx_hook hook;
    client_done *done;
    void *arg;
    struct mono_time called;
    enum client_error error; /* once ENDED */
    struct attempt attempt;
};

struct client {
    unsigned magic;
    struct loop *loop;
    struct attempt_means means;
    size_t max_connections;
    size_t max_queue;
    struct call *calls[CALL_STATES]; /* a list for each state, oldest first */
    size_t count[CALL_STATES];
    struct timer *deliver_timer;
    bool delivering;
    bool doomed; /* client_free was called in a callback: deliver() finishes it */
};

struct client_settings client_settings_from(const struct config *config)
{
    return (struct client_settings){
        .connect_timeout = config->upstream_connect_timeout,
        .connection_max_age = config->upstream_connection_max_age,
        .retries = (unsigned)config->upstream_retries,
        .ca_file = config->upstream_ca_file,
        .client_certificate = config->upstream_client_certificate,
        .client_key = config->upstream_client_key.bytes,
        .proxy = config->upstream_proxy,
    };
}

static void enter(struct call *call, enum call_state state)
{
    struct client *client = call->client;

    call->state = state;
    client->count[state]++;
    DL_APPEND(client->calls[state], call);
}

static void leave(struct call *call)
{
    struct client *client = call->client;

    client->count[call->state]--;
    DL_DELETE(client->calls[call->state], call);
}

static void set_state(struct call *call, enum call_state state)
{
    leave(call);
    enter(call, state);
}

static void end(struct call *call, enum client_error error)
{
    call->error = error;
    set_state(call, CALL_ENDED);
}

static void call_free(struct call *call)
{
    ctx_hook_remove(&call->hook);
    attempt_fini(&call->attempt);
    mem_free(call);
}

static void start_queued(struct client *client)
{
    struct call *call;

    while ((call = client->calls[CALL_QUEUED]) != NULL &&
           client->count[CALL_RUNNING] < client->max_connections) {
        if (attempt_start(&call->attempt))
            set_state(call, CALL_RUNNING);
        else
            end(call, CLIENT_PROXY);
    }
}

char *client_reply_take_body(struct client_reply *reply)
{
    char *body = reply->body;

    reply->body = NULL;
    return body;
}

static void make_reply(struct call *call, struct client_reply *reply)
{
    struct attempt *attempt = &call->attempt;

    *reply = (struct client_reply){
        .error = call->error,
        .status = answer_status(&attempt->answer),
        .detail = attempt->text,
        .retries = attempt->retries,
        .sent = attempt->sent,
        .duration = mono_diff(mono_now(), call->called),
    };
    for (int id = 0; id < CLIENT_HEADER_COUNT && reply->status != 0; id++)
        reply->headers[id] = answer_header(&attempt->answer, (enum client_header_id)id);
    if (call->error == CLIENT_OK)
        reply->body = buf_take(&attempt->answer.body, &reply->body_len);
}

/* The client may be gone after the callback; the call is then nobody's but ours. */
static void tell(struct call *call)
{
    struct client_reply reply;

    leave(call);
    ctx_hook_remove(&call->hook);
    make_reply(call, &reply);
    call->done(call->arg, &reply);
    if (reply.body != NULL && call->attempt.request.post)
        wipe(reply.body, reply.body_len);
    mem_free(reply.body);
    call_free(call);
}

static void dismantle(struct client *client)
{
    if (client->means.handles != NULL)
        handles_free(client->means.handles);
    if (client->means.multi != NULL)
        multi_free(client->means.multi);
    MAGIC_CLEAR(client);
    mem_free(client);
}

static void deliver(struct client *client)
{
    MUST(!client->delivering);
    client->delivering = true;
    while (client->calls[CALL_ENDED] != NULL)
        tell(client->calls[CALL_ENDED]);
    client->delivering = false;
    if (client->doomed)
        dismantle(client);
}

static void on_deliver(void *arg)
{
    MAGIC_CAST(struct client, client, arg, CLIENT_MAGIC);

    client->deliver_timer = NULL;
    deliver(client);
}

/* For calls that end while somebody else's code is up the stack. */
static void deliver_later(struct client *client)
{
    if (client->count[CALL_ENDED] > 0 && client->deliver_timer == NULL)
        client->deliver_timer = timer_start(client->loop, 0, on_deliver, client);
}

static void on_ended(void *arg, CURL *easy, CURLcode code)
{
    MAGIC_CAST(struct client, client, arg, CLIENT_MAGIC);
    struct call *call = CONTAINER_OF(attempt_of(easy), struct call, attempt);
    enum client_error error;

    if (attempt_again(&call->attempt, code, &error))
        return;
    if (error != CLIENT_OK)
        log_debug(ctx_guid(call->ctx), "the upstream %s (%s)", client_error_phrase(error),
                  call->attempt.text);
    end(call, error);
    start_queued(client);
}

static void on_settled(void *arg)
{
    MAGIC_CAST(struct client, client, arg, CLIENT_MAGIC);

    timer_stop(&client->deliver_timer);
    deliver(client);
}

/* Takes a call out of wherever it is; its connection is closed. */
static void drop(struct call *call)
{
    leave(call);
    attempt_abort(&call->attempt);
    call_free(call);
}

static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct call *call = CONTAINER_OF(hook, struct call, hook);
    struct client *client = call->client;

    (void)cause;
    MAGIC_OK(client, CLIENT_MAGIC);
    drop(call);
    start_queued(client);
    deliver_later(client);
}

void client_call(struct client *client, struct ctx *ctx, const struct client_request *request,
                 client_done *done, void *arg)
{
    struct call *call = mem_zalloc(sizeof(*call));

    MAGIC_OK(client, CLIENT_MAGIC);
    MUST(!client->doomed);
    call->client = client;
    call->ctx = ctx;
    call->done = done;
    call->arg = arg;
    call->called = mono_now();
    attempt_init(&call->attempt, &client->means, request);
    call->attempt.sent = call->called;
    call->hook.cancelled = on_cancelled;
    ctx_hook_add(ctx, &call->hook);
    enter(call, CALL_QUEUED);
    start_queued(client);
    if (client->count[CALL_QUEUED] > client->max_queue) {
        if (client->means.counted)
            metric_add(METRIC_UPSTREAM_QUEUE_REFUSED, 0, 1);
        end(call, CLIENT_QUEUE_FULL);
    }
    deliver_later(client);
}

enum err client_new(struct loop *loop, const struct client_settings *settings, struct client **out)
{
    char problem[CLIENT_PROBLEM];

    if (client_check(settings, problem) != ERR_OK)
        return ERR_INVALID;
    MUST(settings->max_connections > 0);
    struct client *client = mem_zalloc(sizeof(*client));
    const struct multi_events events = {client, on_ended, on_settled};

    MAGIC_SET(client, CLIENT_MAGIC);
    client->loop = loop;
    client->max_connections = settings->max_connections;
    client->max_queue = settings->max_queue;
    client->means.retries = settings->retries;
    client->means.counted = settings->counted;
    client->means.multi = multi_new(loop, settings->max_connections, settings->counted, &events);
    if (client->means.multi != NULL)
        client->means.handles = handles_new(settings, client->means.multi);
    if (client->means.handles == NULL) {
        dismantle(client);
        return ERR_SYSTEM;
    }
    *out = client;
    return ERR_OK;
}

void client_free(struct client *client)
{
    MAGIC_OK(client, CLIENT_MAGIC);
    for (int state = 0; state < CALL_STATES; state++)
        while (client->calls[state] != NULL)
            drop(client->calls[state]);
    timer_stop(&client->deliver_timer);
    client->doomed = true;
    if (!client->delivering)
        dismantle(client);
}
