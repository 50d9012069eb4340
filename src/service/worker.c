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
#include "service/wiring.h"
#include "upstream/client.h"

#define WORKER_MAGIC 0x574f524bu

struct worker {
    unsigned magic;
    size_t number;
    struct loop *loop;
    struct loop *main_loop;
    struct server *server;
    struct server *tls_server; /* NULL: no listener has TLS */
    struct acceptor *acceptor; /* NULL: it accepts no more, or not yet */
    struct lookup_app lookups;
    struct lookup_plan *next; /* prepared for a reload; NULL: none is */
    struct timer *heart;
    _Atomic int64_t beat;
    struct mail drain;
    void (*drained)(void *arg, size_t arriving);
    void *drained_arg;
    size_t arriving; /* connections that waited for a request when it was last asked */
    struct mail stop;
    pthread_t thread;
    bool running;
    bool stopped; /* its parts are closed */
};

/* The client that the worker's lookups have now for this side. */
static struct client *present_client(const struct worker *worker,
                                     const struct lookup_upstream *side)
{
    const struct lookup_plan *plan = worker->lookups.shared.plan;
    struct client *client = NULL;
    for (size_t i = 0; i < plan->way_count; i++)
        if (plan->ways[i].side == side)
            client = plan->ways[i].client;
    MUST(client != NULL);
    return client;
}

static enum err make_client(struct worker *worker, const struct config *config,
                            const struct worker_way *from, struct lookup_way *way)
{
    if (!from->new_client) {
        way->client = client_ref(present_client(worker, way->side));
        return ERR_OK;
    }
    char *origin = origin_of(way->upstream->address);
    const struct client_settings settings =
        wiring_client(config, way->upstream, origin, from->max_connections);
    enum err err = client_new(worker->loop, &settings, &way->client);
    mem_free(origin);
    return err;
}

/* What lookups begin with under this configuration; its clients are made, or those of before. */
static enum err make_plan(struct worker *worker, struct config *config,
                          const struct worker_way *ways, struct lookup_plan **out)
{
    struct lookup_plan *plan = lookup_plan_new(config);
    enum err err = ERR_OK;
    for (size_t i = 0; i < plan->way_count; i++)
        plan->ways[i].side = &ways[i].side->lookup;
    side_count_plan(plan);
    for (size_t i = 0; i < plan->way_count && err == ERR_OK; i++)
        err = make_client(worker, config, &ways[i], &plan->ways[i]);
    if (err == ERR_OK)
        *out = plan;
    else
        lookup_plan_unref(plan);
    return err;
}

static enum err make_parts(struct worker *worker, const struct worker_settings *settings)
{
    enum err err =
        server_new(worker->loop, (size_t)settings->config->server_max_header_size, &worker->server);
    if (err == ERR_OK && settings->tls != NULL)
        err = server_new_tls(worker->loop, (size_t)settings->config->server_max_header_size,
                             settings->tls, &worker->tls_server);
    if (err != ERR_OK)
        return err;
    struct lookup_plan *plan;
    err = make_plan(worker, settings->config, settings->ways, &plan);
    if (err != ERR_OK)
        return err;
    lookup_shared_use(&worker->lookups.shared, plan);
    worker->lookups.places = settings->places;
    worker->lookups.quota = settings->quota;
    cache_worker_init(&worker->lookups.cache, worker->loop, &worker->lookups.shared,
                      settings->places);
    cache_worker_use(&worker->lookups.cache, settings->cache, settings->config);
    identity_worker_connect(&worker->lookups.identity, worker->loop, settings->main_loop,
                            settings->key_asked, settings->key_asked_arg);
    return ERR_OK;
}

enum err worker_new(const struct worker_settings *settings, struct worker **out)
{
    struct worker *worker = mem_zalloc(sizeof(*worker));
    MAGIC_SET(worker, WORKER_MAGIC);
    worker->number = settings->number;
    worker->loop = settings->loop;
    worker->main_loop = settings->main_loop;
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
    pthread_setname_np(pthread_self(), "worker");
    log_thread_start();
    beat(worker);
    loop_run(worker->loop);
    loop_drain(worker->loop);
    log_thread_stop();
    return NULL;
}

static void stop_accepting(struct worker *worker)
{
    if (worker->acceptor != NULL)
        acceptor_stop(worker->acceptor);
    worker->acceptor = NULL;
}

/* In the main thread. */
static void has_drained(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, drain);
    worker->drained(worker->drained_arg, worker->arriving);
}

static void drain(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, drain);
    stop_accepting(worker);
    worker->arriving = server_drain(worker->server);
    if (worker->tls_server != NULL)
        worker->arriving += server_drain(worker->tls_server);
    mail->deliver = has_drained;
    loop_mail(worker->main_loop, mail);
}

static void stop_servers(struct worker *worker)
{
    if (worker->server != NULL)
        server_stop(worker->server);
    if (worker->tls_server != NULL)
        server_stop(worker->tls_server);
}

static void close_clients(struct worker *worker)
{
    cache_worker_fini(&worker->lookups.cache);
    lookup_shared_fini(&worker->lookups.shared);
    lookup_plan_unref(worker->next);
    worker->next = NULL;
}

static void stop(struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, stop);
    MAGIC_OK(worker, WORKER_MAGIC);
    worker->stopped = true;
    stop_accepting(worker);
    stop_servers(worker);
    close_clients(worker);
    timer_stop(&worker->heart);
    loop_stop(worker->loop);
}

