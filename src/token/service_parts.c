/* What of a configuration the parts of a token service are made with, at the start and later. */
#include "token/service_internal.h"

enum err token_service_make_fetch(struct token_service *service, struct config *config,
                                  const struct config_upstream *upstream, struct token_fetch **out)
{
    return token_fetch_new(service->loop, config, upstream, &service->fetch_ports, out);
}

struct keeper_settings token_service_keeper_settings(const struct token_service *service,
                                                     const struct config_upstream *upstream)
{
    return (struct keeper_settings){
        .upstream = upstream->name,
        .index = upstream->index,
        .store_key = upstream->auth_token_key,
        .early_expiry = upstream->auth_token_early_expiry,
        .prefetch = service->one_shot || upstream->auth_prefetch,
        .budget = service->one_shot ? 0 : upstream->auth_budget,
        .workers = service->workers,
    };
}
