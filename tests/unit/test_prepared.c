/*
 * lookup/prepared.h: every pair of an upstream and a token. With its own token a request has what
 * its own upstream is sent, and nothing of another one; with any other the process ends.
 */
#include "lookup/prepared.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"
#include "token/source.h"

#define COUNT 5

static struct loop *loop;
static struct ctx *ctx;
static struct keeper *keepers[COUNT];
static struct token_source *sources[COUNT];
static struct token *tokens[COUNT];
static struct lookup_upstream sides[COUNT];
static struct config_upstream upstreams[COUNT];
static struct lookup_way ways[COUNT];
static struct config config;
static char names[COUNT][16], values[COUNT][16];

static struct store *store;

/* Nobody asks for a token here. */
static void fetch(void *arg, enum token_wish wish, const char *guid)
{
    (void)wish;
    (void)arg;
    (void)guid;
}

static void publish(void *arg, struct token_view *view)
{
    (void)arg;
    (void)view;
}

static void wake(void *arg, struct mono_time when)
{
    (void)arg;
    (void)when;
}

static uint32_t draw(void *arg)
{
    (void)arg;
    return 0;
}

static struct keeper *new_keeper(const char *name)
{
    const struct keeper_settings settings = {
        .upstream = name, .store_key = name, .budget = 60, .workers = 1};
    const struct keeper_ports ports = {
        .fetch = fetch, .publish = publish, .wake = wake, .random = draw};

    return keeper_new(&settings, &ports, store);
}

static struct token *token_of(size_t i)
{
    char value[16];

    snprintf(value, sizeof(value), "token-%zu", i);
    const struct token_grant grant = {.type = "Bearer", .value = value, .lifetime = HOUR};
    struct token *token =
        token_new(&grant, mono_now(), &(struct token_renewal){.early = 0}, 0, 1, 1);
    token_set_keeper(token, keepers[i]);
    return token;
}

static void setup(void)
{
    loop = loop_new();
    store = store_new(COUNT);
    ctx = ctx_new(loop);
    ctx_set_guid(ctx, "guid-of-lookup");
    config.tracker_header = "X-GUID";
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "X-Key-%zu", i);
        snprintf(values[i], sizeof(values[i]), "key-%zu", i);
        keepers[i] = new_keeper(values[i]);
        sources[i] = token_source_new(loop, loop, keepers[i], 0, 10);
        tokens[i] = token_of(i);
        sides[i] = (struct lookup_upstream){.tokens = sources[i]};
        upstreams[i].headers[0] = (struct config_header){.name = names[i], .value = values[i]};
        upstreams[i].header_count = 1;
        ways[i] = (struct lookup_way){.side = &sides[i], .upstream = &upstreams[i]};
    }
}

static void teardown(void)
{
    ctx_free(ctx);
    loop_drain(loop);
    loop_free(loop);
    for (size_t i = 0; i < COUNT; i++) {
        token_source_free(sources[i]);
        token_unref(tokens[i]);
        keeper_free(keepers[i]);
    }
    store_free(store);
}

static void prepare(struct prepared *prepared, size_t way, struct token *token, bool validators)
{
    static const struct lookup_query query = {
        .user = "ada", .if_none_match = "\"1\"", .if_modified_since = "yesterday"};
    const struct prepared_parts parts = {.config = &config,
                                         .query = &query,
                                         .ctx = ctx,
                                         .target = "/lookup/M11AA",
                                         .validators = validators};

    prepared_init(prepared, &ways[way], token, &parts);
}

/* NULL: it is not sent. */
static const char *header(const struct prepared *prepared, const char *name)
{
    for (size_t i = 0; i < prepared->header_count; i++)
        if (prepared->headers[i].name != NULL && strcmp(prepared->headers[i].name, name) == 0)
            return prepared->headers[i].value;
    return NULL;
}

START_TEST(its_own_token_and_its_own_headers)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct prepared prepared;
        char authorization[32];

        prepare(&prepared, i, tokens[i], false);
        snprintf(authorization, sizeof(authorization), "Bearer token-%zu", i);
        ck_assert_ptr_eq(prepared.way, &ways[i]);
        ck_assert_str_eq(header(&prepared, "Authorization"), authorization);
        ck_assert_str_eq(header(&prepared, "X-GUID"), "guid-of-lookup");
        for (size_t j = 0; j < COUNT; j++) {
            const char *sent = header(&prepared, names[j]);
            ck_assert_int_eq(sent != NULL, i == j);
            if (sent != NULL)
                ck_assert_str_eq(sent, values[j]);
        }
    }
}
END_TEST

