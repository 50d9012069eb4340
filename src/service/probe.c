/*
 * The probe goes the way of the daemon: the same token service, the same source, the same lookup,
 * on one loop and in one thread, so that what it finds is what the daemon would meet. The service
 * is for one shot: whatever the upstream responds, one probe costs one token request. The keys of
 * [identity] key_url are fetched before it, once.
 */
#include "service/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/fleet.h"
#include "lookup/body.h"
#include "lookup/lookup.h"
#include "middleware/identity.h"
#include "middleware/key_fetch.h"
#include "runtime/trace.h"
#include "service/probe_report.h"
#include "service/wiring.h"
#include "token/service.h"
#include "upstream/client.h"

#define PROBE_MAGIC 0x50524f42u

struct probe {
    unsigned magic;
    struct config *config;
    const struct config_upstream *upstream; /* one of config's */
    struct config_route route;              /* to it alone */
    const struct postcode *postcode;        /* NULL: no lookup */
    struct loop *loop;
    struct key_fetch *keys; /* NULL: no key_url */
    struct token_service *tokens;
    bool granted;
    struct lookup_upstream side;
    struct lookup_shared shared;
    struct guid_source guids;
    struct ctx *ctx;
    struct lookup_stats stats;
    char token_type[TOKEN_TYPE_MAX + 1];
    struct buf outline; /* of the lookup's body */
    bool failed;
    bool keyless; /* the keys of identities could not be fetched */
};

static void end(struct probe *probe, bool well)
{
    probe->failed = !well;
    loop_stop(probe->loop);
}

/* ---- the keys of identities ---- */

static void keys_fetched(void *arg, const struct key_fetch_result *result)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    probe_report_keys(probe->keys, result);
    probe->keyless = result->keys == NULL;
    loop_stop(probe->loop);
}

/* Before the rest, whatever comes of it. */
static void fetch_keys(struct probe *probe)
{
    if (probe->keys == NULL)
        return;
    key_fetch_start(probe->keys);
    loop_run(probe->loop);
}

static enum err make_keys(struct probe *probe)
{
    if (!identity_has_url(probe->config))
        return ERR_OK;
    return key_fetch_new(probe->loop, probe->config, keys_fetched, probe, &probe->keys);
}

/* ---- the lookup ---- */

static void looked_up(void *arg, const struct lookup_result *result)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    const struct probe_lookup lookup = {
        .upstream = probe->upstream, .token_type = probe->token_type, .outline = &probe->outline};
    bool well = probe_report_result(&lookup, result);
    free(result->body);
    end(probe, well);
}

static void look_up(struct probe *probe)
{
    const struct config *config = probe->config;
    const struct lookup_query query = {.postcode = *probe->postcode,
                                       .user = "",
                                       .stats = &probe->stats,
                                       .outline = &probe->outline};
    char guid[GUID_UUID_TEXT];
    char trace[TRACEPARENT_TEXT];
    guid_make(&probe->guids, guid);
    trace_continue(&probe->guids, NULL, 0, trace);
    ctx_set_guid(probe->ctx, guid);
    ctx_set_trace(probe->ctx, trace, "");
    ctx_set_deadline(probe->ctx, mono_add(mono_now(), config->server_request_timeout));
    probe_report_lookup(probe->upstream, probe->postcode);
    lookup_start(&probe->shared, &probe->route, probe->ctx, &query, looked_up, probe);
}

/* ---- the token ---- */

static void responded(void *arg, const struct keeper_result *result,
                      const struct token_fetch_report *report)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    probe_report_response(probe->upstream, report);
    probe->granted = result->kind == KEEPER_GRANTED;
    snprintf(probe->token_type, sizeof(probe->token_type), "%s", report->type);
    if (probe->granted)
        probe_report_grant(probe->upstream,
                           config_fleet_is_set(probe->config) ? probe->config->fleet_renew : 0,
                           report);
    else
        probe_report_no_grant(probe->upstream, result, report);
}

