/*
 * Rules about who may ask: where the keys come from, and what is easily written and means something
 * else than it says.
 */
#include "config/rules_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "config/web.h"

static void identity_key(const struct rules *rules)
{
    const enum config_key_index file = KEY_identity_key_file;
    const bool url = rules_given(rules, KEY_identity_key_url);

    if (rules_given(rules, file) && url)
        rules_wrong(rules, KEY_identity_key_url, "set together with key_file; keep one of the two");
    if (rules_known(rules, KEY_identity_mode) && rules->config->identity_mode == IDENTITY_JWT &&
        !rules_given(rules, file) && !url)
        rules_wrong(rules, file,
                    "is %s; mode jwt needs the key that signs identities, such as "
                    "key_file = credential:identity.key, or key_url = https://HOST/PATH of a JWK "
                    "set",
                    rules_absent(rules, file));
}

/* Keys about fetching key_url. */
static const enum config_key_index of_url[] = {KEY_identity_key_ca_file, KEY_identity_key_refresh};

/* Who can change the answer on its way can sign identities. */
static void identity_key_url(const struct rules *rules)
{
    const char *url = rules->config->identity_key_url;

    if (url != NULL && web_url_is_plaintext(url) && !web_url_is_loopback(url))
        rules_wrong(rules, KEY_identity_key_url,
                    "%.*s: keys fetched over http can be replaced in transit; write https://",
                    (int)strcspn(url, "?"), url);
    if (url != NULL && strpbrk(url, "{}") != NULL)
        rules_wrong(rules, KEY_identity_key_url,
                    "%.*s has a brace; write the value in the place of {...}",
                    (int)strcspn(url, "?"), url);
    for (size_t i = 0; i < ARRAY_LEN(of_url); i++) {
        if (rules_given(rules, of_url[i]) && !rules_given(rules, KEY_identity_key_url))
            rules_note(rules, of_url[i], "is not used without key_url");
    }
}

/* A provider signs tokens for everybody. Not a fault: one may sign for this service alone. */
static void identity_audience(const struct rules *rules)
{
    if (rules->config->identity_mode == IDENTITY_JWT && rules->config->identity_key_url != NULL &&
        !rules_given(rules, KEY_identity_audience))
        rules_note(rules, KEY_identity_key_url,
                   "without audience, a token that the provider made for any other service is "
                   "accepted");
}

static void identity_cookie(const struct rules *rules)
{
    const char *name = rules->config->identity_cookie;

    if (name != NULL && !text_is_token(name, strlen(name)))
        rules_wrong(rules, KEY_identity_cookie,
                    "\"%s\" is not a cookie name; use letters, digits, - and _, such as identity",
                    name);
}

static void note_unused(const struct rules *rules, const enum config_key_index *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rules_changed(rules, keys[i]))
            rules_note(rules, keys[i], "is not used in mode %s",
                       rules_origin(rules, KEY_identity_mode)->text);
}

/* Not a fault: a drop-in may change the mode for a while. */
static void identity_other_mode(const struct rules *rules)
{
    static const enum config_key_index of_jwt[] = {
        KEY_identity_key_file, KEY_identity_key_url,    KEY_identity_issuer,
        KEY_identity_audience, KEY_identity_user_claim, KEY_identity_max_lifetime,
        KEY_identity_leeway,
    };
    static const enum config_key_index cookie = KEY_identity_cookie;

    if (!rules_known(rules, KEY_identity_mode) || rules->config->identity_mode == IDENTITY_JWT)
        return;
    note_unused(rules, of_jwt, ARRAY_LEN(of_jwt));
    if (rules_given(rules, KEY_identity_key_url))
        note_unused(rules, of_url, ARRAY_LEN(of_url));
    if (rules->config->identity_mode != IDENTITY_PLAIN)
        note_unused(rules, &cookie, 1);
    if (rules_given(rules, KEY_identity_require))
        rules_note(rules, KEY_identity_require, "mode %s does not check claims; only jwt does",
                   rules_origin(rules, KEY_identity_mode)->text);
}

/* A dotted path is how many programs reach into objects. URLs and one word are names. */
static void identity_paths(const struct rules *rules)
{
    const struct config_requirements *require = &rules->config->identity_require;

    for (size_t i = 0; i < require->count; i++) {
        const char *name = require->items[i].claim.name;
        if (*name != '/' && strpbrk(name, "./") != NULL && strstr(name, "://") == NULL)
            rules_note(rules, KEY_identity_require,
                       "%s is the claim of that name; one inside of an object is written with "
                       "slashes, such as require./realm_access/roles",
                       name);
    }
}

/* No identity that can be trusted, on an address that others reach. */
static void unverified(const struct rules *rules)
{
    const struct config *config = rules->config;
    const struct config_addresses *listen = &config->server_listen;
    /* Callers of a tls: address have shown a certificate then. */
    const bool by_certificate = rules_given(rules, KEY_server_tls_client_ca);

    if (!rules_known(rules, KEY_identity_mode) || config->identity_mode == IDENTITY_JWT ||
        config->identity_mode == IDENTITY_CERTIFICATE)
        return;
    if (config->identity_mode == IDENTITY_PLAIN)
        rules_note(rules, KEY_identity_mode,
                   "plain takes the cookie as it stands: anyone can forge it");
    if (!rules_known(rules, KEY_identity_unverified_anywhere) ||
        config->identity_unverified_anywhere)
        return;
    for (size_t i = 0; i < listen->count; i++) {
        if (listen->items[i].loopback || (listen->items[i].tls && by_certificate))
            continue;
        rules_wrong(
            rules, KEY_identity_mode,
            "%s authenticates no caller, and [server] listens on %s, which is not loopback; use "
            "jwt, listen with tls: there and set tls_client_ca, or set unverified_anywhere = on",
            rules_origin(rules, KEY_identity_mode)->text, listen->items[i].text);
        return;
    }
}

rule *const rules_of_identity[] = {
    identity_key,        identity_key_url, identity_audience, identity_cookie,
    identity_other_mode, identity_paths,   unverified,        NULL,
};
