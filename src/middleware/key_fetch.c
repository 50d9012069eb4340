/*
 * The keys decide who is let in, so what brings them is held to more than a lookup: no redirect is
 * followed, nothing that is not a JWK set is taken for keys (an HTML page would make a fine HMAC
 * secret, known to everybody), the body is bounded, and so is the time. The query of the URL may
 * hold a key of its own; it goes to the server and nowhere else.
 *
 * The client is made as [upstream] says (how long to wait for a connection, the proxy), but without
 * what is meant for the upstream alone: its certificate and its headers. A server on this machine
 * is not asked through the proxy, which could not reach it.
 */
#include "middleware/key_fetch.h"

#include <string.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/web.h"
#include "middleware/max_age.h"
#include "runtime/ctx.h"
#include "runtime/trace.h"
#include "upstream/client.h"

#define KEY_FETCH_MAGIC 0x4b464554u

struct key_fetch {
    unsigned magic;
    struct loop *loop;
    struct client *client;
    char *url;    /* without its query */
    char *target; /* with it */
    key_fetch_done *done;
    void *arg;
    struct guid_source guids;

    /* The last usable set: one with the same bytes is not read again. */
    struct jwt_keys *keys; /* NULL: there was none */
    struct digest digest;

    /* The fetch under way. */
    struct ctx *ctx; /* NULL: none is */
    struct ctx_hook hook;
    struct timer *expired; /* the deadline has passed, and is about to be told */
};

/*
 * Time and proxy are those of the first upstream: [identity] has no keys for them, and there is one
 * way out of a network as a rule. The origin is the caller's to fill in.
 */
static struct client_settings settings_of(const struct config *config)
{
    struct client_settings settings = client_settings_from(&config->upstreams[0]);

    settings.retries = 0; /* the keeper decides when to ask again */
    settings.max_connections = 1;
    settings.ca_file = config->identity_key_ca_file;
    settings.client_certificate = NULL;
    settings.client_key = NULL;
    settings.client_key_password = NULL;
    if (web_url_is_loopback(config->identity_key_url)) {
        settings.proxy = NULL;
        settings.proxy_password = NULL;
    }
    return settings;
}

static char *target_of(const char *url)
{
    const char *path = origin_prefix(url);

    return mem_strdup(path[0] != '\0' ? path : "/");
}

enum err key_fetch_new(struct loop *loop, const struct config *config, key_fetch_done *done,
                       void *arg, struct key_fetch **out)
{
    struct key_fetch *fetch = mem_zalloc(sizeof(*fetch));
    const char *url = config->identity_key_url;
    struct client_settings settings = settings_of(config);
    char *origin = origin_of(url);

    settings.origin = origin;
    enum err err = client_new(loop, &settings, &fetch->client);
    mem_free(origin);
    if (err != ERR_OK) {
        mem_free(fetch);
        return err;
    }
    MAGIC_SET(fetch, KEY_FETCH_MAGIC);
    fetch->loop = loop;
    fetch->url = mem_strndup(url, strcspn(url, "?"));
    fetch->target = target_of(url);
    fetch->done = done;
    fetch->arg = arg;
    *out = fetch;
    return ERR_OK;
}

void key_fetch_free(struct key_fetch *fetch)
{
    MAGIC_OK(fetch, KEY_FETCH_MAGIC);
    client_unref(fetch->client);
    timer_stop(&fetch->expired);
    ctx_free(fetch->ctx);
    jwt_keys_unref(fetch->keys);
    mem_free(fetch->url);
    wipe_free_text(fetch->target);
    wipe(&fetch->guids, sizeof(fetch->guids));
    MAGIC_CLEAR(fetch);
    mem_free(fetch);
}

bool key_fetch_is_under_way(const struct key_fetch *fetch)
{
    MAGIC_OK(fetch, KEY_FETCH_MAGIC);
    return fetch->ctx != NULL;
}

const char *key_fetch_url(const struct key_fetch *fetch)
{
    MAGIC_OK(fetch, KEY_FETCH_MAGIC);
    return fetch->url;
}

struct digest key_fetch_digest(const struct config *config)
{
    EVP_MD_CTX *digest = digest_begin();
    const struct client_settings all = settings_of(config);
    const struct client_settings settings = {
        .ca_file = all.ca_file, .proxy = all.proxy, .proxy_password = all.proxy_password};

    client_settings_digest(digest, &settings);
    digest_add_text(digest, config->identity_key_url);
    return digest_end(digest);
}

/* ---- what a response means ---- */

/* The last thing to do with a fetch: `done` may free it. */
static void finish(struct key_fetch *fetch, const struct key_fetch_result *result)
{
    ctx_free(fetch->ctx);
    fetch->ctx = NULL;
    fetch->done(fetch->arg, result);
}

