/*
 * What a token service is made of, for its files: service.c (its life and the ports between its
 * parts), service_reload.c (another configuration), service_reread.c (other secrets in the files of
 * the present one), and service_parts.c, which the others stand on.
 */
#ifndef TOKEN_SERVICE_INTERNAL_H
#define TOKEN_SERVICE_INTERNAL_H

#include "base/digest.h"
#include "token/membership.h"
#include "token/owner.h"
#include "token/service.h"

#define TOKEN_SERVICE_MAGIC 0x70c5e7ceu

/*
 * What asks the token endpoint as a configuration says, and the membership in its fleet, not
 * started. Digests are of the files as they were read for it.
 */
struct token_service_request {
    struct token_fetch *fetch;
    struct digest fetch_digest;
    struct fleet_link *link;       /* NULL: no fleet */
    struct membership *membership; /* NULL: no fleet */
    struct digest membership_digest;
};

struct token_service {
    unsigned magic;
    struct loop *loop;
    struct token_service_ports ports;
    size_t workers;
    unsigned char boot[SEALED_TOKEN_BOOT];
    bool one_shot, asked; /* a one_shot service has asked */

    struct config *config;                  /* a reference */
    const struct config_upstream *upstream; /* one of config's */

    struct store *store;
    struct keeper *keeper;
    struct alarm *alarm; /* NULL: stopped, or one_shot */
    struct token_fetch_ports fetch_ports;
    struct membership_ports membership_ports;
    const char *member;                   /* our name in a fleet */
    struct token_service_request request; /* without any: stopped. It may be of an earlier
                                           * configuration */
    bool wanted;                          /* by the keeper, which has not heard how that ended */
    struct token_owner owner;
    struct token_era era;

    bool change_pending;          /* a reload is prepared; its files are newer than any read now */
    struct timer *reread;         /* the secrets' files are read again; NULL: not now */
    struct reason reread_problem; /* of the file, when it was read last; "": none */
};

/* ERR_INVALID, ERR_SYSTEM: as token_service_new; then there is nothing to drop. */
ERR_CHECKED enum err token_service_make_request(struct token_service *service,
                                                struct config *config,
                                                const struct config_upstream *upstream,
                                                struct fleet_link *link,
                                                struct token_service_request *out);
/* All zero is allowed. */
void token_service_drop_request(struct token_service_request *request);
/* One that was made now would be like the present one, which may be under way. */
bool token_service_asks_alike(const struct token_service *service, const struct config *config,
                              const struct config_upstream *upstream,
                              const struct fleet_link *link);
/* The secret of `upstream` that the present token was obtained with; else the first. */
size_t token_service_preferred(const struct token_service *service,
                               const struct config_upstream *upstream);
/*
 * In place of the present one, which is lost with what was under way: keeper_reconfigure is to
 * follow. The membership starts. `preferred`: as token_service_preferred says.
 */
void token_service_use_request(struct token_service *service,
                               const struct token_service_request *request, size_t preferred);
/* Borrowed from `upstream`. */
struct keeper_settings token_service_keeper_settings(const struct token_service *service,
                                                     const struct config *config,
                                                     const struct config_upstream *upstream);

/* The token request is rejected: from now on its secrets' files are watched for other contents. */
void token_service_begin_reread(struct token_service *service);
/* A token was granted, or another request is made. */
void token_service_end_reread(struct token_service *service);

#endif