static void changed(void *arg)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    if (probe->granted && probe->postcode != NULL)
        look_up(probe);
    else
        end(probe, probe->granted);
}

static void publish(void *arg, struct token_view *view)
{
    MAGIC_CAST(struct probe, probe, arg, PROBE_MAGIC);
    token_source_publish(probe->side.tokens, view);
}

/* ---- life ---- */

static enum err make_tokens(struct probe *probe)
{
    const struct token_service_ports ports = {
        .arg = probe, .publish = publish, .responded = responded, .changed = changed};
    const struct token_service_settings settings = {.loop = probe->loop,
                                                    .config = probe->config,
                                                    .upstream = probe->upstream,
                                                    .workers = 1,
                                                    .one_shot = true};
    enum err err = token_service_new(&settings, &ports, &probe->tokens);
    if (err == ERR_OK)
        probe->side.tokens =
            token_source_new(probe->loop, probe->loop, token_service_keeper(probe->tokens), 0, 1);
    return err;
}

static enum err make_client(struct probe *probe)
{
    struct client_settings settings = client_settings_from(probe->upstream);
    char *origin = origin_of(probe->upstream->address);
    settings.origin = origin;
    settings.max_connections = 1;
    settings.max_queue = 1;
    struct client *client = NULL;
    enum err err = client_new(probe->loop, &settings, &client);
    mem_free(origin);
    if (err != ERR_OK)
        return err;
    struct lookup_plan *plan = lookup_plan_new(probe->config);
    /* No lookup takes the ways to the other upstreams, but a plan has them. */
    for (size_t i = 0; i < plan->way_count; i++)
        plan->ways[i].side = &probe->side;
    plan->ways[probe->route.upstreams[0]].client = client;
    lookup_shared_use(&probe->shared, plan);
    return ERR_OK;
}

static void take_down(struct probe *probe)
{
    ctx_cancel(probe->ctx, CTX_DONE);
    ctx_free(probe->ctx);
    if (probe->tokens != NULL)
        token_service_stop(probe->tokens);
    lookup_shared_fini(&probe->shared);
    if (probe->keys != NULL)
        key_fetch_free(probe->keys);
    loop_drain(probe->loop);
    loop_free(probe->loop);
    if (probe->side.tokens != NULL)
        token_source_free(probe->side.tokens);
    token_service_free(probe->tokens);
    buf_fini(&probe->outline);
}

/* ---- its arguments ---- */

static const struct config_upstream *find_upstream(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (text_equal_ci(config->upstreams[i].name, name))
            return &config->upstreams[i];
    return NULL;
}

