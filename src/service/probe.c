/*
 * The probe goes the way of the daemon: the same keeper, the same source, the same lookup, on one
 * loop and in one thread, so that what it finds is what the daemon would meet. The keeper gets no
 * budget: whatever the upstream answers, one probe costs one token request.
 */
#include "service/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "lookup/find_address.h"
#include "runtime/trace.h"
#include "token/fetch.h"
#include "upstream/origin.h"

#define PROBE_MAGIC 0x50524f42u
/* Requests a day that a lifetime leads to, over which a person is told. */
#define MANY_A_DAY 1440
#define SLOW (1 * SECOND)

struct probe {
    unsigned magic;
    struct config *config;
    const char *postcode;
    struct loop *loop;
    struct store *store;
    struct keeper *keeper;
    struct token_fetch *fetch;
    struct finder finder;
    struct guid_source guids;
    struct ctx *ctx;
    bool failed;
};

static const char *span(int64_t ns, char out[CLOCK_TEXT])
{
    duration_format(ns >= 10 * SECOND ? ns - ns % SECOND : ns, out);
    return out;
}

static void end(struct probe *probe, bool well)
{
    probe->failed = !well;
    loop_stop(probe->loop);
}

/* ---- the lookup ---- */

static const char *advise_on_lookup(const struct find_result *result)
{
    switch (result->outcome) {
    case FIND_ADDRESS:
    case FIND_NOT_MODIFIED:
        return "";
    case FIND_UNKNOWN:
        return "no such postcode there, or [upstream] lookup_path is wrong";
    case FIND_INVALID:
        return "the upstream takes it for no postcode";
    case FIND_REFUSED:
        return "the upstream refused the token: look at the client's rights, and whether "
               "[upstream] "
               "address belongs to this token endpoint";
    case FIND_RATE_LIMITED:
    case FIND_BUSY:
        return "the upstream wants to be asked later";
    case FIND_MALFORMED:
        return "the answer is no address: look at [upstream] lookup_path and max_response_size";
    case FIND_UPSTREAM_STATUS:
        return "look at [upstream] address and lookup_path";
    case FIND_FAILED:
        return "look at [upstream] address, ca_file and the network";
    case FIND_NO_TOKEN:
        return "the token could not be used";
    }
    return "";
}

static void looked_up(void *arg, const struct find_result *result)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    const bool well = result->outcome == FIND_ADDRESS;
    char took[CLOCK_TEXT];
    if (well)
        printf("lookup         200 in %s: an address of %zu bytes\n",
               span(result->upstream_duration, took), result->body_len);
    else if (result->outcome == FIND_FAILED)
        printf("lookup         failed: the upstream %s; %s\n", client_error_phrase(result->error),
               advise_on_lookup(result));
    else
        printf("lookup         %d: %s%s%s\n", result->status, advise_on_lookup(result),
               result->problem == NULL ? "" : ": ", result->problem == NULL ? "" : result->problem);
    free(result->body);
    end(probe, well);
}

static void look_up(struct probe *probe)
{
    const struct config *config = probe->config;
    struct find_query query = {.user = ""};
    if (postcode_parse(probe->postcode, strlen(probe->postcode), config->lookup_normalise,
                       &query.postcode) != ERR_OK) {
        printf("lookup         \"%s\" is no postcode: 1 to 16 letters, digits, spaces, hyphens\n",
               probe->postcode);
        end(probe, false);
        return;
    }
    char guid[GUID_UUID_TEXT];
    char trace[TRACEPARENT_TEXT];
    guid_make(&probe->guids, guid);
    trace_continue(&probe->guids, NULL, 0, trace);
    ctx_set_guid(probe->ctx, guid);
    ctx_set_trace(probe->ctx, trace, "");
    ctx_set_deadline(probe->ctx, mono_add(mono_now(), config->server_request_timeout));
    printf("lookup of      %s%s%s\n", config->upstream_address, config->upstream_lookup_path,
           query.postcode.encoded);
    find_address(&probe->finder, probe->ctx, &query, looked_up, probe);
}

/* ---- the token ---- */

static void tell_grant(const struct probe *probe, const struct token_fetch_report *report)
{
    const int64_t configured = probe->config->upstream_auth_token_early_expiry;
    const struct token_margins most = token_margins(report->lifetime, configured, 0);
    const struct token_margins least = token_margins(report->lifetime, configured, UINT32_MAX);
    char a[CLOCK_TEXT], b[CLOCK_TEXT], c[CLOCK_TEXT];
    printf("token type     %s\n", report->type);
    printf("lifetime       %s (%s)\n", span(report->lifetime, a),
           report->lifetime_given ? "expires_in" : "auth_token_default_lifetime");
    printf("early expiry   replaced %s to %s before it expires; not used in its last %s\n",
           span(least.early, a), span(most.early, b), span(most.unusable, c));
    if (most.shrunk)
        printf("odd            auth_token_early_expiry = %s is over 20 %% of the lifetime: it "
               "applies as above\n",
               span(configured, a));
    if (!report->lifetime_given)
        printf(
            "odd            the reply has no expires_in: is auth_token_default_lifetime right?\n");
    if (strcmp(report->type, "Bearer") != 0)
        printf("odd            the token type is not Bearer: it is sent as it came\n");
    if (report->lifetime >= TOKEN_LIFETIME_MAX)
        printf("odd            longer lifetimes than 24h are taken for 24h\n");
    const int64_t a_day = 24 * HOUR / (report->lifetime - most.early);
    if (a_day > MANY_A_DAY)
        printf("odd            so short a lifetime means about %lld token requests a day: does "
               "the quota allow it?\n",
               (long long)a_day);
}

