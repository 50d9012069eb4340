/*
 * The parts of a token's life, wired to each other: the keeper's ports end here, in the request, in
 * the alarm, and in the service's own ports. A published token is noted with its owner first, so
 * that what is kept for a restart and what the workers use are the same token.
 */
#include "token/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "token/service_internal.h"

/* The keeper has one item. */
#define STORE_ITEMS 1

/* ---- between the parts ---- */

static void changed(struct token_service *service)
{
    if (service->ports.changed != NULL)
        service->ports.changed(service->ports.arg);
}

static void keep(struct token_service *service)
{
    if (service->ports.keep == NULL)
        return;
    if (service->owner.token == NULL) {
        service->ports.keep(service->ports.arg, NULL, 0);
        return;
    }
    struct secret *sealed = token_owner_seal(&service->owner, service->upstream, service->boot);
    service->ports.keep(service->ports.arg, secret_bytes(sealed), secret_len(sealed));
    secret_unref(sealed);
}

static void port_publish(void *arg, struct token_view *view)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    if (token_owner_change(&service->owner, view->token))
        keep(service);
    service->ports.publish(service->ports.arg, view);
}

static void port_fetch(void *arg, enum token_wish wish, const char *guid)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    if (service->request.fetch == NULL || (service->one_shot && service->asked))
        return;
    service->asked = true;
    service->wanted = true;
    if (service->request.membership != NULL)
        membership_want(service->request.membership, wish, guid);
    else
        token_fetch_start(service->request.fetch, guid);
}

static void port_wake(void *arg, struct mono_time when)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    if (service->alarm != NULL)
        alarm_set(service->alarm, when);
}

static uint32_t port_random(void *arg)
{
    (void)arg;
    return arc4random();
}

static void wake(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    keeper_tick(service->keeper, mono_now());
    changed(service);
}

static void answer(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    service->wanted = false;
    keeper_fetched(service->keeper, result, sent, mono_now());
}

static void fetched(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    const struct token_fetch_report *report = token_fetch_report(service->request.fetch);
    if (result->kind == KEEPER_GRANTED) {
        token_owner_granted(&service->owner, service->upstream, report->secret - 1);
        token_service_end_reread(service);
    } else if (result->kind == KEEPER_REJECTED && !service->one_shot) {
        token_service_begin_reread(service);
    }
    if (service->ports.responded != NULL)
        service->ports.responded(service->ports.arg, result, report);
    if (service->request.membership != NULL)
        membership_fetched(service->request.membership, result, report->secret - 1, sent);
    else
        answer(service, result, sent);
    changed(service);
}

static bool may_repeat(void *arg, const char *guid)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    return service->one_shot || keeper_may_repeat(service->keeper, guid, mono_now());
}

/* ---- between keeper and fleet ---- */

static void member_fetch(void *arg, const char *guid)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    token_fetch_start(service->request.fetch, guid);
}

/* Another member asked, and has no token for us. */
static bool has_failed(const struct keeper_result *result)
{
    return result->kind == KEEPER_HELD &&
           (result->held == KEEPER_HOLD_WAIT || result->held == KEEPER_HOLD_UNOPENED ||
            result->held == KEEPER_HOLD_RECENT);
}

/* It may have been rejected for its secret, which is ours too. */
static void member_answer(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    if (result->kind == KEEPER_SHARED)
        token_service_end_reread(service);
    else if (has_failed(result))
        token_service_begin_reread(service);
    answer(service, result, sent);
}

/* The token that the keeper takes next was obtained with this secret. */
static void member_shared(void *arg, size_t which)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    token_owner_granted(&service->owner, service->upstream, which);
    token_fetch_prefer(service->request.fetch, which);
}

/* A token that is not taken leaves no trace: each that is taken says again whose it is. */
static void member_offer(void *arg, const struct token_grant *grant, size_t which,
                         struct mono_time requested)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    token_owner_granted(&service->owner, service->upstream, which);
    if (!keeper_offer(service->keeper, grant, requested, mono_now()))
        return;
    token_service_end_reread(service);
    token_fetch_prefer(service->request.fetch, which);
}

static void member_leaked(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    keeper_leaked(service->keeper, mono_now());
}

static void member_retry(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    keeper_retry(service->keeper, mono_now());
}

/* One that was obtained with a secret of before is used to its end, but is not for others. */
static struct token *member_present(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    if (!token_owner_find(&service->owner, service->upstream, &(size_t){0}))
        return NULL;
    return keeper_token(service->keeper, mono_now());
}

static void member_changed(void *arg)
{
    MAGIC_CAST(struct token_service, service, arg, TOKEN_SERVICE_MAGIC);
    changed(service);
}

/* What is wanted is asked for as it would be without a fleet. */
void token_service_leave(struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    if (service->request.membership == NULL)
        return;
    membership_free(service->request.membership);
    service->request.membership = NULL;
    service->request.link = NULL;
    if (service->wanted && !token_fetch_is_under_way(service->request.fetch))
        token_fetch_start(service->request.fetch, NULL);
}

/* ---- its life ---- */

