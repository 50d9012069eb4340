/*
 * Another configuration in place of the present one, as a whole or not at all. All that can fail
 * comes first, beside the running daemon: the files are read and checked, the keys of another
 * key_url are fetched, the request to the token endpoint is made anew where it would differ, and
 * each worker makes its new connections' pool, in its own thread, for that is where it will live.
 * Only when everybody has is anything changed, and from there nothing can fail.
 *
 *     SIGHUP --> read, check --> keys --> prepare (mailed to each worker) --> prepared --> commit
 *                    \_____________\_______________________\____________________\--> as it was
 *
 * The keys come over the network, and may take seconds: what must not grow old is prepared after
 * them.
 *
 * What did not change stays as it is: listeners always, pools, the token request and the keys of
 * key_url by a digest of what they are made of, the token when it was obtained with credentials
 * that are still ours.
 */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "front/problem_log.h"
#include "service/daemon_internal.h"

/* Cells of METRIC_RELOADS. */
enum { SUCCESS, FAILURE };

struct reload {
    struct daemon *daemon;
    struct setup setup;
    struct reload_upstreams upstreams;
    struct keys_change *keys; /* NULL: not prepared */
    struct descriptor_users users;
    struct descriptor_shares shares;
    int64_t callers_limit;          /* before the reload */
    struct worker_change **changes; /* one a worker */
    size_t preparing;               /* workers that have not reported yet */
};

static void reload_free(struct reload *reload)
{
    reload_upstreams_discard(&reload->upstreams);
    keys_discard(reload->keys);
    setup_fini(&reload->setup);
    mem_free(reload->changes);
    mem_free(reload);
}

static void begin(struct daemon *daemon);

/* ---- on change ---- */

static void files_changed(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    log_notice(NULL, "files of the configuration changed: reloading");
    reload_signal(daemon);
}

void reload_watch(struct daemon *daemon)
{
    const struct config *config = daemon->setup.config;
    size_t count;
    const char *const *files = config_files(config, &count);
    if (config->server_reload_on_change && daemon->watch == NULL)
        daemon->watch = watch_start(daemon->loop, files, count, files_changed, daemon);
}

/* The list is that of the files just read, also when they were rejected: what mends them is a
 * change too. */
static void watch_again(struct daemon *daemon, const struct setup *read)
{
    if (daemon->drain.begun || !daemon->setup.config->server_reload_on_change)
        watch_stop(&daemon->watch);
    else if (daemon->watch == NULL)
        reload_watch(daemon);
    else
        watch_renew(daemon->watch, (const char *const *)read->files, read->file_count);
}

/* The manager hears READY however it went: the daemon works on. */
static void finish(struct reload *reload, bool well)
{
    struct daemon *daemon = reload->daemon;
    watch_again(daemon, &reload->setup);
    reload_free(reload);
    daemon->reload = NULL;
    daemon->loaded.tried_at = wall_now();
    daemon->loaded.failed = !well;
    if (well)
        daemon->loaded.at = daemon->loaded.tried_at;
    metric_add(METRIC_RELOADS, well ? SUCCESS : FAILURE, 1);
    if (!daemon->drain.begun)
        systemd_ready();
    report_status(daemon);
    if (daemon->reload_again && !daemon->drain.begun) {
        daemon->reload_again = false;
        begin(daemon);
    }
}

/* ---- reading and checking ---- */

bool reload_listeners_allow(const struct daemon *daemon, const struct setup *setup,
                            struct reason *reason)
{
    const struct config *config = setup->config;
    if (listen_has_tls(daemon->listen) && setup->tls == NULL) {
        reason_set(reason, "the service manager handed down a socket named tls: set [server] "
                           "tls_certificate and tls_key");
        return false;
    }
    if (config->identity_mode == IDENTITY_JWT || config->identity_unverified_anywhere ||
        config->identity_mode == IDENTITY_CERTIFICATE ||
        listen_is_local(daemon->listen, setup->tls != NULL && tls_verifies(setup->tls)))
        return true;
    reason_set(reason,
               "no caller is verified, and the service manager handed down a socket that is not "
               "loopback: use [identity] mode jwt, another ListenStream=, or unverified_anywhere");
    return false;
}

static bool read_and_check(struct reload *reload)
{
    struct daemon *daemon = reload->daemon;
    struct config_faults faults = {.items = NULL};
    struct reason reason;
    bool good = setup_read(&reload->setup, daemon->path, daemon->setup.config, false, &faults);
    setup_log_faults(&faults);
    config_faults_fini(&faults);
    if (good && !reload_listeners_allow(daemon, &reload->setup, &reason)) {
        log_error(NULL, "%s", reason.text);
        good = false;
    }
    return good;
}

static void fail(struct reload *reload)
{
    log_error(NULL, "reload failed: the configuration stays as it was");
    finish(reload, false);
}

/* ---- the change, which cannot fail ---- */

static void change_operators(struct daemon *daemon)
{
    struct admin_app *const apps[] = {&daemon->metrics.app, &daemon->admin.app};
    for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
        admin_app_use(apps[i], daemon->setup.config);
        apps[i]->sources = daemon_exposition(daemon);
    }
}

/* Lookups that began before show more for as long as they last, as their log lines do. */
static void change_log(const struct config *before, const struct config *config)
{
    if (config->log_postcodes > before->log_postcodes)
        problem_log_forget();
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
}

/*
 * The workers hear of a lost token before they hear of the new configuration, so that no lookup
 * takes the old token to the new upstream; see lookup_start for the other way round.
 */
