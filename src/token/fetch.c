/*
 * One token request: at most two exchanges with the endpoint, one for each secret, under one
 * deadline. It runs under a root context of its own, for it is made for everybody who waits, and
 * the lookup that caused it may leave (contract 3). What comes out is put in the keeper's terms:
 * whether there was a response at all, and whether it blamed the credentials.
 *
 * The words of a reason are ours, but for what the server says of an error (on one line, what it
 * repeats of a secret masked: token/response_error.h) and libcurl's.
 */
#include "token/fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/trace.h"
#include "token/assertions.h"
#include "token/credentials.h"
#include "token/encoding.h"
#include "token/outcome.h"
#include "token/request.h"
#include "upstream/client.h"

#define FETCH_MAGIC 0xfe7c0001u
/* Ours, and what header.NAME adds. */
#define HEADERS_MAX (5 + CONFIG_HEADERS_MAX)

struct token_fetch {
    unsigned magic;
    struct loop *loop;
    struct config *config;
    const struct config_upstream *upstream; /* one of config's */
    struct client *client;
    struct token_fetch_ports ports;
    struct assertions *assertions;
    char *target; /* path of the endpoint */
    struct guid_source guids;
    size_t preferred; /* the secret that last worked */

    /* The request under way, or the last. */
    struct ctx *ctx; /* NULL: none is under way */
    struct ctx_hook hook;
    struct timer *expired; /* the deadline has passed, and is about to be told */
    struct mono_time started;
    struct mono_time sent;
    size_t secret;
    struct token_fetch_report report;
    char *reason;        /* NULL: none so far */
    bool useless_logged; /* that the endpoint gives no lifetime that is of use */
};

__attribute__((format(printf, 2, 3))) static void explain(struct token_fetch *fetch,
                                                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    mem_free(fetch->reason);
    fetch->reason = mem_vprintf(format, args);
    va_end(args);
}

static const char *endpoint(const struct config_upstream *upstream)
{
    return upstream->auth_url != NULL ? upstream->auth_url : upstream->address;
}

static char *endpoint_target(const struct config_upstream *upstream)
{
    const char *path = origin_prefix(endpoint(upstream));

    if (upstream->auth_url == NULL)
        return mem_printf("%s%s", path, upstream->auth_path);
    return mem_strdup(path[0] != '\0' ? path : "/");
}

enum err token_fetch_new(struct loop *loop, struct config *config,
                         const struct config_upstream *upstream,
                         const struct token_fetch_ports *ports, struct token_fetch **out)
{
    struct token_fetch *fetch = mem_zalloc(sizeof(*fetch));
    struct client_settings settings = client_settings_from(upstream);
    char *origin = origin_of(endpoint(upstream));

    MUST(upstream->client_secret_count > 0);
    /* The keeper decides when to ask again, not the client. */
    settings.retries = 0;
    settings.origin = origin;
    settings.max_connections = 1;
    enum err err = client_new(loop, &settings, &fetch->client);
    mem_free(origin);
    if (err == ERR_OK)
        err = assertions_new(upstream, &fetch->assertions);
    if (err != ERR_OK) {
        client_unref(fetch->client);
        mem_free(fetch);
        return err;
    }
    MAGIC_SET(fetch, FETCH_MAGIC);
    fetch->loop = loop;
    fetch->config = config_ref(config);
    fetch->upstream = upstream;
    fetch->ports = *ports;
    fetch->target = endpoint_target(upstream);
    *out = fetch;
    return ERR_OK;
}

void token_fetch_free(struct token_fetch *fetch)
{
    MAGIC_OK(fetch, FETCH_MAGIC);
    client_unref(fetch->client);
    assertions_free(fetch->assertions);
    timer_stop(&fetch->expired);
    ctx_free(fetch->ctx);
    config_unref(fetch->config);
    mem_free(fetch->target);
    mem_free(fetch->reason);
    wipe(&fetch->guids, sizeof(fetch->guids));
    MAGIC_CLEAR(fetch);
    mem_free(fetch);
}

void token_fetch_prefer(struct token_fetch *fetch, size_t secret)
{
    MAGIC_OK(fetch, FETCH_MAGIC);
    MUST(secret < fetch->upstream->client_secret_count);
    fetch->preferred = secret;
}

struct digest token_fetch_digest(const struct config *config,
                                 const struct config_upstream *upstream)
{
    EVP_MD_CTX *digest = digest_begin();
    const struct client_settings settings = client_settings_from(upstream);

    client_settings_digest(digest, &settings);
    digest_add_number(digest, upstream->auth_timeout);
    digest_add_number(digest, upstream->auth_token_default_lifetime);
    digest_add_number(digest, upstream->auth_client);
    digest_add_number(digest, upstream->authenticates);
    digest_add_number(digest, upstream->auth_method);
    digest_add_text(digest, upstream->auth_key_id);
    digest_add_text(digest, config->tracker_header);
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        struct secret *key = credentials_key(upstream, i);
        digest_add(digest, secret_bytes(key), secret_len(key));
        secret_unref(key);
    }
    return digest_end(digest);
}

