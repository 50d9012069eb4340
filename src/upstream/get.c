/*
 * An attempt uses the connection that was used last, or a fresh one where none is idle. A retry
 * always uses a fresh one (contract 6), because what broke one idle connection broke the others
 * too.
 *
 *     attempt --> (opening) --> sending --> reading --> ended
 *        ^____________________________________| nothing was read, and a retry is left
 *
 * Sending and reading go on side by side: a server may respond before it has read all, and then
 * close. So a failure to send does not end the attempt; it does when there is nothing to read
 * either.
 *
 * An attempt on a used connection that ends without a byte speaks for others
 * (connection_pool_doubt). Where the peer stayed mute, for those that are idle since before it
 * began. Where the connection was closed soon, and had been idle for long, for those that were idle
 * for as long: a firewall or the upstream no longer knows them. One that was in use a moment ago
 * speaks for itself only: an upstream that now and then closes without an answer would else cost a
 * handshake for each of the pool.
 *
 * A connection goes back to the pool only when the response was complete, did not say that the
 * connection closes, and nothing followed it.
 */
#include "upstream/get.h"

#include <stdio.h>

#include "base/check.h"

#define GET_MAGIC 0x6e700001u

/* What a step leads to. */
enum stage { GOES_ON, ENDED };

static enum stage attempt(struct get *get, bool fresh, struct mono_time now);

static void release_connection(struct get *get, bool reusable, struct mono_time now)
{
    struct connection *connection = get->connection;

    get->connection = NULL;
    if (connection == NULL)
        return;
    if (reusable)
        connection_pool_give(get->shared->pool, connection, now);
    else
        connection_pool_drop(get->shared->pool, connection);
}

static void close_attempt(struct get *get, bool reusable, int status)
{
    struct mono_time now = loop_look(get->shared->loop);

    release_connection(get, reusable, now);
    response_end(get->response, now, get->shared->counted, get->shared->upstream, status);
}

/* Who leaves early has not waited long enough to say that the peer is mute. */
static bool was_mute(const struct get *get)
{
    const struct response *response = get->response;

    return !response->begun &&
           (get->expired || mono_diff(response->ended, response->started) >= get->shared->patience);
}

/* The attempt has ended without a byte from the peer. */
static void doubt_others(struct get *get, enum client_error error)
{
    struct response *response = get->response;
    struct connection_pool *pool = get->shared->pool;

    if (error == CLIENT_DNS)
        handles_doubt_no_answer(get->shared->handles, response->started);
    else
        handles_doubt_address(get->shared->handles, response->started);
    if (!get->reused)
        return;
    if (was_mute(get))
        connection_pool_doubt(pool, response->started, response->ended);
    else if (mono_diff(response->started, get->idle_since) >= CONNECTION_POOL_PROBE_AFTER)
        connection_pool_doubt(pool, mono_add(get->idle_since, 1), response->ended);
}

static enum stage end(struct get *get, enum client_error error)
{
    get->error = error;
    return ENDED;
}

/*
 * Whether a fresh connection may succeed: not where the name does not resolve, the certificate is
 * rejected, or the fault is ours.
 */
static bool is_worth_retry(enum client_error error)
{
    switch (error) {
    case CLIENT_REFUSED:
    case CLIENT_CONNECT_TIMEOUT:
    case CLIENT_UNREACHABLE:
    case CLIENT_TLS:
    case CLIENT_CLOSED:
        return true;
    default:
        return false;
    }
}

static bool may_resend(const struct get *get)
{
    return get->may_resend == NULL || get->may_resend(get->resend_arg, get->reused);
}

static enum stage fail(struct get *get, enum client_error error)
{
    struct response *response = get->response;

    close_attempt(get, false, response_status(response));
    if (!response->begun)
        doubt_others(get, error);
    if (!is_worth_retry(error) || response->begun || response->retries >= get->shared->retries ||
        !may_resend(get))
        return end(get, error);
    response->retries++;
    return attempt(get, true, response->ended);
}

static enum stage finish(struct get *get, bool at_its_end)
{
    bool reusable = at_its_end && get->parse.keep_alive && get->sent_len == get->request.len;

    close_attempt(get, reusable, response_status(get->response));
    return end(get, request_frame_judge(&get->shared->frame, response_status(get->response)));
}