static void set_request_ports(struct token_service *service)
{
    service->fetch_ports =
        (struct token_fetch_ports){.arg = service, .done = fetched, .may_repeat = may_repeat};
    service->membership_ports = (struct membership_ports){.arg = service,
                                                          .fetch = member_fetch,
                                                          .answer = member_answer,
                                                          .offer = member_offer,
                                                          .shared = member_shared,
                                                          .leaked = member_leaked,
                                                          .retry = member_retry,
                                                          .present = member_present,
                                                          .changed = member_changed};
}

static enum err make_parts(struct token_service *service, struct fleet_link *link)
{
    const struct keeper_ports ports = {.arg = service,
                                       .fetch = port_fetch,
                                       .publish = port_publish,
                                       .wake = port_wake,
                                       .random = port_random};
    if (!service->one_shot) {
        service->alarm = alarm_new(service->loop, wake, service);
        if (service->alarm == NULL)
            return ERR_SYSTEM;
    }
    set_request_ports(service);
    enum err err = token_service_make_request(service, service->config, service->upstream, link,
                                              &service->request);
    if (err != ERR_OK)
        return err;
    const struct keeper_settings settings =
        token_service_keeper_settings(service, service->config, service->upstream);
    service->store = store_new(STORE_ITEMS);
    store_recycler_start(service->store, loop_uv(service->loop),
                         service->config->store_recycle_interval);
    service->keeper = keeper_new(&settings, &ports, service->store);
    return ERR_OK;
}

enum err token_service_new(const struct token_service_settings *settings,
                           const struct token_service_ports *ports, struct token_service **out)
{
    struct token_service *service = mem_zalloc(sizeof(*service));
    MAGIC_SET(service, TOKEN_SERVICE_MAGIC);
    service->loop = settings->loop;
    service->ports = *ports;
    service->workers = settings->workers;
    memcpy(service->boot, settings->boot, sizeof(service->boot));
    service->one_shot = settings->one_shot;
    MUST(!settings->one_shot || settings->link == NULL);
    service->member = settings->member;
    service->config = config_ref(settings->config);
    service->upstream = settings->upstream;
    enum err err = make_parts(service, settings->link);
    if (err == ERR_OK) {
        *out = service;
    } else {
        token_service_stop(service);
        token_service_free(service);
    }
    return err;
}

void token_service_start(struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    if (service->request.membership != NULL)
        membership_start(service->request.membership,
                         token_service_preferred(service, service->upstream));
    keeper_start(service->keeper, mono_now());
}

void token_service_stop(struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    token_service_end_reread(service);
    if (service->store != NULL)
        store_recycler_stop(service->store);
    token_service_drop_request(&service->request);
    if (service->alarm != NULL)
        alarm_free(service->alarm);
    service->alarm = NULL;
}

void token_service_free(struct token_service *service)
{
    if (service == NULL)
        return;
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    MUST(service->request.fetch == NULL && service->alarm == NULL);
    if (service->keeper != NULL)
        keeper_free(service->keeper);
    if (service->store != NULL)
        store_free(service->store);
    token_owner_fini(&service->owner);
    config_unref(service->config);
    MAGIC_CLEAR(service);
    mem_free(service);
}

/* ---- from an earlier life ---- */

static void log_restored(const struct token_service *service, struct mono_time now)
{
    const struct token *token = service->owner.token;
    char fingerprint[TOKEN_FINGERPRINT], left[DURATION_TEXT];
    token_fingerprint(token, fingerprint);
    duration_format(mono_diff(token_expires_at(token), now) / SECOND * SECOND, left);
    const struct log_field fields[] = {LOG_TEXT("upstream", service->upstream->name),
                                       LOG_TEXT("fingerprint", fingerprint),
                                       LOG_TEXT("expires_in", left)};
    log_fields(LOG_LEVEL_NOTICE, NULL, "token restored from before the restart", fields,
               ARRAY_LEN(fields));
}

bool token_service_restore(struct token_service *service, const void *bytes, size_t len,
                           struct reason *reason)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    const struct mono_time now = mono_now();
    struct sealed_token opened;
    size_t which = 0;
    const char *fault =
        token_owner_open(&opened, bytes, len, service->upstream, service->boot, now, &which);
    if (fault == NULL && !keeper_restore(service->keeper, &opened.grant, opened.requested, now))
        fault = "it has expired";
    sealed_token_fini(&opened);
    if (fault != NULL) {
        reason_set(reason, "%s", fault);
        return false;
    }
    struct token *token = keeper_token(service->keeper, now);
    token_owner_restore(&service->owner, token, service->upstream, which);
    token_unref(token);
    token_fetch_prefer(service->request.fetch, which);
    log_restored(service, now);
    return true;
}

/* ---- for others ---- */

struct keeper *token_service_keeper(const struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    return service->keeper;
}

struct store *token_service_store(const struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    return service->store;
}

struct token_era token_service_era(const struct token_service *service)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    return service->era;
}

bool token_service_fleet_status(const struct token_service *service, struct mono_time now,
                                struct fleet_status *out)
{
    MAGIC_OK(service, TOKEN_SERVICE_MAGIC);
    return service->request.membership != NULL &&
           membership_status(service->request.membership, now, out);
}
