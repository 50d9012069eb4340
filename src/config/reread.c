/*
 * Secrets alone are read again, by the rules that they were read by first: what else an operator
 * has changed in the files waits for a reload.
 */
#include "base/secret.h"
#include "config/credential.h"
#include "config/snapshot.h"

/* The files that an upstream's client secrets came from, in their order. */
struct sources {
    const struct config_key *keys[2];
    const char *paths[2];
    size_t count;
};

static void add(struct sources *sources, enum config_key_index key, const struct config_file *file)
{
    /* A credential that was not looked at has no bytes. */
    if (file->bytes == NULL)
        return;
    sources->keys[sources->count] = &config_keys[key];
    sources->paths[sources->count++] = file->path;
}

static struct sources sources_of(const struct config_upstream *upstream)
{
    const struct config_secrets *files = &upstream->client_secret_file;
    struct sources sources = {.count = 0};

    for (size_t i = 0; i < files->count; i++)
        add(&sources, KEY_upstream_client_secret_file, &files->files[i]);
    if (files->count == 0 && upstream->client_secret == NULL)
        add(&sources, KEY_upstream_auth_key_file, &upstream->auth_key_file);
    return sources;
}

/* In the place of the secret number i. */
static void replace(struct config_upstream *upstream, size_t i, struct secret *secret)
{
    secret_unref(upstream->client_secrets[i]);
    upstream->client_secrets[i] = secret;
    /* It is read there where it signs; the field is borrowed, as all others. */
    if (upstream->client_secret_file.count == 0)
        upstream->auth_key_file.bytes = secret;
}

/*
 * True: a file that was read has other bytes, and `upstream` has them now. A file that cannot be
 * read leaves a reason.
 */
static bool read_all(const struct config *config, struct config_upstream *upstream,
                     struct reason *reason)
{
    const struct sources sources = sources_of(upstream);
    const bool open = config->server_secret_files == SECRET_FILES_ANY;
    bool changed = false;

    for (size_t i = 0; i < sources.count; i++) {
        struct secret *secret =
            credential_read_again(sources.keys[i], sources.paths[i], open, reason);
        if (secret != NULL && !secret_equal(secret, upstream->client_secrets[i])) {
            replace(upstream, i, secret);
            changed = true;
        } else {
            secret_unref(secret);
        }
    }
    return changed;
}

struct config *config_reread(struct config *config, const struct config_upstream *upstream,
                             struct reason *reason)
{
    struct snapshot *snapshot = snapshot_derive(config);
    const size_t i = (size_t)(upstream - config->upstreams);

    reason->text[0] = '\0';
    if (read_all(config, &snapshot->config.upstreams[i], reason))
        return &snapshot->config;
    config_unref(&snapshot->config);
    return NULL;
}
