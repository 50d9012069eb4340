/*
 * The keeper's loop and two workers' loops, a thread for each; token requests are answered from a
 * timer. The first token is revoked while it is in use.
 */
#include <pthread.h>

#include "source_bench.h"
#include "suite.h"

#define WORKERS 2
#define LOOKUPS 200
#define ROUNDS 20

static struct loop *main_loop, *worker_loops[WORKERS];
static struct timer *answer_timer;
static unsigned serial;
static atomic_uint ended;
/* The generation that the upstream takes; older ones it refuses. */
static _Atomic uint64_t good_generation;

/* A lookup in a thread: gets a token, is refused or not, repeats once, ends; ROUNDS times. */
struct traveller {
    struct token_waiter waiter;
    struct token_source *source;
    struct ctx *ctx;
    unsigned rounds;
    bool repeated;
};

static void travel(struct traveller *traveller);
static void arrive(struct traveller *traveller, struct token_ticket ticket);

static void traveller_told(struct token_waiter *waiter, const struct token_ticket *ticket)
{
    arrive(CONTAINER_OF(waiter, struct traveller, waiter), *ticket);
}

static void next_round(struct traveller *traveller)
{
    traveller->repeated = false;
    if (++traveller->rounds < ROUNDS)
        travel(traveller);
    else if (atomic_fetch_add(&ended, 1) + 1 == WORKERS * LOOKUPS)
        loop_stop(main_loop);
}

static void arrive(struct traveller *traveller, struct token_ticket ticket)
{
    struct mono_time sent = mono_now();
    struct token *token = ticket.token;

    if (ticket.kind == TOKEN_PARKED)
        return;
    if (ticket.kind != TOKEN_READY) {
        next_round(traveller);
        return;
    }
    if (token_generation(token) >= atomic_load(&good_generation)) {
        token_source_succeeded(traveller->source, token, sent);
        token_unref(token);
        next_round(traveller);
    } else if (traveller->repeated) {
        token_unref(token);
        next_round(traveller);
    } else {
        traveller->repeated = true;
        struct token_ticket again = token_source_rejected(traveller->source, traveller->ctx, token,
                                                          sent, &traveller->waiter);
        token_unref(token);
        arrive(traveller, again);
    }
}

static void travel(struct traveller *traveller)
{
    arrive(traveller, token_source_get(traveller->source, traveller->ctx, &traveller->waiter));
}

static void answer_now(void *arg)
{
    char value[32];

    (void)arg;
    answer_timer = NULL;
    snprintf(value, sizeof(value), "token-%u", ++serial);
    struct keeper_result result = {
        .kind = KEEPER_GRANTED,
        .grant = {.type = "Bearer", .value = value, .lifetime = HOUR},
    };
    keeper_fetched(keeper, &result, fetched_at, mono_now());
    if (serial == 1)
        atomic_store(&good_generation, 2);
}

static void fetch_later(void *arg, enum token_wish wish, const char *guid)
{
    fetch(arg, wish, guid);
    ck_assert_ptr_null(answer_timer);
    answer_timer = timer_start(main_loop, 5 * MILLISECOND, answer_now, NULL);
}

struct worker {
    pthread_t thread;
    struct mail go;
    size_t number;
    struct traveller travellers[LOOKUPS];
};

static void go(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, go);

    for (size_t i = 0; i < LOOKUPS; i++) {
        struct traveller *traveller = &worker->travellers[i];
        traveller->source = sources[worker->number];
        traveller->ctx = ctx_new(worker_loops[worker->number]);
        traveller->waiter.told = traveller_told;
        travel(traveller);
    }
}

static void *work(void *arg)
{
    struct worker *worker = arg;

    loop_run(worker_loops[worker->number]);
    for (size_t i = 0; i < LOOKUPS; i++)
        ctx_free(worker->travellers[i].ctx);
    return NULL;
}

START_TEST(threads)
{
    static struct worker workers[WORKERS];
    struct keeper_ports ports = {
        .fetch = fetch_later, .publish = publish, .wake = wake, .random = draw};

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    main_loop = loop_new();
    store = store_new(4);
    keeper = keeper_new(&settings, &ports, store);
    for (size_t i = 0; i < WORKERS; i++) {
        worker_loops[i] = loop_new();
        sources[i] = token_source_new(worker_loops[i], main_loop, keeper, i, LOOKUPS);
        workers[i].number = i;
        workers[i].go.deliver = go;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    keeper_start(keeper, mono_now());
    for (size_t i = 0; i < WORKERS; i++)
        loop_mail(worker_loops[i], &workers[i].go);
    loop_run(main_loop);

    for (size_t i = 0; i < WORKERS; i++) {
        loop_stop(worker_loops[i]);
        pthread_join(workers[i].thread, NULL);
    }
    ck_assert_uint_eq(atomic_load(&ended), WORKERS * LOOKUPS);
    ck_assert_uint_ge(fetches, 1);
    ck_assert_uint_le(fetches, 2);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 0);

    timer_stop(&answer_timer);
    loop_drain(main_loop);
    loop_free(main_loop);
    for (size_t i = 0; i < WORKERS; i++) {
        loop_drain(worker_loops[i]);
        loop_free(worker_loops[i]);
    }
    for (size_t i = 0; i < WORKERS; i++)
        token_source_free(sources[i]);
    keeper_free(keeper);
    store_free(store);
}
END_TEST

static void add_tests(Suite *s)
{
    TCase *tc = tcase_create("threads");

    tcase_add_test(tc, threads);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("source threads");

    add_tests(s);
    return run_suite(s);
}
