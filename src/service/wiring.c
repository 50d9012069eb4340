/*
 * Digests and not comparisons, because the files that a setting names may have changed under an
 * unchanged name, and only what was in them at the time can tell. A file that cannot be read counts
 * as an empty one: that it cannot be used has been said elsewhere (setup_read).
 */
#include "service/wiring.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "token/credentials.h"
#include "upstream/call.h"

const struct config_upstream *wiring_upstream(const struct config *config)
{
    MUST(config->upstream_count == 1);
    return &config->upstreams[0];
}

struct keeper_settings wiring_keeper(const struct config *config,
                                     const struct config_upstream *upstream)
{
    return (struct keeper_settings){
        .upstream = upstream->name,
        .index = upstream->index,
        .store_key = upstream->auth_token_key,
        .early_expiry = upstream->auth_token_early_expiry,
        .prefetch = upstream->auth_prefetch,
        .budget = upstream->auth_budget,
        .workers = (size_t)config->server_workers,
    };
}

struct client_settings wiring_client(const struct config *config,
                                     const struct config_upstream *upstream, const char *origin,
                                     size_t workers)
{
    struct client_settings settings = client_settings_from(upstream);
    settings.origin = origin;
    settings.max_connections = ((size_t)upstream->max_connections + workers - 1) / workers;
    settings.max_queue = (size_t)config->server_max_in_flight;
    settings.counted = true;
    return settings;
}

/* ---- digests ---- */

static void add_number(EVP_MD_CTX *digest, int64_t number)
{
    digest_add(digest, &number, sizeof(number));
}

static void add_file(EVP_MD_CTX *digest, const char *path)
{
    char block[4096];
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    digest_add_text(digest, path);
    if (file == NULL)
        return;
    for (size_t n; (n = fread(block, 1, sizeof(block), file)) > 0;)
        digest_add(digest, block, n);
    fclose(file);
}

static void add_client(EVP_MD_CTX *digest, const struct client_settings *settings)
{
    digest_add_text(digest, settings->origin);
    add_number(digest, settings->connect_timeout);
    add_number(digest, settings->connection_max_age);
    add_number(digest, (int64_t)settings->max_connections);
    add_number(digest, (int64_t)settings->max_queue);
    add_number(digest, settings->retries);
    add_file(digest, settings->ca_file);
    add_file(digest, settings->client_certificate);
    if (settings->client_key != NULL)
        digest_add(digest, secret_bytes(settings->client_key), secret_len(settings->client_key));
    digest_add_text(digest, settings->proxy);
}

struct digest wiring_client_digest(const struct config *config,
                                   const struct config_upstream *upstream, size_t workers)
{
    EVP_MD_CTX *digest = digest_begin();
    char *origin = origin_of(upstream->address);
    const struct client_settings settings = wiring_client(config, upstream, origin, workers);
    add_client(digest, &settings);
    mem_free(origin);
    return digest_end(digest);
}

struct digest wiring_fetch_digest(const struct config *config,
                                  const struct config_upstream *upstream)
{
    EVP_MD_CTX *digest = digest_begin();
    const struct client_settings settings = client_settings_from(upstream);
    add_client(digest, &settings);
    add_number(digest, upstream->auth_timeout);
    add_number(digest, upstream->auth_token_default_lifetime);
    add_number(digest, upstream->auth_client);
    digest_add_text(digest, config->tracker_header);
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        struct secret *key = credentials_key(upstream, i);
        digest_add(digest, secret_bytes(key), secret_len(key));
        secret_unref(key);
    }
    return digest_end(digest);
}
