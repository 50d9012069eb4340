/*
 * Seats, the channels that they listen to, and their commands; how the store is reached is
 * fleet_reach's.
 *
 * An entry (join, follow, leave, send) only notes what is wanted; the loop's next turn does it
 * (settle). Ports are called from there and from callbacks of the connections alone, each as the
 * last thing done with a seat: the list is searched from its head again after each call, for a port
 * may change it as it likes.
 *
 * Channels and commands are objects of their own: a seat may leave while the store has yet to
 * confirm the one or to reply to the other.
 */
#include "token/fleet_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "token/fleet_call.h"
#include "token/fleet_link_internal.h"
#include "token/fleet_reach.h"
#include "token/fleet_server.h"
#include "upstream/call.h"
#include "upstream/tls_check.h"

#define LINK_MAGIC 0xf1ee1128u
#define CHANNEL_MAGIC 0xf1eec4a2u

struct fleet_channel {
    unsigned magic;
    struct fleet_link *link;
    char id[FLEET_ID];
    char name[FLEET_CHANNEL];
    enum { CHANNEL_NEW, CHANNEL_ASKED, CHANNEL_CONFIRMED } state;
    struct fleet_channel *prev, *next;
};

struct fleet_link {
    unsigned magic;
    struct loop *loop;
    struct config *config;
    struct fleet_reach reach;
    uint32_t (*random)(void);
    bool open; /* both connections are */
    bool down; /* an attempt or a connection has failed, and none has succeeded since */
    struct fleet_seat *seats;
    struct fleet_channel *channels; /* none unless open */
    struct fleet_calls calls;       /* likewise */
    struct timer *settle;           /* NULL: nothing is to be settled */
    uint64_t hints;                 /* that came so far */
};

/* ---- what seats are told ---- */

static struct fleet_channel *find_channel(const struct fleet_link *link, const char *id)
{
    struct fleet_channel *channel;

    DL_FOREACH(link->channels, channel)
    if (strcmp(channel->id, id) == 0)
        return channel;
    return NULL;
}

static bool is_connected(const struct fleet_seat *seat)
{
    const struct fleet_channel *channel = find_channel(seat->link, seat->id);

    return channel != NULL && channel->state == CHANNEL_CONFIRMED;
}

/* Whether there was something to tell: then the list of seats may be another one. */
static bool tell_seat(struct fleet_seat *seat)
{
    const struct fleet_seat_ports ports = seat->ports;

    if (seat->link->down && seat->told != FLEET_SEAT_DISCONNECTED) {
        seat->told = FLEET_SEAT_DISCONNECTED;
        ports.disconnected(ports.arg);
    } else if (seat->unsent) {
        seat->unsent = false;
        ports.replied(ports.arg, NULL);
    } else if (seat->told != FLEET_SEAT_CONNECTED && is_connected(seat)) {
        seat->told = FLEET_SEAT_CONNECTED;
        ports.connected(ports.arg);
    } else {
        return false;
    }
    return true;
}

static void tell(struct fleet_link *link)
{
    struct fleet_seat *seat = link->seats;

    while (seat != NULL)
        seat = tell_seat(seat) ? link->seats : seat->next;
}

/* ---- channels ---- */

static void free_channel(struct fleet_link *link, struct fleet_channel *channel)
{
    DL_DELETE(link->channels, channel);
    MAGIC_CLEAR(channel);
    mem_free(channel);
}

static bool is_wanted(const struct fleet_channel *channel)
{
    const struct fleet_seat *seat;

    DL_FOREACH(channel->link->seats, seat)
    if (strcmp(seat->id, channel->id) == 0)
        return true;
    return false;
}

/* One that is yet to be confirmed stays until it is. */
static void drop_channels(struct fleet_link *link)
{
    struct fleet_channel *channel, *next;

    DL_FOREACH_SAFE(link->channels, channel, next)
    if (channel->state == CHANNEL_CONFIRMED && !is_wanted(channel)) {
        fleet_reach_unsubscribe(&link->reach, channel->name);
        free_channel(link, channel);
    }
}

static void add_channels(struct fleet_link *link)
{
    struct fleet_seat *seat;

    DL_FOREACH(link->seats, seat)
    {
        if (find_channel(link, seat->id) != NULL)
            continue;
        struct fleet_channel *channel = mem_zalloc(sizeof(*channel));
        MAGIC_SET(channel, CHANNEL_MAGIC);
        channel->link = link;
        memcpy(channel->id, seat->id, sizeof(channel->id));
        fleet_channel(link->config->fleet_prefix, seat->id, channel->name);
        DL_APPEND(link->channels, channel);
    }
}

