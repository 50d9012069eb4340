/*
 * Start and end mirror each other: parts are made in the order of what they need, and taken down
 * in the reverse. What can fail at a start (addresses, descriptors, TLS files) comes first, before
 * anything is promised to anybody; READY is said when the listeners take connections, whether or
 * not there is a token yet.
 */
#include "service/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "front/mhd.h"
#include "service/daemon_internal.h"
#include "service/process.h"

/* Bytes of the largest header section of a request to the operator endpoints. */
#define OPERATOR_HEADER_SIZE (8 * 1024)

/* The token of an upstream. */
static void changed(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    report_status(daemon);
    sampling_token(daemon);
}

/* ---- signals ---- */

static void on_terminate(uv_signal_t *handle, int number)
{
    MAGIC_CAST(struct daemon, daemon, handle->data, DAEMON_MAGIC);
    drain_signal(daemon, number);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    MAGIC_CAST(struct daemon, daemon, handle->data, DAEMON_MAGIC);
    (void)number;
    reload_signal(daemon);
}

static void watch_signal(struct daemon *daemon, int number, uv_signal_cb callback)
{
    uv_signal_t *handle = &daemon->signals[daemon->signal_count++];
    MUST(daemon->signal_count <= ARRAY_LEN(daemon->signals));
    uv_signal_init(loop_uv(daemon->loop), handle);
    handle->data = daemon;
    uv_signal_start(handle, callback, number);
}

static void watch_signals(struct daemon *daemon)
{
    watch_signal(daemon, SIGTERM, on_terminate);
    watch_signal(daemon, SIGINT, on_terminate);
    watch_signal(daemon, SIGHUP, on_hangup);
    process_release_signals();
}

/* ---- the start ---- */

static bool complain(const char *reason)
{
    struct buf status;
    log_error(NULL, "cannot start: %s", reason);
    buf_init(&status, 1024);
    buf_printf(&status, "Cannot start: %s.", reason);
    systemd_status(buf_text(&status));
    buf_fini(&status);
    return false;
}

/* Sockets that were handed down take the place of [server] listen. */
static enum err bind_callers(struct daemon *daemon, struct reason *reason)
{
    const struct config *config = daemon->setup.config;
    struct systemd_inherited *inherited = &daemon->inherited;
    if (inherited->socket_count == 0)
        return listen_new(&config->server_listen, config->server_socket_mode, &daemon->listen,
                          reason);
    log_notice(NULL,
               "lookups arrive on %zu socket(s) of the service manager; [server] listen is "
               "not used",
               inherited->socket_count);
    return listen_adopt(inherited->sockets, inherited->tls, inherited->socket_count,
                        &daemon->listen, reason);
}

/* How bind fails in a container without a directory for the socket, or with a read-only one. */
static bool is_for_want_of_place(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM ||
           error == EROFS;
}

/*
 * Nobody asked for the socket at its built-in place, so the daemon runs without it rather than not
 * at all. A socket that the configuration names is needed.
 */
static enum err bind_admin(struct daemon *daemon, struct reason *reason)
{
    const struct config *config = daemon->setup.config;
    const struct config_addresses none = {.count = 0};
    enum err err =
        listen_new(&config->admin_listen, config->admin_socket_mode, &daemon->admin_listen, reason);
    if (err == ERR_OK || !is_for_want_of_place(errno) || config_is_given(config, "admin", "listen"))
        return err;
    log_warning(NULL,
                "there is no admin socket: %s; or write [admin] listen = off, which ends this "
                "warning",
                reason->text);
    return listen_new(&none, config->admin_socket_mode, &daemon->admin_listen, reason);
}

static bool bind_all(struct daemon *daemon)
{
    const struct config *config = daemon->setup.config;
    struct reason reason;
    if (bind_callers(daemon, &reason) != ERR_OK ||
        listen_new(&config->metrics_listen, config->server_socket_mode, &daemon->metrics_listen,
                   &reason) != ERR_OK ||
        bind_admin(daemon, &reason) != ERR_OK)
        return complain(reason.text);
    return reload_listeners_allow(daemon, &daemon->setup, &reason) || complain(reason.text);
}

