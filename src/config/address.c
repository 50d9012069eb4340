/*
 * Addresses to listen on. A host is a number or the word localhost: names may mean another address
 * tomorrow, or several, and whether an address is loopback decides what is allowed on it. All
 * addresses of the machine are written 0.0.0.0 or [::], as the system writes them.
 */
#include "config/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/files.h"
#include "config/hint.h"

#define UNIX "unix:"
#define TLS "tls:"

/* 127.0.0.0/8, in the byte order of the network. */
static bool is_loopback4(const void *addr)
{
    return *(const unsigned char *)addr == IN_LOOPBACKNET;
}

static bool is_loopback6(const struct in6_addr *addr)
{
    if (IN6_IS_ADDR_V4MAPPED(addr))
        return is_loopback4(addr->s6_addr + 12);
    return IN6_IS_ADDR_LOOPBACK(addr);
}

bool config_is_loopback(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return is_loopback4(&((const struct sockaddr_in *)(const void *)addr)->sin_addr);
    if (addr->sa_family == AF_INET6)
        return is_loopback6(&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr);
    return addr->sa_family == AF_UNIX;
}

static bool parse_port(const char *text, in_port_t *port)
{
    uint64_t number;

    /* 0 is a port of the system's choice. */
    if (!text_parse_u64(text, strlen(text), &number) || number > 65535)
        return false;
    *port = htons((uint16_t)number);
    return true;
}

static bool parse_v4(const char *host, const char *port, struct config_address *out)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&out->addr;

    if (text_equal_ci(host, "localhost"))
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &sin->sin_addr) != 1 || !parse_port(port, &sin->sin_port))
        return false;
    sin->sin_family = AF_INET;
    out->addr_len = sizeof(*sin);
    return true;
}

/* With %ZONE, which a link-local address needs. */
static bool parse_v6(char *host, const char *port, struct config_address *out)
{
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)&out->addr;
    char *zone = strchr(host, '%');

    if (zone != NULL) {
        *zone = '\0';
        sin6->sin6_scope_id = if_nametoindex(zone + 1);
        if (sin6->sin6_scope_id == 0)
            return false;
    }
    if (inet_pton(AF_INET6, host, &sin6->sin6_addr) != 1 || !parse_port(port, &sin6->sin6_port))
        return false;
    sin6->sin6_family = AF_INET6;
    out->addr_len = sizeof(*sin6);
    return true;
}

/* HOST:PORT or [V6]:PORT. */
static bool parse_inet(const char *text, struct config_address *out)
{
    const char *colon = strrchr(text, ':');
    bool good = false;

    if (colon == NULL)
        return false;
    char *host = mem_strndup(text, (size_t)(colon - text));
    size_t len = strlen(host);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        good = parse_v6(host + 1, colon + 1, out);
    } else {
        good = parse_v4(host, colon + 1, out);
    }
    mem_free(host);
    return good;
}

static bool parse_unix(const struct input *in, const char *text, struct config_address *out)
{
    struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&out->addr;
    const char *name = text + strlen(UNIX);
    char *path = files_resolve(in->dir, name);
    size_t len = strlen(path);
    bool good = false;

    if (*name == '\0' || name[strlen(name) - 1] == '/')
        input_wrong(in,
                    "%s names no socket; write " UNIX "PATH, such as " UNIX "/run/postcoded/x.sock",
                    text);
    else if (len >= sizeof(sun->sun_path))
        input_wrong(in, "the socket's path %s is too long; the system takes %zu bytes", path,
                    sizeof(sun->sun_path) - 1);
    else if (!input_is_plain(path, len) || strchr(path, ',') != NULL)
        input_wrong(in, "the path holds a control character or a comma; rename its directory");
    else
        good = true;
    if (good) {
        sun->sun_family = AF_UNIX;
        memcpy(sun->sun_path, path, len + 1);
        out->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
        out->text = mem_printf(UNIX "%s", path);
    }
    mem_free(path);
    return good;
}

static bool takes_tls(const struct config_key *key)
{
    return strcmp(key->choices, "tls") == 0;
}

static bool wrong_address(const struct input *in, const char *text)
{
    struct buf out;

    if (*text == '\0')
        return input_wrong(in, "there is no address beside a comma; remove the comma, or write all "
                               "addresses on this line");
    buf_init(&out, 4096);
    hint_put_value(text, &out);
    buf_puts(&out,
             " is not an address; must be HOST:PORT with a numeric host or localhost, [V6]:PORT "
             "or " UNIX "PATH");
    if (takes_tls(in->key))
        buf_puts(&out, ", with " TLS " before HOST or [V6] for TLS");
    hint_put_instead(in->key, text, &out);
    input_wrong(in, "%s", buf_text(&out));
    buf_fini(&out);
    return false;
}

/* What comes over a Unix socket has not left the machine. */
static bool may_be_tls(const struct input *in, const char *text)
{
    const char *address = text + strlen(TLS);

    if (!takes_tls(in->key))
        return input_wrong(in, "%s: only [server] listen takes " TLS "; write %s", text, address);
    if (strncmp(address, UNIX, strlen(UNIX)) == 0)
        return input_wrong(in, "%s: a Unix socket takes no TLS; write %s", text, address);
    return true;
}

static bool parse_one(const struct input *in, const char *text, struct config_address *out)
{
    if (strncmp(text, UNIX, strlen(UNIX)) == 0)
        return parse_unix(in, text, out);
    if (strcmp(in->key->choices, "unix") == 0)
        return input_wrong(in,
                           "\"%s\" is not a Unix socket; write " UNIX "PATH, such as %s, or off",
                           text, in->key->def);
    const char *inet = text;
    if (text_starts_ci(text, TLS)) {
        if (!may_be_tls(in, text))
            return false;
        out->tls = strncmp(text, TLS, strlen(TLS)) == 0;
        inet += out->tls ? strlen(TLS) : 0;
    }
    if (!parse_inet(inet, out))
        return wrong_address(in, text);
    out->text = mem_strdup(text);
    return true;
}

static void add(struct config_addresses *list, struct config_address address)
{
    list->items = mem_grow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = address;
}

bool address_parse(const struct input *in, void *field, struct buf *shown)
{
    struct config_addresses *out = field;
    const char *rest = in->text;
    bool good = true;
    char *item;

    /* Every kind of list but the server's may be off. */
    if (!takes_tls(in->key) && text_equal_ci(in->text, "off")) {
        buf_puts(shown, "off");
        return true;
    }
    /* All of the list is looked at, so that each bad address is named. */
    while ((item = input_next_item(&rest)) != NULL) {
        struct config_address address = {0};
        if (parse_one(in, item, &address)) {
            address.loopback = config_is_loopback((const struct sockaddr *)&address.addr);
            buf_printf(shown, "%s%s", out->count > 0 ? ", " : "", address.text);
            add(out, address);
        } else {
            good = false;
        }
        mem_free(item);
    }
    return good;
}

void address_fini(void *field)
{
    struct config_addresses *list = field;

    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i].text);
    mem_free(list->items);
    *list = (struct config_addresses){0};
}

bool address_host_is_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (text_equal_ci(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return is_loopback4(&v4);
    return inet_pton(AF_INET6, host, &v6) == 1 && is_loopback6(&v6);
}