static void settle(struct fleet_link *link);

static enum fleet_fault fault_of_subscribing(const struct resp_reply *reply)
{
    enum fleet_fault fault = FLEET_FAULT_REFUSED;

    if (fleet_fault_is_denial(reply))
        return FLEET_FAULT_DENIED;
    return fleet_fault_read(reply, &fault) ? fault : FLEET_FAULT_REFUSED;
}

static void on_subscribed(void *arg, const struct resp_reply *reply)
{
    MAGIC_CAST(struct fleet_channel, channel, arg, CHANNEL_MAGIC);
    struct fleet_link *link = channel->link;

    if (reply->type == RESP_ERROR) {
        fleet_reach_drop(&link->reach, fault_of_subscribing(reply), reply);
        return;
    }
    channel->state = CHANNEL_CONFIRMED;
    link->down = false;
    fleet_reach_subscribed(&link->reach);
    settle(link);
}

/* False: it cannot be sent. */
static bool subscribe_channels(struct fleet_link *link)
{
    struct fleet_channel *channel;

    DL_FOREACH(link->channels, channel)
    {
        if (channel->state != CHANNEL_NEW)
            continue;
        if (!fleet_reach_subscribe(&link->reach, channel->name, on_subscribed, channel))
            return false;
        channel->state = CHANNEL_ASKED;
    }
    return true;
}

/* ---- a turn of the loop ---- */

/* The last call in a callback. */
static void settle(struct fleet_link *link)
{
    if (link->open) {
        drop_channels(link);
        add_channels(link);
        if (!subscribe_channels(link)) {
            fleet_reach_drop(&link->reach, FLEET_FAULT_CLOSED, NULL);
            return;
        }
    }
    tell(link);
}

static void on_turn(void *arg)
{
    MAGIC_CAST(struct fleet_link, link, arg, LINK_MAGIC);

    link->settle = NULL;
    settle(link);
}

static void settle_later(struct fleet_link *link)
{
    if (link->settle == NULL)
        link->settle = timer_start(link->loop, 0, on_turn, link);
}

/* ---- what the connections bring ---- */

static void on_opened(void *arg)
{
    MAGIC_CAST(struct fleet_link, link, arg, LINK_MAGIC);

    link->open = true;
    settle(link);
}

/* What was under way on the connections is gone with them. */
static void forget_connections(struct fleet_link *link)
{
    struct fleet_seat *seat;

    link->open = false;
    while (link->channels != NULL)
        free_channel(link, link->channels);
    fleet_calls_clear(&link->calls);
    DL_FOREACH(link->seats, seat)
    {
        seat->call = NULL;
        seat->unsent = false;
    }
}

static void on_failed(void *arg)
{
    MAGIC_CAST(struct fleet_link, link, arg, LINK_MAGIC);

    forget_connections(link);
    link->down = true;
    tell(link);
}

/* The next seat that is to hear this hint, which is the last one that came. */
static struct fleet_seat *next_listener(struct fleet_link *link, const char *id, uint64_t hint)
{
    struct fleet_seat *seat;

    DL_FOREACH(link->seats, seat)
    if (seat->told == FLEET_SEAT_CONNECTED && seat->heard < hint && strcmp(seat->id, id) == 0)
        return seat;
    return NULL;
}

static void on_message(void *arg, const char *name, const char *text, size_t len)
{
    MAGIC_CAST(struct fleet_link, link, arg, LINK_MAGIC);
    struct fleet_channel *channel;
    struct fleet_hint hint;
    char id[FLEET_ID] = "";

    DL_FOREACH(link->channels, channel)
    if (strcmp(channel->name, name) == 0)
        memcpy(id, channel->id, sizeof(id));
    if (!fleet_hint_read(text, len, &hint)) {
        log_debug(NULL, "a message in the channel %s is no hint", name);
        return;
    }
    const uint64_t number = ++link->hints;
    for (struct fleet_seat *seat; (seat = next_listener(link, id, number)) != NULL;) {
        seat->heard = number;
        seat->ports.hinted(seat->ports.arg, &hint);
    }
}

static uint32_t draw(void *arg)
{
    MAGIC_CAST(struct fleet_link, link, arg, LINK_MAGIC);
    return link->random();
}

/* ---- its life ---- */

static uint32_t system_random(void)
{
    return arc4random();
}