static void send_some(struct get *get)
{
    const struct request_head *request = &get->request;
    bool waited = get->sent_len > 0;

    while (get->sent_len < request->len && !get->unsendable) {
        size_t sent;
        enum connection_io io = connection_send(get->connection, request->bytes + get->sent_len,
                                                request->len - get->sent_len, &sent);

        get->sent_len += sent;
        if (io == CONNECTION_AGAIN) {
            connection_want_room(get->connection, true);
            return;
        }
        get->unsendable = io != CONNECTION_DONE;
    }
    if (waited)
        connection_want_room(get->connection, false);
}

/* Parses what was read. GOES_ON: the response is not complete. */
static enum stage parse_input(struct get *get, size_t len)
{
    size_t used;

    switch (parse_bytes(&get->parse, get->shared->input, len, &used)) {
    case PARSE_COMPLETE:
        return finish(get, used == len);
    case PARSE_REJECTED:
        response_explain(get->response);
        return fail(get, get->response->rejected);
    default:
        return GOES_ON;
    }
}

static enum stage receive(struct get *get)
{
    enum stage stage = GOES_ON;
    bool more = true;

    while (stage == GOES_ON && more) {
        size_t got;

        switch (connection_recv(get->connection, get->shared->input, GET_INPUT, &got, &more)) {
        case CONNECTION_DONE:
            stage = parse_input(get, got);
            break;
        case CONNECTION_AGAIN:
            return get->unsendable ? fail(get, CLIENT_CLOSED) : GOES_ON;
        case CONNECTION_END:
            return parse_end(&get->parse) == PARSE_COMPLETE ? finish(get, false)
                                                            : fail(get, CLIENT_CLOSED);
        default:
            return fail(get, CLIENT_CLOSED);
        }
    }
    return stage;
}

static enum stage begin_sending(struct get *get)
{
    send_some(get);
    return get->unsendable ? receive(get) : GOES_ON;
}

static enum stage attempt(struct get *get, bool fresh, struct mono_time now)
{
    struct connection_pool *pool = get->shared->pool;

    response_begin(get->response, now);
    parse_init(&get->parse, get->response);
    get->sent_len = 0;
    get->unsendable = false;
    get->connection = fresh ? NULL : connection_pool_take(pool, &get->user, now, &get->idle_since);
    get->reused = get->connection != NULL;
    if (get->connection != NULL) {
        /* A rejection of the token counts from this time. */
        get->response->sent = loop_look(get->shared->loop);
        return begin_sending(get);
    }
    get->connection = connection_pool_open(pool, &get->user);
    return get->connection != NULL ? GOES_ON : end(get, CLIENT_INTERNAL);
}

static void on_opened(struct connection_user *user, enum client_error error, const char *detail)
{
    struct get *get = CONTAINER_OF(user, struct get, user);
    enum stage stage;

    MAGIC_OK(get, GET_MAGIC);
    if (error == CLIENT_OK) {
        get->response->sent = mono_now();
        stage = begin_sending(get);
    } else {
        snprintf(get->response->text, CURL_ERROR_SIZE, "%s", detail);
        connection_pool_forget(get->shared->pool);
        get->connection = NULL;
        stage = fail(get, error);
    }
    if (stage == ENDED)
        get->shared->ended(get, false);
}

static void on_ready(struct connection_user *user)
{
    struct get *get = CONTAINER_OF(user, struct get, user);

    MAGIC_OK(get, GET_MAGIC);
    if (get->sent_len < get->request.len)
        send_some(get);
    if (receive(get) == ENDED)
        get->shared->ended(get, true);
}

void get_init(struct get *get, struct get_shared *shared, const struct client_request *request,
              struct response *response)
{
    MAGIC_SET(get, GET_MAGIC);
    get->shared = shared;
    get->response = response;
    get->user = (struct connection_user){.opened = on_opened, .ready = on_ready};
    get->connection = NULL;
    get->reused = false;
    get->expired = false;
    get->may_resend = request->may_resend;
    get->resend_arg = request->resend_arg;
    request_head_init(&get->request, &shared->frame, request);
}

void get_expire(struct get *get)
{
    MAGIC_OK(get, GET_MAGIC);
    get->expired = true;
}

void get_fini(struct get *get)
{
    MAGIC_OK(get, GET_MAGIC);
    if (get->connection != NULL) {
        close_attempt(get, false, 0);
        if (was_mute(get))
            doubt_others(get, CLIENT_OK);
    }
    request_head_fini(&get->request);
    MAGIC_CLEAR(get);
}

bool get_start(struct get *get, struct mono_time now)
{
    MAGIC_OK(get, GET_MAGIC);
    return attempt(get, false, now) == GOES_ON;
}
