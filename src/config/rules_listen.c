/*
 * Rules about listeners: no two of them can have the same address and port. The system says so at
 * the start only, and speaks of another process; here each is named.
 */
#include "config/rules_internal.h"

#include <netinet/in.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* An address as IPv6 writes it; 1.2.3.4 is ::ffff:1.2.3.4, which [::] takes in. */
struct place {
    struct in6_addr addr;
    uint32_t zone;
    in_port_t port;
};

static struct place place_of(const struct config_address *address)
{
    const void *addr = &address->addr;
    struct place place = {.addr = IN6ADDR_ANY_INIT};

    if (address->addr.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = addr;
        place = (struct place){in6->sin6_addr, in6->sin6_scope_id, in6->sin6_port};
    } else {
        const struct sockaddr_in *in = addr;
        place.port = in->sin_port;
        memset(place.addr.s6_addr + 10, 0xff, 2);
        memcpy(place.addr.s6_addr + 12, &in->sin_addr, sizeof(in->sin_addr));
    }
    return place;
}

static bool is_any4(const struct in6_addr *addr)
{
    static const unsigned char any[4];

    return IN6_IS_ADDR_V4MAPPED(addr) && memcmp(addr->s6_addr + 12, any, sizeof(any)) == 0;
}

static bool takes_in_place(const struct place *a, const struct place *b)
{
    /* Port 0 is another port each time. */
    if (a->port != b->port || a->port == 0)
        return false;
    return IN6_IS_ADDR_UNSPECIFIED(&a->addr) ||
           (is_any4(&a->addr) && IN6_IS_ADDR_V4MAPPED(&b->addr)) ||
           (a->zone == b->zone && memcmp(&a->addr, &b->addr, sizeof(a->addr)) == 0);
}

/* A listener on a would get the connections to b too. */
static bool takes_in(const struct config_address *a, const struct config_address *b)
{
    if (a->addr.ss_family == AF_UNIX || b->addr.ss_family == AF_UNIX)
        return a->addr_len == b->addr_len && memcmp(&a->addr, &b->addr, a->addr_len) == 0;
    const struct place at = place_of(a), other = place_of(b);
    return takes_in_place(&at, &other);
}

/* [::] listens on IPv4 too, which does not show in how it is written. */
static const char *why(const struct config_address *wide, const struct config_address *narrow)
{
    const struct place place = place_of(wide);

    return IN6_IS_ADDR_UNSPECIFIED(&place.addr) && narrow->addr.ss_family == AF_INET
               ? ", for [::] listens on IPv4 too"
               : "";
}

/* The key that has the address, where that is another one: " by [server] listen". Caller frees. */
static char *by(enum config_key_index key, enum config_key_index other)
{
    return key == other
               ? mem_strdup("")
               : mem_printf(" by [%s] %s", config_keys[other].section, config_keys[other].name);
}

static void compare(const struct rules *rules, enum config_key_index key,
                    const struct config_address *address, enum config_key_index other,
                    const struct config_address *before)
{
    const bool in_it = takes_in(before, address), around_it = takes_in(address, before);
    char *owner = by(key, other);

    if (in_it && around_it)
        rules_wrong(rules, key, "%s is listened on already%s; write each address once",
                    address->text, owner);
    else if (in_it)
        rules_wrong(rules, key,
                    "%s is a part of %s, which is listened on already%s%s; leave it out",
                    address->text, before->text, owner, why(before, address));
    else if (around_it)
        rules_wrong(rules, key, "%s takes in %s, which is listened on already%s%s; leave %s out",
                    address->text, before->text, owner, why(address, before), before->text);
    mem_free(owner);
}

static bool meet(const struct config_address *a, const struct config_address *b)
{
    return takes_in(a, b) || takes_in(b, a);
}

/* The address at `index` of list `list`, and the first before it that it meets. */
static void compare_one(const struct rules *rules, const enum config_key_index *keys,
                        const struct config_addresses *const *lists, size_t list, size_t index)
{
    const struct config_address *address = &lists[list]->items[index];

    for (size_t i = 0; i <= list; i++) {
        for (size_t j = 0; j < (i == list ? index : lists[i]->count); j++) {
            if (!meet(&lists[i]->items[j], address))
                continue;
            compare(rules, keys[list], address, keys[i], &lists[i]->items[j]);
            return;
        }
    }
}

static void addresses_differ(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_server_listen, KEY_metrics_listen,
                                                 KEY_admin_listen};
    const struct config_addresses *lists[] = {
        &rules->config->server_listen,
        &rules->config->metrics_listen,
        &rules->config->admin_listen,
    };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t j = 0; j < lists[i]->count; j++)
            compare_one(rules, keys, lists, i, j);
    }
}

rule *const rules_of_listeners[] = {addresses_differ, NULL};
