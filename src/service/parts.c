/*
 * The parts of a daemon that both its start (daemon.c) and a reload (reload.c) make from a
 * configuration. They are below both files, so that neither needs the other for them.
 */
#include <sys/resource.h>

#include "base/check.h"
#include "base/log.h"
#include "service/daemon_internal.h"

/* Descriptors beside the callers' and the upstream's: listeners, operators, loops, the log. */
#define SPARE_DESCRIPTORS 256

static void fetched(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    if (result->kind == KEEPER_GRANTED)
        token_fdstore_granted(&daemon->fdstore, wiring_upstream(daemon->setup.config),
                              token_fetch_report(daemon->fetch)->secret - 1);
    keeper_fetched(daemon->keeper, result, sent, mono_now());
    report_status(daemon);
}

static bool may_repeat(void *arg, const char *guid)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    return keeper_may_repeat(daemon->keeper, guid, mono_now());
}

enum err daemon_make_fetch(struct daemon *daemon, struct config *config, struct token_fetch **out)
{
    enum err err =
        token_fetch_new(daemon->loop, config, wiring_upstream(config), fetched, daemon, out);
    if (err == ERR_OK)
        token_fetch_limit(*out, may_repeat);
    return err;
}

struct exposition daemon_exposition(const struct daemon *daemon)
{
    const struct config_upstream *upstream = wiring_upstream(daemon->setup.config);
    return (struct exposition){
        .upstreams = {{upstream->name, upstream->index, daemon->keeper}},
        .upstream_count = 1,
        .store = daemon->store,
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
