/*
 * Rules about a fleet: the form of its servers, what goes to them in the clear, and keys that need
 * each other or are of no use. Without servers there is no fleet, and all else is of no use.
 */
#include "config/rules_internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/fleet.h"
#include "config/hint.h"

/* Of a store that is told no port. */
#define USUAL_PORT "6379"
/* The longest proposal or value that a fault shows. */
#define SHOWN_MAX 1024

static bool is_on(const struct rules *rules)
{
    return rules_given(rules, KEY_fleet_servers);
}

/* ---- the form of a server ---- */

static bool is_port(const char *text)
{
    uint64_t port;

    return text_parse_u64(text, strlen(text), &port) && port >= 1 && port <= 65535;
}

static bool is_v6(const char *host, size_t len)
{
    char *text = mem_strndup(host, len);
    struct in6_addr addr;
    const bool good = inet_pton(AF_INET6, text, &addr) == 1;

    mem_free(text);
    return good;
}

/* A name or a number, or an IPv6 address in brackets. */
static bool is_host(const char *host, size_t len)
{
    if (len > 2 && host[0] == '[' && host[len - 1] == ']')
        return is_v6(host + 1, len - 2);
    return len > 0 && text_is_all(host, len, TEXT_NAME);
}

/* The path of a socket: absolute, and no longer than the system takes. */
static bool is_socket(const char *path)
{
    const size_t len = strlen(path);

    return len > 1 && path[0] == '/' && path[len - 1] != '/' &&
           len < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

/* What HOST:PORT may be made of: "redis", "::1", "redis://h:1/0", "/run/x.sock". */
static void put_instead(const char *server, struct buf *out)
{
    const char *scheme = strstr(server, "://");
    const char *text = scheme != NULL ? scheme + strlen("://") : server;
    const char *at = strrchr(text, '@');

    if (*server == '/' && is_socket(server)) {
        buf_printf(out, "; write " CONFIG_FLEET_UNIX "%s", server);
        return;
    }
    text = at != NULL ? at + 1 : text;
    const size_t len = strcspn(text, "/?");
    const char *colon = memrchr(text, ':', len);
    char *port = colon != NULL ? mem_strndup(colon + 1, (size_t)(text + len - colon) - 1) : NULL;
    if (is_v6(text, len))
        buf_printf(out, "; write [%.*s]:" USUAL_PORT, (int)len, text);
    else if (is_host(text, len))
        buf_printf(out, "; write %.*s:" USUAL_PORT, (int)len, text);
    else if (port != NULL && is_port(port) && is_host(text, (size_t)(colon - text)))
        buf_printf(out, "; write %.*s", (int)len, text);
    mem_free(port);
}

/* A URL may hold a password. */
static void wrong_server(const struct rules *rules, const char *server, bool host_is_good)
{
    const bool hidden = strchr(server, '@') != NULL;
    struct buf out;

    buf_init(&out, SHOWN_MAX);
    if (hidden)
        buf_puts(&out, "a URL names no server here");
    else
        hint_put_value(server, &out);
    buf_printf(&out, "%s; must be HOST:PORT, [V6]:PORT or unix:/PATH",
               hidden ? "" : " names no server");
    if (host_is_good)
        buf_puts(&out, ", with a port from 1 to 65535");
    else
        put_instead(server, &out);
    if (hidden)
        buf_puts(&out, ", and user and password in keys of their own");
    rules_wrong(rules, KEY_fleet_servers, "%s", buf_text(&out));
    buf_fini(&out);
}

/* HOST of HOST:PORT is good, whatever PORT is. */
static bool has_host(const char *server)
{
    const char *colon = strrchr(server, ':');

    return !config_fleet_is_unix(server) && colon != NULL &&
           is_host(server, (size_t)(colon - server));
}

static bool is_server(const char *server)
{
    if (config_fleet_is_unix(server))
        return is_socket(server + strlen(CONFIG_FLEET_UNIX));
    return has_host(server) && is_port(strrchr(server, ':') + 1);
}

static void server_form(const struct rules *rules, const char *server)
{
    if (strpbrk(server, " \t") != NULL)
        rules_wrong(rules, KEY_fleet_servers,
                    "\"%.*s\" holds a blank; write commas between servers", SHOWN_MAX / 2, server);
    else if (!is_server(server))
        wrong_server(rules, server, has_host(server));
}

/* The names of hosts are the same in any case; paths are not. */
static bool same_server(const char *a, const char *b)
{
    return config_fleet_is_unix(a) ? strcmp(a, b) == 0 : text_equal_ci(a, b);
}

static void named_once(const struct rules *rules, size_t i)
{
    const struct config_list *servers = &rules->config->fleet_servers;

    for (size_t j = 0; j < i; j++) {
        if (!same_server(servers->items[i], servers->items[j]))
            continue;
        rules_wrong(rules, KEY_fleet_servers, "names %s twice; remove one", servers->items[i]);
        return;
    }
}

static void servers(const struct rules *rules)
{
    const struct config_list *list = &rules->config->fleet_servers;

    if (list->count > CONFIG_FLEET_SERVERS_MAX) {
        rules_wrong(rules, KEY_fleet_servers, "names %zu servers; at most %d are allowed",
                    list->count, CONFIG_FLEET_SERVERS_MAX);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        server_form(rules, list->items[i]);
        named_once(rules, i);
    }
}

/* ---- what has no effect ---- */

static void without_servers(const struct rules *rules)
{
    if (is_on(rules))
        return;
    for (enum config_key_index i = KEY_fleet_servers + 1; i <= KEY_fleet_look_interval; i++) {
        if (rules_changed(rules, i))
            rules_note(rules, i, "has no effect without servers; set servers = HOST:PORT");
    }
}

static void without_sentinel(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_fleet_sentinel_user,
                                                 KEY_fleet_sentinel_password_file};

    if (!is_on(rules) || rules_given(rules, KEY_fleet_sentinel))
        return;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (rules_given(rules, keys[i]))
            rules_note(rules, keys[i],
                       "is not used without sentinel; set sentinel = NAME of the master");
    }
}

