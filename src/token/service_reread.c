/*
 * A secret that is rejected is often replaced by the right one in its file, and nobody thinks of a
 * reload. So while the endpoint rejects requests, the files are read every second; they are few
 * and short. Another content is tried at once. The present token stays: it was granted, and is good
 * until the upstream rejects it.
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "token/service_internal.h"

#define INTERVAL (1 * SECOND)

static const struct config_upstream *counterpart(const struct token_service *service,
                                                 const struct config *fresh)
{
    return &fresh->upstreams[service->upstream - service->config->upstreams];
}

static void use(struct token_service *service, struct config *fresh, struct token_fetch *fetch)
{
    const struct config_upstream *upstream = counterpart(service, fresh);
    struct config *before = service->config;

    token_fetch_free(service->fetch);
    service->fetch = fetch;
    service->fetch_digest = token_fetch_digest(fresh, upstream);
    service->config = config_ref(fresh);
    service->upstream = upstream;
    config_unref(before);
    log_notice(NULL, "the client's secret in its file changed: asking the token endpoint of %s",
               upstream->name);
    const struct keeper_settings settings = token_service_keeper_settings(service, upstream);
    keeper_reconfigure(service->keeper, &settings, false, mono_now());
}

/* Once for each problem. */
static void note_problem(struct token_service *service, const struct reason *reason)
{
    if (reason->text[0] != '\0' && strcmp(reason->text, service->reread_problem.text) != 0)
        log_warning(NULL, "%s", reason->text);
    service->reread_problem = *reason;
}

static void on_reread(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    struct token_fetch *fetch = NULL;
    struct reason reason;
    struct config *fresh = config_reread(service->config, service->upstream, &reason);

    service->reread = NULL;
    if (fresh != NULL &&
        token_service_make_fetch(service, fresh, counterpart(service, fresh), &fetch) == ERR_OK)
        use(service, fresh, fetch);
    else if (fresh != NULL)
        reason_set(&reason, "auth_key_file: changed, and cannot be used; --check says why");
    note_problem(service, &reason);
    config_unref(fresh);
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
