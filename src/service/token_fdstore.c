/*
 * The manager has one entry of an upstream at most, for it has one token. The entry is replaced
 * when the keeper publishes another token, and removed when the keeper has none: the token has
 * expired, or was to be forgotten.
 */
#include "service/token_fdstore.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "token/credentials.h"
#include "token/sealed_token.h"

_Static_assert(sizeof(sd_id128_t) == SEALED_TOKEN_BOOT, "a boot's id fits");

void token_fdstore_fini(struct token_fdstore *fdstore)
{
    mem_free(fdstore->name);
    token_unref(fdstore->token);
    secret_unref(fdstore->key);
    secret_unref(fdstore->granted);
    *fdstore = (struct token_fdstore){.token = NULL};
}

/* Under ProcSubset=pid it cannot be read; a memory file does not outlive the machine anyway. */
static void get_boot(unsigned char boot[SEALED_TOKEN_BOOT])
{
    sd_id128_t id;
    if (sd_id128_get_boot(&id) < 0)
        memset(&id, 0, sizeof(id));
    memcpy(boot, id.bytes, SEALED_TOKEN_BOOT);
}

/* ---- sealing ---- */

static void hand_over(const struct token_fdstore *fdstore)
{
    const char *authorization = token_authorization(fdstore->token);
    const size_t type_len = strcspn(authorization, " ");
    char type[TOKEN_TYPE_MAX + 1];
    snprintf(type, sizeof(type), "%.*s", (int)type_len, authorization);
    const struct token_grant grant = {.type = type,
                                      .value = authorization + type_len + 1,
                                      .lifetime = token_lifetime(fdstore->token)};
    struct sealed_token_moment moment = {.requested = token_requested(fdstore->token)};
    get_boot(moment.boot);
    struct secret *sealed = sealed_token_seal(fdstore->key, &grant, &moment);
    systemd_fdstore_put(fdstore->name, secret_bytes(sealed), secret_len(sealed));
    secret_unref(sealed);
}

void token_fdstore_granted(struct token_fdstore *fdstore, const struct config_upstream *upstream,
                           size_t which)
{
    secret_unref(fdstore->granted);
    fdstore->granted = credentials_key(upstream, which);
}

void token_fdstore_publish(struct token_fdstore *fdstore, struct token *token)
{
    if (token == fdstore->token)
        return;
    token_unref(fdstore->token);
    secret_unref(fdstore->key);
    fdstore->token = NULL;
    fdstore->key = NULL;
    if (token == NULL) {
        systemd_fdstore_remove(fdstore->name);
        return;
    }
    fdstore->token = token_ref(token);
    fdstore->key = secret_ref(fdstore->granted);
    hand_over(fdstore);
}

/* ---- taking back ---- */

/*
 * The name of an upstream's entry. The first upstream's has no NAME in it: it is the name of the
 * time when there was one upstream, and an entry of before an upgrade is found under it. What an
 * entry is good for is not decided by its name: it opens with its upstream's credentials alone.
 */
static char *entry_name(const struct config_upstream *upstream)
{
    if (upstream->index == 0)
        return mem_strdup(SYSTEMD_KEPT);
    return mem_printf("%s-%s", SYSTEMD_KEPT, upstream->name);
}

/* With whichever of the client's secrets it was had. */
static const char *open_with_any(struct sealed_token *keep, const void *bytes, size_t len,
                                 const struct config_upstream *upstream, size_t *which)
{
    unsigned char boot[SEALED_TOKEN_BOOT];
    const char *problem = NULL;
    get_boot(boot);
    for (size_t i = 0; i < upstream->client_secret_count; i++) {
        struct secret *key = credentials_key(upstream, i);
        sealed_token_fini(keep);
        problem = sealed_token_open(keep, bytes, len, key, boot, mono_now());
        secret_unref(key);
        *which = i;
        if (problem == NULL)
            break;
    }
    return problem;
}

static const char *take_back(struct keeper *keeper, int fd, const struct config_upstream *upstream,
                             size_t *which)
{
    unsigned char *bytes = mem_alloc(SEALED_TOKEN_MAX);
    struct sealed_token keep = {.type = NULL};
    const char *problem = NULL;
    size_t len = systemd_fdstore_read(fd, bytes, SEALED_TOKEN_MAX, &problem);
    if (problem == NULL)
        problem = open_with_any(&keep, bytes, len, upstream, which);
    if (problem == NULL && !keeper_restore(keeper, &keep.grant, keep.requested, mono_now()))
        problem = "it has expired";
    sealed_token_fini(&keep);
    mem_free(bytes);
    return problem;
}

static void note_restored(struct token_fdstore *fdstore, struct keeper *keeper,
                          const struct config_upstream *upstream, size_t which)
{
    char fingerprint[TOKEN_FINGERPRINT], left[DURATION_TEXT];
    fdstore->token = keeper_token(keeper, mono_now());
    if (fdstore->token == NULL) { /* it has expired this very moment */
        systemd_fdstore_remove(fdstore->name);
        return;
    }
    fdstore->key = credentials_key(upstream, which);
    token_fingerprint(fdstore->token, fingerprint);
    duration_format(mono_diff(token_expires_at(fdstore->token), mono_now()) / SECOND * SECOND,
                    left);
    const struct log_field fields[] = {LOG_TEXT("upstream", upstream->name),
                                       LOG_TEXT("fingerprint", fingerprint),
                                       LOG_TEXT("expires_in", left)};
    log_fields(LOG_LEVEL_NOTICE, NULL, "token restored from before the restart", fields,
               ARRAY_LEN(fields));
}

bool token_fdstore_restore(struct token_fdstore *fdstore, struct keeper *keeper,
                           const struct config_upstream *upstream,
                           const struct systemd_inherited *inherited, size_t *which)
{
    fdstore->name = entry_name(upstream);
    for (size_t i = inherited->kept_count; i > 0; i--) {
        const char *problem = take_back(keeper, inherited->kept[i - 1], upstream, which);
        if (problem == NULL) {
            note_restored(fdstore, keeper, upstream, *which);
            return true;
        }
        log_warning(NULL, "the token kept by the service manager is not used: %s", problem);
    }
    if (inherited->kept_count > 0)
        systemd_fdstore_remove(fdstore->name);
    return false;
}

/* ---- a reload's question ---- */

static bool find_key(const struct config_upstream *upstream, const struct secret *key,
                     size_t *which)
{
    bool found = false;
    for (size_t i = 0; i < upstream->client_secret_count && !found; i++) {
        struct secret *other = credentials_key(upstream, i);
        found = secret_equal(key, other);
        *which = i;
        secret_unref(other);
    }
    return found;
}

static bool same_keys(const struct config_upstream *before, const struct config_upstream *after)
{
    bool same = before->client_secret_count == after->client_secret_count;
    for (size_t i = 0; i < before->client_secret_count && same; i++) {
        struct secret *key = credentials_key(before, i);
        same = find_key(after, key, &(size_t){0});
        secret_unref(key);
    }
    return same;
}

bool token_fdstore_find(const struct token_fdstore *fdstore, const struct config_upstream *upstream,
                        size_t *which)
{
    return fdstore->key != NULL && find_key(upstream, fdstore->key, which);
}

bool token_fdstore_is_ours(const struct token_fdstore *fdstore,
                           const struct config_upstream *before,
                           const struct config_upstream *after)
{
    if (fdstore->key != NULL)
        return find_key(after, fdstore->key, &(size_t){0});
    return same_keys(before, after);
}
