/*
 * The parts are made in the main thread, before the worker's own exists, and used in the worker's
 * alone from then on; taking them down is mailed to it, so that each part ends where it lived.
 */
#include "service/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "upstream/client.h"
#include "upstream/origin.h"

#define WORKER_MAGIC 0x574f524bu

struct worker {
    unsigned magic;
    size_t number;
    struct loop *loop;
    struct server *server;
    struct client *client;
    struct token_source *source;
    struct lookup_app lookups;
    struct timer *heart;
    _Atomic int64_t beat;
    struct mail drain;
    struct mail stop;
    pthread_t thread;
    bool running;
};

static enum err make_client(struct worker *worker, const struct worker_settings *settings)
{
    const struct config *config = settings->config;
    char *origin = origin_of(config->upstream_address);
    struct client_settings client = client_settings_from(config);
    client.origin = origin;
    client.max_connections =
        ((size_t)config->upstream_max_connections + settings->workers - 1) / settings->workers;
    client.max_queue = (size_t)config->server_max_in_flight;
    client.counted = true;
    enum err err = client_new(worker->loop, &client, &worker->client);
    mem_free(origin);
    return err;
}

static enum err make_parts(struct worker *worker, const struct worker_settings *settings)
{
    worker->loop = loop_new();
    if (worker->loop == NULL)
        return ERR_SYSTEM;
    enum err err =
        server_new(worker->loop, (size_t)settings->config->server_max_header_size, &worker->server);
    if (err == ERR_OK)
        err = make_client(worker, settings);
    if (err != ERR_OK)
        return err;
    worker->source =
        token_source_new(worker->loop, settings->main_loop, settings->keeper, settings->number,
                         (size_t)settings->config->server_max_in_flight);
    worker->lookups.finder = (struct finder){.tokens = worker->source, .client = worker->client};
    worker->lookups.places = settings->places;
    return ERR_OK;
}

enum err worker_new(const struct worker_settings *settings, struct worker **out)
{
    struct worker *worker = mem_zalloc(sizeof(*worker));
    MAGIC_SET(worker, WORKER_MAGIC);
    worker->number = settings->number;
    atomic_init(&worker->beat, mono_now().ns);
    lookup_app_init(&worker->lookups, settings->config, settings->identity);
    enum err err = make_parts(worker, settings);
    if (err == ERR_OK)
        *out = worker;
    else
        worker_free(worker);
    return err;
}

/* ---- in the worker's thread ---- */

static void beat(void *arg)
{
    MAGIC_CAST(struct worker, worker, arg, WORKER_MAGIC);
    atomic_store_explicit(&worker->beat, mono_now().ns, memory_order_relaxed);
    worker->heart = timer_start(worker->loop, WORKER_BEAT, beat, worker);
}

static void *live(void *arg)
{
    MAGIC_CAST(struct worker, worker, arg, WORKER_MAGIC);
    log_thread_start();
    beat(worker);
    loop_run(worker->loop);
    loop_drain(worker->loop);
    log_thread_stop();
    return NULL;
}

static void drain(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, drain);
    server_drain(worker->server);
}

static void stop(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, stop);
    MAGIC_OK(worker, WORKER_MAGIC);
    server_stop(worker->server);
    client_free(worker->client);
    worker->client = NULL;
    timer_stop(&worker->heart);
    loop_stop(worker->loop);
}

/* ---- in the main thread ---- */

/* Signals are the main loop's: a worker's thread has them all blocked. */
enum err worker_start(struct worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    worker->running = pthread_create(&worker->thread, NULL, live, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return worker->running ? ERR_OK : ERR_SYSTEM;
}

struct server *worker_server(struct worker *worker)
{
    return worker->server;
}

struct server_app *worker_app(struct worker *worker)
{
    return &worker->lookups.app;
}

struct token_source *worker_source(struct worker *worker)
{
    return worker->source;
}

struct mono_time worker_beat(const struct worker *worker)
{
    return (struct mono_time){.ns = atomic_load_explicit(&worker->beat, memory_order_relaxed)};
}

void worker_drain(struct worker *worker)
{
    worker->drain.deliver = drain;
    loop_mail(worker->loop, &worker->drain);
}

void worker_stop(struct worker *worker)
{
    if (!worker->running)
        return;
    worker->stop.deliver = stop;
    loop_mail(worker->loop, &worker->stop);
    pthread_join(worker->thread, NULL);
    worker->running = false;
}

/* What never ran is taken down here. */
static void stop_unstarted(struct worker *worker)
{
    if (worker->client == NULL)
        return;
    client_free(worker->client);
    server_stop(worker->server);
    loop_drain(worker->loop);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    MAGIC_OK(worker, WORKER_MAGIC);
    MUST(!worker->running);
    stop_unstarted(worker);
    if (worker->loop != NULL)
        loop_free(worker->loop);
    token_source_free(worker->source);
    server_free(worker->server);
    lookup_app_fini(&worker->lookups);
    MAGIC_CLEAR(worker);
    mem_free(worker);
}