const struct token_fetch_report *token_fetch_report(const struct token_fetch *fetch)
{
    MAGIC_OK(fetch, FETCH_MAGIC);
    return &fetch->report;
}

/* The last thing to do with a fetch: `done` may free it. */
static void finish(struct token_fetch *fetch, struct keeper_result *result)
{
    struct mono_time sent = fetch->sent;

    fetch->report.duration = mono_diff(mono_now(), fetch->started);
    ctx_free(fetch->ctx);
    fetch->ctx = NULL;
    if (result->kind != KEEPER_GRANTED)
        result->reason = fetch->reason;
    result->guid = fetch->report.guid;
    log_write_fields(LOG_LEVEL_DEBUG, fetch->report.guid,
                     &LOG_TEXT("upstream", fetch->upstream->name), 1,
                     "token request ended with status %d after %u request(s)", fetch->report.status,
                     fetch->report.requests);
    fetch->ports.done(fetch->ports.arg, result, sent);
}

/* Once: an endpoint that gives none never gives one. */
static void log_useless(struct token_fetch *fetch)
{
    char lifetime[DURATION_TEXT];

    if (fetch->useless_logged)
        return;
    fetch->useless_logged = true;
    duration_format(fetch->upstream->auth_token_default_lifetime, lifetime);
    log_write_fields(LOG_LEVEL_WARNING, fetch->report.guid,
                     &LOG_TEXT("upstream", fetch->upstream->name), 1,
                     "the token endpoint gives %s less than one second, or a time that has passed; "
                     "auth_token_default_lifetime applies: %s",
                     token_response_rules(fetch->upstream, wall_now()).lifetime, lifetime);
}

static void note_grant(struct token_fetch *fetch, const struct token_response *granted)
{
    fetch->preferred = fetch->secret;
    fetch->report.lifetime = granted->grant.lifetime;
    fetch->report.lifetime_from = granted->lifetime;
    snprintf(fetch->report.type, sizeof(fetch->report.type), "%s", granted->grant.type);
    if (granted->lifetime == LIFETIME_USELESS)
        log_useless(fetch);
}

static bool has_another_secret(const struct token_fetch *fetch)
{
    const struct token_fetch_ports *ports = &fetch->ports;

    return fetch->report.requests < fetch->upstream->client_secret_count &&
           (ports->may_repeat == NULL || ports->may_repeat(ports->arg, fetch->report.guid));
}

static void use_outcome(struct token_fetch *fetch, struct token_outcome *outcome)
{
    struct keeper_result result = {.kind = outcome->kind,
                                   .cause = outcome->cause,
                                   .event = outcome->event,
                                   .retry_after = outcome->retry_after,
                                   .grant = outcome->granted.grant};

    mem_free(fetch->reason);
    fetch->reason = outcome->reason;
    outcome->reason = NULL;
    fetch->report.failure = outcome->failure;
    fetch->report.key = outcome->key;
    memcpy(fetch->report.error, outcome->error, sizeof(fetch->report.error));
    if (outcome->kind == KEEPER_GRANTED)
        note_grant(fetch, &outcome->granted);
    finish(fetch, &result);
}

static void send_request(struct token_fetch *fetch);

static void on_response(void *arg, struct upstream_response *response)
{
    MAGIC_CAST(struct token_fetch, fetch, arg, FETCH_MAGIC);
    struct token_outcome outcome;

    fetch->sent = response->sent;
    fetch->report.status = response->status;
    token_outcome_init(&outcome, fetch->upstream, response);
    if (outcome.may_be_the_secret && has_another_secret(fetch)) {
        fetch->secret = 1 - fetch->secret;
        send_request(fetch);
    } else {
        use_outcome(fetch, &outcome);
    }
    token_outcome_fini(&outcome);
}

/* What is the same in all requests, and the operator's own fields. */
static size_t make_headers(const struct token_fetch *fetch, const struct token_request *request,
                           struct client_header headers[])
{
    const struct config_upstream *upstream = fetch->upstream;
    const struct client_header ours[] = {
        {"Authorization", request->authorization},
        {"Content-Type", request->content_type},
        {"Accept", "application/json"},
        {fetch->config->tracker_header, ctx_guid(fetch->ctx)},
        {"traceparent", ctx_traceparent(fetch->ctx)},
    };

    memcpy(headers, ours, sizeof(ours));
    for (size_t i = 0; i < upstream->header_count; i++)
        headers[ARRAY_LEN(ours) + i] =
            (struct client_header){upstream->headers[i].name, upstream->headers[i].value};
    return ARRAY_LEN(ours) + upstream->header_count;
}

