/*
 * What both a start (daemon.c) and a reload (reload.c) make of a configuration. It is below both
 * files, so that neither needs the other for it.
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
    };
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
