/*
 * What a token service is made of, for its two files: service.c (its life and the ports between its
 * parts) and service_reload.c (another configuration).
 */
#ifndef TOKEN_SERVICE_INTERNAL_H
#define TOKEN_SERVICE_INTERNAL_H

#include "base/digest.h"
#include "token/owner.h"
#include "token/service.h"

#define TOKEN_SERVICE_MAGIC 0x70c5e7ceu

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
    struct alarm *alarm;       /* NULL: stopped, or one_shot */
    struct token_fetch *fetch; /* NULL: stopped; it may be of an earlier configuration */
    struct digest fetch_digest;
    struct token_owner owner;
    struct token_era era;
};

/* What asks the token endpoint as `upstream` says, and tells the service. */
ERR_CHECKED enum err token_service_make_fetch(struct token_service *service, struct config *config,
                                              const struct config_upstream *upstream,
                                              struct token_fetch **out);
/* Borrowed from `upstream`. */
struct keeper_settings token_service_keeper_settings(const struct token_service *service,
                                                     const struct config_upstream *upstream);

#endif
