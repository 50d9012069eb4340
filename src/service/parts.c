/*
 * What both a start (daemon.c) and a reload (reload.c) make of a configuration, and what operators
 * are told of the daemon's parts. It is below the other files, so that none of them needs another
 * for it.
 */
#include "base/check.h"
#include "base/log.h"
#include "service/daemon_internal.h"

struct exposition daemon_exposition(struct daemon *daemon)
{
    struct exposition exposition = {
        .config = daemon->setup.config,
        .tls = daemon->setup.tls,
        .reload = &daemon->loaded,
        .cache = daemon->cache,
        .fleet = daemon->fleet.link != NULL ? &daemon->fleet : NULL,
        .busy = daemon->busy.shares,
        .worker_count = daemon->busy.count,
    };
    upstreams_expose(&daemon->upstreams, &exposition);
    return exposition;
}

/* What is between "[upstream" and "]": nothing where there is one, else " NAME". */
static const char *of_upstream(const struct config *config, const struct config_upstream *upstream,
                               struct reason *name)
{
    const bool one = config->upstream_count == 1;
    reason_set(name, "%s%s", one ? "" : " ", one ? "" : upstream->name);
    return name->text;
}

void daemon_explain_tokens(const struct config *config, const struct config_upstream *upstream,
                           enum err err, struct reason *reason)
{
    struct reason name;
    const char *section = of_upstream(config, upstream, &name);
    if (err == ERR_INVALID)
        reason_set(reason,
                   "the token endpoint's TLS files cannot be used: look at [upstream%s] ca_file, "
                   "client_certificate and client_key",
                   section);
    else
        reason_set(reason,
                   "the system provides no timer, or libcurl cannot be set up, for the token "
                   "requests");
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

/* A line for each key that is lowered. */
#define LOWERED_TEXT 8192

static void put_lowered_upstreams(const struct config *config, const struct descriptor_users *users,
                                  const struct descriptor_shares *shares, bool first,
                                  struct buf *text)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        const int64_t max =
            descriptors_of_upstream(shares, config, users->workers, i) * (int64_t)users->workers;
        struct reason name;
        if (max >= upstream->max_connections)
            continue;
        buf_printf(text, " [upstream%s] max_connections%s from %lld to %lld,",
                   of_upstream(config, upstream, &name), first ? " is lowered" : "",
                   (long long)upstream->max_connections, (long long)max);
        first = false;
    }
}

static void warn_of_lowering(const struct config *config, const struct descriptor_users *users,
                             const struct descriptor_shares *shares)
{
    const bool callers_too = shares->callers < config->server_max_connections;
    struct buf text;
    buf_init(&text, LOWERED_TEXT);
    if (callers_too)
        buf_printf(&text, " [server] max_connections is lowered from %lld to %lld,",
                   (long long)config->server_max_connections, (long long)shares->callers);
    put_lowered_upstreams(config, users, shares, !callers_too, &text);
    if (users->callers > shares->callers)
        buf_printf(&text, " while %lld callers are connected (reload again when they have gone),",
                   (long long)users->callers);
    log_warning(NULL,
                "the system allows %lld descriptors:%s so that tokens, the upstream and operators "
                "have some; allow %lld (LimitNOFILE= of the unit, ulimit -n), or lower the keys",
                (long long)descriptors_limit(), buf_text(&text), (long long)shares->wanted);
    buf_fini(&text);
}

bool daemon_share_descriptors(const struct descriptor_users *users, const struct config *config,
                              struct descriptor_shares *shares, struct reason *reason)
{
    const int64_t limit = descriptors_limit();
    *shares = descriptors_share(config, users, limit);
    if (limit >= shares->needed)
        return true;
    reason_set(reason,
               "the system allows %lld descriptors, and with %zu worker%s at least %lld are "
               "needed: allow %lld, which serve all that is configured (LimitNOFILE= of the "
               "unit, ulimit -n)%s",
               (long long)limit, users->workers, users->workers == 1 ? "" : "s",
               (long long)shares->needed, (long long)shares->wanted,
               users->workers == 1 ? "" : ", or lower [server] workers");
    return false;
}

void daemon_limit_connections(struct daemon *daemon, const struct config *config,
                              const struct descriptor_users *users,
                              const struct descriptor_shares *shares)
{
    if (shares->lowered)
        warn_of_lowering(config, users, shares);
    atomic_store_explicit(&daemon->quota.limit, shares->callers, memory_order_relaxed);
    atomic_store_explicit(&daemon->operator_quota.limit, shares->operators, memory_order_relaxed);
}