/* ---- a reload, in the worker's thread ---- */

static struct worker_change *change_of(struct mail *mail)
{
    return CONTAINER_OF(mail, struct worker_change, mail);
}

static void change_free(struct worker_change *change)
{
    cache_unref(change->cache);
    key_view_fini(&change->keys);
    identity_unref(change->identity);
    tls_unref(change->tls);
    config_unref(change->config);
    mem_free(change->ways);
    mem_free(change);
}

/* In the main thread. */
static void prepared(struct mail *mail)
{
    struct worker_change *change = change_of(mail);
    change->prepared(change);
}

static void prepare(struct mail *mail)
{
    struct worker_change *change = change_of(mail);
    struct worker *worker = change->worker;
    MAGIC_OK(worker, WORKER_MAGIC);
    change->err = make_plan(worker, change->config, change->ways, &worker->next);
    mail->deliver = prepared;
    loop_mail(worker->main_loop, mail);
}

/* A worker that was stopped meanwhile has no use for it. */
static void commit(struct mail *mail)
{
    struct worker_change *change = change_of(mail);
    struct worker *worker = change->worker;
    MAGIC_OK(worker, WORKER_MAGIC);
    if (!worker->stopped) {
        struct lookup_plan *plan = worker->next;
        worker->next = NULL;
        for (size_t i = 0; i < plan->way_count; i++) {
            plan->ways[i].era = change->ways[i].era;
            token_source_limit(plan->ways[i].side->tokens,
                               (size_t)change->config->server_max_in_flight);
        }
        lookup_shared_use(&worker->lookups.shared, plan);
        lookup_app_use(&worker->lookups, change->config, change->identity, &change->keys,
                       change->cache);
        if (worker->tls_server != NULL && change->tls != NULL)
            server_use_tls(worker->tls_server, change->tls);
    }
    change_free(change);
}

static void discard(struct mail *mail)
{
    struct worker_change *change = change_of(mail);
    struct worker *worker = change->worker;
    MAGIC_OK(worker, WORKER_MAGIC);
    lookup_plan_unref(worker->next);
    worker->next = NULL;
    change_free(change);
}

static void mail_change(struct worker_change *change, void (*deliver)(struct mail *mail))
{
    change->mail.deliver = deliver;
    loop_mail(change->worker->loop, &change->mail);
}

/* ---- in the main thread ---- */

struct worker_change *worker_change_new(struct worker *worker, struct config *config,
                                        struct identity *identity, struct tls *tls)
{
    struct worker_change *change = mem_zalloc(sizeof(*change));
    change->worker = worker;
    change->config = config_ref(config);
    change->identity = identity_ref(identity);
    change->tls = tls != NULL ? tls_ref(tls) : NULL;
    change->ways = mem_zalloc(config->upstream_count * sizeof(*change->ways));
    return change;
}

void worker_prepare(struct worker_change *change)
{
    MUST(change->worker->running);
    mail_change(change, prepare);
}

void worker_commit(struct worker_change *change)
{
    mail_change(change, commit);
}

void worker_discard(struct worker_change *change)
{
    mail_change(change, discard);
}

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

struct loop *worker_loop(struct worker *worker)
{
    return worker->loop;
}

struct server *worker_server(struct worker *worker)
{
    return worker->server;
}

struct server *worker_tls_server(struct worker *worker)
{
    return worker->tls_server;
}

struct server_app *worker_app(struct worker *worker)
{
    return &worker->lookups.app;
}

void worker_publish_keys(struct worker *worker, const struct key_view *view)
{
    identity_worker_publish(&worker->lookups.identity, view);
}

struct mono_time worker_beat(const struct worker *worker)
{
    return (struct mono_time){.ns = atomic_load_explicit(&worker->beat, memory_order_relaxed)};
}

int64_t worker_waited(const struct worker *worker, struct mono_time now)
{
    return loop_waited(worker->loop, now);
}

enum err worker_accept(struct worker *worker, const struct listen *listen,
                       const struct accept_group *group)
{
    MUST(!worker->running);
    return acceptor_new(worker->loop, listen, group, worker->number, &worker->acceptor);
}

void worker_drain(struct worker *worker, void (*drained)(void *arg, size_t arriving), void *arg)
{
    worker->drained = drained;
    worker->drained_arg = arg;
    worker->drain.deliver = drain;
    loop_mail(worker->loop, &worker->drain);
}

/* What never ran is taken down here. */
static void stop_unstarted(struct worker *worker)
{
    if (worker->stopped)
        return;
    worker->stopped = true;
    stop_accepting(worker);
    stop_servers(worker);
    close_clients(worker);
    loop_drain(worker->loop);
}

void worker_stop(struct worker *worker)
{
    if (!worker->running) {
        stop_unstarted(worker);
        return;
    }
    worker->stop.deliver = stop;
    loop_mail(worker->loop, &worker->stop);
    pthread_join(worker->thread, NULL);
    worker->running = false;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    MAGIC_OK(worker, WORKER_MAGIC);
    MUST(!worker->running);
    stop_unstarted(worker);
    loop_free(worker->loop);
    server_free(worker->server);
    server_free(worker->tls_server);
    lookup_app_fini(&worker->lookups);
    MAGIC_CLEAR(worker);
    mem_free(worker);
}
