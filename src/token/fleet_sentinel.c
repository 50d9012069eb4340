/*
 * Redis's documentation ("Guidelines for Redis clients with support for Sentinel"): a Sentinel that
 * does not know the name replies nil, and the next one is asked. What it names may be out of date;
 * the master is asked for its role by whoever connects to it.
 */
#include "token/fleet_sentinel.h"

#include <string.h>

#include "base/check.h"
#include "base/reason.h"
#include "token/fleet_server.h"

#define SENTINEL_MAGIC 0xf1ee5e91u

/* `detail` may belong to the reply, which goes with the connection. */
static void fail(struct fleet_sentinel *sentinel, enum fleet_fault fault, const char *detail)
{
    struct reason copy;

    reason_set(&copy, "%s", detail);
    fleet_sentinel_close(sentinel);
    sentinel->ports.failed(sentinel->ports.arg, fault, copy.text);
}

static bool read_address(const struct resp_reply *reply, char out[FLEET_SERVER])
{
    if (reply->type != RESP_ARRAY || reply->count != 2)
        return false;
    const struct resp_reply *host = &reply->items[0];
    const struct resp_reply *port = &reply->items[1];
    return host->type == RESP_STRING && port->type == RESP_STRING &&
           fleet_server_join(host->text, host->len, port->text, port->len, out);
}

static enum fleet_fault fault_of(const struct resp_reply *reply)
{
    if (reply->type == RESP_NIL)
        return FLEET_FAULT_NO_MASTER;
    if (fleet_fault_is(reply, "NOAUTH") || fleet_fault_is_denial(reply))
        return FLEET_FAULT_SENTINEL_AUTH;
    return FLEET_FAULT_NO_SENTINEL;
}

static void on_replied(void *arg, const struct resp_reply *reply)
{
    MAGIC_CAST(struct fleet_sentinel, sentinel, arg, SENTINEL_MAGIC);
    char server[FLEET_SERVER];

    if (!read_address(reply, server)) {
        fail(sentinel, fault_of(reply), reply->type == RESP_ERROR ? reply->text : "");
        return;
    }
    fleet_sentinel_close(sentinel);
    sentinel->ports.found(sentinel->ports.arg, server);
}

static void on_opened(void *arg)
{
    MAGIC_CAST(struct fleet_sentinel, sentinel, arg, SENTINEL_MAGIC);
    const char *const words[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                                 sentinel->config->fleet_sentinel};
    const size_t lengths[] = {strlen(words[0]), strlen(words[1]), strlen(words[2])};

    if (!resp_command(sentinel->resp, words, lengths, ARRAY_LEN(words), on_replied, sentinel))
        fail(sentinel, FLEET_FAULT_CLOSED, "");
}

static void on_closed(void *arg, enum resp_error error, const char *detail)
{
    MAGIC_CAST(struct fleet_sentinel, sentinel, arg, SENTINEL_MAGIC);
    enum fleet_fault fault = error == RESP_AUTH ? FLEET_FAULT_SENTINEL_AUTH : fleet_fault_of(error);

    sentinel->resp = NULL;
    sentinel->ports.failed(sentinel->ports.arg, fault, detail);
}

void fleet_sentinel_init(struct fleet_sentinel *sentinel, struct loop *loop,
                         const struct config *config, const struct fleet_sentinel_ports *ports)
{
    MAGIC_SET(sentinel, SENTINEL_MAGIC);
    sentinel->ports = *ports;
    sentinel->loop = loop;
    sentinel->config = config;
    sentinel->resp = NULL;
}

void fleet_sentinel_fini(struct fleet_sentinel *sentinel)
{
    MAGIC_OK(sentinel, SENTINEL_MAGIC);
    fleet_sentinel_close(sentinel);
    MAGIC_CLEAR(sentinel);
}

bool fleet_sentinel_ask(struct fleet_sentinel *sentinel, const char *server,
                        enum fleet_fault *fault)
{
    MAGIC_OK(sentinel, SENTINEL_MAGIC);
    const struct resp_settings settings =
        fleet_server_sentinel_settings(sentinel->loop, sentinel->config, server);
    const struct resp_ports ports = {.arg = sentinel, .opened = on_opened, .closed = on_closed};

    MUST(sentinel->resp == NULL);
    enum err err = resp_open(&settings, &ports, &sentinel->resp);
    if (err != ERR_OK)
        *fault = err == ERR_INVALID ? FLEET_FAULT_FILES : FLEET_FAULT_UNREACHABLE;
    return err == ERR_OK;
}

void fleet_sentinel_close(struct fleet_sentinel *sentinel)
{
    resp_close(sentinel->resp);
    sentinel->resp = NULL;
}
