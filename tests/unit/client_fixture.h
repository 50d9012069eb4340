/*
 * A client on a loop against a peer, and what became of its calls: for the tests of the client.
 * One client at a time, so all of it is static.
 */
#ifndef CLIENT_FIXTURE_H
#define CLIENT_FIXTURE_H

#include "upstream/client.h"

#include <check.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "peer.h"
#include "suite.h"

#define CALLS 8

/* One call, and what came of it. */
struct call_result {
    struct ctx *ctx;
    bool called;
    unsigned place; /* 1: the first to end */
    enum client_error error;
    int status;
    char *body;
    size_t body_len;
    char *headers[CLIENT_HEADER_COUNT];
    char detail[CURL_ERROR_SIZE];
    unsigned retries;
    struct mono_time sent;
    void (*then)(struct call_result *result); /* in the callback */
};

static struct loop *loop;
static struct client *client;
static struct peer peer;
static struct client_settings settings;
static struct call_result results[CALLS];
static unsigned ended, awaited;

static inline void setup(void)
{
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    settings = (struct client_settings){.connect_timeout = 10 * SECOND,
                                        .connection_max_age = MINUTE,
                                        .max_connections = 4,
                                        .max_queue = 4,
                                        .counted = true};
    memset(results, 0, sizeof(results));
    ended = 0;
}

static inline void teardown(void)
{
    if (client != NULL)
        client_unref(client);
    client = NULL;
    for (size_t i = 0; i < CALLS; i++) {
        ctx_free(results[i].ctx);
        free(results[i].body);
        for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
            mem_free(results[i].headers[id]);
    }
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
}

static inline void make_client(const char *origin)
{
    settings.origin = origin;
    ck_assert_int_eq(client_new(loop, &settings, &client), ERR_OK);
}

static inline void serve(void (*script)(struct peer *peer), void *arg)
{
    peer_start(&peer, script, arg);
    make_client(peer.origin);
}

/* Ends the client and with it all connections, then waits for the peer's script to end. */
static inline void finish(void)
{
    if (client != NULL)
        client_unref(client);
    client = NULL;
    peer_stop(&peer);
}

static inline void on_done(void *arg, struct upstream_response *response)
{
    struct call_result *result = arg;

    ck_assert(!result->called);
    result->called = true;
    result->place = ++ended;
    result->error = response->error;
    result->status = response->status;
    snprintf(result->detail, sizeof(result->detail), "%s", response->detail);
    result->retries = response->retries;
    result->sent = response->sent;
    result->body_len = response->body_len;
    result->body = upstream_response_take_body(response);
    for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
        if (response->headers[id] != NULL)
            result->headers[id] = mem_strdup(response->headers[id]);
    if (ended == awaited)
        loop_stop(loop);
    if (result->then != NULL)
        result->then(result);
}

static inline struct call_result *send_request(size_t number, const struct client_request *request)
{
    struct call_result *result = &results[number];

    result->ctx = ctx_new(loop);
    client_call(client, result->ctx, request, on_done, result);
    ck_assert(!result->called);
    return result;
}

static inline struct call_result *get(size_t number, const char *target)
{
    const struct client_request request = {.target = target, .max_response = 1000};

    return send_request(number, &request);
}

/* Turns until `count` calls have ended since the start of the test. */
static inline void await(unsigned count)
{
    awaited = count;
    if (ended < count)
        loop_run(loop);
    ck_assert_uint_eq(ended, count);
}

static inline struct call_result *fetch(size_t number, const char *target)
{
    struct call_result *result = get(number, target);

    await(ended + 1);
    return result;
}

static inline void ck_response(const struct call_result *result, const char *body)
{
    ck_assert_str_eq(client_error_phrase(result->error), client_error_phrase(CLIENT_OK));
    ck_assert_int_eq(result->status, 200);
    ck_assert_uint_eq(result->body_len, strlen(body));
    ck_assert_str_eq(result->body, body);
}

/* A letter from a peer's thread: runs a function in the loop's. */
struct letter {
    struct mail mail;
    void (*run)(void);
};

static inline void deliver(struct mail *mail)
{
    CONTAINER_OF(mail, struct letter, mail)->run();
}

static inline void write_letter(struct letter *letter, void (*run)(void))
{
    *letter = (struct letter){.mail.deliver = deliver, .run = run};
    loop_mail(loop, &letter->mail);
}

static inline void stop_loop(void)
{
    loop_stop(loop);
}

static char heard[PEER_TEXT] __attribute__((unused)); /* by the peer */

#endif
