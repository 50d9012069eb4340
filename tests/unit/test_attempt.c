/*
 * What an attempt sends of a kept answer, and what it leaves of the response: with a real client
 * against a peer, and a keeper whose requests are answered by hand.
 */
#include "lookup/attempt.h"

#include "peer.h"
#include "source_bench.h"
#include "suite.h"

#define ADDRESS "{\"postcode\":\"M1 1AA\",\"country\":\"GB\"}"

static struct peer peer;
static struct config config = {.tracker_header = "X-GUID"};
static struct config_upstream upstream;
static struct lookup_upstream side;
static struct lookup_plan plan; /* one way, and never freed */
static struct lookup_shared shared = {.plan = &plan};
static struct lookup_stats stats;
static struct lookup_query query;
static struct lookup_result result; /* its strings good until the peer's next one */
static struct attempt attempt;
static char etag[64], last_modified[64], cache_control[64];
static char heard[2][4096]; /* requests */
static bool has_ended, awaited;

static void copy(char out[64], const char *text)
{
    snprintf(out, 64, "%s", text != NULL ? text : "-");
}

static void ended(struct attempt *self)
{
    copy(etag, self->result->etag);
    copy(last_modified, self->result->last_modified);
    copy(cache_control, self->result->headers[CLIENT_CACHE_CONTROL]);
    has_ended = true;
    if (awaited)
        loop_stop(loop);
}

/* It may have ended in a turn that a grant took. */
static void await_end(void)
{
    awaited = true;
    while (!has_ended)
        loop_run(loop);
    awaited = false;
}

static void attempt_setup(void)
{
    setup();
    start();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    memset(&stats, 0, sizeof(stats));
    memset(&result, 0, sizeof(result));
    memset(&attempt, 0, sizeof(attempt));
    query = (struct lookup_query){.postcode = {"M1 1AA", "M1%201AA"}, .user = "", .stats = &stats};
    upstream = (struct config_upstream){
        .name = "up", .index = 3, .lookup_path = "/", .max_response_size = 1000};
    side = (struct lookup_upstream){.tokens = sources[0]};
    plan = (struct lookup_plan){.references = 2, .config = &config, .way_count = 1};
    plan.ways[0] = (struct lookup_way){.side = &side, .upstream = &upstream, .era = {.number = 1}};
    side.present = &plan.ways[0];
    attempt.shared = &shared;
    attempt.query = &query;
    attempt.result = &result;
    attempt.ended = ended;
}

static void attempt_teardown(void)
{
    attempt_fini(&attempt);
    client_unref(plan.ways[0].client);
    peer_stop(&peer);
    teardown();
    client_global_stop();
}

/* One response for each request, the texts of an array that ends with NULL. */
static void respond(struct peer *self)
{
    const char *const *texts = self->arg;
    int fd = peer_accept(self);

    for (size_t i = 0; texts[i] != NULL; i++) {
        EXPECT(peer_read_headers(fd, heard[i], sizeof(heard[i])));
        peer_say(fd, texts[i]);
    }
    peer_hear_end(fd);
}

static void serve(const char *const *texts)
{
    struct client_settings of_client = {.connect_timeout = 10 * SECOND,
                                        .connection_max_age = MINUTE,
                                        .max_connections = 1,
                                        .max_queue = 1};

    peer_start(&peer, respond, (void *)(uintptr_t)texts);
    upstream.address = peer.origin;
    of_client.origin = peer.origin;
    ck_assert_int_eq(client_new(loop, &of_client, &plan.ways[0].client), ERR_OK);
}

static void run(void)
{
    attempt_start(&attempt, &plan, &plan.ways[0], ctx, MONO_NEVER);
    await_end();
}

static void begin_with_token(void)
{
    struct lookup lookup = {.told = 0};

    get(&lookup, sources[0]);
    settle();
    grant("one");
    ends_with(&lookup, 1, TOKEN_READY, "Bearer one");
}

/* ---- what it leaves ---- */

START_TEST(result_of_a_body)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: then\r\nCache-Control: public\r\n"
        "Cache-Control: max-age=1\r\nAge: 3\r\nDate: d\r\nExpires: x\r\nVary: v\r\n"
        "Content-Length: 36\r\n\r\n" ADDRESS,
        NULL};
    const struct mono_time before = mono_now();

    serve(texts);
    begin_with_token();
    run();
    ck_assert_int_eq(result.kind, LOOKUP_ADDRESS);
    ck_assert(stats.answering);
    ck_assert(!result.made);
    ck_assert(!result.unreadable);
    ck_assert(!mono_before(result.sent, before) && !mono_before(mono_now(), result.sent));
    ck_assert_str_eq(etag, "\"e\"");
    ck_assert_str_eq(last_modified, "then");
    ck_assert_str_eq(cache_control, "public, max-age=1");
    free(result.body);
}
END_TEST