static bool complain_of_tokens(const struct config *config, const struct config_upstream *upstream,
                               enum err err)
{
    struct reason reason;
    daemon_explain_tokens(config, upstream, err, &reason);
    return complain(reason.text);
}

/* There may be tokens from before a restart. */
static bool make_upstreams(struct daemon *daemon)
{
    struct config *config = daemon->setup.config;
    struct upstreams *upstreams = &daemon->upstreams;
    *upstreams = (struct upstreams){.loop = daemon->loop,
                                    .workers = (size_t)config->server_workers,
                                    .changed = changed,
                                    .arg = daemon};
    systemd_boot(upstreams->boot);
    if (!fleeting_make(daemon))
        return complain("the TLS files of [fleet] cannot be used");
    upstreams->items = mem_zalloc(config->upstream_count * sizeof(struct daemon_upstream *));
    for (size_t i = 0; i < config->upstream_count; i++) {
        enum err err = upstream_new(upstreams, config, &config->upstreams[i], daemon->fleeting.link,
                                    &upstreams->items[i]);
        if (err != ERR_OK)
            return complain_of_tokens(config, &config->upstreams[i], err);
        upstreams->items[i]->used = true;
        upstreams->count++;
    }
    upstreams_restore(upstreams, &daemon->inherited);
    systemd_fdstore_close(&daemon->inherited);
    return true;
}

static bool make_keys(struct daemon *daemon)
{
    return keys_make(daemon) ||
           complain("[identity] key_ca_file cannot be used, or the system provides no timer");
}

/* Its sides of all upstreams, and with them the worker. */
static bool make_worker(struct daemon *daemon, struct worker_way *ways)
{
    struct config *config = daemon->setup.config;
    const struct worker_settings settings = {
        .number = daemon->worker_count,
        .loop = loop_new(),
        .main_loop = daemon->loop,
        .ways = ways,
        .places = &daemon->places,
        .quota = daemon->user_quota,
        .cache = daemon->cache,
        .config = config,
        .identity = daemon->setup.identity,
        .tls = listen_has_tls(daemon->listen) ? daemon->setup.tls : NULL,
        .key_asked = keys_asked,
        .key_asked_arg = daemon,
    };
    if (settings.loop == NULL)
        return false;
    for (size_t i = 0; i < daemon->upstreams.count; i++) {
        struct daemon_upstream *upstream = daemon->upstreams.items[i];
        upstream_add_side(upstream, settings.loop, (size_t)config->server_max_in_flight);
        ways[i].side = upstream->sides[settings.number];
    }
    return worker_new(&settings, &daemon->workers[settings.number]) == ERR_OK;
}

static bool make_workers(struct daemon *daemon)
{
    struct config *config = daemon->setup.config;
    const size_t count = (size_t)config->server_workers;
    struct worker_way *ways = mem_zalloc(config->upstream_count * sizeof(*ways));
    bool good = true;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const size_t max = (size_t)descriptors_of_upstream(&daemon->shares, config, count, i);
        ways[i] = (struct worker_way){.max_connections = max, .new_client = true};
        daemon->upstreams.items[i]->pool_digest =
            wiring_client_digest(config, &config->upstreams[i], max);
    }
    daemon->user_quota = quota_new();
    caching_start(daemon);
    daemon->workers = mem_zalloc(count * sizeof(struct worker *));
    while (good && daemon->worker_count < count) {
        good = make_worker(daemon, ways);
        daemon->worker_count += good;
    }
    mem_free(ways);
    if (!good)
        return complain("a worker's loop, its TLS or the upstream's TLS files cannot be set up");
    busy_init(&daemon->busy, daemon->workers, daemon->worker_count, mono_now());
    return true;
}

static bool make_operators(struct daemon *daemon)
{
    if (server_new(daemon->loop, OPERATOR_HEADER_SIZE, &daemon->operators) != ERR_OK)
        return complain("the operators' server cannot be set up");
    const struct exposition sources = daemon_exposition(daemon);
    const struct admin_ports ports = {
        .arg = daemon,
        .healthy = report_healthy,
        .draining = report_draining,
        .unready = report_unready,
        .describe = sampling_describe,
    };
    struct admin_app *const apps[] = {&daemon->metrics.app, &daemon->admin.app};
    for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
        admin_app_init(apps[i], daemon->setup.config, apps[i] == &daemon->admin.app);
        apps[i]->app.guids = &daemon->guids;
        apps[i]->sources = sources;
        apps[i]->ports = ports;
    }
    return true;
}

