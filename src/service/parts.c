/*
 * What both a start (daemon.c) and a reload (reload.c) make of a configuration, and what operators
 * are told of the daemon's parts. It is below the other files, so that none of them needs another
 * for it.
 */
#include "base/check.h"
#include "base/log.h"
#include "service/daemon_internal.h"

struct exposition daemon_exposition(const struct daemon *daemon)
{
    const struct config_upstream *upstream = wiring_upstream(daemon->setup.config);
    return (struct exposition){
        .upstreams = {{upstream->name, upstream->index, token_service_keeper(daemon->tokens)}},
        .upstream_count = 1,
        .store = token_service_store(daemon->tokens),
        .tls = daemon->setup.tls,
    };
}

bool daemon_lacks_keys(const struct daemon *daemon, struct buf *why)
{
    if (daemon->keys == NULL || key_keeper_view(daemon->keys)->keys != NULL)
        return false;
    const char *failure = key_keeper_failure(daemon->keys);
    buf_printf(why, "no keys of %.160s%s%.280s", key_keeper_url(daemon->keys),
               failure != NULL ? ": " : "", failure != NULL ? failure : "");
    return true;
}

static void warn_of_lowering(const struct config *config, const struct descriptor_shares *shares,
                             int64_t limit)
{
    const int64_t upstream = wiring_upstream(config)->max_connections;
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "the system allows %lld descriptors:", (long long)limit);
    if (shares->callers < config->server_max_connections)
        buf_printf(&text, " [server] max_connections is lowered from %lld to %lld,",
                   (long long)config->server_max_connections, (long long)shares->callers);
    if (shares->upstream < upstream)
        buf_printf(&text, " [upstream] max_connections from %lld to %lld,", (long long)upstream,
                   (long long)shares->upstream);
    log_warning(NULL,
                "%s so that tokens, the upstream and operators have some; allow %lld "
                "(LimitNOFILE= of the unit, ulimit -n), or lower the keys",
                buf_text(&text), (long long)shares->wanted);
    buf_fini(&text);
}

bool daemon_share_descriptors(struct daemon *daemon, const struct config *config, size_t workers,
                              struct reason *reason)
{
    const int64_t limit = descriptors_limit();
    const struct descriptor_shares shares = descriptors_share(config, workers, limit);
    if (limit < shares.needed) {
        reason_set(reason,
                   "the system allows %lld descriptors, and with %zu workers at least %lld are "
                   "needed: allow %lld (LimitNOFILE= of the unit, ulimit -n), or lower [server] "
                   "workers",
                   (long long)limit, workers, (long long)shares.needed, (long long)shares.wanted);
        return false;
    }
    if (shares.lowered)
        warn_of_lowering(config, &shares, limit);
    atomic_store_explicit(&daemon->quota.limit, shares.callers, memory_order_relaxed);
    atomic_store_explicit(&daemon->operator_quota.limit, shares.operators, memory_order_relaxed);
    return true;
}
