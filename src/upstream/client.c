/*
 * A call's life. It waits in a queue in order of arrival, runs, and ends. Two engines run calls:
 * lookups are GETs over connections that are kept (upstream/get.h), token requests are made by
 * libcurl as a whole (upstream/post.h).
 *
 * Ended calls are reported from one place, deliver(). Nothing but the loop is up the stack there,
 * so a callback may do anything: start calls, cancel them, or drop the last reference to the
 * client.
 *
 *     client_call --> QUEUED --> RUNNING --> ENDED --> `done`
 *          \        \__ LATE               /
 *           \_____________________________/   (the queue is full)
 *
 * A call whose turn comes when its deadline is about to pass is not started: it would open or take
 * a connection, and have it closed for nothing. Where more calls come than the upstream can answer,
 * those at the head of the queue are just the ones that are about to end, and every connection
 * would go to one of them. So LATE calls wait for their deadline where they are in nobody's way.
 *
 * At every stage the cancellation of the call's context removes the call and frees it.
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
#include "upstream/handle.h"
#include "upstream/post.h"
#include "upstream/tls_check.h"

#define CLIENT_MAGIC 0xc11e0001u
/* A response may take so long, however short connect_timeout is. */
#define MUTE_MIN SECOND

/* A call that waits and has less time left is not started: timers are as coarse. */
#define LEAST_LEFT MILLISECOND
/* The part by which `quickest` follows answers that take longer. */
#define FORGETS 8

enum call_state { CALL_QUEUED, CALL_LATE, CALL_RUNNING, CALL_ENDED, CALL_STATES };

struct call {
    enum call_state state;
    bool waits; /* for a connection, and METRIC_UPSTREAM_QUEUE_LENGTH counts it */
    struct client *client;
    struct call *prev, *next; /* in the client's list for its state */
    struct ctx *ctx;
    struct ctx_hook hook;
    client_done *done;
    void *arg;
    bool *queued, *late; /* client_request's */
    struct mono_time called;
    enum client_error error; /* once ENDED */
    struct response response;
    bool once; /* which member of the union */
    union {
        struct get get;
        struct post posting;
    };
};

struct client {
    unsigned magic;
    unsigned refs;
    struct loop *loop;
    struct multi *multi;
    struct handles *handles;
    struct doubt doubt; /* of a client whose upstream has no index */
    struct connection_resolving resolving;
    struct get_shared gets;
    struct post_shared posts;
    size_t max_connections;
    size_t max_queue;
    struct call *calls[CALL_STATES]; /* a list for each state, oldest first */
    size_t count[CALL_STATES];
    int64_t quickest; /* ns; what the quickest answers took while calls waited; 0: not known */
    struct timer *deliver_timer;
    bool delivering;
    bool closing; /* the last reference went in a callback: deliver() frees it */
};

static void enter(struct call *call, enum call_state state)
{
    struct client *client = call->client;

    call->state = state;
    client->count[state]++;
    DL_APPEND(client->calls[state], call);
}

static void observe_wait(const struct call *call, int64_t duration)
{
    metric_upstream_observe(METRIC_UPSTREAM_QUEUE_DURATION, call->client->gets.upstream, duration);
}

static void count_waiting(const struct call *call, int n)
{
    metric_upstream_add(METRIC_UPSTREAM_QUEUE_LENGTH, call->client->gets.upstream, 0, n);
}

/* Most calls get a connection at once: they are counted as such, and never as waiting. */
static void begin_wait(struct call *call)
{
    if (call->state == CALL_QUEUED && call->queued != NULL)
        *call->queued = true;
    call->waits = call->client->gets.counted && call->state == CALL_QUEUED;
    if (call->waits)
        count_waiting(call, 1);
    else if (call->client->gets.counted)
        observe_wait(call, 0);
}

/* Whatever ended it: a caller who left has waited too. */
static void end_wait(struct call *call)
{
    call->waits = false;
    count_waiting(call, -1);
    observe_wait(call, mono_diff(loop_now(call->client->loop), call->called));
}

static void leave_list(struct call *call)
{
    struct client *client = call->client;

    client->count[call->state]--;
    DL_DELETE(client->calls[call->state], call);
}