/* What comes before the workers run waits in the backlogs. */
static bool start_workers(struct daemon *daemon)
{
    struct accept_member *members = mem_zalloc(daemon->worker_count * sizeof(*members));
    for (size_t i = 0; i < daemon->worker_count; i++)
        members[i] = (struct accept_member){.server = worker_server(daemon->workers[i]),
                                            .tls = worker_tls_server(daemon->workers[i]),
                                            .app = worker_app(daemon->workers[i])};
    daemon->callers = (struct accept_group){&daemon->quota, members, daemon->worker_count};
    for (size_t i = 0; i < daemon->worker_count; i++)
        if (worker_accept(daemon->workers[i], daemon->listen, &daemon->callers) != ERR_OK)
            return complain("the system provides no descriptor to accept connections with");
    for (size_t i = 0; i < daemon->worker_count; i++)
        if (worker_start(daemon->workers[i]) != ERR_OK)
            return complain("the system provides no thread");
    return true;
}

static bool accept_from(struct daemon *daemon, struct operators_listener *listener,
                        const struct listen *listen)
{
    listener->member =
        (struct accept_member){.server = daemon->operators, .app = &listener->app.app};
    listener->group = (struct accept_group){&daemon->operator_quota, &listener->member, 1};
    return acceptor_new(daemon->loop, listen, &listener->group, 0, &listener->acceptor) == ERR_OK ||
           complain("the system provides no descriptor to accept operators' connections with");
}

static bool accept_operators(struct daemon *daemon)
{
    return accept_from(daemon, &daemon->metrics, daemon->metrics_listen) &&
           accept_from(daemon, &daemon->admin, daemon->admin_listen);
}

/* "on ADDRESSES", or "off". Caller frees. */
static char *on_or_off(const struct listen *listen)
{
    const char *addresses = listen_addresses(listen);
    return addresses[0] == '\0' ? mem_strdup("off") : mem_printf("on %s", addresses);
}

static void tell_started(const struct daemon *daemon)
{
    char *metrics = on_or_off(daemon->metrics_listen);
    char *admin = on_or_off(daemon->admin_listen);
    log_notice(NULL, "postcoded %s: lookups on %s; metrics %s; admin %s", POSTCODED_VERSION,
               listen_addresses(daemon->listen), metrics, admin);
    mem_free(metrics);
    mem_free(admin);
}

static bool check_mhd(void)
{
    if (mhd_generation() != MHD_GENERATION_UNKNOWN)
        return true;
    char text[160];
    snprintf(text, sizeof(text),
             "libmicrohttpd %s is loaded; versions 0.9.75 to 1.x are supported. Install one of "
             "these, or a newer postcoded",
             MHD_get_version());
    return complain(text);
}

/* Of the sockets that callers will come by. */
static bool has_tls(const struct daemon *daemon)
{
    const struct config_addresses *addresses = &daemon->setup.config->server_listen;
    const struct systemd_inherited *inherited = &daemon->inherited;
    bool found = false;
    for (size_t i = 0; i < inherited->socket_count; i++)
        found = found || inherited->tls[i];
    for (size_t i = 0; i < addresses->count && inherited->socket_count == 0; i++)
        found = found || addresses->items[i].tls;
    return found;
}

static bool share_descriptors(struct daemon *daemon)
{
    const struct config *config = daemon->setup.config;
    const size_t inherited = daemon->inherited.socket_count;
    struct reason reason;
    descriptors_raise();
    daemon->users = (struct descriptor_users){
        .workers = (size_t)config->server_workers,
        .listeners = (inherited > 0 ? inherited : config->server_listen.count) +
                     config->metrics_listen.count + config->admin_listen.count,
        .tls = has_tls(daemon),
    };
    if (!daemon_share_descriptors(&daemon->users, config, &daemon->shares, &reason))
        return complain(reason.text);
    daemon_limit_connections(daemon, config, &daemon->users, &daemon->shares);
    return true;
}

