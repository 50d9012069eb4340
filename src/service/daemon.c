/*
 * Start and end mirror each other: parts are made in the order of what they need, and taken down
 * in the reverse. What can fail at a start (addresses, descriptors, TLS files) comes first, before
 * anything is promised to anybody; READY is said when the listeners take connections, whether or
 * not there is a token yet.
 */
#include "service/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "front/admin.h"
#include "front/listen.h"
#include "service/systemd.h"
#include "service/worker.h"
#include "token/fetch.h"

#define DAEMON_MAGIC 0x44414d4eu
/* Connections of operators; apart from the callers' so that /metrics answers when those are many.
 */
#define OPERATOR_CONNECTIONS 128
/* Memory of an operator's connection: nothing here is large. */
#define OPERATOR_POOL (16 * 1024)
#define STORE_ITEMS 1024
/* A worker whose loop has not turned for so long is stuck. */
#define STUCK_AFTER (5 * SECOND)
#define DRAIN_LOOK (10 * MILLISECOND)

struct daemon {
    unsigned magic;
    struct config *config;
    struct identity *identity;
    struct loop *loop;

    /* The token's life. */
    struct store *store;
    struct keeper *keeper;
    struct token_fetch *fetch;
    struct alarm *alarm;

    /* Lookups. */
    struct listen *listen;
    struct server_quota quota;
    struct lookup_places places;
    struct worker **workers;
    size_t worker_count;

    /* Operators. */
    struct listen *metrics_listen;
    struct listen *admin_listen;
    struct server_quota operator_quota;
    struct server *operators;
    struct admin_app metrics;
    struct admin_app admin;
    struct guid_source guids;

    /* The end. */
    uv_signal_t signals[3];
    size_t signal_count;
    bool draining;
    unsigned quiet_looks; /* in a row, with no lookup under way */
    struct mono_time drain_until;
    struct timer *drain_timer;
};

/* ---- what the keeper needs of the world ---- */

static void port_fetch(void *arg, const char *guid)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    if (daemon->fetch != NULL) /* the last mail may come when it has been taken down */
        token_fetch_start(daemon->fetch, guid);
}

static void tell_manager(struct daemon *daemon)
{
    struct keeper_status status;
    char text[200];
    keeper_status(daemon->keeper, mono_now(), &status);
    snprintf(text, sizeof(text), "%s; token of %s: %s%s%s",
             daemon->draining ? "draining" : (status.ready ? "ready" : "not ready"),
             daemon->config->upstream_name, status.state_name,
             status.last_error == NULL ? "" : ": ",
             status.last_error == NULL ? "" : status.last_error);
    systemd_status(text);
}

static void port_publish(void *arg, struct token_view *view)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    for (size_t i = 0; i < daemon->worker_count; i++)
        token_source_publish(worker_source(daemon->workers[i]), view);
}

static void port_wake(void *arg, struct mono_time when)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    if (daemon->alarm != NULL)
        alarm_set(daemon->alarm, when);
}

static uint32_t port_random(void *arg)
{
    (void)arg;
    return arc4random();
}

static void fetched(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    keeper_fetched(daemon->keeper, result, sent, mono_now());
    tell_manager(daemon);
}

static void wake(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    keeper_tick(daemon->keeper, mono_now());
    tell_manager(daemon);
}

/* ---- what operators are told ---- */

static bool port_healthy(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct mono_time now = mono_now();
    for (size_t i = 0; i < daemon->worker_count; i++)
        if (mono_diff(now, worker_beat(daemon->workers[i])) > STUCK_AFTER)
            return false;
    return true;
}

static bool port_draining(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    return daemon->draining;
}

/* ---- the end ---- */

static void end(struct daemon *daemon)
{
    timer_stop(&daemon->drain_timer);
    loop_stop(daemon->loop);
}

/*
 * Twice in a row nothing under way: a request may lie unread in a connection that a worker was
 * just about to look at.
 */
static void look_for_the_end(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    daemon->drain_timer = NULL;
    int64_t under_way = metric_sum(METRIC_IN_FLIGHT, 0);
    daemon->quiet_looks = under_way == 0 ? daemon->quiet_looks + 1 : 0;
    if (daemon->quiet_looks >= 2) {
        log_notice(NULL, "drained: every lookup is answered");
        end(daemon);
    } else if (mono_before(daemon->drain_until, mono_now())) {
        log_warning(NULL, "drain_timeout is over: %lld lookups are cut off", (long long)under_way);
        end(daemon);
    } else {
        daemon->drain_timer = timer_start(daemon->loop, DRAIN_LOOK, look_for_the_end, daemon);
    }
}

static void close_doors(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    daemon->drain_timer = NULL;
    daemon->drain_until = mono_add(mono_now(), daemon->config->server_drain_timeout);
    listen_stop(daemon->listen);
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_drain(daemon->workers[i]);
    daemon->drain_timer = timer_start(daemon->loop, DRAIN_LOOK, look_for_the_end, daemon);
}

