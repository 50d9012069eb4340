/*
 * Rules over several keys, one function each. A rule speaks only of values that were understood: a
 * key that is at fault already would make every rule that reads it a second, false fault.
 */
#include "config/rules.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/web.h"

/* What every rule needs. */
struct rules {
    const struct snapshot *snapshot;
    const struct config *config;
    size_t index;                           /* of the upstream */
    const struct config_upstream *upstream; /* NULL in a rule about keys of the process */
    struct config_place main;               /* the main file, for what is missing */
    struct config_faults *faults;
};

typedef void rule(const struct rules *rules);

static const struct snapshot_origin *origin(const struct rules *rules, enum config_key_index key)
{
    return snapshot_origin(rules->snapshot, &config_keys[key], rules->index);
}

/* A file gives it a value, good or not. */
static bool given(const struct rules *rules, enum config_key_index key)
{
    return origin(rules, key)->given;
}

/* A file gives it another value than the default. */
static bool changed(const struct rules *rules, enum config_key_index key)
{
    const char *text = origin(rules, key)->text;
    const char *def = config_keys[key].def;

    return given(rules, key) && (text == NULL || def == NULL || strcmp(text, def) != 0);
}

/* It has a value that was understood, be it the default. Not for secrets. */
static bool known(const struct rules *rules, enum config_key_index key)
{
    return origin(rules, key)->text != NULL;
}

static struct config_place place_of(const struct rules *rules, enum config_key_index key)
{
    const struct config_place *place = &origin(rules, key)->place;

    return place->file != NULL ? *place : rules->main;
}

__attribute__((format(printf, 4, 0))) static void report(const struct rules *rules,
                                                         enum config_key_index key, bool note,
                                                         const char *format, va_list args)
{
    char *section = snapshot_section(rules->config, &config_keys[key], rules->index);

    faults_vadd(rules->faults, place_of(rules, key), note, section, config_keys[key].name, format,
                args);
    mem_free(section);
}

