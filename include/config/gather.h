/* The fields of an upstream that are made of several keys. Private to config/. */
#ifndef CONFIG_GATHER_H
#define CONFIG_GATHER_H

#include "config/snapshot.h"

/* Once for each upstream, when its keys were read: auth_token_key, secrets, header fields. */
void gather_upstream(struct snapshot *snapshot, size_t i);

/* The routes; after the upstreams. */
void gather_routes(struct snapshot *snapshot);

#endif
