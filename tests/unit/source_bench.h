/*
 * A keeper and two sources on one real loop. Token requests are answered by hand, between turns:
 * settle() turns the loop until all mail has been delivered.
 */
#ifndef TESTS_SOURCE_BENCH_H
#define TESTS_SOURCE_BENCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "token/source.h"

#define CAP 400

static struct loop *loop;
static struct store *store;
static struct keeper *keeper;
static struct token_source *sources[2];
static struct ctx *ctx;
static unsigned fetches;
static char fetch_guid[GUID_MAX + 1];
static struct mono_time fetched_at;
static unsigned messages; /* that the keeper got */
static uint32_t jitter;   /* what it draws */

static inline void fetch(void *arg, enum token_wish wish, const char *guid)
{
    (void)wish;
    (void)arg;
    fetches++;
    fetched_at = mono_now();
    snprintf(fetch_guid, sizeof(fetch_guid), "%s", guid != NULL ? guid : "");
}

static inline void publish(void *arg, struct token_view *view)
{
    (void)arg;
    token_source_publish(sources[0], view);
    token_source_publish(sources[1], view);
}

/* The keeper plans its next wake-up once for each message: so they can be counted. */
static inline void wake(void *arg, struct mono_time when)
{
    (void)arg;
    (void)when;
    messages++;
}

static inline uint32_t draw(void *arg)
{
    (void)arg;
    return jitter;
}

static const struct keeper_settings settings = {.upstream = "up",
                                                .store_key = "up_auth_token",
                                                .early_expiry = 5 * MINUTE,
                                                .prefetch = false,
                                                .budget = 60,
                                                .workers = 2};

static inline void setup(void)
{
    struct keeper_ports ports = {.fetch = fetch, .publish = publish, .wake = wake, .random = draw};

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    fetches = 0;
    jitter = UINT32_MAX;
    loop = loop_new();
    store = store_new(4);
    ctx = ctx_new(loop);
    ctx_set_guid(ctx, "guid-of-lookup");
    keeper = keeper_new(&settings, &ports, store);
    for (size_t i = 0; i < 2; i++)
        sources[i] = token_source_new(loop, loop, keeper, i, CAP);
}

/* Turns the loop until all mail is delivered: a message to ourselves comes after the others, and
 * what those caused comes after that. */
struct marker {
    struct mail mail;
    int left;
};

static inline void marker_delivered(struct mail *mail)
{
    struct marker *marker = CONTAINER_OF(mail, struct marker, mail);

    if (marker->left-- > 0)
        loop_mail(loop, mail);
    else
        loop_stop(loop);
}

static inline void settle(void)
{
    struct marker marker = {.mail = {.deliver = marker_delivered}, .left = 12};

    loop_mail(loop, &marker.mail);
    loop_run(loop);
}

static inline void teardown(void)
{
    settle();
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 0);
    ctx_free(ctx);
    loop_drain(loop);
    loop_free(loop);
    token_source_free(sources[0]);
    token_source_free(sources[1]);
    keeper_free(keeper);
    store_free(store);
}

static inline void start(void)
{
    keeper_start(keeper, mono_now());
    settle();
}

static inline void grant_for(const char *value, int64_t lifetime)
{
    struct keeper_result result = {
        .kind = KEEPER_GRANTED,
        .grant = {.type = "Bearer", .value = value, .lifetime = lifetime},
    };

    keeper_fetched(keeper, &result, fetched_at, mono_now());
    settle();
}

static inline void grant(const char *value)
{
    grant_for(value, HOUR);
}

static inline void fail_with(enum keeper_result_kind kind)
{
    struct keeper_result result = {.kind = kind, .reason = "of no interest"};

    keeper_fetched(keeper, &result, fetched_at, mono_now());
    settle();
}

static inline void deny(void)
{
    fail_with(KEEPER_REJECTED);
}

/* A lookup that waits for a token, and what it was told. */
struct lookup {
    struct token_waiter waiter;
    unsigned told;
    struct token_ticket ticket;
    struct lookup *cancels;     /* when it is told */
    struct token_source *again; /* it asks there once more when it is told */
};

static inline void take(struct lookup *lookup, struct token_ticket ticket)
{
    lookup->ticket = ticket;
}

static inline void told(struct token_waiter *waiter, const struct token_ticket *ticket)
{
    struct lookup *lookup = CONTAINER_OF(waiter, struct lookup, waiter);

    ck_assert_int_ne(ticket->kind, TOKEN_PARKED);
    lookup->told++;
    take(lookup, *ticket);
    if (lookup->cancels != NULL)
        token_waiter_cancel(&lookup->cancels->waiter);
    if (lookup->again != NULL) {
        struct token_source *source = lookup->again;
        lookup->again = NULL;
        token_unref(lookup->ticket.token);
        take(lookup, token_source_get(source, ctx, waiter));
    }
}

static inline void get(struct lookup *lookup, struct token_source *source)
{
    lookup->waiter.told = told;
    take(lookup, token_source_get(source, ctx, &lookup->waiter));
}

static inline void refused_at(struct lookup *lookup, struct token_source *source,
                              struct token *token, struct mono_time sent)
{
    lookup->waiter.told = told;
    take(lookup, token_source_rejected(source, ctx, token, sent, &lookup->waiter));
}

/* Ends it: what it was told is as expected. Drops its token. */
static inline void ends_with(struct lookup *lookup, unsigned times, enum token_ticket_kind kind,
                             const char *authorization)
{
    ck_assert_uint_eq(lookup->told, times);
    ck_assert_int_eq(lookup->ticket.kind, kind);
    if (authorization != NULL)
        ck_assert_str_eq(token_authorization(lookup->ticket.token), authorization);
    else
        ck_assert_ptr_null(lookup->ticket.token);
    token_unref(lookup->ticket.token);
    *lookup = (struct lookup){.told = 0};
}

/* The present token, as a lookup gets it. */
static inline struct token *present(void)
{
    struct lookup lookup = {.told = 0};

    get(&lookup, sources[0]);
    ck_assert_int_eq(lookup.ticket.kind, TOKEN_READY);
    return lookup.ticket.token;
}

static inline void start_with(const char *value)
{
    struct lookup lookup = {.told = 0};

    start();
    get(&lookup, sources[0]);
    settle();
    grant(value);
    ck_assert_int_eq(lookup.ticket.kind, TOKEN_READY);
    token_unref(lookup.ticket.token);
}

#endif