static void leave(struct call *call)
{
    if (call->waits)
        end_wait(call);
    leave_list(call);
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

/* Closes the connection of a running call. */
static void call_free(struct call *call)
{
    ctx_hook_remove(&call->hook);
    if (call->once)
        post_fini(&call->posting);
    else
        get_fini(&call->get);
    response_fini(&call->response);
    mem_free(call);
}

static void start(struct call *call, struct mono_time now)
{
    bool runs = call->once ? post_start(&call->posting) : get_start(&call->get, now);

    if (runs)
        set_state(call, CALL_RUNNING);
    else
        end(call, call->once ? call->posting.error : call->get.error);
}

/* It waits on. */
static void give_up(struct call *call)
{
    if (call->late != NULL)
        *call->late = true;
    leave_list(call);
    enter(call, CALL_LATE);
}

static void start_waiting(struct call *call, struct mono_time now)
{
    if (call->queued != NULL)
        *call->queued = false;
    start(call, now);
}

/* The clock is read: of calls whose deadline passes in this turn none is started. */
static void start_queued(struct client *client)
{
    while (client->calls[CALL_QUEUED] != NULL &&
           client->count[CALL_RUNNING] < client->max_connections) {
        struct call *call = client->calls[CALL_QUEUED];
        struct mono_time now = loop_look(client->loop);
        int64_t left = mono_diff(ctx_deadline(call->ctx), now);

        if (left < LEAST_LEFT || left < client->quickest)
            give_up(call);
        else
            start_waiting(call, now);
    }
}

/*
 * Follows quicker answers at once and slower ones slowly, so that who has less time left would not
 * have got an answer. It is kept only while calls wait, and of use to none but them.
 */
static void note_answer(struct client *client, const struct response *response)
{
    int64_t took = mono_diff(response->ended, response->started);

    if (client->quickest == 0 || took < client->quickest)
        client->quickest = took;
    else
        client->quickest += (took - client->quickest) / FORGETS;
}

static void make_response(struct call *call, struct upstream_response *out)
{
    struct response *response = &call->response;

    *out = (struct upstream_response){
        .error = call->error,
        .status = response_status(response),
        .detail = response->text,
        .unreadable = response->unreadable,
        .retries = response->retries,
        .sent = response->sent,
        .duration = mono_diff(response->ended, call->called),
    };
    for (int id = 0; id < CLIENT_HEADER_COUNT && out->status != 0; id++)
        out->headers[id] = response_header(response, (enum client_header_id)id);
    if (call->error == CLIENT_OK)
        out->body = buf_take(&response->body, &out->body_len);
}

/* The client may be freed in the callback; so the call leaves its lists first. */
static void report(struct call *call)
{
    struct upstream_response response;

    leave(call);
    ctx_hook_remove(&call->hook);
    make_response(call, &response);
    call->done(call->arg, &response);
    wipe_free(response.body, call->once ? response.body_len : 0);
    call_free(call);
}

static void dismantle(struct client *client)
{
    if (client->gets.pool != NULL)
        connection_pool_free(client->gets.pool);
    request_frame_fini(&client->gets.frame);
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
        report(client->calls[CALL_ENDED]);
    client->delivering = false;
    if (client->closing)
        dismantle(client);
}

static void on_deliver(void *arg)
{
    MAGIC_CAST(struct client, client, arg, CLIENT_MAGIC);

    client->deliver_timer = NULL;
    deliver(client);
}

/* For calls that end while other code than the loop's is up the stack. */
static void deliver_later(struct client *client)
{
    if (client->count[CALL_ENDED] > 0 && client->deliver_timer == NULL)
        client->deliver_timer = timer_start(client->loop, 0, on_deliver, client);
}

static void note_end(struct call *call, enum client_error error)
{
    if (error != CLIENT_OK)
        log_debug(ctx_guid(call->ctx), "the upstream %s (%s)", client_error_phrase(error),
                  call->response.text);
    if (error == CLIENT_OK && !call->once && call->client->calls[CALL_QUEUED] != NULL)
        note_answer(call->client, &call->response);
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

/* Removes a call in any state; its connection is closed. */
static void drop(struct call *call)
{
    leave(call);
    call_free(call);
}

static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct call *call = CONTAINER_OF(hook, struct call, hook);
    struct client *client = call->client;

    MAGIC_OK(client, CLIENT_MAGIC);
    if (cause == CTX_DEADLINE && !call->once)
        get_expire(&call->get);
    drop(call);
    start_queued(client);
    deliver_later(client);
}

static struct call *call_new(struct client *client, struct ctx *ctx,
                             const struct client_request *request)
{
    struct call *call = mem_alloc(sizeof(*call));

    call->client = client;
    call->waits = false;
    call->queued = request->queued;
    call->late = request->late;
    call->ctx = ctx;
    call->once = request->once;
    call->called = loop_now(client->loop);
    response_init(&call->response, request->max_response, request->once, call->called);
    call->response.answering = request->answering;
    if (request->once)
        post_init(&call->posting, &client->posts, request, &call->response);
    else
        get_init(&call->get, &client->gets, request, &call->response);
    call->hook = (struct ctx_hook){.cancelled = on_cancelled};
    ctx_hook_add(ctx, &call->hook);
    return call;
}

void client_call(struct client *client, struct ctx *ctx, const struct client_request *request,
                 client_done *done, void *arg)
{
    MAGIC_OK(client, CLIENT_MAGIC);
    MUST(!client->closing && (request->once || !request->post));
    struct call *call = call_new(client, ctx, request);

    call->done = done;
    call->arg = arg;
    enter(call, CALL_QUEUED);
    if (client->calls[CALL_QUEUED] == call && client->count[CALL_RUNNING] < client->max_connections)
        start(call, call->called);
    if (client->count[CALL_QUEUED] + client->count[CALL_LATE] > client->max_queue) {
        if (client->gets.counted)
            metric_upstream_add(METRIC_UPSTREAM_QUEUE_REFUSED, client->gets.upstream, 0, 1);
        end(call, CLIENT_QUEUE_FULL);
    } else {
        begin_wait(call);
    }
    deliver_later(client);
}

static enum err make_engines(struct client *client, const struct client_settings *settings)
{
    struct connection_pool_settings pool = {
        .max = settings->max_connections,
        .max_age = settings->connection_max_age - handle_answer_age(settings->connection_max_age),
        .counted = settings->counted,
        .upstream = settings->upstream};

    pool.doubt = settings->counted ? doubt_shared(settings->upstream) : &client->doubt;
    client->multi = multi_new(client->loop);
    client->handles = handles_new(settings, pool.doubt);
    request_frame_init(&client->gets.frame, settings);
    if (client->multi == NULL || client->handles == NULL || client->gets.frame.after == NULL)
        return ERR_SYSTEM;
    pool.connections =
        (struct connection_shared){.loop = client->loop,
                                   .handles = client->handles,
                                   .multi = client->multi,
                                   .resolving = &client->resolving,
                                   .tls = strncmp(settings->origin, "https:", 6) == 0};
    client->gets.loop = client->loop;
    client->gets.pool = connection_pool_new(&pool);
    client->gets.handles = client->handles;
    client->gets.patience =
        settings->connect_timeout > MUTE_MIN ? settings->connect_timeout : MUTE_MIN;
    client->gets.retries = settings->retries;
    client->gets.counted = settings->counted;
    client->gets.upstream = settings->upstream;
    client->gets.ended = get_ended;
    client->posts = (struct post_shared){.multi = client->multi,
                                         .handles = client->handles,
                                         .frame = &client->gets.frame,
                                         .counted = settings->counted,
                                         .upstream = settings->upstream,
                                         .ended = post_ended};
    return ERR_OK;
}

enum err client_global_start(void)
{
    return handle_global_start();
}

void client_global_stop(void)
{
    handle_global_stop();
}

enum err client_new(struct loop *loop, const struct client_settings *settings, struct client **out)
{
    struct reason reason;

    if (client_check(settings, &reason) != ERR_OK)
        return ERR_INVALID;
    MUST(settings->max_connections > 0);
    struct client *client = mem_zalloc(sizeof(*client));

    MAGIC_SET(client, CLIENT_MAGIC);
    client->refs = 1;
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

struct client *client_ref(struct client *client)
{
    MAGIC_OK(client, CLIENT_MAGIC);
    client->refs++;
    return client;
}

void client_unref(struct client *client)
{
    if (client == NULL)
        return;
    MAGIC_OK(client, CLIENT_MAGIC);
    MUST(client->refs > 0);
    if (--client->refs > 0)
        return;
    for (int state = 0; state < CALL_STATES; state++)
        while (client->calls[state] != NULL)
            drop(client->calls[state]);
    timer_stop(&client->deliver_timer);
    client->closing = true;
    if (!client->delivering)
        dismantle(client);
}
