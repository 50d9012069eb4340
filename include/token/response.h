/*
 * Parsing of a token endpoint's response (RFC 6749, section 5.1, and contract 5 and 12 where they
 * say more). Knows no HTTP: it gets a body.
 *
 * The errors name the member that is wrong, never its value.
 *
 * Any thread.
 */
#ifndef TOKEN_RESPONSE_H
#define TOKEN_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"
#include "token/token.h"

/* The largest reply that is looked at. */
#define TOKEN_RESPONSE_MAX (64 * 1024)
/* The longest type and value, in characters: what a header can be expected to carry. */
#define TOKEN_TYPE_MAX 64
#define TOKEN_VALUE_MAX (16 * 1024)

/*
 * Once, before any other thread is started and before jansson is used: from then on jansson
 * overwrites all memory that it frees, in the whole process. Its parser copies a token several
 * times (while it reads, in a buffer that grows, in the value) and lets nobody reach the copies.
 */
void token_response_setup(void);

/* What to look for. Names and scheme are borrowed. */
struct token_response_rules {
    const char *token; /* names of members */
    const char *lifetime;
    const char *scheme;       /* NULL: that of token_type */
    int64_t default_lifetime; /* ns */
    struct wall_time sent;    /* when the request was: a lifetime counts from then */
};
struct token_response_rules token_response_rules(const struct config_upstream *upstream,
                                                 struct wall_time sent);

/* Where the lifetime came from. */
enum token_response_lifetime {
    LIFETIME_GIVEN,
    LIFETIME_ABSENT, /* the default: absent or null */
    LIFETIME_USELESS /* the default: "", less than one second, or a time that has passed */
};

/* What was parsed, and the memory behind it. */
struct token_response {
    struct token_grant grant;
    char *type;  /* owned */
    char *value; /* owned, wiped by _fini */
    enum token_response_lifetime lifetime;
    struct reason reason; /* ERR_INVALID: "access_token: not a string", one line, our words alone */
    const char *key;      /* ERR_INVALID: the configuration's key that may mend it; NULL: none */
};

/*
 * Member by member, null counting as absent; a byte-order mark and white space around the object
 * are skipped.
 *
 *   - The token: visible ASCII, up to TOKEN_VALUE_MAX.
 *   - token_type, unless a scheme is set: absent, "", or any case of "bearer" or "bearertoken":
 *     Bearer; else a token of RFC 9110, up to TOKEN_TYPE_MAX, as received.
 *   - The lifetime: a number of seconds, as a number or as text, its fraction cut; over 10^9 a
 *     point in time in seconds since 1970, over 10^11 in milliseconds; or a text that base/moment.h
 *     reads. Capped at TOKEN_LIFETIME_MAX.
 *   - error: the response is no grant where it is anything but null, false, 0, "", [] and {}.
 *
 * Others are ignored, whatever they are. Where the token is missing, the reason has the names of
 * the members there are.
 *
 * ERR_INVALID with `reason` set; ERR_TOO_LARGE over TOKEN_RESPONSE_MAX (reason set too). _fini in
 * every case.
 */
ERR_CHECKED enum err token_response_parse(struct token_response *reply, const char *body,
                                          size_t len, const struct token_response_rules *rules);
void token_response_fini(struct token_response *reply);

#endif
