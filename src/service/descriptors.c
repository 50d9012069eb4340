/*
 * When the limit is too low for what is configured, the fixed needs come first. Of the rest the
 * upstream gets a quarter and callers get what is left, for most callers' connections are idle.
 * The upstream's share is a bound too: without it, its connections would take what others need.
 */
#include "service/descriptors.h"

#include <sys/resource.h>

#include "config/fleet.h"

/* Standard streams, signals, the main loop and its parts; each listener has one beside. */
#define OF_PROCESS 24
/* It has 8 open, and 2 more with TLS; and a file or a pipe now and then. */
#define OF_WORKER 10
#define OF_WORKER_TLS 2
/* Token requests and those for keys, with the resolver, files that are read, a reload. */
#define OF_REQUESTS 16
/* Two connections to the fleet's store, each with libcurl's own, and two more during a reload. */
#define OF_FLEET 8

/* Operators' connections; apart from the callers' so that /metrics responds when those are many. */
#define OPERATORS_MOST 128
#define OPERATORS_LEAST 16
#define CALLERS_LEAST 16
#define UPSTREAM_LEAST 16
/* Of a connection that opens: libcurl closes its own, ours is a duplicate. */
#define OF_UPSTREAM_CONNECTION 2
#define UPSTREAM_PART 4

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t descriptors_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT64_MAX)
        return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

static int64_t fixed_needs(const struct config *config, const struct descriptor_users *users)
{
    const int64_t of_worker = OF_WORKER + (users->tls ? OF_WORKER_TLS : 0);
    return OF_PROCESS + of_worker * (int64_t)users->workers + (int64_t)users->listeners +
           OF_REQUESTS + (config_fleet_is_set(config) ? OF_FLEET : 0);
}

static int64_t rounded_up(int64_t connections, int64_t workers)
{
    return (connections + workers - 1) / workers * workers;
}

/* Each worker has the same of each upstream, rounded up. */
static int64_t upstream_configured(const struct config *config, int64_t workers)
{
    int64_t sum = 0;
    for (size_t i = 0; i < config->upstream_count; i++)
        sum += rounded_up(config->upstreams[i].max_connections, workers);
    return sum;
}

/*
 * `rest` descriptors, for callers and upstream; there are enough for the least of both. Callers who
 * are connected keep theirs, whatever their limit is from now on.
 */
static void share_rest(struct descriptor_shares *shares, int64_t rest,
                       const struct descriptor_users *users, int64_t callers, int64_t upstream,
                       int64_t upstream_least)
{
    const int64_t workers = (int64_t)users->workers;
    const int64_t part =
        lesser(greater(rest / UPSTREAM_PART / OF_UPSTREAM_CONNECTION, upstream_least), upstream);
    shares->callers = lesser(callers, rest - part * OF_UPSTREAM_CONNECTION);
    const int64_t connected =
        lesser(users->callers, rest - upstream_least * OF_UPSTREAM_CONNECTION);
    const int64_t left = (rest - greater(shares->callers, connected)) / OF_UPSTREAM_CONNECTION;
    shares->upstream = lesser(upstream, left / workers * workers);
}

struct descriptor_shares descriptors_share(const struct config *config,
                                           const struct descriptor_users *users, int64_t limit)
{
    const int64_t workers = (int64_t)users->workers, callers = config->server_max_connections;
    const int64_t upstream = upstream_configured(config, workers);
    const int64_t upstream_least = lesser(
        greater(rounded_up(UPSTREAM_LEAST, workers), (int64_t)config->upstream_count * workers),
        upstream);
    const int64_t fixed = fixed_needs(config, users);
    struct descriptor_shares shares = {
        .wanted = fixed + OPERATORS_MOST + OF_UPSTREAM_CONNECTION * upstream + callers,
        .needed = fixed + OPERATORS_LEAST + OF_UPSTREAM_CONNECTION * upstream_least +
                  lesser(CALLERS_LEAST, callers),
    };
    if (limit < shares.needed)
        return shares;
    if (limit >= shares.wanted + greater(users->callers - callers, 0)) {
        shares.callers = callers;
        shares.upstream = upstream;
        shares.operators = OPERATORS_MOST;
        return shares;
    }
    shares.operators = OPERATORS_LEAST;
    share_rest(&shares, limit - fixed - OPERATORS_LEAST, users, callers, upstream, upstream_least);
    shares.lowered = shares.callers < callers || shares.upstream < upstream;
    return shares;
}

/* Each has one, and the rest is shared out. */
int64_t descriptors_of_upstream(const struct descriptor_shares *shares, const struct config *config,
                                size_t workers, size_t i)
{
    const int64_t one = (int64_t)workers, count = (int64_t)config->upstream_count;
    const int64_t wanted = upstream_configured(config, one) / one - count;
    const int64_t rest = shares->upstream / one - count;
    const int64_t more = rounded_up(config->upstreams[i].max_connections, one) / one - 1;

    return 1 + (wanted > 0 ? more * rest / wanted : 0);
}
