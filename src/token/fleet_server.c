/*
 * Addresses that a Sentinel or a node of a Cluster names come from outside: they are held to the
 * characters of a host and a port; to the rule on TLS, config/fleet.h holds whoever connects.
 */
#include "token/fleet_server.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/fleet.h"

/* What CLIENT LIST shows of us. */
#define CLIENT_NAME "postcoded"

struct resp_settings fleet_server_settings(struct loop *loop, const struct config *config,
                                           const char *server)
{
    const int64_t timeout = config->fleet_timeout;

    return (struct resp_settings){
        .loop = loop,
        .server = server,
        .tls = config_fleet_takes_tls(config, server),
        .ca_file = config->fleet_ca_file,
        .client_certificate = config->fleet_client_certificate,
        .client_key = config->fleet_client_key.bytes,
        .user = config->fleet_user,
        .password = config->fleet_password_file.bytes,
        .name = CLIENT_NAME,
        .connect_timeout = timeout > FLEET_CONNECT_TIMEOUT ? timeout : FLEET_CONNECT_TIMEOUT,
        .timeout = timeout,
    };
}

struct resp_settings fleet_server_sentinel_settings(struct loop *loop, const struct config *config,
                                                    const char *server)
{
    struct resp_settings settings = fleet_server_settings(loop, config, server);

    settings.user = config->fleet_sentinel_user;
    settings.password = config->fleet_sentinel_password_file.bytes;
    settings.name = NULL;
    return settings;
}

/* The host without brackets, cut where it is too long to be one. */
static void host_of(const char *server, char out[FLEET_SERVER])
{
    const char *colon = strrchr(server, ':');
    size_t len = colon != NULL ? (size_t)(colon - server) : strlen(server);

    if (len >= 2 && server[0] == '[' && server[len - 1] == ']') {
        server++;
        len -= 2;
    }
    snprintf(out, FLEET_SERVER, "%.*s", (int)(len < FLEET_SERVER ? len : FLEET_SERVER - 1), server);
}

bool fleet_server_join(const char *host, size_t host_len, const char *port, size_t port_len,
                       char out[FLEET_SERVER])
{
    const bool bracketed = host_len > 0 && memchr(host, ':', host_len) != NULL;
    uint64_t number;

    if (host_len == 0 || !text_is_all(host, host_len, TEXT_NAME | TEXT_COLON) ||
        !text_parse_u64(port, port_len, &number) || number == 0 || number > UINT16_MAX)
        return false;
    int len = snprintf(out, FLEET_SERVER, "%s%.*s%s:%u", bracketed ? "[" : "", (int)host_len, host,
                       bracketed ? "]" : "", (unsigned)number);
    return len < FLEET_SERVER;
}

/* "3999 127.0.0.1:6381": the address begins behind the slot, and its port behind the last colon. */
bool fleet_server_moved(const struct resp_reply *reply, const char *server, char out[FLEET_SERVER])
{
    const char *slot = strstr(reply->text, "MOVED ");
    const char *address = slot != NULL ? strchr(slot + strlen("MOVED "), ' ') : NULL;
    char host[FLEET_SERVER];

    if (address == NULL)
        return false;
    address++;
    const char *end = address + strcspn(address, " ");
    const char *colon = memrchr(address, ':', (size_t)(end - address));
    if (colon == NULL)
        return false;
    const size_t port_len = (size_t)(end - colon) - 1;
    if (colon > address)
        return fleet_server_join(address, (size_t)(colon - address), colon + 1, port_len, out);
    host_of(server, host);
    return !config_fleet_is_unix(server) &&
           fleet_server_join(host, strlen(host), colon + 1, port_len, out);
}

struct digest fleet_server_digest(const struct config *config)
{
    EVP_MD_CTX *digest = digest_begin();

    digest_add_number(digest, (int64_t)config->fleet_servers.count);
    for (size_t i = 0; i < config->fleet_servers.count; i++)
        digest_add_text(digest, config->fleet_servers.items[i]);
    digest_add_text(digest, config->fleet_sentinel);
    digest_add_number(digest, config->fleet_tls);
    digest_add_number(digest, config->fleet_plaintext);
    digest_add_file(digest, config->fleet_ca_file);
    digest_add_file(digest, config->fleet_client_certificate);
    digest_add_secret(digest, config->fleet_client_key.bytes);
    digest_add_text(digest, config->fleet_user);
    digest_add_secret(digest, config->fleet_password_file.bytes);
    digest_add_text(digest, config->fleet_sentinel_user);
    digest_add_secret(digest, config->fleet_sentinel_password_file.bytes);
    digest_add_text(digest, config->fleet_prefix);
    digest_add_number(digest, config->fleet_timeout);
    return digest_end(digest);
}