static void tell_way(const struct probe *probe, const struct token_fetch_report *report)
{
    const struct config *config = probe->config;
    char took[CLOCK_TEXT];
    if (report->status != 0)
        printf("answer         %d in %s\n", report->status, span(report->duration, took));
    if (report->duration > SLOW)
        printf("odd            it took over a second\n");
    if (report->requests > 1)
        printf("odd            the first secret was refused, the %s one was tried\n",
               report->secret == 2 ? "second" : "first");
    else if (config->client_secret_count > 1)
        printf("secret         number %u of 2 was tried\n", report->secret);
}

static const char *advise_on_token(const struct keeper_result *result, int status)
{
    if (result->outcome == KEEPER_NO_ANSWER)
        return "look at [upstream] address or auth_url, auth_timeout, ca_file, proxy and the "
               "network";
    if (result->outcome == KEEPER_CREDENTIALS)
        return "look at [upstream] client_id and the client's secret, auth_flow, auth_client and "
               "auth_scope";
    if (status == 404 || status == 405 || (status >= 300 && status < 400))
        return "look at [upstream] auth_path or auth_url, and auth_flow";
    if (status == 200 || status == 201)
        return "is this a token endpoint? look at [upstream] auth_path or auth_url";
    return "the token endpoint is in trouble; the daemon would go on trying";
}

static void fetched(void *arg, const struct keeper_result *result, struct mono_time sent)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    const struct token_fetch_report *report = token_fetch_report(probe->fetch);
    tell_way(probe, report);
    if (result->outcome != KEEPER_GRANTED) {
        printf("failed         %s; %s\n", result->problem, advise_on_token(result, report->status));
        end(probe, false);
        return;
    }
    tell_grant(probe, report);
    keeper_fetched(probe->keeper, result, sent, mono_now());
    if (probe->postcode == NULL)
        end(probe, true);
    else
        look_up(probe);
}

/* ---- ports of the keeper: nothing is planned here, so no alarm ---- */

static void port_fetch(void *arg, const char *guid)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    token_fetch_start(probe->fetch, guid);
}

static void port_publish(void *arg, struct token_view *view)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    token_source_publish(probe->finder.tokens, view);
}

static void port_wake(void *arg, struct mono_time when)
{
    (void)arg;
    (void)when;
}

static uint32_t port_random(void *arg)
{
    (void)arg;
    return 0;
}

/* ---- life ---- */

static void make_keeper(struct probe *probe)
{
    const struct config *config = probe->config;
    const struct keeper_ports ports = {.arg = probe,
                                       .fetch = port_fetch,
                                       .publish = port_publish,
                                       .wake = port_wake,
                                       .random = port_random};
    const struct keeper_settings settings = {
        .upstream = config->upstream_name,
        .store_key = config->upstream_auth_token_key,
        .early_expiry = config->upstream_auth_token_early_expiry,
        .prefetch = true,
        .budget = 0,
        .workers = 1,
    };
    probe->store = store_new(1);
    probe->keeper = keeper_new(&settings, &ports, probe->store);
    probe->finder.tokens = token_source_new(probe->loop, probe->loop, probe->keeper, 0, 1);
}

static enum err make_clients(struct probe *probe)
{
    struct client_settings settings = client_settings_from(probe->config);
    char *origin = origin_of(probe->config->upstream_address);
    settings.origin = origin;
    settings.max_connections = 1;
    settings.max_queue = 1;
    struct pool *pool = NULL;
    enum err err = pool_new(probe->loop, &settings, &pool);
    mem_free(origin);
    if (err != ERR_OK)
        return err;
    finder_init(&probe->finder, probe->finder.tokens, probe->config, pool);
    pool_unref(pool);
    return token_fetch_new(probe->loop, probe->config, fetched, probe, &probe->fetch);
}

static void take_down(struct probe *probe)
{
    ctx_cancel(probe->ctx, CTX_DONE);
    ctx_free(probe->ctx);
    if (probe->fetch != NULL)
        token_fetch_free(probe->fetch);
    finder_fini(&probe->finder);
    loop_drain(probe->loop);
    loop_free(probe->loop);
    keeper_free(probe->keeper);
    token_source_free(probe->finder.tokens);
    store_free(probe->store);
}

enum exit_status probe_run(struct config *config, const char *postcode)
{
    struct probe probe = {.magic = PROBE_MAGIC, .config = config, .postcode = postcode};
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    client_global_start();
    probe.loop = loop_new();
    if (probe.loop == NULL) {
        fputs("postcoded: no event loop can be had from the system\n", stderr);
        return EXIT_START;
    }
    probe.ctx = ctx_new(probe.loop);
    make_keeper(&probe);
    bool made = make_clients(&probe) == ERR_OK;
    if (made) {
        if (config->upstream_auth_url != NULL)
            printf("token endpoint %s\n", config->upstream_auth_url);
        else
            printf("token endpoint %s%s\n", config->upstream_address, config->upstream_auth_path);
        keeper_start(probe.keeper, mono_now());
        loop_run(probe.loop);
    }
    take_down(&probe);
    client_global_stop();
    bool well = made && !probe.failed;
    printf("verdict        %s\n", well ? "well" : "not well");
    return well ? EXIT_WELL : EXIT_CONFIGURATION;
}
