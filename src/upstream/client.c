/*
 * A call's life. It waits its turn in a queue in order of arrival, runs, and ends. Two engines run
 * calls: lookups are GETs over links that are kept (upstream/get.h), token requests are POSTs of
 * libcurl's (upstream/post.h).
 *
 * What has ended is told from one place, deliver(), which has nobody's code up the stack but the
 * loop's: so a callback may do anything, start calls, cancel them, or free the client.
 *
 *     client_call --> QUEUED --> RUNNING --> ENDED --> `done`
 *          \________________________________/   (no room in the queue)
 *
 * At every stage the cancellation of the call's context takes it out and frees it.
 */
#include "upstream/client.h"

#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "upstream/get.h"
#include "upstream/post.h"

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
    struct outcome outcome;
    bool post; /* which of the two it is */
    union {
        struct get get;
        struct post posting;
    };
};

struct client {
    unsigned magic;
    struct loop *loop;
    struct multi *multi;
    struct handles *handles;
    struct get_means gets;
    struct post_means posts;
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

/* Closes its connection if it runs. */
static void call_free(struct call *call)
{
    ctx_hook_remove(&call->hook);
    if (call->post)
        post_fini(&call->posting);
    else
        get_fini(&call->get);
    answer_fini(&call->outcome.answer);
    mem_free(call);
}

static void start(struct call *call, struct mono_time now)
{
    bool runs = call->post ? post_start(&call->posting) : get_start(&call->get, now);

    if (runs)
        set_state(call, CALL_RUNNING);
    else
        end(call, call->post ? call->posting.error : call->get.error);
}

static void start_queued(struct client *client)
{
    while (client->calls[CALL_QUEUED] != NULL &&
           client->count[CALL_RUNNING] < client->max_connections)
        start(client->calls[CALL_QUEUED], loop_now(client->loop));
}

char *client_reply_take_body(struct client_reply *reply)
{
    char *body = reply->body;

    reply->body = NULL;
    return body;
}

static void make_reply(struct call *call, struct client_reply *reply)
{
    struct outcome *outcome = &call->outcome;

    *reply = (struct client_reply){
        .error = call->error,
        .status = respond_status(&outcome->answer),
        .detail = outcome->text,
        .retries = outcome->retries,
        .sent = outcome->sent,
        .duration = mono_diff(outcome->ended, call->called),
    };
    for (int id = 0; id < CLIENT_HEADER_COUNT && reply->status != 0; id++)
        reply->headers[id] = answer_header(&outcome->answer, (enum client_header_id)id);
    if (call->error == CLIENT_OK)
        reply->body = buf_take(&outcome->answer.body, &reply->body_len);
}

/* The client may be gone after the callback; the call is then nobody's but ours. */
static void tell(struct call *call)
{
    struct client_reply reply;

    leave(call);
    ctx_hook_remove(&call->hook);
    make_reply(call, &reply);
    call->done(call->arg, &reply);
    wipe_free(reply.body, call->post ? reply.body_len : 0);
    call_free(call);
}

static void dismantle(struct client *client)
{
    if (client->gets.links != NULL)
        links_free(client->gets.links);
    head_frame_fini(&client->gets.frame);
    if (client->handles != NULL)
        handles_free(client->handles);
    if (client->multi != NULL)
        multi_free(client->multi);
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

static void note_end(struct call *call, enum client_error error)
{
    if (error != CLIENT_OK)
        log_debug(ctx_guid(call->ctx), "the upstream %s (%s)", client_error_phrase(error),
                  call->outcome.text);
    end(call, error);
    start_queued(call->client);
}

static void get_ended(struct get *get, bool last)
{
    struct call *call = CONTAINER_OF(get, struct call, get);
    struct client *client = call->client;

    note_end(call, get->error);
    if (last)
        deliver(client);
    else
        deliver_later(client);
}

static void post_ended(struct post *post)
{
    struct call *call = CONTAINER_OF(post, struct call, posting);

    note_end(call, post->error);
    deliver_later(call->client);
}

/* Takes a call out of wherever it is; its connection is closed. */
static void drop(struct call *call)
{
    leave(call);
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

static struct call *call_new(struct client *client, struct ctx *ctx,
                             const struct client_request *request)
{
    struct call *call = mem_alloc(sizeof(*call));

    call->client = client;
    call->ctx = ctx;
    call->post = request->post;
    call->called = loop_now(client->loop);
    call->outcome.sent = call->called;
    call->outcome.ended = call->called;
    call->outcome.retries = 0;
    call->outcome.text[0] = '\0';
    answer_init(&call->outcome.answer, request->max_response, request->post);
    if (request->post)
        post_init(&call->posting, &client->posts, request, &call->outcome);
    else
        get_init(&call->get, &client->gets, request, &call->outcome);
    call->hook = (struct ctx_hook){.cancelled = on_cancelled};
    ctx_hook_add(ctx, &call->hook);
    return call;
}

void client_call(struct client *client, struct ctx *ctx, const struct client_request *request,
                 client_done *done, void *arg)
{
    MAGIC_OK(client, CLIENT_MAGIC);
    MUST(!client->doomed);
    struct call *call = call_new(client, ctx, request);

    call->done = done;
    call->arg = arg;
    enter(call, CALL_QUEUED);
    if (client->calls[CALL_QUEUED] == call && client->count[CALL_RUNNING] < client->max_connections)
        start(call, call->called);
    if (client->count[CALL_QUEUED] > client->max_queue) {
        if (client->gets.counted)
            metric_add(METRIC_UPSTREAM_QUEUE_REFUSED, 0, 1);
        end(call, CLIENT_QUEUE_FULL);
    }
    deliver_later(client);
}

static enum err make_engines(struct client *client, const struct client_settings *settings)
{
    struct links_settings shared = {.max = settings->max_connections,
                                    .max_age = settings->connection_max_age,
                                    .counted = settings->counted};

    client->multi = multi_new(client->loop);
    client->handles = handles_new(settings);
    head_frame_init(&client->gets.frame, settings);
    if (client->multi == NULL || client->handles == NULL || client->gets.frame.after == NULL)
        return ERR_SYSTEM;
    shared.links = (struct link_means){.loop = client->loop,
                                       .handles = client->handles,
                                       .multi = client->multi,
                                       .tls = strncmp(settings->origin, "https:", 6) == 0};
    client->gets.loop = client->loop;
    client->gets.links = links_new(&shared);
    client->gets.retries = settings->retries;
    client->gets.counted = settings->counted;
    client->gets.ended = get_ended;
    client->posts = (struct post_means){.multi = client->multi,
                                        .handles = client->handles,
                                        .counted = settings->counted,
                                        .ended = post_ended};
    return ERR_OK;
}

enum err client_new(struct loop *loop, const struct client_settings *settings, struct client **out)
{
    char problem[CLIENT_PROBLEM];

    if (client_check(settings, problem) != ERR_OK)
        return ERR_INVALID;
    MUST(settings->max_connections > 0);
    struct client *client = mem_zalloc(sizeof(*client));

    MAGIC_SET(client, CLIENT_MAGIC);
    client->loop = loop;
    client->max_connections = settings->max_connections;
    client->max_queue = settings->max_queue;
    enum err err = make_engines(client, settings);
    if (err == ERR_OK)
        *out = client;
    else
        dismantle(client);
    return err;
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