static bool start(struct daemon *daemon)
{
    if (!check_mhd())
        return false;
    systemd_inherit(&daemon->inherited);
    if (!share_descriptors(daemon))
        return false;
    daemon->started = wall_now();
    daemon->began = mono_now();
    daemon->loaded.at = daemon->loaded.tried_at = daemon->started;
    daemon->loop = loop_new();
    if (daemon->loop == NULL)
        return complain("the system provides no event loop");
    if (!bind_all(daemon) || !make_upstreams(daemon) || !make_keys(daemon) ||
        !make_workers(daemon) || !make_operators(daemon) || !accept_operators(daemon) ||
        !start_workers(daemon))
        return false;
    watch_signals(daemon);
    reload_watch(daemon);
    tell_started(daemon);
    sampling_start(daemon);
    upstreams_start(&daemon->upstreams);
    keys_start(daemon);
    systemd_ready();
    report_start(daemon);
    return true;
}

/* ---- taking it down ---- */

static void stop_accepting(struct operators_listener *listener)
{
    if (listener->acceptor != NULL)
        acceptor_stop(listener->acceptor);
    listener->acceptor = NULL;
}

static void close_listen(struct listen *listen)
{
    if (listen != NULL)
        listen_close(listen);
}

static void stop_main_loop(struct daemon *daemon)
{
    drain_stop(daemon);
    report_stop(daemon);
    sampling_stop(daemon);
    caching_stop(daemon);
    watch_stop(&daemon->watch);
    stop_accepting(&daemon->metrics);
    stop_accepting(&daemon->admin);
    close_listen(daemon->listen);
    close_listen(daemon->metrics_listen);
    close_listen(daemon->admin_listen);
    for (size_t i = 0; i < daemon->signal_count; i++)
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    if (daemon->operators != NULL)
        server_stop(daemon->operators);
    reload_stop(daemon);
    upstreams_stop(&daemon->upstreams);
    fleeting_stop(daemon);
    keys_stop(daemon);
    loop_drain(daemon->loop);
}

/*
 * The workers' threads first. Then the main loop, whose mail still reaches the keeper; the keeper's
 * views and verdicts lie in the workers' loops, and are delivered when those are freed.
 */
static void stop(struct daemon *daemon)
{
    daemon->ending = true;
    daemon->upstreams.ending = true;
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_stop(daemon->workers[i]);
    if (daemon->loop != NULL)
        stop_main_loop(daemon);
    if (daemon->loop != NULL)
        loop_free(daemon->loop);
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_free(daemon->workers[i]);
    busy_fini(&daemon->busy);
    mem_free(daemon->workers);
    quota_free(daemon->user_quota);
    cache_unref(daemon->cache);
    mem_free(daemon->callers.members);
    upstreams_free(&daemon->upstreams);
    listen_free(daemon->listen);
    listen_free(daemon->metrics_listen);
    listen_free(daemon->admin_listen);
    if (daemon->operators != NULL) {
        server_free(daemon->operators);
        admin_app_fini(&daemon->metrics.app);
        admin_app_fini(&daemon->admin.app);
    }
    history_free(daemon->history);
    systemd_inherited_fini(&daemon->inherited);
}

enum exit_status daemon_run(const char *path, const struct setup *setup)
{
    struct daemon *daemon = mem_zalloc(sizeof(*daemon));
    MAGIC_SET(daemon, DAEMON_MAGIC);
    daemon->path = path;
    setup_copy(&daemon->setup, setup);
    process_hold_signals();
    process_reap_children();
    signal(SIGPIPE, SIG_IGN);
    log_configure((enum log_level)setup->config->log_level,
                  (enum log_format)setup->config->log_format);
    ERR_IGNORED(log_start(2)); /* without its thread, lines go straight to stderr */
    log_thread_start();
    bool started =
        client_global_start() == ERR_OK
            ? start(daemon)
            : complain("libcurl cannot be set up; it needs TLS and a resolver of its own");
    if (started)
        loop_run(daemon->loop);
    stop(daemon);
    if (started)
        systemd_status("Stopped.");
    log_thread_stop();
    log_stop();
    client_global_stop();
    setup_fini(&daemon->setup);
    MAGIC_CLEAR(daemon);
    mem_free(daemon);
    return started ? EXIT_WELL : EXIT_START;
}
