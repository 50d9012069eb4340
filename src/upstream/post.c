/*
 * Token requests are rare, and carry secrets, bodies and whatever a token endpoint requires; so
 * libcurl makes them as a whole; most are POSTs. Each has a connection of its own: on one that was
 * used before, libcurl would repeat a request that was lost, and a POST must not be repeated (RFC
 * 9110, section 9.2.2).
 *
 * libcurl calls on_send before it sends, which makes the time of sending exact: a token's lifetime
 * counts from it.
 */
#include "upstream/post.h"

#include "base/check.h"
#include "base/mem.h"

#define POST_MAGIC 0x90570001u

static size_t on_line(char *line, size_t size, size_t number, void *arg)
{
    MAGIC_CAST(struct post, post, arg, POST_MAGIC);

    return response_line(post->response, line, size * number) ? size * number : 0;
}

static size_t on_body(char *data, size_t size, size_t number, void *arg)
{
    MAGIC_CAST(struct post, post, arg, POST_MAGIC);

    return response_add_body(post->response, data, size * number) ? size * number : 0;
}

static int on_send(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    MAGIC_CAST(struct post, post, arg, POST_MAGIC);

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    post->response->sent = mono_now();
    return CURL_PREREQFUNC_OK;
}

static void set_callbacks(struct post *post)
{
    CURL *easy = post->easy;

    HANDLE_SET(easy, CURLOPT_ERRORBUFFER, post->response->text);
    HANDLE_SET(easy, CURLOPT_HEADERFUNCTION, on_line);
    HANDLE_SET(easy, CURLOPT_HEADERDATA, post);
    HANDLE_SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    HANDLE_SET(easy, CURLOPT_WRITEDATA, post);
    HANDLE_SET(easy, CURLOPT_PREREQFUNCTION, on_send);
    HANDLE_SET(easy, CURLOPT_PREREQDATA, post);
}

static void set_request(struct post *post)
{
    const struct request_copy *request = &post->request;
    CURL *easy = post->easy;

    HANDLE_SET(easy, CURLOPT_CONNECT_ONLY, 0L);
    if (request->post) {
        HANDLE_SET(easy, CURLOPT_POST, 1L);
        HANDLE_SET(easy, CURLOPT_POSTFIELDS, request->body);
        HANDLE_SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    } else {
        HANDLE_SET(easy, CURLOPT_HTTPGET, 1L);
    }
    HANDLE_SET(easy, CURLOPT_REQUEST_TARGET, request->target);
    HANDLE_SET(easy, CURLOPT_HTTPHEADER, request->headers);
    HANDLE_SET(easy, CURLOPT_FRESH_CONNECT, 1L);
    HANDLE_SET(easy, CURLOPT_FORBID_REUSE, 1L);
}

static enum client_error judge(struct post *post, CURLcode code)
{
    const struct response *response = post->response;

    /* We stopped it ourselves, and libcurl's description says no more than that. */
    if (response->rejected != CLIENT_OK) {
        response_explain(post->response);
        return response->rejected;
    }
    /* libcurl accepts a header section that ends in the middle. */
    if (code == CURLE_OK && !response->headers_done)
        return CLIENT_CLOSED;
    if (code == CURLE_OK)
        return request_frame_judge(post->shared->frame, response_status(response));
    return handle_error(post->easy, code, post->response->text);
}

/* Nothing was heard of the peer, so it may have another address by now. */
static void doubt_address(struct post *post)
{
    if (!post->response->begun)
        handles_doubt_address(post->shared->handles, post->response->started);
}

static void drop_handle(struct post *post)
{
    doubt_address(post);
    handles_discard(post->shared->handles, post->easy);
    post->easy = NULL;
}

static void on_ended(struct multi_transfer *transfer, CURLcode code)
{
    struct post *post = CONTAINER_OF(transfer, struct post, transfer);

    MAGIC_OK(post, POST_MAGIC);
    post->error = judge(post, code);
    multi_remove(post->shared->multi, post->easy);
    drop_handle(post);
    response_end(post->response, mono_now(), post->shared->counted, post->shared->upstream,
                 response_status(post->response));
    post->shared->ended(post);
}

void post_init(struct post *post, const struct post_shared *shared,
               const struct client_request *request, struct response *response)
{
    *post = (struct post){.shared = shared, .response = response, .transfer.ended = on_ended};
    MAGIC_SET(post, POST_MAGIC);
    request_copy_init(&post->request, shared->frame, request);
}

void post_fini(struct post *post)
{
    MAGIC_OK(post, POST_MAGIC);
    if (post->easy != NULL) {
        response_end(post->response, mono_now(), post->shared->counted, post->shared->upstream, 0);
        multi_remove(post->shared->multi, post->easy);
        drop_handle(post);
    }
    request_copy_fini(&post->request);
    MAGIC_CLEAR(post);
}

bool post_start(struct post *post)
{
    MAGIC_OK(post, POST_MAGIC);
    post->error = CLIENT_INTERNAL;
    post->easy = handles_take(post->shared->handles);
    if (post->easy == NULL)
        return false;
    response_begin(post->response, mono_now());
    set_callbacks(post);
    set_request(post);
    if (multi_add(post->shared->multi, post->easy, &post->transfer) == ERR_OK)
        return true;
    drop_handle(post);
    return false;
}
