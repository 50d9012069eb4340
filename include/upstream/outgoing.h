/*
 * A POST as libcurl is to send it, copied into one block that is wiped when freed: the block holds
 * credentials. Private to src/upstream.
 */
#ifndef UPSTREAM_OUTGOING_H
#define UPSTREAM_OUTGOING_H

#include <curl/curl.h>
#include <stddef.h>

#include "upstream/client.h"

struct outgoing {
    char *target;
    char *body;
    size_t body_len;
    struct curl_slist *headers;
    void *block;
    size_t block_len;
};

/* Aborts (MUST) where something could end a line in target, name or value. */
void outgoing_must_be_clean(const struct client_request *request);

/*
 * `prefix` goes before the target: the origin, where a proxy wants the absolute form, else "".
 */
void outgoing_init(struct outgoing *outgoing, const struct client_request *request,
                   const char *prefix);
void outgoing_fini(struct outgoing *outgoing);

#endif
