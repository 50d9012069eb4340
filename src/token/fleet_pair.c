/*
 * One after the other, so that an attempt at a server that is away costs one connection.
 *
 * A server that is a replica replies to reads, and to every write with an error: it is told by its
 * role before anything is entrusted to it. ROLE may be denied, or unknown to a proxy in between:
 * then the first write tells.
 */
#include "token/fleet_pair.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reason.h"
#include "token/fleet_server.h"

#define PAIR_MAGIC 0xf1ee7bc2u

/* `detail` may belong to the reply, which goes with the connection. */
static void fail(struct fleet_pair *pair, enum fleet_fault fault, const char *detail)
{
    struct reason copy;

    reason_set(&copy, "%s", detail);
    fleet_pair_close(pair);
    pair->ports.failed(pair->ports.arg, fault, copy.text);
}

static enum fleet_fault fault_of_open(enum err err)
{
    return err == ERR_INVALID ? FLEET_FAULT_FILES : FLEET_FAULT_UNREACHABLE;
}

/* ---- the connection for channels ---- */

static void on_channels_opened(void *arg)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);

    pair->ports.opened(pair->ports.arg);
}

static void on_message(void *arg, const char *channel, const char *text, size_t len)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);

    pair->ports.message(pair->ports.arg, channel, text, len);
}

static void on_channels_closed(void *arg, enum resp_error error, const char *detail)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);

    pair->channels = NULL;
    fail(pair, fleet_fault_of(error), detail);
}

static void open_channels(struct fleet_pair *pair)
{
    const struct resp_settings settings =
        fleet_server_settings(pair->loop, pair->config, pair->server);
    const struct resp_ports ports = {.arg = pair,
                                     .opened = on_channels_opened,
                                     .message = on_message,
                                     .closed = on_channels_closed};
    enum err err = resp_open(&settings, &ports, &pair->channels);

    if (err != ERR_OK)
        fail(pair, fault_of_open(err), "");
}

/* ---- the connection for commands, and its server's role ---- */

static bool is_text(const struct resp_reply *reply, const char *text)
{
    return reply->type == RESP_STRING && strcmp(reply->text, text) == 0;
}

/* ["slave", host, port, state, offset] */
static void explain_replica(const struct resp_reply *role, struct reason *out)
{
    char master[FLEET_SERVER];
    char port[24];

    out->text[0] = '\0';
    if (role->count < 3 || role->items[1].type != RESP_STRING ||
        role->items[2].type != RESP_INTEGER)
        return;
    int len = snprintf(port, sizeof(port), "%lld", (long long)role->items[2].integer);
    if (fleet_server_join(role->items[1].text, role->items[1].len, port, (size_t)len, master))
        reason_set(out, "its master is %s", master);
}

static void on_role(void *arg, const struct resp_reply *reply)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);
    enum fleet_fault fault;
    struct reason reason;

    if (fleet_fault_read(reply, &fault)) {
        fail(pair, fault, reply->text);
    } else if (reply->type != RESP_ARRAY || reply->count == 0) {
        log_write_fields(LOG_LEVEL_DEBUG, NULL, &LOG_TEXT("server", pair->server), 1,
                         "the fleet's store does not tell its role: %s",
                         reply->type == RESP_ERROR ? reply->text : "no array");
        open_channels(pair);
    } else if (is_text(&reply->items[0], "master")) {
        open_channels(pair);
    } else if (is_text(&reply->items[0], "sentinel")) {
        fail(pair, FLEET_FAULT_IS_SENTINEL, "");
    } else {
        explain_replica(reply, &reason);
        fail(pair, FLEET_FAULT_REPLICA, reason.text);
    }
}

static void on_commands_opened(void *arg)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);
    const char *const words[] = {"ROLE"};
    const size_t lengths[] = {strlen("ROLE")};

    if (!resp_command(pair->commands, words, lengths, 1, on_role, pair))
        fail(pair, FLEET_FAULT_CLOSED, "");
}

static void on_commands_closed(void *arg, enum resp_error error, const char *detail)
{
    MAGIC_CAST(struct fleet_pair, pair, arg, PAIR_MAGIC);

    pair->commands = NULL;
    fail(pair, fleet_fault_of(error), detail);
}

void fleet_pair_init(struct fleet_pair *pair, struct loop *loop, const struct config *config,
                     const struct fleet_pair_ports *ports)
{
    *pair = (struct fleet_pair){.ports = *ports, .loop = loop, .config = config};
    MAGIC_SET(pair, PAIR_MAGIC);
}

void fleet_pair_fini(struct fleet_pair *pair)
{
    MAGIC_OK(pair, PAIR_MAGIC);
    fleet_pair_close(pair);
    mem_free(pair->server);
    MAGIC_CLEAR(pair);
}

bool fleet_pair_open(struct fleet_pair *pair, const char *server, enum fleet_fault *fault)
{
    const struct resp_ports ports = {
        .arg = pair, .opened = on_commands_opened, .closed = on_commands_closed};

    MAGIC_OK(pair, PAIR_MAGIC);
    MUST(pair->commands == NULL && pair->channels == NULL);
    char *copy = mem_strdup(server); /* it may be our own */
    mem_free(pair->server);
    pair->server = copy;
    const struct resp_settings settings = fleet_server_settings(pair->loop, pair->config, copy);
    enum err err = resp_open(&settings, &ports, &pair->commands);
    if (err != ERR_OK)
        *fault = fault_of_open(err);
    return err == ERR_OK;
}

void fleet_pair_close(struct fleet_pair *pair)
{
    resp_close(pair->commands);
    resp_close(pair->channels);
    pair->commands = NULL;
    pair->channels = NULL;
}