/* A list of the upstreams follows, whatever was wrong. */
static const struct config_upstream *complain_of_name(const struct config *config,
                                                      const char *problem, const char *name)
{
    fprintf(stderr, "postcoded: --probe: %s%s. There %s", problem, name,
            config->upstream_count == 1 ? "is" : "are");
    for (size_t i = 0; i < config->upstream_count; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", config->upstreams[i].name);
    fputs(": postcoded --probe NAME [POSTCODE], with a postcode in quotes.\n", stderr);
    return NULL;
}

/* NULL: that it cannot be told was said. *postcode: what is left of the arguments. */
static const struct config_upstream *choose(const struct config *config,
                                            const char *const arguments[PROBE_ARGUMENTS],
                                            const char **postcode)
{
    const char *first = arguments[0], *second = arguments[1];
    const bool several = config->upstream_count > 1;
    const struct config_upstream *named = first != NULL ? find_upstream(config, first) : NULL;
    *postcode = named != NULL ? second : first;
    if (named != NULL)
        return named;
    if (second != NULL || (several && first != NULL))
        return complain_of_name(config, "no upstream is called ", first);
    if (several)
        return complain_of_name(config, "which upstream? NAME is needed", "");
    return &config->upstreams[0];
}

/* False: it is none, which was said. */
static bool read_postcode(const struct config *config, const char *text, struct postcode *postcode)
{
    struct reason reason;

    if (postcode_parse(text, strlen(text), config->lookup_normalise, postcode, &reason) == ERR_OK)
        return true;
    fprintf(stderr, "postcoded: --probe: %s.\n", reason.text);
    return false;
}

/* A credential that config_load could not look at keeps its name in the place of a path. */
static bool is_lacking(const char *key, const char *path)
{
    static const char prefix[] = "credential:";
    if (path == NULL || strncmp(path, prefix, strlen(prefix)) != 0)
        return false;
    fprintf(stderr,
            "postcoded: --probe: %s = %s needs $CREDENTIALS_DIRECTORY, which is not set; export "
            "CREDENTIALS_DIRECTORY=DIR with the file %s in DIR\n",
            key, path, path + strlen(prefix));
    return true;
}

/* What a check can do without, and a request cannot. Each is told. */
static bool lacks_credentials(const struct config *config, const struct config_upstream *upstream)
{
    const struct config_secrets *secrets = &upstream->client_secret_file;
    bool lacks = is_lacking("ca_file", upstream->ca_file);
    lacks |= is_lacking("key_ca_file", config->identity_key_ca_file);
    lacks |= is_lacking("client_certificate", upstream->client_certificate);
    lacks |= is_lacking("client_key", upstream->client_key.path);
    lacks |= is_lacking("client_key_password_file", upstream->client_key_password_file.path);
    lacks |= is_lacking("proxy_password_file", upstream->proxy_password_file.path);
    lacks |= is_lacking("auth_key_file", upstream->auth_key_file.path);
    for (size_t i = 0; i < upstream->header_file.count; i++)
        lacks |= is_lacking("header_file", upstream->header_file.items[i].file.path);
    for (size_t i = 0; i < secrets->count; i++)
        lacks |= is_lacking("client_secret_file", secrets->files[i].path);
    return lacks;
}

enum exit_status probe_run(struct config *config, const char *const arguments[PROBE_ARGUMENTS])
{
    struct probe probe = {.magic = PROBE_MAGIC, .config = config};
    struct postcode postcode;
    const char *text;
    probe.upstream = choose(config, arguments, &text);
    if (probe.upstream == NULL)
        return EXIT_USAGE;
    probe.route = (struct config_route){.upstreams = {(size_t)(probe.upstream - config->upstreams)},
                                        .upstream_count = 1};
    if (text != NULL && !read_postcode(config, text, &postcode))
        return EXIT_USAGE;
    if (lacks_credentials(config, probe.upstream))
        return EXIT_CONFIGURATION;
    probe.postcode = text != NULL ? &postcode : NULL;
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (client_global_start() != ERR_OK) {
        fputs("postcoded: libcurl cannot be set up\n", stderr);
        return EXIT_START;
    }
    probe.loop = loop_new();
    if (probe.loop == NULL) {
        fputs("postcoded: the system provides no event loop\n", stderr);
        return EXIT_START;
    }
    probe.ctx = ctx_new(probe.loop);
    buf_init(&probe.outline, BODY_OUTLINE_MAX);
    bool made = make_tokens(&probe) == ERR_OK && make_client(&probe) == ERR_OK &&
                make_keys(&probe) == ERR_OK;
    if (made) {
        fetch_keys(&probe);
        probe_report_endpoint(probe.upstream);
        token_service_start(probe.tokens);
        loop_run(probe.loop);
    }
    take_down(&probe);
    client_global_stop();
    if (!made)
        fputs("postcoded: the TLS files of the upstream or of key_url cannot be used\n", stderr);
    else if (!probe.failed && probe.keyless)
        probe_report_no_keys();
    else if (!probe.failed)
        probe_report_success(probe.postcode != NULL);
    return made && !probe.failed && !probe.keyless ? EXIT_WELL : EXIT_CONFIGURATION;
}