/* With Sentinels nobody knows before the start where the master is. */
static bool all_are_unix(const struct rules *rules)
{
    const struct config_list *list = &rules->config->fleet_servers;
    size_t sockets = 0;

    for (size_t i = 0; i < list->count; i++)
        sockets += config_fleet_is_unix(list->items[i]);
    return list->count > 0 && sockets == list->count && !rules_given(rules, KEY_fleet_sentinel);
}

static void without_tls(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_fleet_ca_file, KEY_fleet_client_certificate,
                                                 KEY_fleet_client_key};
    const char *why;

    if (!is_on(rules) || !rules_known(rules, KEY_fleet_tls))
        return;
    if (!rules->config->fleet_tls)
        why = "is not used with tls = off";
    else if (all_are_unix(rules))
        why = "is not used: no server but Unix sockets, which take no TLS";
    else
        return;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (rules_given(rules, keys[i]))
            rules_note(rules, keys[i], "%s", why);
    }
}

/* ---- what goes over a network in the clear ---- */

/* The first server that is on another machine; NULL: none is. One at fault was told already. */
static const char *remote(const struct rules *rules)
{
    const struct config_list *list = &rules->config->fleet_servers;

    for (size_t i = 0; i < list->count; i++) {
        if (is_server(list->items[i]) && !config_fleet_is_local(list->items[i]))
            return list->items[i];
    }
    return NULL;
}

static void plaintext_allowed(const struct rules *rules)
{
    if (rules->config->fleet_tls)
        rules_note(rules, KEY_fleet_plaintext, "is not used with tls = on");
    else if (remote(rules) == NULL && !rules_given(rules, KEY_fleet_sentinel))
        rules_note(rules, KEY_fleet_plaintext, "is not used: all servers are on this machine");
    else
        rules_note(rules, KEY_fleet_plaintext,
                   "everybody on the way can read what goes to the store, its password included; "
                   "the tokens are sealed all the same");
}

