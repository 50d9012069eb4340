/*
 * Rules about an upstream: its address, its connections, and the shape of its lookups. Those about
 * its token request are in rules_auth.c.
 */
#include "config/rules_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/web.h"

static void certificate_and_key(const struct rules *rules)
{
    const enum config_key_index certificate = KEY_upstream_client_certificate;
    const enum config_key_index key = KEY_upstream_client_key;
    const enum config_key_index password = KEY_upstream_client_key_password_file;

    if (rules_given(rules, certificate) && !rules_given(rules, key))
        rules_wrong(rules, certificate, "needs its key; set client_key = PATH too");
    if (rules_given(rules, key) && !rules_given(rules, certificate))
        rules_wrong(rules, key, "needs its certificate; set client_certificate = PATH too");
    if (rules_given(rules, password) && !rules_given(rules, key))
        rules_wrong(rules, password, "needs the key that it opens; set client_key = PATH too");
}

/* A proxy at fault may have a user all the same. */
static void proxy_user(const struct rules *rules)
{
    const enum config_key_index password = KEY_upstream_proxy_password_file;
    const char *proxy = rules->upstream->proxy;

    if (!rules_given(rules, password) || (rules_given(rules, KEY_upstream_proxy) && proxy == NULL))
        return;
    char *user = proxy != NULL ? web_url_user(proxy) : NULL;
    if (user == NULL)
        rules_wrong(rules, password, "needs a user; set proxy = http://USER@HOST:PORT too");
    mem_free(user);
}

static void no_plaintext(const struct rules *rules)
{
    const struct {
        enum config_key_index key;
        const char *url;
    } urls[] = {
        {KEY_upstream_address, rules->upstream->address},
        {KEY_upstream_auth_url, rules->upstream->auth_url},
    };

    if (!rules_known(rules, KEY_upstream_plaintext) || rules->upstream->plaintext)
        return;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        if (urls[i].url != NULL && web_url_is_plaintext(urls[i].url) &&
            !web_url_is_loopback(urls[i].url))
            rules_wrong(
                rules, urls[i].key,
                "%.*s would send secrets in the clear; write https://, or set plaintext = on",
                (int)strcspn(urls[i].url, "?"), urls[i].url);
    }
}

static void placeholder(const struct rules *rules)
{
    const char *address = rules->upstream->address;

    if (address != NULL && text_starts_ci(address, CONFIG_PLACEHOLDER) &&
        strchr(":/", address[strlen(CONFIG_PLACEHOLDER)]) != NULL)
        rules_wrong(rules, KEY_upstream_address,
                    CONFIG_PLACEHOLDER
                    " is the placeholder of the shipped file; write the address of "
                    "your own Location API, such as address = https://HOST");
}

/* A postcode appended to a name makes another name: /postcodesSW1A. */
static void lookup_path(const struct rules *rules)
{
    const char *path = rules->upstream->lookup_path;

    if (rules_given(rules, KEY_upstream_lookup_target)) {
        if (rules_given(rules, KEY_upstream_lookup_path))
            rules_wrong(rules, KEY_upstream_lookup_path,
                        "set together with lookup_target; keep one of the two");
        return;
    }
    if (path != NULL && path[strlen(path) - 1] != '/')
        rules_note(rules, KEY_upstream_lookup_path,
                   "ends without a slash, and the postcode is appended as it is: %sSW1A1AA; write "
                   "%s/ unless that is meant",
                   path, path);
}

/* A postcode elsewhere than at the top means a body that the default check rejects. */
static void answer_shape(const struct rules *rules)
{
    if (rules_known(rules, KEY_upstream_address_postcode) &&
        rules_changed(rules, KEY_upstream_address_postcode) &&
        !rules_given(rules, KEY_upstream_lookup_found))
        rules_note(rules, KEY_upstream_address_postcode,
                   "without lookup_found the body must have postcode at the top; set lookup_found "
                   "to what is there for a known postcode");
}

static void answer_keys(const struct rules *rules)
{
    static const enum config_key_index keys[] = {KEY_upstream_address_postcode,
                                                 KEY_upstream_address_country};

    if (!rules_known(rules, KEY_upstream_answer))
        return;
    if (rules->upstream->answer == ANSWER_ADDRESS) {
        answer_shape(rules);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (rules_changed(rules, keys[i]))
            rules_note(rules, keys[i], "is not used with answer = body; set answer = address");
    }
}

static bool is_header(const struct snapshot_member *member)
{
    return member->family == &config_keys[KEY_upstream_header] ||
           member->family == &config_keys[KEY_upstream_header_file];
}

static const char *field_of(const struct snapshot_member *member)
{
    return member->name + config_key_prefix(member->family);
}

/* Each field is sent once, whichever key it comes from. */
static void header_differs(const struct rules *rules, const struct snapshot_member *members,
                           size_t i)
{
    const char *tracker = rules->config->tracker_header;
    const char *user = rules->config->identity_forward_header;
    const char *field = field_of(&members[i]);

    if (tracker != NULL && text_equal_ci(tracker, field))
        rules_wrong_member(rules, &members[i],
                           "%s is the header of [tracker] too; name another header", field);
    if (user != NULL && text_equal_ci(user, field))
        rules_wrong_member(rules, &members[i],
                           "%s is forward_header of [identity] too; name another header", field);
    for (size_t j = 0; j < i; j++) {
        if (is_header(&members[j]) && text_equal_ci(field_of(&members[j]), field))
            rules_wrong_member(rules, &members[i],
                               "set together with %s (%s:%u); keep one of the two", members[j].name,
                               members[j].place.file, members[j].place.line);
    }
}

static void header_names(const struct rules *rules)
{
    const struct snapshot_members *members = &rules->snapshot->upstreams[rules->index].members;
    size_t count = 0;

    for (size_t i = 0; i < members->count; i++) {
        if (!is_header(&members->items[i]))
            continue;
        header_differs(rules, members->items, i);
        if (++count == CONFIG_HEADERS_MAX + 1)
            rules_wrong_member(rules, &members->items[i],
                               "one too many of header.NAME and header_file.NAME; at most %d are "
                               "allowed",
                               CONFIG_HEADERS_MAX);
    }
}

/* The store would give one upstream's token to the other. */
static void own_token_key(const struct rules *rules)
{
    const struct config_upstream *upstreams = rules->config->upstreams;
    const struct config_key *key = &config_keys[KEY_upstream_auth_token_key];
    const char *mine = rules->upstream->auth_token_key;

    for (size_t i = 0; i < rules->config->upstream_count; i++) {
        const char *other = upstreams[i].auth_token_key;
        if (i == rules->index || mine == NULL || other == NULL || strcmp(mine, other) != 0)
            continue;
        /* Once for the two: for the later one, unless only the other's was written. */
        if (!rules_given(rules, KEY_upstream_auth_token_key) ||
            (i > rules->index && snapshot_origin(rules->snapshot, key, i)->given))
            continue;
        rules_wrong(rules, KEY_upstream_auth_token_key,
                    "%s is the key of [upstream %s] too, and each has a token of its own; write "
                    "another key",
                    mine, upstreams[i].name);
        return;
    }
}

rule *const rules_of_upstream[] = {
    certificate_and_key, proxy_user,   no_plaintext,  placeholder, lookup_path,
    answer_keys,         header_names, own_token_key, NULL,
};
