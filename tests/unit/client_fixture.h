/*
 * A client on a loop against a peer, and what became of its calls: for the tests of the client.
 * One client at a time, so all of it is static.
 */
#ifndef CLIENT_FIXTURE_H
#define CLIENT_FIXTURE_H

#include "upstream/client.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "peer.h"
#include "suite.h"

#define CALLS 8

/* One call, and what came of it. */
struct outcome {
    struct ctx *ctx;
    bool called;
    unsigned place; /* 1: the first to end */
    enum client_error error;
    int status;
    char *body;
    size_t body_len;
    char *headers[CLIENT_HEADER_COUNT];
    unsigned retries;
    struct mono_time sent;
    void (*then)(struct outcome *outcome); /* in the callback */
};

static struct loop *loop;
static struct client *client;
static struct peer peer;
static struct client_settings settings;
static struct outcome outcomes[CALLS];
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
    memset(outcomes, 0, sizeof(outcomes));
    ended = 0;
}

static inline void teardown(void)
{
    if (client != NULL)
        client_unref(client);
    client = NULL;
    for (size_t i = 0; i < CALLS; i++) {
        ctx_free(outcomes[i].ctx);
        free(outcomes[i].body);
        for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
            mem_free(outcomes[i].headers[id]);
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
    struct outcome *outcome = arg;

    ck_assert(!outcome->called);
    outcome->called = true;
    outcome->place = ++ended;
    outcome->error = response->error;
    outcome->status = response->status;
    outcome->retries = response->retries;
    outcome->sent = response->sent;
    outcome->body_len = response->body_len;
    outcome->body = upstream_response_take_body(response);
    for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
        if (response->headers[id] != NULL)
            outcome->headers[id] = mem_strdup(response->headers[id]);
    if (ended == awaited)
        loop_stop(loop);
    if (outcome->then != NULL)
        outcome->then(outcome);
}

static inline struct outcome *send_request(size_t number, const struct client_request *request)
{
    struct outcome *outcome = &outcomes[number];

    outcome->ctx = ctx_new(loop);
    client_call(client, outcome->ctx, request, on_done, outcome);
    ck_assert(!outcome->called);
    return outcome;
}

static inline struct outcome *get(size_t number, const char *target)
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

static inline struct outcome *fetch(size_t number, const char *target)
{
    struct outcome *outcome = get(number, target);

    await(ended + 1);
    return outcome;
}

static inline void ck_answer(const struct outcome *outcome, const char *body)
{
    ck_assert_str_eq(client_error_phrase(outcome->error), client_error_phrase(CLIENT_OK));
    ck_assert_int_eq(outcome->status, 200);
    ck_assert_uint_eq(outcome->body_len, strlen(body));
    ck_assert_str_eq(outcome->body, body);
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