static void on_terminate(uv_signal_t *handle, int number)
{
    MAGIC_CAST(struct daemon, daemon, handle->data, DAEMON_MAGIC);
    if (daemon->draining) {
        log_warning(NULL, "second %s: ending at once", strsignal(number));
        end(daemon);
        return;
    }
    log_notice(NULL, "%s: draining", strsignal(number));
    daemon->draining = true;
    systemd_stopping();
    tell_manager(daemon);
    daemon->drain_timer =
        timer_start(daemon->loop, daemon->config->server_drain_delay, close_doors, daemon);
}

static void watch_signal(struct daemon *daemon, int number, uv_signal_cb callback)
{
    uv_signal_t *handle = &daemon->signals[daemon->signal_count++];
    MUST(daemon->signal_count <= ARRAY_LEN(daemon->signals));
    uv_signal_init(loop_uv(daemon->loop), handle);
    handle->data = daemon;
    uv_signal_start(handle, callback, number);
}

/* ---- the start ---- */

static bool complain(const char *problem)
{
    log_error(NULL, "cannot start: %s", problem);
    return false;
}

/* Every connection is a descriptor, and a lookup one more: what the system allows is taken. */
static void raise_descriptors(const struct config *config)
{
    struct rlimit limit;
    const rlim_t wanted =
        (rlim_t)(config->server_max_connections + config->upstream_max_connections + 256);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted)
        log_warning(NULL,
                    "the system allows %llu descriptors, and [server] max_connections with "
                    "[upstream] max_connections may need %llu: raise the limit or lower the keys",
                    (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
}

static bool bind_all(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    char problem[LISTEN_PROBLEM];
    if (listen_new(daemon->loop, &config->server_listen, config->server_socket_mode,
                   &daemon->listen, problem) != ERR_OK ||
        listen_new(daemon->loop, &config->metrics_listen, config->server_socket_mode,
                   &daemon->metrics_listen, problem) != ERR_OK ||
        listen_new(daemon->loop, &config->admin_listen, config->admin_socket_mode,
                   &daemon->admin_listen, problem) != ERR_OK)
        return complain(problem);
    return true;
}

static bool make_keeper(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const struct keeper_ports ports = {.arg = daemon,
                                       .fetch = port_fetch,
                                       .publish = port_publish,
                                       .wake = port_wake,
                                       .random = port_random};
    const struct keeper_settings settings = {.upstream = config->upstream_name,
                                             .store_key = config->upstream_auth_token_key,
                                             .early_expiry =
                                                 config->upstream_auth_token_early_expiry,
                                             .prefetch = config->upstream_auth_prefetch,
                                             .budget = config->upstream_auth_budget,
                                             .workers = (size_t)config->server_workers};
    daemon->store = store_new(STORE_ITEMS);
    store_recycler_start(daemon->store, loop_uv(daemon->loop), config->store_recycle_interval);
    daemon->alarm = alarm_new(daemon->loop, wake, daemon);
    if (daemon->alarm == NULL)
        return complain("no timer can be had from the system");
    if (token_fetch_new(daemon->loop, daemon->config, fetched, daemon, &daemon->fetch) != ERR_OK)
        return complain("the token endpoint's TLS files cannot be used: look at [upstream] "
                        "ca_file, client_certificate and client_key");
    daemon->keeper = keeper_new(&settings, &ports, daemon->store);
    return true;
}

static bool make_workers(struct daemon *daemon)
{
    const size_t count = (size_t)daemon->config->server_workers;
    daemon->workers = mem_zalloc(count * sizeof(struct worker *));
    for (size_t i = 0; i < count; i++) {
        const struct worker_settings settings = {.number = i,
                                                 .workers = count,
                                                 .main_loop = daemon->loop,
                                                 .keeper = daemon->keeper,
                                                 .places = &daemon->places,
                                                 .config = daemon->config,
                                                 .identity = daemon->identity};
        if (worker_new(&settings, &daemon->workers[i]) != ERR_OK)
            return complain("a worker's loop or the upstream's TLS files cannot be set up");
        daemon->worker_count++;
    }
    return true;
}

static bool make_operators(struct daemon *daemon)
{
    if (server_new(daemon->loop, OPERATOR_POOL, &daemon->operators) != ERR_OK)
        return complain("the operators' server cannot be set up");
    const struct exposition sources = {.upstream = daemon->config->upstream_name,
                                       .keeper = daemon->keeper,
                                       .store = daemon->store};
    const struct admin_ports ports = {
        .arg = daemon, .healthy = port_healthy, .draining = port_draining};
    struct admin_app *const apps[] = {&daemon->metrics, &daemon->admin};
    for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
        admin_app_init(apps[i], daemon->config, apps[i] == &daemon->admin);
        apps[i]->guids = &daemon->guids;
        apps[i]->sources = sources;
        apps[i]->ports = ports;
    }
    return true;
}