/* Each of the pairs, in a process of its own. */
START_TEST(any_other_token_ends_the_process)
{
    const size_t way = (size_t)_i / (COUNT - 1);
    const size_t other = (way + 1 + (size_t)_i % (COUNT - 1)) % COUNT;
    struct prepared prepared;

    ck_assert_uint_ne(way, other);
    prepare(&prepared, way, tokens[other], false);
}
END_TEST

START_TEST(a_token_of_nobody_ends_the_process)
{
    const struct token_grant grant = {.type = "Bearer", .value = "nobody", .lifetime = HOUR};
    struct prepared prepared;

    prepare(&prepared, 0,
            token_new(&grant, mono_now(), &(struct token_renewal){.early = 0}, 0, 1, 1), false);
}
END_TEST

START_TEST(validators_only_where_they_may_go)
{
    struct prepared prepared;

    prepare(&prepared, 0, tokens[0], false);
    ck_assert_ptr_null(header(&prepared, "If-None-Match"));
    ck_assert_ptr_null(header(&prepared, "If-Modified-Since"));
    prepare(&prepared, 0, tokens[0], true);
    ck_assert_str_eq(header(&prepared, "If-None-Match"), "\"1\"");
    ck_assert_str_eq(header(&prepared, "If-Modified-Since"), "yesterday");
}
END_TEST

/* What is kept goes to its own upstream, and the caller's validators stay here then. */
static const struct {
    size_t upstream;
    const char *etag, *last_modified;
    bool validators, kept;
    const char *sent_etag, *sent_last_modified;
} kept_cases[] = {
    {1, "\"k\"", "then", true, true, "\"k\"", "then"},
    {1, "\"k\"", "then", false, true, "\"k\"", "then"},
    {1, "\"k\"", NULL, true, true, "\"k\"", NULL},
    {1, NULL, "then", true, true, NULL, "then"},
    {0, "\"k\"", "then", true, true, NULL, NULL},
    {1, "\"k\"", "then", true, false, NULL, NULL},
    {1, NULL, NULL, true, true, "\"1\"", "yesterday"},
    {1, NULL, NULL, true, false, "\"1\"", "yesterday"},
    {1, NULL, NULL, false, true, NULL, NULL},
};

START_TEST(validators_of_a_kept_answer)
{
    const struct lookup_query query = {.user = "ada",
                                       .if_none_match = "\"1\"",
                                       .if_modified_since = "yesterday",
                                       .kept = {.upstream = kept_cases[_i].upstream,
                                                .etag = kept_cases[_i].etag,
                                                .last_modified = kept_cases[_i].last_modified}};
    const struct prepared_parts parts = {.config = &config,
                                         .query = &query,
                                         .ctx = ctx,
                                         .target = "/lookup/M11AA",
                                         .validators = kept_cases[_i].validators,
                                         .kept = kept_cases[_i].kept};
    struct prepared prepared;

    upstreams[1].index = 1;
    prepared_init(&prepared, &ways[1], tokens[1], &parts);
    ck_assert_pstr_eq(header(&prepared, "If-None-Match"), kept_cases[_i].sent_etag);
    ck_assert_pstr_eq(header(&prepared, "If-Modified-Since"), kept_cases[_i].sent_last_modified);
}
END_TEST

START_TEST(the_user_only_under_its_key)
{
    struct prepared prepared;

    prepare(&prepared, 0, tokens[0], false);
    for (size_t i = 0; i < prepared.header_count; i++)
        ck_assert(prepared.headers[i].value == NULL ||
                  strcmp(prepared.headers[i].value, "ada") != 0);
    config.identity_forward_header = "X-User";
    prepare(&prepared, 0, tokens[0], false);
    ck_assert_str_eq(header(&prepared, "X-User"), "ada");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prepared");
    TCase *tc = tcase_create("prepared");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, its_own_token_and_its_own_headers);
    tcase_add_loop_test_raise_signal(tc, any_other_token_ends_the_process, SIGABRT, 0,
                                     COUNT * (COUNT - 1));
    tcase_add_test_raise_signal(tc, a_token_of_nobody_ends_the_process, SIGABRT);
    tcase_add_test(tc, validators_only_where_they_may_go);
    tcase_add_loop_test(tc, validators_of_a_kept_answer, 0, (int)ARRAY_LEN(kept_cases));
    tcase_add_test(tc, the_user_only_under_its_key);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
