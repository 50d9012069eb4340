/*
 * Digests and not comparisons, because the files that a setting names may have changed under an
 * unchanged name, and only what was in them at the time can tell. A file that cannot be read counts
 * as an empty one: that it cannot be used has been said elsewhere (setup_read).
 */
#include "service/wiring.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "token/credentials.h"
#include "upstream/call.h"

struct keeper_settings wiring_keeper(const struct config *config)
{
    return (struct keeper_settings){
        .upstream = config->upstream_name,
        .store_key = config->upstream_auth_token_key,
        .early_expiry = config->upstream_auth_token_early_expiry,
        .prefetch = config->upstream_auth_prefetch,
        .budget = config->upstream_auth_budget,
        .workers = (size_t)config->server_workers,
    };
}

struct client_settings wiring_client(const struct config *config, const char *origin,
                                     size_t workers)
{
    struct client_settings settings = client_settings_from(config);
    settings.origin = origin;
    settings.max_connections = ((size_t)config->upstream_max_connections + workers - 1) / workers;
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

struct digest wiring_client_digest(const struct config *config, size_t workers)
{
    EVP_MD_CTX *digest = digest_begin();
    char *origin = origin_of(config->upstream_address);
    const struct client_settings settings = wiring_client(config, origin, workers);
    add_client(digest, &settings);
    mem_free(origin);
    return digest_end(digest);
}

struct digest wiring_fetch_digest(const struct config *config)
{
    EVP_MD_CTX *digest = digest_begin();
    const struct client_settings settings = client_settings_from(config);
    add_client(digest, &settings);
    add_number(digest, config->upstream_auth_timeout);
    add_number(digest, config->upstream_auth_token_default_lifetime);
    add_number(digest, config->upstream_auth_client);
    digest_add_text(digest, config->tracker_header);
    for (size_t i = 0; i < config->client_secret_count; i++) {
        struct secret *key = credentials_key(config, i);
        digest_add(digest, secret_bytes(key), secret_len(key));
        secret_unref(key);
    }
    return digest_end(digest);
}
