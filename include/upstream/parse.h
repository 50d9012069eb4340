/*
 * llhttp at work on one response to a GET. Private to src/upstream.
 */
#ifndef UPSTREAM_PARSE_H
#define UPSTREAM_PARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>

#include "upstream/response.h"

/* Room for the longest name that anybody here reads; a longer one is none of them. */
#define PARSE_NAME_MAX 16

struct parse {
    llhttp_t http;
    struct response *response;
    bool whole; /* the response is */
    bool keeps; /* the connection may be used again, says the response */

    /* The field that is being read. */
    char name[PARSE_NAME_MAX];
    size_t name_len;  /* PARSE_NAME_MAX + 1: too long */
    const char *end;  /* of the value's last piece; NULL: none yet */
    bool split;       /* that piece went up to the end of the input before */
    bool folded;      /* the value goes on in another line */
    const char *from; /* the input under way */
};

/* The response is borrowed, and empty. */
void parse_init(struct parse *parse, struct response *response);

enum parse_state {
    PARSE_MORE,     /* so far, so good */
    PARSE_WHOLE,    /* the response is whole */
    PARSE_REJECTED, /* response->rejected tells why */
};

/* `used`: how many bytes belong to the response. */
enum parse_state parse_bytes(struct parse *parse, const char *data, size_t len, size_t *used);
/* The connection ended; PARSE_MORE: too early. */
enum parse_state parse_end(struct parse *parse);

#endif