static enum err check_files(const struct config *config)
{
    struct reason reason;
    const struct client_settings settings = {
        .ca_file = config->fleet_ca_file,
        .client_certificate = config->fleet_client_certificate,
        .client_key = config->fleet_client_key.bytes,
    };

    return config->fleet_tls ? client_check(&settings, &reason) : ERR_OK;
}

enum err fleet_link_new(struct loop *loop, struct config *config, struct fleet_link **out)
{
    MUST(config->fleet_servers.count > 0);
    if (check_files(config) != ERR_OK)
        return ERR_INVALID;

    struct fleet_link *link = mem_zalloc(sizeof(*link));
    const struct fleet_reach_ports ports = {.arg = link,
                                            .opened = on_opened,
                                            .failed = on_failed,
                                            .message = on_message,
                                            .random = draw};
    MAGIC_SET(link, LINK_MAGIC);
    link->loop = loop;
    link->config = config_ref(config);
    link->random = system_random;
    fleet_reach_init(&link->reach, loop, config, &ports);
    link->calls = (struct fleet_calls){.reach = &link->reach, .prefix = config->fleet_prefix};
    *out = link;
    return ERR_OK;
}

void fleet_link_set_random(struct fleet_link *link, uint32_t (*random)(void))
{
    MAGIC_OK(link, LINK_MAGIC);
    link->random = random;
}

void fleet_link_free(struct fleet_link *link)
{
    if (link == NULL)
        return;
    MAGIC_OK(link, LINK_MAGIC);
    MUST(link->seats == NULL && link->channels == NULL && link->calls.list == NULL);
    fleet_reach_fini(&link->reach);
    config_unref(link->config);
    MAGIC_CLEAR(link);
    mem_free(link);
}

struct digest fleet_link_digest(const struct config *config)
{
    return fleet_server_digest(config);
}

void fleet_link_status(const struct fleet_link *link, struct fleet_link_status *out)
{
    MAGIC_OK(link, LINK_MAGIC);
    out->connected = fleet_reach_is_connected(&link->reach);
    out->server = fleet_reach_server(&link->reach);
    out->error = fleet_reach_problem(&link->reach, &out->failed);
}

/* ---- seats ---- */

static void take_id(struct fleet_seat *seat, const char *id)
{
    MUST(strlen(id) < sizeof(seat->id));
    snprintf(seat->id, sizeof(seat->id), "%s", id);
}

void fleet_link_join(struct fleet_link *link, struct fleet_seat *seat,
                     const struct fleet_seat_ports *ports, const char *id)
{
    MAGIC_OK(link, LINK_MAGIC);
    *seat = (struct fleet_seat){.ports = *ports, .link = link, .told = FLEET_SEAT_UNTOLD};
    take_id(seat, id);
    if (link->seats == NULL)
        fleet_reach_start(&link->reach);
    DL_APPEND(link->seats, seat);
    settle_later(link);
}

void fleet_link_follow(struct fleet_seat *seat, const char *id)
{
    MAGIC_OK(seat->link, LINK_MAGIC);
    take_id(seat, id);
    if (seat->told == FLEET_SEAT_CONNECTED)
        seat->told = FLEET_SEAT_UNTOLD;
    settle_later(seat->link);
}

void fleet_link_leave(struct fleet_seat *seat)
{
    struct fleet_link *link = seat->link;

    MAGIC_OK(link, LINK_MAGIC);
    if (seat->call != NULL)
        fleet_call_abandon(seat->call);
    DL_DELETE(link->seats, seat);
    seat->link = NULL;
    if (link->seats != NULL) {
        settle_later(link);
        return;
    }
    timer_stop(&link->settle);
    forget_connections(link);
    fleet_reach_stop(&link->reach);
    link->down = false;
}

static void on_ended(void *arg, const struct fleet_reply *reply)
{
    struct fleet_seat *seat = arg;

    MAGIC_OK(seat->link, LINK_MAGIC);
    seat->call = NULL;
    seat->ports.replied(seat->ports.arg, reply);
}

void fleet_link_send(struct fleet_seat *seat, const struct fleet_command *command)
{
    struct fleet_link *link = seat->link;

    MAGIC_OK(link, LINK_MAGIC);
    MUST(seat->told != FLEET_SEAT_DISCONNECTED && seat->call == NULL && !seat->unsent);
    if (link->open)
        seat->call = fleet_call_send(&link->calls, command, on_ended, seat);
    if (seat->call != NULL)
        return;
    seat->unsent = true;
    settle_later(link);
}