static void explain_failure(const struct upstream_response *response, struct reason *reason)
{
    const bool trust = response->error == CLIENT_CERTIFICATE;

    reason_set(reason, "the server %s%s", client_error_phrase(response->error),
               trust ? "; [identity] key_ca_file names the authorities to trust" : "");
}

static void explain_status(int status, struct reason *reason)
{
    if (status >= 300 && status < 400 && status != 304)
        reason_set(reason,
                   "the server answers %d, and no redirect is followed; write the address that it "
                   "leads to as key_url",
                   status);
    else
        reason_set(reason, "the server answers %d", status);
}

static struct digest digest_of(const struct upstream_response *response)
{
    EVP_MD_CTX *digest = digest_begin();

    digest_add(digest, response->body, response->body_len);
    return digest_end(digest);
}

/* To read a set takes milliseconds, in which the main loop does nothing else. */
static enum err read_keys(struct key_fetch *fetch, const struct upstream_response *response,
                          struct reason *reason)
{
    const struct digest digest = digest_of(response);
    struct jwt_keys *keys;

    if (fetch->keys != NULL && digest_same(&digest, &fetch->digest))
        return ERR_OK;
    enum err err = jwt_keys_new_set(response->body, response->body_len, reason, &keys);
    if (err != ERR_OK)
        return err;
    jwt_keys_unref(fetch->keys);
    fetch->keys = keys;
    fetch->digest = digest;
    return ERR_OK;
}

/* What there is to say of a response with status 200. */
static void judge_body(struct key_fetch *fetch, const struct upstream_response *response,
                       struct key_fetch_result *result, struct reason *reason)
{
    struct reason why;
    const char *coding = upstream_response_coding(response);
    enum err err = ERR_INVALID;

    if (coding != NULL)
        reason_set(&why, "it is compressed (%s)", coding);
    else
        err = read_keys(fetch, response, &why);
    if (err == ERR_OK) {
        result->keys = fetch->keys;
        result->digest = fetch->digest;
        result->max_age = max_age_of(response->headers[CLIENT_CACHE_CONTROL]);
        return;
    }
    reason_set(reason, "the server's answer is no usable JWK set: %s", why.text);
    result->unusable = true;
    result->withdrawn = err == ERR_NOT_FOUND;
}

static void on_response(void *arg, struct upstream_response *response)
{
    MAGIC_CAST(struct key_fetch, fetch, arg, KEY_FETCH_MAGIC);
    struct reason reason = {.text = ""};
    struct key_fetch_result result = {
        .max_age = -1, .reason = reason.text, .detail = "", .proxy_status = "http_protocol_error"};

    if (response->error != CLIENT_OK) {
        explain_failure(response, &reason);
        result.detail = response->detail;
        result.proxy_status = client_error_proxy_status(response->error);
    } else if (response->status != 200) {
        explain_status(response->status, &reason);
    } else {
        judge_body(fetch, response, &result, &reason);
    }
    finish(fetch, &result);
}

/* ---- its beginning, and its deadline ---- */

static void on_expired(void *arg)
{
    MAGIC_CAST(struct key_fetch, fetch, arg, KEY_FETCH_MAGIC);
    struct reason reason;
    char limit[DURATION_TEXT];

    fetch->expired = NULL;
    duration_format(KEY_FETCH_TIMEOUT, limit);
    reason_set(&reason, "the server did not answer within %s", limit);
    finish(fetch, &(struct key_fetch_result){.max_age = -1,
                                             .reason = reason.text,
                                             .detail = "",
                                             .proxy_status = "http_response_timeout"});
}

/* The context cannot be freed while it is being cancelled. */
static void on_deadline(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct key_fetch *fetch = CONTAINER_OF(hook, struct key_fetch, hook);

    (void)cause;
    MAGIC_OK(fetch, KEY_FETCH_MAGIC);
    fetch->expired = timer_start(fetch->loop, 0, on_expired, fetch);
}

void key_fetch_start(struct key_fetch *fetch)
{
    static const struct client_header headers[] = {
        {"Accept", "application/jwk-set+json, application/json"}};
    const struct client_request request = {
        .once = true,
        .target = fetch->target,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .max_response = KEY_FETCH_MAX,
    };
    char guid[GUID_UUID_TEXT];

    MAGIC_OK(fetch, KEY_FETCH_MAGIC);
    MUST(fetch->ctx == NULL);
    guid_make(&fetch->guids, guid);
    fetch->ctx = ctx_new(fetch->loop);
    ctx_set_guid(fetch->ctx, guid);
    fetch->hook = (struct ctx_hook){.cancelled = on_deadline};
    ctx_hook_add(fetch->ctx, &fetch->hook);
    ctx_set_deadline(fetch->ctx, mono_add(mono_now(), KEY_FETCH_TIMEOUT));
    log_debug(guid, "fetching the identity keys of %s", fetch->url);
    client_call(fetch->client, fetch->ctx, &request, on_response, fetch);
}