/* Its validators are not for callers, and good all the same for the next lookup. */
START_TEST(result_of_an_answer_that_is_made)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: then\r\nVary: a\x01\r\n"
        "Content-Length: 36\r\n\r\n" ADDRESS,
        NULL};

    upstream.answer = ANSWER_ADDRESS;
    serve(texts);
    begin_with_token();
    run();
    ck_assert_int_eq(result.kind, LOOKUP_ADDRESS);
    ck_assert(result.made);
    ck_assert(result.unreadable);
    ck_assert_str_eq(etag, "\"e\"");
    ck_assert_str_eq(last_modified, "then");
    ck_assert_ptr_null(result.headers[CLIENT_ETAG]);
    ck_assert_ptr_null(result.headers[CLIENT_LAST_MODIFIED]);
    free(result.body);
}
END_TEST

START_TEST(result_of_a_304)
{
    static const char *const texts[] = {
        "HTTP/1.1 304 Not Modified\r\nETag: \"f\"\r\nCache-Control: max-age=9\r\n\r\n", NULL};

    serve(texts);
    begin_with_token();
    run();
    ck_assert_int_eq(result.kind, LOOKUP_NOT_MODIFIED);
    ck_assert_str_eq(etag, "\"f\"");
    ck_assert_str_eq(last_modified, "-");
    ck_assert_str_eq(cache_control, "max-age=9");
    ck_assert(!result.made);
}
END_TEST

#define REJECTION                                                                                  \
    "HTTP/1.1 401 No\r\nETag: \"no\"\r\nLast-Modified: never\r\nVary: a\x01\r\n"                   \
    "Content-Length: 0\r\n\r\n"

/* While another token is waited for, there is no answer; and of the rejection nothing is left. */
START_TEST(result_after_a_rejected_token)
{
    static const char *const texts[] = {
        REJECTION, "HTTP/1.1 404 No\r\nCache-Control: max-age=2\r\nContent-Length: 0\r\n\r\n",
        NULL};

    serve(texts);
    begin_with_token();
    attempt_start(&attempt, &plan, &plan.ways[0], ctx, MONO_NEVER);
    while (fetches < 2)
        settle();
    ck_assert(!stats.answering);
    ck_assert_ptr_null(result.etag);
    ck_assert_ptr_null(result.last_modified);
    ck_assert(!result.unreadable);
    grant("two");
    await_end();
    ck_assert_int_eq(result.kind, LOOKUP_UNKNOWN);
    ck_assert(!result.unreadable);
    ck_assert_str_eq(etag, "-");
    ck_assert_str_eq(last_modified, "-");
    ck_assert_str_eq(cache_control, "max-age=2");
    ck_assert(strstr(heard[1], "Bearer two") != NULL);
}
END_TEST

/* ---- what it sends ---- */

static const char *const not_modified[] = {"HTTP/1.1 304 Not Modified\r\n\r\n", NULL};

static void keep(size_t index)
{
    query.if_none_match = "\"caller\"";
    query.kept.upstream = index;
    query.kept.etag = "\"kept\"";
    query.kept.last_modified = "once";
}

static bool said(const char *line)
{
    return strstr(heard[0], line) != NULL;
}

/* Also where the caller's would not be sent: to one of several, and for an answer that is made. */
START_TEST(sends_what_is_kept)
{
    upstream.answer = _i == 0 ? ANSWER_BODY : ANSWER_ADDRESS;
    attempt.validators = _i == 0;
    keep(3);
    serve(not_modified);
    begin_with_token();
    run();
    ck_assert(said("If-None-Match: \"kept\"\r\n"));
    ck_assert(said("If-Modified-Since: once\r\n"));
    ck_assert(!said("caller"));
    ck_assert_int_eq(result.kind, LOOKUP_NOT_MODIFIED);
}
END_TEST

START_TEST(sends_nothing_that_is_kept_of_another)
{
    attempt.validators = true;
    keep(4);
    serve(not_modified);
    begin_with_token();
    run();
    ck_assert(!said("If-"));
}
END_TEST

/* It got its token after a reload, and goes to an upstream of the same name. */
START_TEST(sends_nothing_that_is_kept_after_a_reload)
{
    struct lookup_plan next = plan;
    struct config_upstream other;

    keep(3);
    serve(not_modified);
    other = upstream;
    next.ways[0].upstream = &other;
    next.ways[0].client = plan.ways[0].client;
    next.ways[0].era = (struct token_era){.number = 2, .first_generation = 1};
    attempt_start(&attempt, &plan, &plan.ways[0], ctx, MONO_NEVER);
    settle();
    side.present = &next.ways[0];
    shared.plan = &next;
    grant("one");
    await_end();
    ck_assert_ptr_eq(attempt.way, &next.ways[0]);
    ck_assert(!said("If-"));
    attempt_fini(&attempt);
    shared.plan = &plan;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("attempt");
    TCase *tc = tcase_create("attempt");

    tcase_add_checked_fixture(tc, attempt_setup, attempt_teardown);
    tcase_add_test(tc, result_of_a_body);
    tcase_add_test(tc, result_of_an_answer_that_is_made);
    tcase_add_test(tc, result_of_a_304);
    tcase_add_test(tc, result_after_a_rejected_token);
    tcase_add_loop_test(tc, sends_what_is_kept, 0, 2);
    tcase_add_test(tc, sends_nothing_that_is_kept_of_another);
    tcase_add_test(tc, sends_nothing_that_is_kept_after_a_reload);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
