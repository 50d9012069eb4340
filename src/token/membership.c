/*
 * Wiring: the machine's ports lead to the link, the timer and the seals, and through the service's
 * ports to the keeper. The timer is no alarm: a machine that slept finds its connections broken,
 * and the keeper's alarm wakes the rest.
 */
#include "token/membership.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "token/fleet_seal.h"

#define MEMBERSHIP_MAGIC 0x3e3be125u

struct membership {
    unsigned magic;
    struct loop *loop;
    struct fleet_link *link;
    const char *member;
    struct config *config;                  /* a reference */
    const struct config_upstream *upstream; /* one of config's */
    struct membership_ports ports;
    char ids[FLEET_SECRETS][FLEET_ID];
    struct secret *keys[FLEET_SECRETS];
    struct fleet *fleet; /* NULL: it has not started, and so for the rest */
    struct fleet_seat seat;
    struct timer *timer; /* NULL: nothing is planned */
};

static void changed(struct membership *membership)
{
    membership->ports.changed(membership->ports.arg);
}

/* ---- from the link, and the timer ---- */

static void on_connected(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    fleet_connected(membership->fleet, mono_now());
    changed(membership);
}

static void on_disconnected(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    fleet_disconnected(membership->fleet, mono_now());
    changed(membership);
}

static void on_replied(void *arg, const struct fleet_reply *reply)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    if (reply != NULL)
        fleet_replied(membership->fleet, reply, mono_now());
    else
        fleet_lost(membership->fleet, mono_now());
    changed(membership);
}

static void on_hinted(void *arg, const struct fleet_hint *hint)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    fleet_hinted(membership->fleet, hint, mono_now());
    changed(membership);
}

static void on_timer(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->timer = NULL;
    fleet_tick(membership->fleet, mono_now());
    changed(membership);
}

/* ---- to the link, the timer and the seals ---- */

static void port_send(void *arg, const struct fleet_command *command)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    fleet_link_send(&membership->seat, command);
}

static void port_follow(void *arg, const char *id)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    fleet_link_follow(&membership->seat, id);
}

static void port_wake(void *arg, struct mono_time when)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    timer_stop(&membership->timer);
    if (when.ns != MONO_NEVER.ns)
        membership->timer =
            timer_start(membership->loop, mono_diff(when, mono_now()), on_timer, membership);
}

static uint32_t port_random(void *arg)
{
    (void)arg;
    return arc4random();
}

static struct secret *port_seal(void *arg, const struct token *token, size_t which, const char *id,
                                uint64_t generation)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    return fleet_seal(membership->keys[which], token, id, generation);
}

static bool port_open(void *arg, const void *sealed, size_t len, size_t which, const char *id,
                      uint64_t generation, struct sealed_token *out)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    return fleet_open(out, sealed, len, membership->keys[which], id, generation);
}

/* ---- to the service ---- */

static void port_fetch(void *arg, const char *guid)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.fetch(membership->ports.arg, guid);
}

static void port_answer(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.answer(membership->ports.arg, result, sent);
}

static void port_offer(void *arg, const struct token_grant *grant, size_t which,
                       struct mono_time requested)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.offer(membership->ports.arg, grant, which, requested);
}

static void port_shared(void *arg, size_t which)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.shared(membership->ports.arg, which);
}

static void port_leaked(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.leaked(membership->ports.arg);
}

static void port_retry(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    membership->ports.retry(membership->ports.arg);
}

static struct token *port_present(void *arg)
{
    MAGIC_CAST(struct membership, membership, arg, MEMBERSHIP_MAGIC);
    return membership->ports.present(membership->ports.arg);
}

/* ---- its life ---- */

struct membership *membership_new(const struct membership_settings *settings,
                                  const struct membership_ports *ports)
{
    struct membership *membership = mem_zalloc(sizeof(*membership));
    const struct config_upstream *upstream = settings->upstream;

    MAGIC_SET(membership, MEMBERSHIP_MAGIC);
    membership->loop = settings->loop;
    membership->link = settings->link;
    membership->member = settings->member;
    membership->config = config_ref(settings->config);
    membership->upstream = upstream;
    membership->ports = *ports;
    MUST(upstream->client_secret_count >= 1 && upstream->client_secret_count <= FLEET_SECRETS);
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        fleet_seal_id(upstream, i, membership->ids[i]);
        membership->keys[i] = fleet_seal_key(upstream, i, settings->config->fleet_key_file.bytes);
    }
    return membership;
}

