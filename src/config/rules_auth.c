/*
 * Rules about the token request. What the request contains is asked of config/auth.h; a key that it
 * does not read is worth a note, one that it needs or cannot carry out is a fault.
 */
#include "config/rules_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/auth.h"

/* Flow and client are understood; else what they imply is not known. */
static bool is_settled(const struct rules *rules)
{
    return rules_known(rules, KEY_upstream_auth_flow) &&
           rules_known(rules, KEY_upstream_auth_client);
}

static bool has_body(const struct rules *rules)
{
    return rules_given(rules, KEY_upstream_auth_body);
}

static const char *word_of(const struct rules *rules, enum config_key_index key)
{
    return rules_origin(rules, key)->text;
}

/* Whichever stands later; two files may each have one. */
static void one_secret(const struct rules *rules)
{
    const enum config_key_index here = KEY_upstream_client_secret;
    const enum config_key_index file = KEY_upstream_client_secret_file;
    const struct config_place *a = &rules_origin(rules, here)->place;
    const struct config_place *b = &rules_origin(rules, file)->place;

    if (!rules_given(rules, here) || !rules_given(rules, file))
        return;
    bool here_later = a->order != b->order ? a->order > b->order : a->line > b->line;
    const struct config_place *first = here_later ? b : a;
    rules_wrong(rules, here_later ? here : file,
                "set together with %s (%s:%u); keep one of the two",
                config_keys[here_later ? file : here].name, first->file, first->line);
}

/* The secret is sent, or of no use. */
static void secret_is_used(const struct rules *rules)
{
    const enum config_key_index here = KEY_upstream_client_secret;
    const enum config_key_index file = KEY_upstream_client_secret_file;
    const bool given = rules_given(rules, here) || rules_given(rules, file);

    if (!is_settled(rules) || given == auth_sends_secret(rules->upstream))
        return;
    if (!given)
        rules_wrong(rules, file,
                    "is %s, and so is client_secret; name the file that holds the secret, such as "
                    "client_secret_file = credential:client.secret",
                    rules_absent(rules, file));
    else if (has_body(rules))
        rules_note(rules, rules_given(rules, here) ? here : file,
                   "is not used: auth_body has no " AUTH_BODY_SECRET);
    else if (rules->upstream->auth_flow == AUTH_FLOW_JWT_BEARER && !rules->upstream->authenticates)
        rules_note(rules, rules_given(rules, here) ? here : file,
                   "is not used with auth_flow = jwt_bearer unless auth_client is set");
    else
        rules_note(rules, rules_given(rules, here) ? here : file,
                   "is not used with auth_flow = %s and auth_client = %s",
                   word_of(rules, KEY_upstream_auth_flow),
                   word_of(rules, KEY_upstream_auth_client));
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
    const struct config_upstream *upstream = rules->upstream;

    if (!is_settled(rules) || upstream->auth_flow != AUTH_FLOW_BASIC || has_body(rules))
        return;
    if (upstream->auth_client > AUTH_CLIENT_POST) {
        rules_wrong(rules, KEY_upstream_auth_client,
                    "%s needs a request with a form; set auth_flow = client_credentials",
                    word_of(rules, KEY_upstream_auth_client));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (rules_changed(rules, keys[i]))
            rules_note(rules, keys[i], "is not used with auth_flow = basic");
    }
}

/* auth_body takes the place of the form, and of what fills it. */
static void body_excludes(const struct rules *rules)
{
    static const enum config_key_index form[] = {
        KEY_upstream_auth_scope,
        KEY_upstream_auth_audience,
        KEY_upstream_auth_param,
    };
    const struct config_upstream *upstream = rules->upstream;

    if (!has_body(rules) || !is_settled(rules))
        return;
    for (size_t i = 0; i < ARRAY_LEN(form); i++) {
        if (rules_given(rules, form[i]))
            rules_wrong(rules, form[i],
                        "is part of the form, and auth_body takes its place; write "
                        "it into auth_body");
    }
    if (upstream->auth_flow == AUTH_FLOW_JWT_BEARER)
        rules_wrong(rules, KEY_upstream_auth_body,
                    "has no place for the assertion of auth_flow = jwt_bearer; remove one of the "
                    "two");
    if (upstream->auth_client == AUTH_CLIENT_PRIVATE_KEY_JWT)
        rules_wrong(rules, KEY_upstream_auth_body,
                    "has no place for the assertion of auth_client = private_key_jwt; remove one "
                    "of the two");
    if (upstream->auth_method == AUTH_METHOD_GET)
        rules_wrong(rules, KEY_upstream_auth_method,
                    "get sends no body, and auth_body is set; remove one of the two");
}

/* A key asks for an assertion, be there a place for it or not. */
static bool asks_to_sign(const struct config_upstream *upstream)
{
    return upstream->auth_flow == AUTH_FLOW_JWT_BEARER ||
           upstream->auth_client == AUTH_CLIENT_PRIVATE_KEY_JWT;
}

