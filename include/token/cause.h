/*
 * Why there is no token, or no better one, as callers may know it: what the last request to the
 * token endpoint came to. What operators are told besides (struct keeper_status, last_error) is
 * more; here there is no name of a host and nothing that a server wrote, but for an error code that
 * looks like one.
 *
 * A cause is a value: it holds no memory and is compared member by member. Any thread.
 */
#ifndef TOKEN_CAUSE_H
#define TOKEN_CAUSE_H

#include <stdbool.h>

#include "upstream/call.h"

enum token_cause_kind {
    TOKEN_CAUSE_NONE,           /* nothing is known to be wrong */
    TOKEN_CAUSE_FAILED,         /* a status that is no grant and blames nobody; or code says it */
    TOKEN_CAUSE_NO_RESPONSE,    /* none that can be read: error says why */
    TOKEN_CAUSE_TIMED_OUT,      /* auth_timeout passed */
    TOKEN_CAUSE_CREDENTIALS,    /* it refused the client's id, secret or key */
    TOKEN_CAUSE_REJECTED,       /* it refused something else of the request */
    TOKEN_CAUSE_UNUSABLE,       /* a grant that cannot be read */
    TOKEN_CAUSE_EXPIRED,        /* a token that had expired when it arrived */
    TOKEN_CAUSE_STALLED,        /* no token that lasts longer than the one before */
    TOKEN_CAUSE_SAME,           /* after a 401: the same token again */
    TOKEN_CAUSE_PACED,          /* after a 401: the token was good, and replacements are apart */
    TOKEN_CAUSE_UNSIGNED,       /* the request's assertion could not be signed */
    TOKEN_CAUSE_WAITERS,        /* no request: too many lookups wait for a token */
    TOKEN_CAUSE_FLEET_WAIT,     /* no request: another member's failed just now */
    TOKEN_CAUSE_FLEET_UNOPENED, /* no request: another member's token cannot be opened here */
    TOKEN_CAUSE_FLEET_ALONE,    /* no request: the store is out, and [fleet] alone allows none */
};

/* Bytes of an error code, without the NUL; a longer one is left out. */
#define TOKEN_CAUSE_CODE 40

struct token_cause {
    enum token_cause_kind kind;
    bool budget;                     /* no request is made now: auth_budget is used up */
    int status;                      /* 0: none */
    enum client_error error;         /* TOKEN_CAUSE_NO_RESPONSE */
    char code[TOKEN_CAUSE_CODE + 1]; /* "invalid_client"; "": none */
};

/*
 * Takes a code that the endpoint gave, where it consists of letters, digits, _ and - (RFC 6749
 * allows more, but codes have no more, and names of hosts do) and is not too long.
 */
void token_cause_set_code(struct token_cause *cause, const char *code);
bool token_cause_same(const struct token_cause *a, const struct token_cause *b);
/* Neither a kind nor a used up budget. */
bool token_cause_is_none(const struct token_cause *cause);
/* No more lookups may wait for a token. */
extern const struct token_cause token_cause_waiters;

/*
 * "the token endpoint answered 503"; out has at least TOKEN_CAUSE_TEXT. For TOKEN_CAUSE_NONE it is
 * "the token endpoint has not given one".
 */
#define TOKEN_CAUSE_TEXT 256
void token_cause_text(const struct token_cause *cause, char out[TOKEN_CAUSE_TEXT]);

#endif