__attribute__((format(printf, 3, 4))) static void wrong(const struct rules *rules,
                                                        enum config_key_index key,
                                                        const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(rules, key, false, format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void note(const struct rules *rules,
                                                       enum config_key_index key,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(rules, key, true, format, args);
    va_end(args);
}

/* "missing", or "empty" where a file has the key without a value. */
static const char *absent(const struct rules *rules, enum config_key_index key)
{
    return origin(rules, key)->place.file != NULL ? "empty" : "missing";
}

/* What a line for a required key looks like. */
static const char *form_of(enum config_key_index key)
{
    return key == KEY_upstream_address ? "https://HOST[:PORT][/PREFIX]" : "ID";
}

static void required(const struct rules *rules)
{
    for (enum config_key_index i = 0; i < KEY_COUNT; i++) {
        struct buf allowed;
        if ((config_keys[i].flags & CONFIG_REQUIRED) == 0 ||
            config_keys[i].of_upstream != (rules->upstream != NULL) || given(rules, i))
            continue;
        buf_init(&allowed, 1024);
        config_key_allowed(&config_keys[i], &allowed);
        wrong(rules, i, "is %s; must be %s; write %s = %s", absent(rules, i), buf_text(&allowed),
              config_keys[i].name, form_of(i));
        buf_fini(&allowed);
    }
}

/* Whichever stands later; two files may each have one. */
static void one_secret(const struct rules *rules)
{
    const enum config_key_index here = KEY_upstream_client_secret;
    const enum config_key_index file = KEY_upstream_client_secret_file;
    const struct config_place *a = &origin(rules, here)->place;
    const struct config_place *b = &origin(rules, file)->place;

    if (!given(rules, here) && !given(rules, file)) {
        wrong(rules, file,
              "is %s, and so is client_secret; name the file that holds the secret, such as "
              "client_secret_file = credential:client.secret",
              absent(rules, file));
    } else if (given(rules, here) && given(rules, file)) {
        bool here_later = a->order != b->order ? a->order > b->order : a->line > b->line;
        const struct config_place *first = here_later ? b : a;
        wrong(rules, here_later ? here : file, "given beside %s (%s:%u); keep one of the two",
              config_keys[here_later ? file : here].name, first->file, first->line);
    }
}

static void certificate_and_key(const struct rules *rules)
{
    const enum config_key_index certificate = KEY_upstream_client_certificate;
    const enum config_key_index key = KEY_upstream_client_key;
    const enum config_key_index password = KEY_upstream_client_key_password_file;

    if (given(rules, certificate) && !given(rules, key))
        wrong(rules, certificate, "needs its key; set client_key = PATH too");
    if (given(rules, key) && !given(rules, certificate))
        wrong(rules, key, "needs its certificate; set client_certificate = PATH too");
    if (given(rules, password) && !given(rules, key))
        wrong(rules, password, "needs the key that it opens; set client_key = PATH too");
}

/* A proxy at fault may have a user all the same. */
static void proxy_user(const struct rules *rules)
{
    const enum config_key_index password = KEY_upstream_proxy_password_file;
    const char *proxy = rules->upstream->proxy;

    if (!given(rules, password) || (given(rules, KEY_upstream_proxy) && proxy == NULL))
        return;
    char *user = proxy != NULL ? web_url_user(proxy) : NULL;
    if (user == NULL)
        wrong(rules, password, "needs a user; set proxy = http://USER@HOST:PORT too");
    mem_free(user);
}

static void identity_key(const struct rules *rules)
{
    const enum config_key_index file = KEY_identity_key_file;

    if (known(rules, KEY_identity_mode) && rules->config->identity_mode == IDENTITY_JWT &&
        !given(rules, file))
        wrong(rules, file,
              "is %s; mode jwt needs the key that signs identities, such as "
              "key_file = credential:identity.key",
              absent(rules, file));
}

static void identity_cookie(const struct rules *rules)
{
    const char *name = rules->config->identity_cookie;

    if (name != NULL && !text_is_token(name, strlen(name)))
        wrong(rules, KEY_identity_cookie,
              "\"%s\" is not a cookie name; use letters, digits, - and _, such as identity", name);
}

/* No identity that can be trusted, on an address that others reach. */
static void unverified(const struct rules *rules)
{
    const struct config *config = rules->config;
    const struct config_addresses *listen = &config->server_listen;

    if (!known(rules, KEY_identity_mode) || config->identity_mode == IDENTITY_JWT)
        return;
    if (config->identity_mode == IDENTITY_PLAIN)
        note(rules, KEY_identity_mode, "plain takes the cookie as it stands: anyone can forge it");
    if (!known(rules, KEY_identity_unverified_anywhere) || config->identity_unverified_anywhere)
        return;
    for (size_t i = 0; i < listen->count; i++) {
        if (listen->items[i].loopback)
            continue;
        wrong(rules, KEY_identity_mode,
              "%s authenticates no caller, and [server] listens on %s, which is not loopback; use "
              "jwt, or set unverified_anywhere = on",
              origin(rules, KEY_identity_mode)->text, listen->items[i].text);
        return;
    }
}

static void headers_differ(const struct rules *rules)
{
    const char *tracker = rules->config->tracker_header;
    const char *forward = rules->config->identity_forward_header;

    if (tracker != NULL && forward != NULL && text_equal_ci(tracker, forward))
        wrong(rules, KEY_identity_forward_header,
              "%s is the header of [tracker] too; name another header, such as X-User", forward);
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

    if (!known(rules, KEY_upstream_plaintext) || rules->upstream->plaintext)
        return;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        if (urls[i].url != NULL && web_url_is_plaintext(urls[i].url) &&
            !web_url_is_loopback(urls[i].url))
            wrong(rules, urls[i].key,
                  "%.*s would send secrets in the clear; write https://, or set plaintext = on",
                  (int)strcspn(urls[i].url, "?"), urls[i].url);
    }
}

static void placeholder(const struct rules *rules)
{
    const char *address = rules->upstream->address;

    if (address != NULL && text_starts_ci(address, CONFIG_PLACEHOLDER) &&
        strchr(":/", address[strlen(CONFIG_PLACEHOLDER)]) != NULL)
        wrong(rules, KEY_upstream_address,
              CONFIG_PLACEHOLDER " is the placeholder of the shipped file; write the address of "
                                 "your own Location API, such as address = https://HOST");
}

/* Keys that auth_flow = basic never reads. */
static void flow_keys(const struct rules *rules)
{
    static const enum config_key_index keys[] = {
        KEY_upstream_auth_client,
        KEY_upstream_auth_scope,
        KEY_upstream_auth_audience,
        KEY_upstream_auth_param,
    };

    if (!known(rules, KEY_upstream_auth_flow) || rules->upstream->auth_flow != AUTH_FLOW_BASIC)
        return;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (changed(rules, keys[i]))
            note(rules, keys[i], "is not used with auth_flow = basic");
    }
}

