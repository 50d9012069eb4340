/*
 * What a reload does to the upstreams. By its NAME each one of the new configuration is one of
 * before, which keeps its token service, its workers' sides and what is known of it, or it is new.
 * The new ones are made before anything is changed, and begin to live when all is; those of before
 * that nobody names any more retire (service/upstreams.h).
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/daemon_internal.h"

/* ---- before anything is changed ---- */

static enum err add(struct daemon *daemon, struct config *config,
                    const struct config_upstream *settings, struct fleet_link *link,
                    struct reload_upstream *change)
{
    enum err err = upstream_new(&daemon->upstreams, config, settings, link, &change->upstream);
    for (size_t i = 0; err == ERR_OK && i < daemon->worker_count; i++)
        upstream_add_side(change->upstream, worker_loop(daemon->workers[i]),
                          (size_t)config->server_max_in_flight);
    change->added = err == ERR_OK;
    return err;
}

static enum err prepare(struct daemon *daemon, struct config *config,
                        const struct config_upstream *settings, struct fleet_link *link,
                        struct reload_upstream *change)
{
    change->upstream = upstreams_find(&daemon->upstreams, settings->name);
    if (change->upstream == NULL)
        return add(daemon, config, settings, link, change);
    return token_service_prepare(change->upstream->tokens, config, settings, link, &change->tokens);
}

bool reload_upstreams_prepare(struct daemon *daemon, struct config *config,
                              struct reload_upstreams *changes)
{
    struct reason reason;
    if (!fleeting_prepare(daemon, config, &changes->fleeting, &changes->new_link))
        return false;
    changes->items = mem_zalloc(config->upstream_count * sizeof(*changes->items));
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *settings = &config->upstreams[i];
        enum err err =
            prepare(daemon, config, settings, changes->fleeting.link, &changes->items[i]);
        if (err != ERR_OK) {
            daemon_explain_tokens(config, settings, err, &reason);
            log_error(NULL, "%s", reason.text);
            return false;
        }
        changes->count++;
    }
    return true;
}

void reload_upstreams_discard(struct reload_upstreams *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        token_service_discard(changes->items[i].tokens);
        if (changes->items[i].added)
            upstream_retire(changes->items[i].upstream);
    }
    if (changes->new_link)
        fleet_link_free(changes->fleeting.link);
    mem_free(changes->items);
    *changes = (struct reload_upstreams){.items = NULL};
}

void reload_upstreams_share(const struct daemon *daemon, const struct config *config,
                            const struct descriptor_shares *shares,
                            struct reload_upstreams *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct reload_upstream *change = &changes->items[i];
        const size_t max = (size_t)descriptors_of_upstream(shares, config, daemon->worker_count, i);
        change->pool_digest = wiring_client_digest(config, &config->upstreams[i], max);
        change->max_connections = max;
    }
}

void reload_upstreams_ways(const struct reload_upstreams *changes, size_t worker,
                           struct worker_way *ways)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct reload_upstream *change = &changes->items[i];
        const bool same = digest_same(&change->pool_digest, &change->upstream->pool_digest);
        ways[i] = (struct worker_way){.side = change->upstream->sides[worker],
                                      .max_connections = change->max_connections,
                                      .new_client = change->added || !same};
    }
}

/* ---- the change, which cannot fail ---- */

void reload_upstreams_commit(struct reload_upstreams *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct reload_upstream *change = &changes->items[i];
        struct token_service *tokens = change->upstream->tokens;
        if (change->added)
            continue;
        const uint64_t before = token_service_era(tokens).number;
        token_service_commit(tokens, change->tokens);
        change->tokens = NULL;
        change->new_era = token_service_era(tokens).number != before;
    }
}

void reload_upstreams_eras(const struct reload_upstreams *changes, struct worker_way *ways)
{
    for (size_t i = 0; i < changes->count; i++)
        ways[i].era = token_service_era(changes->items[i].upstream->tokens);
}

static const char *address_before(const struct config *before, const char *name)
{
    const char *address = "";
    for (size_t i = 0; i < before->upstream_count; i++)
        if (strcmp(before->upstreams[i].name, name) == 0)
            address = before->upstreams[i].address;
    return address;
}

/* What lookups said is no news of another upstream, nor of other credentials. */
static void change_health(const struct reload_upstreams *changes, const struct config *before,
                          const struct config *after)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct reload_upstream *change = &changes->items[i];
        const char *address = address_before(before, change->upstream->name);
        if (change->added || change->new_era || strcmp(address, after->upstreams[i].address) != 0)
            lookup_health_begin(&change->upstream->state.health, mono_now());
    }
}

static bool stays(const struct reload_upstreams *changes, const struct daemon_upstream *upstream)
{
    bool found = false;
    for (size_t i = 0; i < changes->count; i++)
        found = found || changes->items[i].upstream == upstream;
    return found;
}

void reload_upstreams_use(struct daemon *daemon, struct reload_upstreams *changes)
{
    struct upstreams *upstreams = &daemon->upstreams;
    struct daemon_upstream **items = mem_zalloc(changes->count * sizeof(struct daemon_upstream *));
    for (size_t i = 0; i < changes->count; i++) {
        items[i] = changes->items[i].upstream;
        items[i]->pool_digest = changes->items[i].pool_digest;
    }
    changes->removed_count = upstreams->count;
    changes->removed = upstreams_use(upstreams, items, changes->count);
}

void reload_upstreams_finish(struct daemon *daemon, struct reload_upstreams *changes,
                             const struct config *before, const struct config *after)
{
    change_health(changes, before, after);
    for (size_t i = 0; i < changes->removed_count; i++)
        if (!stays(changes, changes->removed[i]))
            upstream_retire(changes->removed[i]);
    fleeting_use(daemon, &changes->fleeting);
    changes->new_link = false;
    for (size_t i = 0; i < changes->count; i++) {
        struct reload_upstream *change = &changes->items[i];
        if (change->added)
            token_service_start(change->upstream->tokens);
        change->added = false;
    }
    mem_free(changes->removed);
    changes->removed = NULL;
}
