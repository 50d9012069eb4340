/*
 * What a token service is made of, for its files: service.c (its life and the ports between its
 * parts), service_reload.c (another configuration), service_reread.c (other secrets in the files of
 * the present one), and service_parts.c, which the others stand on.
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
    struct alarm *alarm; /* NULL: stopped, or one_shot */
    struct token_fetch_ports fetch_ports;
    struct token_fetch *fetch; /* NULL: stopped; it may be of an earlier configuration */
    struct digest fetch_digest;
    struct token_owner owner;
    struct token_era era;

    bool change_pending;          /* a reload is prepared; its files are newer than any read now */
    struct timer *reread;         /* the secrets' files are read again; NULL: not now */
    struct reason reread_problem; /* of the file, when it was read last; "": none */
};

/* What asks the token endpoint as `upstream` says, and tells the service. */
ERR_CHECKED enum err token_service_make_fetch(struct token_service *service, struct config *config,
                                              const struct config_upstream *upstream,
                                              struct token_fetch **out);
/* Borrowed from `upstream`. */
struct keeper_settings token_service_keeper_settings(const struct token_service *service,
                                                     const struct config_upstream *upstream);

/* The token request is rejected: from now on its secrets' files are watched for other contents. */
void token_service_begin_reread(struct token_service *service);
/* A token was granted, or another request is made. */
void token_service_end_reread(struct token_service *service);

#endif
