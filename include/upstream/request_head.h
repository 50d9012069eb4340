/*
 * A request as it goes out: the bytes of a GET, and the strings of a POST, which libcurl writes.
 * Each is one block that is wiped when it is freed, for it holds a token or credentials. Private to
 * src/upstream.
 *
 * Thread: any; without state of its own.
 */
#ifndef UPSTREAM_REQUEST_HEAD_H
#define UPSTREAM_REQUEST_HEAD_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "upstream/call.h"

/* What is the same in all requests of a client. */
struct request_frame {
    char *before; /* the target of a GET: "GET ", and the prefix */
    char *after;  /* the target of a GET: the version, Host, User-Agent, Accept-Encoding, and what
                     a proxy that is asked wants; wiped */
    size_t before_len;
    size_t after_len;
    const char *prefix; /* of each target; in `before`. The origin, where a proxy wants the
                           absolute form; else "" */
};

/* NULL members when libcurl cannot parse the origin. */
void request_frame_init(struct request_frame *frame, const struct client_settings *settings);
void request_frame_fini(struct request_frame *frame);

/*
 * What a complete response with that status means: CLIENT_OK, or that the proxy, which got the
 * request itself, rejects it.
 */
enum client_error request_frame_judge(const struct request_frame *frame, int status);

/* A GET: request line, header section, empty line. */
struct request_head {
    char *bytes;
    size_t len;
};

/* The request is copied. Aborts (MUST) where target, name or value could end a line. */
void request_head_init(struct request_head *head, const struct request_frame *frame,
                       const struct client_request *request);
void request_head_fini(struct request_head *head);

/* A POST, for libcurl's options. */
struct request_copy {
    bool post;
    char *target;
    char *body;
    size_t body_len;
    struct curl_slist *headers;
    void *block;
    size_t block_len;
};

/* As request_head_init. */
void request_copy_init(struct request_copy *copy, const struct request_frame *frame,
                       const struct client_request *request);
void request_copy_fini(struct request_copy *copy);

#endif
