/* What of a configuration the parts of a token service are made with, at the start and later. */
#include "config/fleet.h"
#include "token/service_internal.h"

enum err token_service_make_request(struct token_service *service, struct config *config,
                                    const struct config_upstream *upstream, struct fleet_link *link,
                                    struct token_service_request *out)
{
    const struct membership_settings of_member = {.loop = service->loop,
                                                  .link = link,
                                                  .member = service->member,
                                                  .config = config,
                                                  .upstream = upstream};
    *out = (struct token_service_request){.link = link,
                                          .fetch_digest = token_fetch_digest(config, upstream)};
    enum err err =
        token_fetch_new(service->loop, config, upstream, &service->fetch_ports, &out->fetch);
    if (err != ERR_OK || link == NULL)
        return err;
    out->membership_digest = membership_digest(config, upstream);
    out->membership = membership_new(&of_member, &service->membership_ports);
    return ERR_OK;
}

void token_service_drop_request(struct token_service_request *request)
{
    membership_free(request->membership);
    if (request->fetch != NULL)
        token_fetch_free(request->fetch);
    *request = (struct token_service_request){.fetch = NULL};
}

bool token_service_asks_alike(const struct token_service *service, const struct config *config,
                              const struct config_upstream *upstream, const struct fleet_link *link)
{
    const struct digest fetch = token_fetch_digest(config, upstream);
    if (!digest_same(&fetch, &service->request.fetch_digest) || link != service->request.link)
        return false;
    if (link == NULL)
        return true;
    const struct digest membership = membership_digest(config, upstream);
    return digest_same(&membership, &service->request.membership_digest);
}

size_t token_service_preferred(const struct token_service *service,
                               const struct config_upstream *upstream)
{
    size_t which;
    return token_owner_find(&service->owner, upstream, &which) ? which : 0;
}

/* The link closes its connections when nobody is at it: the new one comes first. */
void token_service_use_request(struct token_service *service,
                               const struct token_service_request *request, size_t preferred)
{
    struct token_service_request before = service->request;

    service->request = *request;
    if (service->request.membership != NULL)
        membership_start(service->request.membership, preferred);
    token_service_drop_request(&before);
}

struct keeper_settings token_service_keeper_settings(const struct token_service *service,
                                                     const struct config *config,
                                                     const struct config_upstream *upstream)
{
    return (struct keeper_settings){
        .upstream = upstream->name,
        .index = upstream->index,
        .store_key = upstream->auth_token_key,
        .early_expiry = upstream->auth_token_early_expiry,
        .renew = config_fleet_is_set(config) && !service->one_shot ? config->fleet_renew : 0,
        .prefetch = service->one_shot || upstream->auth_prefetch,
        .budget = service->one_shot ? 0 : upstream->auth_budget,
        .workers = service->workers,
    };
}