static void assertion_needs(const struct rules *rules)
{
    const enum config_key_index file = KEY_upstream_auth_key_file;

    if (!is_settled(rules) || !auth_signs(rules->upstream) || rules_given(rules, file))
        return;
    rules_wrong(rules, file,
                "is %s; %s needs the private key that signs the assertion, such as "
                "auth_key_file = credential:client.key",
                rules_absent(rules, file),
                auth_signs_client(rules->upstream) ? "auth_client = private_key_jwt"
                                                   : "auth_flow = jwt_bearer");
}

/* Longer ones are no misspelling. */
#define NAME_SHOWN 32

/* {client_idd}: a name in braces that nothing is filled in for. */
static void unknown_name(const struct rules *rules)
{
    const char *text = rules->upstream->auth_body;

    for (const char *p = text; text != NULL && (p = strchr(p, '{')) != NULL; p++) {
        size_t len = 1 + text_span(p + 1, TEXT_LABEL);
        char *name = mem_strndup(p, len + 1);
        if (len > 1 && len <= NAME_SHOWN && p[len] == '}' && strcmp(name, AUTH_BODY_ID) != 0 &&
            strcmp(name, AUTH_BODY_SECRET) != 0)
            rules_note(rules, KEY_upstream_auth_body,
                       "%s is sent as it stands; only " AUTH_BODY_ID " and " AUTH_BODY_SECRET
                       " are filled in",
                       name);
        mem_free(name);
    }
}

/* A number may stand without quotes, and is valid only when it is filled in. */
static void valid_json(const struct rules *rules)
{
    const char *text = rules->upstream->auth_body;
    struct reason reason;

    if (text != NULL && auth_body_is_json(rules->upstream) &&
        json_scan(text, strlen(text), NULL, 0, NULL, &reason) != ERR_OK)
        rules_note(rules, KEY_upstream_auth_body, "begins like JSON, with a fault: %s",
                   reason.text);
}

/* RFC 8259, section 8.1. */
static void json_body(const struct rules *rules)
{
    const struct config_upstream *upstream = rules->upstream;

    if (upstream->auth_body == NULL || !auth_body_is_json(upstream) ||
        strstr(upstream->auth_body, AUTH_BODY_SECRET) == NULL)
        return;
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        const struct secret *secret = upstream->client_secrets[i];
        if (!text_is_utf8(secret_text(secret), secret_len(secret)))
            rules_wrong(rules, KEY_upstream_auth_body,
                        "cannot carry the client's secret, which is not UTF-8, as JSON must be");
    }
}

static void assertion_keys(const struct rules *rules)
{
    const enum config_key_index file = KEY_upstream_auth_key_file;

    if (!is_settled(rules))
        return;
    const bool signs = asks_to_sign(rules->upstream);
    if (!signs && rules_given(rules, file))
        rules_note(rules, file,
                   "is not used without auth_client = private_key_jwt or auth_flow = jwt_bearer");
    if (!signs && rules_given(rules, KEY_upstream_auth_key_id))
        rules_note(rules, KEY_upstream_auth_key_id, "is not used without auth_key_file");
    if (rules->upstream->auth_flow != AUTH_FLOW_JWT_BEARER &&
        rules_given(rules, KEY_upstream_auth_subject))
        rules_note(rules, KEY_upstream_auth_subject, "is not used without auth_flow = jwt_bearer");
}

static void tls_client(const struct rules *rules)
{
    if (is_settled(rules) && rules->upstream->auth_client == AUTH_CLIENT_TLS &&
        !rules_given(rules, KEY_upstream_client_certificate))
        rules_wrong(rules, KEY_upstream_auth_client,
                    "tls authenticates the client by its certificate; set client_certificate and "
                    "client_key");
}

static void auth_path(const struct rules *rules)
{
    if (rules_changed(rules, KEY_upstream_auth_path) && rules_given(rules, KEY_upstream_auth_url))
        rules_note(rules, KEY_upstream_auth_path, "is not used, for auth_url is set");
}

/* RFC 7617, section 2; client_credentials form-encodes the id first. */
static void basic_id(const struct rules *rules)
{
    const char *id = rules->upstream->client_id;

    if (id != NULL && strchr(id, ':') != NULL && is_settled(rules) &&
        rules->upstream->auth_flow == AUTH_FLOW_BASIC && auth_sends_basic(rules->upstream))
        rules_wrong(rules, KEY_upstream_client_id,
                    "\"%s\" holds a colon, which HTTP Basic cannot carry; use auth_flow = "
                    "client_credentials",
                    id);
}

rule *const rules_of_auth[] = {
    one_secret,      secret_is_used, flow_keys,  body_excludes, unknown_name, valid_json, json_body,
    assertion_needs, assertion_keys, tls_client, auth_path,     basic_id,     NULL,
};