static struct fleet *make_fleet(struct membership *membership, size_t preferred)
{
    const struct config *config = membership->config;
    const struct config_upstream *upstream = membership->upstream;
    const struct fleet_ports ports = {.arg = membership,
                                      .send = port_send,
                                      .follow = port_follow,
                                      .fetch = port_fetch,
                                      .answer = port_answer,
                                      .offer = port_offer,
                                      .shared = port_shared,
                                      .leaked = port_leaked,
                                      .retry = port_retry,
                                      .present = port_present,
                                      .seal = port_seal,
                                      .open = port_open,
                                      .wake = port_wake,
                                      .random = port_random};
    const struct fleet_settings settings = {.upstream = upstream->name,
                                            .index = upstream->index,
                                            .member = membership->member,
                                            .ids = {membership->ids[0], membership->ids[1]},
                                            .secrets = upstream->client_secret_count,
                                            .preferred = preferred,
                                            .auth_timeout = upstream->auth_timeout,
                                            .store_timeout = config->fleet_timeout,
                                            .budget = upstream->auth_budget,
                                            .alone = config->fleet_alone,
                                            .look_interval = config->fleet_look_interval};

    return fleet_new(&settings, &ports);
}

void membership_start(struct membership *membership, size_t preferred)
{
    MAGIC_OK(membership, MEMBERSHIP_MAGIC);
    MUST(membership->fleet == NULL && preferred < membership->upstream->client_secret_count);
    const struct fleet_seat_ports ports = {.arg = membership,
                                           .connected = on_connected,
                                           .disconnected = on_disconnected,
                                           .replied = on_replied,
                                           .hinted = on_hinted};

    membership->fleet = make_fleet(membership, preferred);
    fleet_link_join(membership->link, &membership->seat, &ports, membership->ids[preferred]);
    fleet_start(membership->fleet, mono_now());
}

void membership_free(struct membership *membership)
{
    if (membership == NULL)
        return;
    MAGIC_OK(membership, MEMBERSHIP_MAGIC);
    if (membership->fleet != NULL) {
        fleet_link_leave(&membership->seat);
        timer_stop(&membership->timer);
        fleet_free(membership->fleet);
    }
    for (size_t i = 0; i < FLEET_SECRETS; i++)
        secret_unref(membership->keys[i]);
    config_unref(membership->config);
    MAGIC_CLEAR(membership);
    mem_free(membership);
}

struct digest membership_digest(const struct config *config, const struct config_upstream *upstream)
{
    const struct secret *key = config->fleet_key_file.bytes;
    EVP_MD_CTX *digest = digest_begin();

    digest_add_number(digest, key != NULL);
    if (key != NULL)
        digest_add(digest, secret_bytes(key), secret_len(key));
    digest_add_number(digest, config->fleet_timeout);
    digest_add_number(digest, config->fleet_alone);
    digest_add_number(digest, config->fleet_look_interval);
    digest_add_number(digest, upstream->auth_timeout);
    digest_add_number(digest, upstream->auth_budget);
    return digest_end(digest);
}

/* ---- for the service ---- */

void membership_want(struct membership *membership, enum token_wish wish, const char *guid)
{
    MAGIC_OK(membership, MEMBERSHIP_MAGIC);
    fleet_want(membership->fleet, wish, guid, mono_now());
}

void membership_fetched(struct membership *membership, const struct keeper_result *result,
                        size_t which, struct mono_time sent)
{
    MAGIC_OK(membership, MEMBERSHIP_MAGIC);
    fleet_fetched(membership->fleet, result, which, sent, mono_now());
}

bool membership_status(const struct membership *membership, struct mono_time now,
                       struct fleet_status *out)
{
    MAGIC_OK(membership, MEMBERSHIP_MAGIC);
    if (membership->fleet == NULL)
        return false;
    fleet_status(membership->fleet, now, out);
    return true;
}
