/*
 * The keys of [identity] key_url in the daemon: who fetches them, who hears of them, and what
 * becomes of them at a reload. A configuration's keys are those that its own URL gave: a reload to
 * another URL fetches there first, and changes keys and policy in one step, worker by worker.
 */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "service/daemon_internal.h"

/* The gauge is a sum over threads, so it is moved by the difference. */
void keys_count(struct daemon *daemon)
{
    const struct jwt_keys *keys = daemon->keys != NULL ? key_keeper_view(daemon->keys)->keys
                                                       : identity_keys(daemon->setup.identity);
    const int64_t now = keys != NULL ? (int64_t)jwt_keys_count(keys) : 0;

    metric_add(METRIC_IDENTITY_KEYS, 0, now - daemon->keys_counted);
    daemon->keys_counted = now;
}

/* ---- what the keeper says ---- */

static void publish(void *arg, const struct key_view *view)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);

    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_publish_keys(daemon->workers[i], view);
    keys_count(daemon);
}

static void changed(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);

    report_status(daemon);
}

void keys_asked(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);

    if (!daemon->ending && daemon->keys != NULL)
        key_keeper_unknown(daemon->keys);
}

static enum err make_keeper(struct daemon *daemon, const struct config *config,
                            struct key_keeper **out)
{
    const struct key_keeper_ports ports = {.arg = daemon, .publish = publish, .changed = changed};

    return key_keeper_new(daemon->loop, config, &ports, out);
}

/* ---- start and end ---- */

bool keys_make(struct daemon *daemon)
{
    const struct config *config = daemon->setup.config;

    if (!identity_has_url(config))
        return true;
    daemon->keys_digest = key_keeper_digest(config);
    return make_keeper(daemon, config, &daemon->keys) == ERR_OK;
}

void keys_start(struct daemon *daemon)
{
    keys_count(daemon);
    if (daemon->keys != NULL)
        key_keeper_start(daemon->keys);
}

void keys_stop(struct daemon *daemon)
{
    key_keeper_free(daemon->keys);
    daemon->keys = NULL;
}

/* ---- a reload ---- */

struct keys_change {
    struct daemon *daemon;
    struct key_keeper *next; /* of another URL; NULL: none, or the present one stays */
    bool stays;
    int64_t refresh;
    struct digest digest;
    void (*prepared)(void *arg, bool good);
    void *arg;
};

static void tried(void *arg, const char *reason)
{
    struct keys_change *change = arg;

    if (reason != NULL)
        log_error(NULL,
                  "[identity] key_url: no keys could be fetched from %s: %s; fix that, or name "
                  "another URL",
                  key_keeper_url(change->next), reason);
    change->prepared(change->arg, reason == NULL);
}

static enum keys_state prepare_next(struct keys_change *change, const struct config *config)
{
    if (make_keeper(change->daemon, config, &change->next) != ERR_OK) {
        log_error(NULL, "[identity] key_url: key_ca_file cannot be used, or the system provides no "
                        "timer");
        return KEYS_FAILED;
    }
    key_keeper_try(change->next, tried, change);
    return KEYS_PREPARING;
}

enum keys_state keys_prepare(struct daemon *daemon, const struct config *config,
                             void (*prepared)(void *arg, bool good), void *arg,
                             struct keys_change **out)
{
    struct keys_change *change = mem_zalloc(sizeof(*change));

    *out = change;
    change->daemon = daemon;
    change->prepared = prepared;
    change->arg = arg;
    if (!identity_has_url(config))
        return KEYS_PREPARED;
    change->refresh = config->identity_key_refresh;
    change->digest = key_keeper_digest(config);
    change->stays = daemon->keys != NULL && digest_same(&change->digest, &daemon->keys_digest);
    return change->stays ? KEYS_PREPARED : prepare_next(change, config);
}

void keys_discard(struct keys_change *change)
{
    if (change == NULL)
        return;
    key_keeper_free(change->next);
    mem_free(change);
}

void keys_commit(struct daemon *daemon, struct keys_change *change)
{
    if (change->stays) {
        key_keeper_refresh(daemon->keys, change->refresh);
        key_keeper_fetch(daemon->keys);
    } else {
        key_keeper_free(daemon->keys);
        daemon->keys = change->next;
        daemon->keys_digest = change->digest;
        change->next = NULL;
        if (daemon->keys != NULL)
            key_keeper_start(daemon->keys);
    }
    keys_discard(change);
}

struct key_view keys_view(const struct daemon *daemon)
{
    return daemon->keys != NULL ? key_view_copy(key_keeper_view(daemon->keys))
                                : (struct key_view){.keys = NULL};
}
