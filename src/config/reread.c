/*
 * Secrets alone are read again, by the rules that they were read by first: what else an operator
 * has changed in the files waits for a reload.
 */
#include "base/secret.h"
#include "config/credential.h"
#include "config/snapshot.h"

/* What a file holds now; NULL where it is the same, or cannot be used (`reason` says why). */
static struct secret *changed(const struct config *config, enum config_key_index key,
                              const struct config_file *file, const struct secret *present,
                              struct reason *reason)
{
    const bool open = config->server_secret_files == SECRET_FILES_ANY;
    struct secret *secret = credential_read_again(&config_keys[key], file->path, open, reason);

    if (secret == NULL || !secret_equal(secret, present))
        return secret;
    secret_unref(secret);
    return NULL;
}

static bool read_secrets(const struct config *config, struct config_upstream *upstream,
                         struct reason *reason)
{
    const struct config_secrets *files = &upstream->client_secret_file;
    bool any = false;

    /* They stand in the same order. A credential that was not looked at is in neither. */
    for (size_t i = 0; i < files->count && i < upstream->client_secret_count; i++) {
        struct secret **present = &upstream->client_secrets[i];
        struct secret *secret =
            changed(config, KEY_upstream_client_secret_file, &files->files[i], *present, reason);
        if (secret == NULL)
            continue;
        secret_unref(*present);
        *present = secret;
        any = true;
    }
    return any;
}

/* The key is also what proves who the client is, where there is no secret (config/gather.h). */
static bool read_key(const struct config *config, struct config_upstream *upstream,
                     struct reason *reason)
{
    struct secret *old = upstream->auth_key_file.bytes;
    struct secret *key = old != NULL ? changed(config, KEY_upstream_auth_key_file,
                                               &upstream->auth_key_file, old, reason)
                                     : NULL;

    if (key == NULL)
        return false;
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        if (upstream->client_secrets[i] != old)
            continue;
        secret_unref(upstream->client_secrets[i]);
        upstream->client_secrets[i] = secret_ref(key);
    }
    upstream->auth_key_file.bytes = key;
    secret_unref(old);
    return true;
}

struct config *config_reread(struct config *config, const struct config_upstream *upstream,
                             struct reason *reason)
{
    struct snapshot *snapshot = snapshot_derive(config);
    const size_t i = (size_t)(upstream - config->upstreams);

    reason->text[0] = '\0';
    const bool secrets = read_secrets(config, &snapshot->config.upstreams[i], reason);
    const bool key = read_key(config, &snapshot->config.upstreams[i], reason);
    if (secrets || key)
        return &snapshot->config;
    config_unref(&snapshot->config);
    return NULL;
}
