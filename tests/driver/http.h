/*
 * A reader of HTTP/1.1 responses for the drivers: fed with bytes as they come, it says when a
 * response is whole. It knows the three ways a body ends: by length, by chunks, by the close.
 */
#ifndef DRIVER_HTTP_H
#define DRIVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESPONSE_HEAD_MAX 32768

enum response_state {
    RESPONSE_HEAD,
    RESPONSE_BODY,       /* `left` bytes */
    RESPONSE_CHUNK_SIZE, /* a line with a size */
    RESPONSE_CHUNK,      /* `left` bytes, the chunk's own CR LF counted in */
    RESPONSE_TRAILER,    /* lines until an empty one */
    RESPONSE_TO_CLOSE,
    RESPONSE_DONE,
    RESPONSE_BROKEN,
};

struct response {
    enum response_state state;
    int status;
    bool close;   /* the server will close the connection */
    bool no_body; /* set by the user: the request was a HEAD */
    unsigned long long left;
    size_t len; /* of head or line */
    char head[RESPONSE_HEAD_MAX];
};

static inline void response_start(struct response *response, bool no_body)
{
    response->state = RESPONSE_HEAD;
    response->no_body = no_body;
    response->status = 0;
    response->close = false;
    response->len = 0;
}

/* The value of a header in a whole, NUL-terminated head; NULL for none. Up to its CR. */
static inline const char *response_header(const struct response *response, const char *name)
{
    size_t len = strlen(name);
    const char *line = strstr(response->head, "\r\n");
    for (; line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 3 + len + strspn(line + 3 + len, " \t");
    }
    return NULL;
}

static inline bool response_header_is(const struct response *response, const char *name,
                                      const char *value)
{
    const char *is = response_header(response, name);
    return is != NULL && strncasecmp(is, value, strlen(value)) == 0;
}

static inline void response_head_done(struct response *response)
{
    if (strncmp(response->head, "HTTP/1.", 7) != 0 || strlen(response->head) < 12) {
        response->state = RESPONSE_BROKEN;
        return;
    }
    response->status = (int)strtol(response->head + 9, NULL, 10);
    response->close = response_header_is(response, "Connection", "close") ||
                      strncmp(response->head, "HTTP/1.0", 8) == 0;
    const char *length = response_header(response, "Content-Length");
    if (response->status >= 100 && response->status < 200)
        response->state = RESPONSE_HEAD;
    else if (response->no_body || response->status == 204 || response->status == 304)
        response->state = RESPONSE_DONE;
    else if (response_header_is(response, "Transfer-Encoding", "chunked"))
        response->state = RESPONSE_CHUNK_SIZE;
    else if (length == NULL)
        response->state = RESPONSE_TO_CLOSE;
    else {
        response->left = strtoull(length, NULL, 10);
        response->state = response->left > 0 ? RESPONSE_BODY : RESPONSE_DONE;
    }
    response->len = 0;
}

static inline void response_line_done(struct response *response)
{
    if (response->state == RESPONSE_CHUNK_SIZE) {
        char *end;
        response->left = strtoull(response->head, &end, 16);
        if (end == response->head)
            response->state = RESPONSE_BROKEN;
        else
            response->state = response->left > 0 ? RESPONSE_CHUNK : RESPONSE_TRAILER;
        response->left += 2;
    } else if (response->len == 2) {
        response->state = RESPONSE_DONE;
    }
    response->len = 0;
}

/* One byte of a head or a line. */
static inline void response_text(struct response *response, char c)
{
    if (response->len == sizeof response->head - 1) {
        response->state = RESPONSE_BROKEN;
        return;
    }
    response->head[response->len++] = c;
    response->head[response->len] = '\0';
    if (c != '\n')
        return;
    if (response->state != RESPONSE_HEAD)
        response_line_done(response);
    else if (response->len >= 4 && strcmp(response->head + response->len - 4, "\r\n\r\n") == 0)
        response_head_done(response);
}

/* Takes bytes until the response is whole or broken; how many it took. */
static inline size_t response_feed(struct response *response, const char *data, size_t len)
{
    size_t taken = 0;
    while (taken < len && response->state < RESPONSE_DONE) {
        if (response->state == RESPONSE_TO_CLOSE)
            return len;
        if (response->state != RESPONSE_BODY && response->state != RESPONSE_CHUNK) {
            response_text(response, data[taken++]);
            continue;
        }
        size_t n = len - taken < response->left ? len - taken : (size_t)response->left;
        response->left -= n;
        taken += n;
        if (response->left == 0)
            response->state =
                response->state == RESPONSE_BODY ? RESPONSE_DONE : RESPONSE_CHUNK_SIZE;
    }
    return taken;
}

/* The connection was closed: the end of a body without a length, else a fault. */
static inline void response_closed(struct response *response)
{
    if (response->state == RESPONSE_TO_CLOSE)
        response->state = RESPONSE_DONE;
    else if (response->state != RESPONSE_DONE)
        response->state = RESPONSE_BROKEN;
}

#endif
