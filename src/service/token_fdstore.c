/*
 * The manager has one entry of an upstream at most, for it has one token. The entry is replaced
 * when there is another token, and removed when there is none: it has expired, or was to be
 * forgotten.
 */
#include "service/token_fdstore.h"

#include "base/log.h"
#include "base/mem.h"

/*
 * The first upstream's entry has no NAME in it: it is the name of the time when there was one
 * upstream, and an entry of before an upgrade is found under it. What an entry is good for is not
 * decided by its name: it opens with its upstream's credentials alone.
 */
void token_fdstore_init(struct token_fdstore *fdstore, const struct config_upstream *upstream)
{
    fdstore->name = upstream->index == 0 ? mem_strdup(SYSTEMD_KEPT)
                                         : mem_printf("%s-%s", SYSTEMD_KEPT, upstream->name);
}

void token_fdstore_fini(struct token_fdstore *fdstore)
{
    mem_free(fdstore->name);
    fdstore->name = NULL;
}

void token_fdstore_keep(struct token_fdstore *fdstore, const void *bytes, size_t len)
{
    if (bytes != NULL)
        systemd_fdstore_put(fdstore->name, bytes, len);
    else
        systemd_fdstore_remove(fdstore->name);
}

static bool restore(struct token_service *tokens, int fd)
{
    struct reason reason;
    unsigned char *bytes = mem_alloc(SEALED_TOKEN_MAX);
    size_t len = systemd_fdstore_read(fd, bytes, SEALED_TOKEN_MAX, &reason);
    bool good = len > 0 && token_service_restore(tokens, bytes, len, &reason);
    mem_free(bytes);
    if (!good)
        log_warning(NULL, "the token kept by the service manager is not used: %s", reason.text);
    return good;
}

void token_fdstore_restore(struct token_fdstore *fdstore, const struct systemd_inherited *inherited,
                           struct token_service *tokens)
{
    for (size_t i = inherited->kept_count; i > 0; i--)
        if (restore(tokens, inherited->kept[i - 1]))
            return;
    if (inherited->kept_count > 0)
        systemd_fdstore_remove(fdstore->name);
}