static void commit(struct reload *reload)
{
    struct daemon *daemon = reload->daemon;
    struct config *config = reload->setup.config;
    setup_log_kept(daemon->setup.config, config);
    reload_upstreams_commit(&reload->upstreams);
    keys_commit(daemon, reload->keys);
    reload->keys = NULL;
    struct setup before = daemon->setup;
    reload_upstreams_use(daemon, &reload->upstreams);
    setup_copy(&daemon->setup, &reload->setup);
    caching_follow(daemon); /* lookups under way keep that of before to their end */
    sampling_token(daemon); /* the counters of new upstreams begin before anything is counted */
    for (size_t i = 0; i < daemon->worker_count; i++) {
        reload_upstreams_eras(&reload->upstreams, reload->changes[i]->ways);
        reload->changes[i]->keys = keys_view(daemon);
        reload->changes[i]->cache = cache_ref(daemon->cache);
        worker_commit(reload->changes[i]);
    }
    reload_upstreams_finish(daemon, &reload->upstreams, before.config, config);
    daemon->shares = reload->shares;
    change_log(before.config, config);
    daemon_limit_connections(daemon, config, &reload->users, &reload->shares);
    change_operators(daemon);
    setup_fini(&before);
    keys_count(daemon);
    log_notice(NULL, "configuration reloaded from %s", daemon->path);
    finish(reload, true);
}

/* ---- the workers ---- */

static void discard_all(struct reload *reload)
{
    for (size_t i = 0; i < reload->daemon->worker_count; i++)
        worker_discard(reload->changes[i]);
}

static bool all_prepared(const struct reload *reload)
{
    bool good = true;
    for (size_t i = 0; i < reload->daemon->worker_count; i++)
        good = good && reload->changes[i]->err == ERR_OK;
    return good;
}

static void allow_callers(struct daemon *daemon, int64_t limit)
{
    atomic_store_explicit(&daemon->quota.limit, limit, memory_order_relaxed);
}

static void prepared(struct worker_change *change)
{
    struct reload *reload = change->arg;
    MAGIC_OK(reload->daemon, DAEMON_MAGIC);
    if (--reload->preparing > 0)
        return;
    if (reload->daemon->ending) {
        discard_all(reload);
        reload->daemon->reload = NULL;
        reload_free(reload);
    } else if (all_prepared(reload)) {
        commit(reload);
    } else {
        log_error(NULL, "a worker cannot set up its connections to the upstream");
        discard_all(reload);
        allow_callers(reload->daemon, reload->callers_limit);
        fail(reload);
    }
}

/*
 * A lower limit lets no caller go: what those who are connected hold is not for the upstream. It is
 * in force before they are counted, so that no more come until the upstream has what they leave.
 */
static bool share_descriptors(struct reload *reload)
{
    struct daemon *daemon = reload->daemon;
    const struct config *config = reload->setup.config;
    struct reason reason;
    reload->users = daemon->users;
    reload->callers_limit = atomic_load_explicit(&daemon->quota.limit, memory_order_relaxed);
    if (!daemon_share_descriptors(&reload->users, config, &reload->shares, &reason)) {
        log_error(NULL, "%s", reason.text);
        return false;
    }
    if (reload->shares.callers < reload->callers_limit)
        allow_callers(daemon, reload->shares.callers);
    reload->users.callers = atomic_load_explicit(&daemon->quota.open, memory_order_relaxed);
    return daemon_share_descriptors(&reload->users, config, &reload->shares, &reason);
}

static void prepare_workers(struct reload *reload)
{
    struct daemon *daemon = reload->daemon;
    const struct setup *setup = &reload->setup;
    reload_upstreams_share(daemon, setup->config, &reload->shares, &reload->upstreams);
    reload->changes = mem_zalloc(daemon->worker_count * sizeof(struct worker_change *));
    reload->preparing = daemon->worker_count;
    for (size_t i = 0; i < daemon->worker_count; i++) {
        struct worker_change *change =
            worker_change_new(daemon->workers[i], setup->config, setup->identity, setup->tls);
        reload_upstreams_ways(&reload->upstreams, i, change->ways);
        change->prepared = prepared;
        change->arg = reload;
        reload->changes[i] = change;
        worker_prepare(change);
    }
}

/* ---- the keys ---- */

/* May come when the daemon drains, but not when it has ended (reload_stop). */
static void keys_prepared(void *arg, bool good)
{
    struct reload *reload = arg;
    MAGIC_OK(reload->daemon, DAEMON_MAGIC);
    if (good && !reload->daemon->drain.begun &&
        reload_upstreams_prepare(reload->daemon, reload->setup.config, &reload->upstreams) &&
        share_descriptors(reload))
        prepare_workers(reload);
    else
        fail(reload);
}

static void prepare_keys(struct reload *reload)
{
    const enum keys_state state =
        keys_prepare(reload->daemon, reload->setup.config, keys_prepared, reload, &reload->keys);
    if (state != KEYS_PREPARING)
        keys_prepared(reload, state == KEYS_PREPARED);
}

/* Where the workers were asked already, their last one frees it. */
void reload_stop(struct daemon *daemon)
{
    if (daemon->reload == NULL || daemon->reload->changes != NULL)
        return;
    reload_free(daemon->reload);
    daemon->reload = NULL;
}

/* ---- its beginning ---- */

static void begin(struct daemon *daemon)
{
    struct reload *reload = mem_zalloc(sizeof(*reload));
    reload->daemon = daemon;
    daemon->reload = reload;
    systemd_reloading();
    watch_reading(daemon->watch);
    if (read_and_check(reload))
        prepare_keys(reload);
    else
        fail(reload);
}

void reload_signal(struct daemon *daemon)
{
    if (daemon->drain.begun)
        log_notice(NULL, "reload ignored: the daemon is draining");
    else if (daemon->reload != NULL)
        daemon->reload_again = true;
    else
        begin(daemon);
}
