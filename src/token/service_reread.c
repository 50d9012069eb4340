/*
 * A secret that is rejected is often replaced by the right one in its file, and nobody thinks of a
 * reload. So while the endpoint rejects requests, the files are read every second; they are few
 * and short. Another content is tried at once. The present token stays: it was granted, and is good
 * until the upstream rejects it.
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "token/assertions.h"
#include "token/service_internal.h"

#define INTERVAL (1 * SECOND)

static const struct config_upstream *counterpart(const struct token_service *service,
                                                 const struct config *fresh)
{
    return &fresh->upstreams[service->upstream - service->config->upstreams];
}

static void use(struct token_service *service, struct config *fresh,
                const struct token_service_request *request)
{
    const struct config_upstream *upstream = counterpart(service, fresh);
    struct config *before = service->config;

    token_service_use_request(service, request, token_service_preferred(service, upstream));
    service->config = config_ref(fresh);
    service->upstream = upstream;
    config_unref(before);
    log_write_fields(LOG_LEVEL_NOTICE, NULL, &LOG_TEXT("upstream", upstream->name), 1,
                     "the client's secret in its file changed: the next token request of %s has it",
                     upstream->name);
    const struct keeper_settings settings = token_service_keeper_settings(service, fresh, upstream);
    keeper_reconfigure(service->keeper, &settings, false, mono_now());
}

/* Once for each problem. */
static void note_problem(struct token_service *service, const struct reason *reason)
{
    if (reason->text[0] != '\0' && strcmp(reason->text, service->reread_problem.text) != 0)
        log_write_fields(LOG_LEVEL_WARNING, NULL, &LOG_TEXT("upstream", service->upstream->name), 1,
                         "[upstream %s] %s", service->upstream->name, reason->text);
    service->reread_problem = *reason;
}

/* Reads, and uses what it read. `reason`: "" where all is well. */
static void read_again(struct token_service *service, struct reason *reason)
{
    struct token_service_request request;
    struct reason why;
    struct config *fresh = config_reread(service->config, service->upstream, reason);

    if (fresh == NULL)
        return;
    const struct config_upstream *upstream = counterpart(service, fresh);
    if (!assertions_check(upstream, &why))
        reason_set(reason, "auth_key_file: changed, and cannot be used: %s", why.text);
    else if (token_service_make_request(service, fresh, upstream, service->request.link,
                                        &request) == ERR_OK)
        use(service, fresh, &request);
    else
        reason_set(reason, "the client's secret changed, but the files of TLS cannot be used");
    config_unref(fresh);
}

/* A request under way is waited for: it would be lost, and made again uncharged. */
static void on_reread(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    struct reason reason;

    service->reread = NULL;
    if (!service->change_pending && !token_fetch_is_under_way(service->request.fetch)) {
        reason.text[0] = '\0';
        read_again(service, &reason);
        note_problem(service, &reason);
    }
    token_service_begin_reread(service);
}

void token_service_begin_reread(struct token_service *service)
{
    if (service->reread == NULL)
        service->reread = timer_start(service->loop, INTERVAL, on_reread, service);
}

void token_service_end_reread(struct token_service *service)
{
    timer_stop(&service->reread);
    service->reread_problem.text[0] = '\0';
}