static void plaintext(const struct rules *rules)
{
    const struct config *config = rules->config;

    if (!is_on(rules) || !rules_known(rules, KEY_fleet_servers) ||
        !rules_known(rules, KEY_fleet_tls) || !rules_known(rules, KEY_fleet_plaintext))
        return;
    if (config->fleet_plaintext) {
        plaintext_allowed(rules);
        return;
    }
    if (config->fleet_tls)
        return;
    if (remote(rules) != NULL)
        rules_wrong(rules, KEY_fleet_tls,
                    "off would send the password and all commands to %s in the clear; remove the "
                    "line, or set plaintext = on",
                    remote(rules));
    else if (rules_given(rules, KEY_fleet_sentinel))
        rules_note(rules, KEY_fleet_tls,
                   "off is for the master too: one that is not on this machine is not used without "
                   "plaintext = on");
}

/* ---- keys that need each other ---- */

static void pairs(const struct rules *rules)
{
    static const struct {
        enum config_key_index key, needs;
        const char *what;
    } all[] = {
        {KEY_fleet_client_certificate, KEY_fleet_client_key, "key"},
        {KEY_fleet_client_key, KEY_fleet_client_certificate, "certificate"},
        {KEY_fleet_user, KEY_fleet_password_file, "password"},
        {KEY_fleet_sentinel_user, KEY_fleet_sentinel_password_file, "password"},
    };

    for (size_t i = 0; is_on(rules) && i < ARRAY_LEN(all); i++) {
        if (rules_given(rules, all[i].key) && !rules_given(rules, all[i].needs))
            rules_wrong(rules, all[i].key, "needs its %s; set %s = PATH too", all[i].what,
                        config_keys[all[i].needs].name);
    }
}

/* ---- single values ---- */

static void sentinel(const struct rules *rules)
{
    const char *name = rules->config->fleet_sentinel;

    if (is_on(rules) && name != NULL && strchr(name, ' ') != NULL)
        rules_wrong(rules, KEY_fleet_sentinel,
                    "\"%s\" holds a blank, which no name of a master has; write one name", name);
}

/* Braces would move keys to other slots of a cluster, and colons belong to the keys' own form. */
static void prefix(const struct rules *rules)
{
    const char *text = rules->config->fleet_prefix;

    if (is_on(rules) && text != NULL && !text_is_all(text, strlen(text), TEXT_NAME))
        rules_wrong(rules, KEY_fleet_prefix,
                    "\"%s\" holds a character other than letters, digits, '.', '-' and '_'; write "
                    "another",
                    text);
}

static void key_file(const struct rules *rules)
{
    const struct config_file *file = &rules->config->fleet_key_file;

    if (!is_on(rules) || file->bytes == NULL || secret_len(file->bytes) == CONFIG_FLEET_KEY)
        return;
    rules_wrong(rules, KEY_fleet_key_file,
                "%s has %zu bytes; it must have %d: make one with head -c %d /dev/urandom > FILE, "
                "once for the whole fleet",
                file->path, secret_len(file->bytes), CONFIG_FLEET_KEY, CONFIG_FLEET_KEY);
}

/* ---- an upstream ---- */

static void early_expiry(const struct rules *rules)
{
    if (is_on(rules) && rules_changed(rules, KEY_upstream_auth_token_early_expiry))
        rules_note(rules, KEY_upstream_auth_token_early_expiry,
                   "is not used in a fleet: [fleet] renew says when a token is renewed");
}

rule *const rules_of_fleet[] = {
    servers, without_servers, without_sentinel, without_tls, plaintext,
    pairs,   sentinel,        prefix,           key_file,    NULL,
};
rule *const rules_of_member[] = {early_expiry, NULL};
