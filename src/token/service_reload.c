/*
 * Another configuration for a token service. The request to the token endpoint is made anew where
 * it would differ, beside the present one, so that a file that cannot be used spoils nothing.
 */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "token/service_internal.h"

struct token_service_change {
    struct token_service *service;
    struct config *config; /* a reference */
    const struct config_upstream *upstream;
    bool renews;                          /* false: the present request stays */
    struct token_service_request request; /* if it renews */
};

void token_service_discard(struct token_service_change *change)
{
    if (change == NULL)
        return;
    change->service->change_pending = false;
    token_service_drop_request(&change->request);
    config_unref(change->config);
    mem_free(change);
}

enum err token_service_prepare(struct token_service *service, struct config *config,
                               const struct config_upstream *upstream, struct fleet_link *link,
                               struct token_service_change **out)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    struct token_service_change *change = mem_zalloc(sizeof(*change));
    enum err err = ERR_OK;
    change->service = service;
    service->change_pending = true;
    change->config = config_ref(config);
    change->upstream = upstream;
    change->renews = !token_service_asks_alike(service, config, upstream, link);
    if (change->renews)
        err = token_service_make_request(service, config, upstream, link, &change->request);
    if (err == ERR_OK)
        *out = change;
    else
        token_service_discard(change);
    return err;
}

static void begin_era(struct token_service *service)
{
    struct keeper_status status;
    keeper_status(service->keeper, mono_now(), &status);
    service->era.number++;
    service->era.first_generation = status.generation + 1;
    log_write_fields(LOG_LEVEL_NOTICE, NULL, &LOG_TEXT("upstream", service->upstream->name), 1,
                     "the credentials at the token endpoint changed: the token of %s is no longer "
                     "used",
                     service->upstream->name);
}

/* The secret that the present token was obtained with is the one that is known to work. */
static void use_request(struct token_service *service, struct token_service_change *change)
{
    const size_t preferred = token_service_preferred(service, change->upstream);
    token_fetch_prefer(change->request.fetch, preferred);
    token_service_use_request(service, &change->request, preferred);
    change->request = (struct token_service_request){.fetch = NULL};
}

static void change_token(struct token_service *service, struct token_service_change *change)
{
    const struct keeper_settings settings =
        token_service_keeper_settings(service, change->config, change->upstream);
    if (!change->renews) {
        keeper_adjust(service->keeper, &settings, mono_now());
        return;
    }
    const bool stays = token_owner_stays(&service->owner, service->upstream, change->upstream);
    if (!stays)
        begin_era(service);
    use_request(service, change);
    keeper_reconfigure(service->keeper, &settings, !stays, mono_now());
}

void token_service_commit(struct token_service *service, struct token_service_change *change)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    if (change->renews)
        token_service_end_reread(service);
    change_token(service, change);
    store_recycler_start(service->store, loop_uv(service->loop),
                         change->config->store_recycle_interval);
    struct config *before = service->config;
    service->config = config_ref(change->config);
    service->upstream = change->upstream;
    config_unref(before);
    token_service_discard(change);
}
