/*
 * Rules about TLS for callers: what a tls: address needs, and what is of no use without one. What
 * is in the files is judged by front/tls.c, which reads them.
 */
#include "config/rules_internal.h"

#include "base/check.h"

/* The first address of callers with TLS; NULL: there is none. */
static const struct config_address *tls_address(const struct rules *rules)
{
    const struct config_addresses *listen = &rules->config->server_listen;

    for (size_t i = 0; i < listen->count; i++)
        if (listen->items[i].tls)
            return &listen->items[i];
    return NULL;
}

static void tls_needs(const struct rules *rules)
{
    static const struct {
        enum config_key_index key;
        const char *form;
    } needed[] = {
        {KEY_server_tls_certificate, "tls_certificate = PATH of the certificate with its chain"},
        {KEY_server_tls_key, "tls_key = PATH of its private key, such as /etc/postcoded/tls.key"},
    };
    const struct config_address *address = tls_address(rules);
    const bool any =
        rules_given(rules, KEY_server_tls_certificate) || rules_given(rules, KEY_server_tls_key);

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (rules_given(rules, needed[i].key))
            continue;
        if (address != NULL)
            rules_wrong(rules, needed[i].key, "is %s; %s in listen needs it: write %s",
                        rules_absent(rules, needed[i].key), address->text, needed[i].form);
        else if (any)
            rules_wrong(rules, needed[i].key,
                        "is %s; the other of tls_certificate and tls_key is "
                        "of no use without it: write %s",
                        rules_absent(rules, needed[i].key), needed[i].form);
    }
}

/* Not a fault: a socket of the service manager may be for TLS too. Said once for all of them. */
static void tls_unused(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_server_tls_certificate, KEY_server_tls_key,
                                                 KEY_server_tls_client_ca};

    if (!rules_known(rules, KEY_server_listen) || tls_address(rules) != NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (rules_given(rules, keys[i])) {
            rules_note(rules, keys[i],
                       "no address in listen begins with tls:; the tls_ keys are used only for "
                       "systemd sockets with FileDescriptorName=tls");
            return;
        }
}

/* A certificate comes over TLS alone, and proves something only when an authority signed it. */
static void identity_certificate(const struct rules *rules)
{
    const struct config_addresses *listen = &rules->config->server_listen;

    if (!rules_known(rules, KEY_identity_mode) ||
        rules->config->identity_mode != IDENTITY_CERTIFICATE)
        return;
    if (!rules_given(rules, KEY_server_tls_client_ca))
        rules_wrong(rules, KEY_identity_mode,
                    "certificate needs [server] tls_client_ca: write there the PATH of the CA "
                    "certificates that sign callers' certificates");
    for (size_t i = 0; i < listen->count; i++) {
        const struct config_address *address = &listen->items[i];
        if (!address->tls && !address->loopback)
            rules_wrong(rules, KEY_identity_mode,
                        "certificate identifies no caller on %s, which has no TLS; write tls:%s in "
                        "[server] listen, or use jwt",
                        address->text, address->text);
        else if (!address->tls)
            rules_note(rules, KEY_identity_mode,
                       "certificate identifies no caller on %s, which has no TLS: each lookup "
                       "there is 401",
                       address->text);
    }
}

rule *const rules_of_tls[] = {tls_needs, tls_unused, identity_certificate, NULL};