static void auth_path(const struct rules *rules)
{
    if (changed(rules, KEY_upstream_auth_path) && given(rules, KEY_upstream_auth_url))
        note(rules, KEY_upstream_auth_path, "is not used, for auth_url is set");
}

/* RFC 7617, section 2; client_credentials form-encodes the id first. */
static void basic_id(const struct rules *rules)
{
    const char *id = rules->upstream->client_id;

    if (id != NULL && strchr(id, ':') != NULL && known(rules, KEY_upstream_auth_flow) &&
        rules->upstream->auth_flow == AUTH_FLOW_BASIC)
        wrong(rules, KEY_upstream_client_id,
              "\"%s\" holds a colon, which HTTP Basic cannot carry; use auth_flow = "
              "client_credentials",
              id);
}

/* Port 0 is another port each time. */
static bool is_port_0(const struct config_address *a)
{
    size_t len = strlen(a->text);

    return a->addr.ss_family != AF_UNIX && len >= 2 && strcmp(a->text + len - 2, ":0") == 0;
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
    return a->addr_len == b->addr_len && memcmp(&a->addr, &b->addr, a->addr_len) == 0 &&
           !is_port_0(a);
}

/* Whether the address at `index` of list `list` stands before it. */
static bool listened_before(const struct config_addresses *const *lists, size_t list, size_t index)
{
    const struct config_address *address = &lists[list]->items[index];

    for (size_t i = 0; i <= list; i++) {
        for (size_t j = 0; j < (i == list ? index : lists[i]->count); j++) {
            if (same_address(&lists[i]->items[j], address))
                return true;
        }
    }
    return false;
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
        for (size_t j = 0; j < lists[i]->count; j++) {
            if (listened_before(lists, i, j))
                wrong(rules, keys[i], "%s is listened on already; write each address once",
                      lists[i]->items[j].text);
        }
    }
}

static rule *const process_rules[] = {
    required, identity_key, identity_cookie, unverified, headers_differ, addresses_differ,
};

/* For each [upstream NAME]. */
static rule *const upstream_rules[] = {
    required,    one_secret, certificate_and_key, proxy_user, no_plaintext,
    placeholder, flow_keys,  auth_path,           basic_id,
};

void rules_check(const struct snapshot *snapshot, struct config_place place,
                 struct config_faults *faults)
{
    struct rules rules = {
        .snapshot = snapshot,
        .config = &snapshot->config,
        .main = place,
        .faults = faults,
    };

    for (size_t i = 0; i < ARRAY_LEN(process_rules); i++)
        process_rules[i](&rules);
    for (; rules.index < rules.config->upstream_count; rules.index++) {
        rules.upstream = &rules.config->upstreams[rules.index];
        for (size_t i = 0; i < ARRAY_LEN(upstream_rules); i++)
            upstream_rules[i](&rules);
    }
}