/* The endpoint's target, with the parameters of a GET, in memory that is wiped. */
static void make_target(const struct token_fetch *fetch, const struct token_request *request,
                        struct buf *target)
{
    buf_init_secret(target, ENCODING_MAX);
    buf_puts(target, fetch->target);
    if (request->query.len > 0) {
        buf_putc(target, strchr(fetch->target, '?') != NULL ? '&' : '?');
        buf_append(target, request->query.data, request->query.len);
    }
    MUST(target->err == ERR_OK);
}

static void note_request(struct token_fetch *fetch)
{
    const char *url = endpoint(fetch->upstream);

    fetch->report.requests++;
    fetch->report.secret = (unsigned)fetch->secret + 1;
    fetch->report.status = 0;
    fetch->sent = mono_now();
    log_write_fields(
        LOG_LEVEL_DEBUG, fetch->report.guid, &LOG_TEXT("upstream", fetch->upstream->name), 1,
        "token request to %.*s of %.*s with secret %u", (int)strcspn(fetch->target, "?"),
        fetch->target, (int)strcspn(url, "?"), url, fetch->report.secret);
}

static void call_endpoint(struct token_fetch *fetch, const struct token_assertions *signed_now)
{
    struct token_request request;
    struct client_header headers[HEADERS_MAX];
    struct buf target;

    token_request_init(&request, fetch->upstream, fetch->secret, signed_now);
    make_target(fetch, &request, &target);
    const struct client_request call = {
        .once = true,
        .post = fetch->upstream->auth_method == AUTH_METHOD_POST,
        .target = buf_text(&target),
        .headers = headers,
        .header_count = make_headers(fetch, &request, headers),
        .body = request.body.data,
        .body_len = request.body.len,
        .max_response = TOKEN_RESPONSE_MAX,
    };

    client_call(fetch->client, fetch->ctx, &call, on_response, fetch);
    buf_fini(&target);
    token_request_fini(&request);
}

static void on_unsigned(void *arg)
{
    MAGIC_CAST(struct token_fetch, fetch, arg, FETCH_MAGIC);
    struct keeper_result result = {.kind = KEEPER_NO_RESPONSE,
                                   .cause = {.kind = TOKEN_CAUSE_UNSIGNED}};

    fetch->expired = NULL;
    explain(fetch, "the assertion could not be signed");
    finish(fetch, &result);
}

static void send_request(struct token_fetch *fetch)
{
    struct token_assertions signed_now;

    note_request(fetch);
    if (assertions_sign(fetch->assertions, wall_now(), &signed_now))
        call_endpoint(fetch, &signed_now);
    else
        fetch->expired = timer_start(fetch->loop, 0, on_unsigned, fetch);
    assertions_wipe(&signed_now);
}

static void on_expired(void *arg)
{
    MAGIC_CAST(struct token_fetch, fetch, arg, FETCH_MAGIC);
    struct keeper_result result = {.kind = KEEPER_NO_RESPONSE,
                                   .cause = {.kind = TOKEN_CAUSE_TIMED_OUT}};
    char limit[DURATION_TEXT];

    fetch->expired = NULL;
    duration_format(fetch->upstream->auth_timeout, limit);
    explain(fetch, "the token endpoint did not respond within %s", limit);
    finish(fetch, &result);
}

/* The context cannot be freed while it is being cancelled. */
static void on_deadline(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct token_fetch *fetch = CONTAINER_OF(hook, struct token_fetch, hook);

    (void)cause;
    MAGIC_OK(fetch, FETCH_MAGIC);
    fetch->expired = timer_start(fetch->loop, 0, on_expired, fetch);
}

bool token_fetch_is_under_way(const struct token_fetch *fetch)
{
    MAGIC_OK(fetch, FETCH_MAGIC);
    return fetch->ctx != NULL;
}

void token_fetch_start(struct token_fetch *fetch, const char *guid)
{
    char fresh[GUID_UUID_TEXT];
    char traceparent[TRACEPARENT_TEXT];

    MAGIC_OK(fetch, FETCH_MAGIC);
    MUST(fetch->ctx == NULL);
    if (guid == NULL)
        guid_make(&fetch->guids, fresh);
    trace_continue(&fetch->guids, NULL, 0, traceparent);
    fetch->report = (struct token_fetch_report){.status = 0};
    snprintf(fetch->report.guid, sizeof(fetch->report.guid), "%s", guid != NULL ? guid : fresh);
    mem_free(fetch->reason);
    fetch->reason = NULL;
    fetch->secret = fetch->preferred;
    fetch->started = mono_now();
    fetch->ctx = ctx_new(fetch->loop);
    ctx_set_guid(fetch->ctx, fetch->report.guid);
    ctx_set_trace(fetch->ctx, traceparent, NULL);
    fetch->hook = (struct ctx_hook){.cancelled = on_deadline};
    ctx_hook_add(fetch->ctx, &fetch->hook);
    ctx_set_deadline(fetch->ctx, mono_add(fetch->started, fetch->upstream->auth_timeout));
    send_request(fetch);
}
