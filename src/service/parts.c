/*
 * What both a start (daemon.c) and a reload (reload.c) make of a configuration, and what operators
 * are told of the daemon's parts. It is below the other files, so that none of them needs another
 * for it.
 */
#include <sys/resource.h>

#include "base/check.h"
#include "base/log.h"
#include "service/daemon_internal.h"

/* Descriptors beside the callers' and the upstream's: listeners, operators, loops, the log. */
#define SPARE_DESCRIPTORS 256

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

void daemon_check_descriptors(const struct config *config)
{
    struct rlimit limit;
    int64_t wanted = config->server_max_connections + SPARE_DESCRIPTORS;
    for (size_t i = 0; i < config->upstream_count; i++)
        wanted += config->upstreams[i].max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)wanted)
        log_warning(NULL,
                    "the system allows %llu descriptors, and [server] max_connections with "
                    "[upstream] max_connections may need %llu: raise the limit or lower the keys",
                    (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}
