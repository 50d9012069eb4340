/*
 * What is made of several keys of an upstream, so that nobody else need know which key it came
 * from.
 */
#include "config/gather.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/route_index.h"

/* The key that is made from the upstream's name. */
static void default_token_key(struct snapshot *snapshot, size_t i)
{
    struct config_upstream *upstream = &snapshot->config.upstreams[i];
    struct snapshot_origin *origin =
        snapshot_origin(snapshot, &config_keys[KEY_upstream_auth_token_key], i);

    if (origin->given)
        return;
    upstream->auth_token_key = mem_printf("%s_auth_token", upstream->name);
    origin->text = mem_strdup(upstream->auth_token_key);
}

/*
 * Printed, the default of a key that is used only when it is given would be read back as given. So
 * it is printed as unset.
 */
static void hide_default(struct snapshot *snapshot, enum config_key_index key, size_t i)
{
    struct snapshot_origin *origin = snapshot_origin(snapshot, &config_keys[key], i);

    if (origin->given)
        return;
    mem_free(origin->text);
    origin->text = mem_strdup("");
}

static void hide_defaults(struct snapshot *snapshot, size_t i)
{
    const struct config_upstream *upstream = &snapshot->config.upstreams[i];

    if (upstream->lookup_target.text != NULL)
        hide_default(snapshot, KEY_upstream_lookup_path, i);
    if (upstream->auth_flow == AUTH_FLOW_JWT_BEARER)
        hide_default(snapshot, KEY_upstream_auth_client, i);
}

static void add_secret(struct config_upstream *upstream, struct secret *secret)
{
    if (secret != NULL && upstream->client_secret_count < ARRAY_LEN(upstream->client_secrets))
        upstream->client_secrets[upstream->client_secret_count++] = secret_ref(secret);
}

/* What proves who the client is, where it is no client secret. */
static struct secret *other_proof(const struct config_upstream *upstream)
{
    if (upstream->auth_key_file.bytes != NULL)
        return secret_ref(upstream->auth_key_file.bytes);
    if (upstream->auth_client == AUTH_CLIENT_TLS && upstream->client_key.bytes != NULL)
        return secret_ref(upstream->client_key.bytes);
    return secret_new("", 0);
}

/* The secrets of either key, in one place. */
static void gather_secrets(struct config_upstream *upstream)
{
    add_secret(upstream, upstream->client_secret);
    for (size_t i = 0; i < upstream->client_secret_file.count; i++)
        add_secret(upstream, upstream->client_secret_file.files[i].bytes);
    if (upstream->client_secret == NULL && upstream->client_secret_file.count == 0)
        upstream->client_secrets[upstream->client_secret_count++] = other_proof(upstream);
}

static void add_header(struct config_upstream *upstream, const char *name, const char *value)
{
    if (value != NULL && upstream->header_count < CONFIG_HEADERS_MAX)
        upstream->headers[upstream->header_count++] =
            (struct config_header){.name = name, .value = value};
}

/* The fields of both families, in one list. A credential that was not looked at has no value. */
static void gather_headers(struct config_upstream *upstream)
{
    for (size_t i = 0; i < upstream->header.count; i++)
        add_header(upstream, upstream->header.items[i].name, upstream->header.items[i].value);
    for (size_t i = 0; i < upstream->header_file.count; i++) {
        const struct config_header_file *item = &upstream->header_file.items[i];
        add_header(upstream, item->name,
                   item->file.bytes != NULL ? secret_text(item->file.bytes) : NULL);
    }
}

void gather_upstream(struct snapshot *snapshot, size_t i)
{
    struct config_upstream *upstream = &snapshot->config.upstreams[i];

    default_token_key(snapshot, i);
    upstream->authenticates =
        snapshot_origin(snapshot, &config_keys[KEY_upstream_auth_client], i)->given;
    gather_secrets(upstream);
    gather_headers(upstream);
    hide_defaults(snapshot, i);
}

static void add_way(const struct config *config, struct config_route *route, const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (text_equal_ci(config->upstreams[i].name, name) &&
            route->upstream_count < CONFIG_UPSTREAMS_MAX)
            route->upstreams[route->upstream_count++] = i;
    }
}

/* The built-in route goes to the only upstream; rules.h says what is wrong where there are more. */
static void gather_route(const struct config *config, struct config_route *route)
{
    for (size_t i = 0; i < route->upstream.count; i++)
        add_way(config, route, route->upstream.items[i]);
    if (route->name[0] == '\0' && config->upstream_count > 0)
        add_way(config, route, config->upstreams[0].name);
}

void gather_routes(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;

    for (size_t i = 0; i < config->route_count; i++)
        gather_route(config, &config->routes[i]);
    config->route_index = route_index_new(config);
}
