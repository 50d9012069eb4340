/*
 * The bytes of a GET, in one block that is wiped when freed, for it holds a token. Private to
 * src/upstream.
 */
#ifndef UPSTREAM_HEAD_H
#define UPSTREAM_HEAD_H

#include <stddef.h>

#include "upstream/client.h"

/* What is the same in all of a client's requests. */
struct head_frame {
    char *before; /* the target: "GET ", and the origin where a proxy wants the absolute form */
    char *after;  /* the target: the version, Host, User-Agent */
    size_t before_len;
    size_t after_len;
};

/* NULL members when libcurl cannot take the origin apart. */
void head_frame_init(struct head_frame *frame, const struct client_settings *settings);
void head_frame_fini(struct head_frame *frame);

struct head {
    char *bytes;
    size_t len;
};

/* What could end a line in target, name or value is a bug: MUST. */
void head_init(struct head *head, const struct head_frame *frame,
               const struct client_request *request);
void head_fini(struct head *head);

#endif