static bool start_workers(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->worker_count; i++)
        if (worker_start(daemon->workers[i]) != ERR_OK)
            return complain("no thread can be had from the system");
    return true;
}

static void open_doors(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    struct listen_target *targets = mem_zalloc(daemon->worker_count * sizeof(*targets));
    for (size_t i = 0; i < daemon->worker_count; i++)
        targets[i] = (struct listen_target){.server = worker_server(daemon->workers[i]),
                                            .app = worker_app(daemon->workers[i])};
    const struct listen_target metrics = {daemon->operators, &daemon->metrics.app};
    const struct listen_target admin = {daemon->operators, &daemon->admin.app};
    atomic_init(&daemon->quota.limit, config->server_max_connections);
    atomic_init(&daemon->operator_quota.limit, OPERATOR_CONNECTIONS);
    listen_start(daemon->listen, targets, daemon->worker_count, &daemon->quota);
    listen_start(daemon->metrics_listen, &metrics, 1, &daemon->operator_quota);
    listen_start(daemon->admin_listen, &admin, 1, &daemon->operator_quota);
    mem_free(targets);
}

static const char *or_off(const struct listen *listen)
{
    const char *addresses = listen_addresses(listen);
    return addresses[0] == '\0' ? "off" : addresses;
}

static bool start(struct daemon *daemon)
{
    raise_descriptors(daemon->config);
    daemon->loop = loop_new();
    if (daemon->loop == NULL)
        return complain("no event loop can be had from the system");
    if (!bind_all(daemon) || !make_keeper(daemon) || !make_workers(daemon) ||
        !make_operators(daemon) || !start_workers(daemon))
        return false;
    watch_signal(daemon, SIGTERM, on_terminate);
    watch_signal(daemon, SIGINT, on_terminate);
    open_doors(daemon);
    log_notice(NULL, "postcoded %s: lookups on %s; metrics on %s; admin on %s", POSTCODED_VERSION,
               listen_addresses(daemon->listen), or_off(daemon->metrics_listen),
               or_off(daemon->admin_listen));
    keeper_start(daemon->keeper, mono_now());
    systemd_ready();
    tell_manager(daemon);
    return true;
}

/* ---- taking it down ---- */

static void stop_listen(struct listen *listen)
{
    if (listen != NULL)
        listen_stop(listen);
}

static void stop_main_loop(struct daemon *daemon)
{
    stop_listen(daemon->listen);
    stop_listen(daemon->metrics_listen);
    stop_listen(daemon->admin_listen);
    for (size_t i = 0; i < daemon->signal_count; i++)
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    if (daemon->operators != NULL)
        server_stop(daemon->operators);
    if (daemon->store != NULL)
        store_recycler_stop(daemon->store);
    if (daemon->fetch != NULL)
        token_fetch_free(daemon->fetch);
    daemon->fetch = NULL;
    if (daemon->alarm != NULL)
        alarm_free(daemon->alarm);
    daemon->alarm = NULL;
    loop_drain(daemon->loop);
}

/*
 * The workers' threads first. Then the main loop, whose mail still reaches the keeper; the keeper's
 * answers lie in the workers' loops, and are delivered when those are freed.
 */
static void stop(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_stop(daemon->workers[i]);
    if (daemon->loop != NULL)
        stop_main_loop(daemon);
    if (daemon->loop != NULL)
        loop_free(daemon->loop);
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_free(daemon->workers[i]);
    mem_free(daemon->workers);
    if (daemon->keeper != NULL)
        keeper_free(daemon->keeper);
    if (daemon->store != NULL)
        store_free(daemon->store);
    listen_free(daemon->listen);
    listen_free(daemon->metrics_listen);
    listen_free(daemon->admin_listen);
    if (daemon->operators != NULL) {
        server_free(daemon->operators);
        admin_app_fini(&daemon->metrics);
        admin_app_fini(&daemon->admin);
    }
}

enum exit_status daemon_run(struct config *config, struct identity *identity)
{
    struct daemon *daemon = mem_zalloc(sizeof(*daemon));
    MAGIC_SET(daemon, DAEMON_MAGIC);
    daemon->config = config_ref(config);
    daemon->identity = identity_ref(identity);
    signal(SIGPIPE, SIG_IGN);
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
    client_global_start();
    log_start(2);
    log_thread_start();
    bool started = start(daemon);
    if (started)
        loop_run(daemon->loop);
    stop(daemon);
    log_thread_stop();
    log_stop();
    client_global_stop();
    identity_unref(daemon->identity);
    config_unref(daemon->config);
    MAGIC_CLEAR(daemon);
    mem_free(daemon);
    return started ? EXIT_WELL : EXIT_START;
}
