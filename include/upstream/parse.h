/*
 * Parses one response to a GET with llhttp. Private to src/upstream.
 *
 * Thread: any; one at a time.
 */
#ifndef UPSTREAM_PARSE_H
#define UPSTREAM_PARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>

#include "upstream/response.h"

/* The names that are read fit, with some blanks behind them; a longer one is none of them. */
#define PARSE_NAME_MAX 20

struct parse {
    llhttp_t http;
    struct response *response;
    bool complete;   /* the response is complete */
    bool keep_alive; /* by the response, the connection may be used again */

    /* The field that is being read. */
    char name[PARSE_NAME_MAX];
    size_t name_len;  /* PARSE_NAME_MAX + 1: too long */
    const char *end;  /* of the value's last piece; NULL: none yet */
    bool split;       /* that piece reached to the end of the previous input */
    bool folded;      /* the value continues in another line */
    const char *from; /* the present input */
};

/* The response is borrowed, and empty. */
void parse_init(struct parse *parse, struct response *response);

enum parse_state {
    PARSE_MORE,     /* nothing is wrong, and more is needed */
    PARSE_COMPLETE, /* the response is complete */
    PARSE_REJECTED, /* response->rejected says why */
};

/* `used`: how many bytes belong to the response. */
enum parse_state parse_bytes(struct parse *parse, const char *data, size_t len, size_t *used);
/* The connection ended. PARSE_MORE: before the response was complete. */
enum parse_state parse_end(struct parse *parse);

#endif
