/*
 * An upstream's token's place with the service manager, where it lies from one life of the daemon
 * to the next (systemd.service(5), FileDescriptorStoreMax). It knows names, descriptors and sealed
 * bytes; token/service knows what is in them.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_TOKEN_FDSTORE_H
#define SERVICE_TOKEN_FDSTORE_H

#include <stddef.h>

#include "config/config.h"
#include "service/systemd.h"
#include "token/service.h"

struct token_fdstore {
    char *name;                   /* of the entry */
    struct token_service *tokens; /* borrowed; for token_fdstore_restore */
};

void token_fdstore_init(struct token_fdstore *fdstore, const struct config_upstream *upstream);
void token_fdstore_fini(struct token_fdstore *fdstore);

/* In place of the entry before; NULL and 0: without one. */
void token_fdstore_keep(struct token_fdstore *fdstore, const void *bytes, size_t len);

/*
 * Before token_service_start: offers each upstream what the manager kept, the entries of its own
 * name first, until one is of use. An entry of no use is removed. The log says why an upstream has
 * no use for an entry of its own name; with the entries of others it was only tried, for the name
 * of the first upstream's entry may change hands.
 */
void token_fdstore_restore(struct token_fdstore *const fdstores[], size_t count,
                           const struct systemd_inherited *inherited);

#endif
