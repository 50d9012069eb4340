/*
 * One caller's exchange: from a request's header section to the end of its response.
 *
 * It is made by front/server when libmicrohttpd has read the request line, and freed when
 * libmicrohttpd has done with it. In between it has one state, which only request_enter changes,
 * and is settled once: by a response (exchange/response.h), by the caller's leaving or by the
 * deadline, whichever comes first. What comes later finds it settled and does nothing.
 *
 * Thread: that of the loop which serves its connection.
 */
#ifndef EXCHANGE_REQUEST_H
#define EXCHANGE_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/config.h"
#include "exchange/problem.h"
#include "exchange/lookup_stats.h"
#include "runtime/ctx.h"

/* The states, with what each means in a trace. */
#define REQUEST_STATES(X)                                                                          \
    X(REQUEST_HEADER_SECTION,                                                                      \
      "head")                     /* the request line is here, the header section may not be */    \
    X(REQUEST_RUNNING, "running") /* its steps run, in this very call */                           \
    X(REQUEST_PARKED, "parked")   /* a token or the upstream is waited for */                      \
    X(REQUEST_SETTLED, "settled") /* how it ends is known; libmicrohttpd has not been told */      \
    X(REQUEST_SENDING, "sending") /* libmicrohttpd has the response */                             \
    X(REQUEST_ENDED, "ended")     /* libmicrohttpd has done with it */

enum request_state {
#define REQUEST_STATE_ENUM(id, name) id,
    REQUEST_STATES(REQUEST_STATE_ENUM)
#undef REQUEST_STATE_ENUM
};

/* The longest user (contract 4). */
#define REQUEST_USER_MAX 128

struct request {
    unsigned magic;
    enum request_state state;

    /* The caller's side, set by front/server. */
    struct MHD_Connection *connection;
    const char *method;       /* NULL until the header section is complete */
    char *unusual_method;     /* the same, where it had to be copied */
    struct trimmed *trimmed;  /* values of fields that had to be copied: request_header */
    const char *early_method; /* as far as it is known before: "GET", "HEAD" or "-" */
    const char *version;      /* "HTTP/1.1"; libmicrohttpd's, gone with the connection */
    char *target;             /* raw, as it stood in the request line */
    /* How it is parked: front/mhd_scheduler.c's. */
    struct {
        struct mono_time since;
        bool suspended; /* false: it waits in libmicrohttpd's epoll */
        bool ready;     /* settled, and in the list of those to resume */
        struct request *next_ready;
    } parked;
    /* Called when a parked request is settled; makes the connection go on. */
    void (*settled)(struct request *request);
    /* Called when the deadline passes before the request is settled; settles it with an error. */
    void (*timed_out)(struct request *request);
    void *owner;            /* the server's connection */
    size_t max_header_size; /* the largest request_header_size that is served */
    int fd;                 /* the caller's connection; libmicrohttpd's */
    /* What the caller's certificate names, "" where that is no valid user; NULL: it has none. */
    const char *certificate_user;
    /* Callers need a certificate by now, and this one was not asked for one when it connected. */
    bool lacks_certificate;

    /* Beside the work. */
    struct ctx *ctx;       /* NULL until the header section is complete */
    struct config *config; /* the snapshot it began with */
    struct mono_time began;
    struct ctx_hook deadline;

    /* Found out by the steps. */
    const char *path; /* within target, up to the query; not NUL-terminated */
    size_t path_len;
    const char *query; /* behind the question mark; NULL: none */
    bool announces_body;
    bool plain_keep;   /* of HTTP/1.1 without a Connection field */
    const char *fault; /* the guard's, with the header section, for people; NULL: none */
    char user[REQUEST_USER_MAX + 1]; /* "": no identity */
    const char *rejected;            /* why its identity was, in a word; NULL: it was not */
    bool in_flight;                  /* it holds a place of max_in_flight */
    const char *upstream;            /* NAME, of config: its lookup's; NULL: it has begun none */

    /* What the cache did (contract 17). */
    const char *cached;    /* in a word; NULL: there is none, or it was not asked */
    char *flight;          /* the GUID of the call that it joined; NULL: none */
    char cache_status[96]; /* the field's value; "": none */
    int64_t age;           /* ns, of what it is answered with; -1: not known */

    /* How it ends. */
    enum problem_id ending;
    int status;
    struct MHD_Response *response; /* ours until it is sent; NULL: close without a response */
    bool close;                    /* the connection ends with this response */
    bool written_at_once;          /* past libmicrohttpd: response_problem_at_once */
    size_t body_len;
    struct lookup_stats stats; /* for the access line */
};

/* In REQUEST_HEADER_SECTION; `target` is copied, of the configuration a reference is taken. */
struct request *request_new(struct config *config, const char *target);
/*
 * Its header section is whole, in `method`'s request: it gets its context, with the deadline
 * request_timeout from now, at which `timed_out` is called. The GUID is unset until the tracker has
 * run.
 */
void request_begin(struct request *request, struct loop *loop, const char *method);
/* Before its first step: the configuration may have been reloaded while its header section came in.
 */
void request_use(struct request *request, struct config *config);
/* In REQUEST_ENDED, or in REQUEST_HEADER_SECTION when the header section never became whole. */
void request_free(struct request *request);

void request_enter(struct request *request, enum request_state state);
const char *request_guid(const struct request *request);

/* Has it been decided how it ends? */
bool request_is_settled(const struct request *request);

/*
 * Settles it with a response, which becomes the request's: exchange/response.c calls this, nobody
 * else. When it was settled before, the response is destroyed. A context below it is cancelled.
 */
void request_settle(struct request *request, enum problem_id ending, int status,
                    struct MHD_Response *response);
/* Settles it without one: the caller went away, or the daemon ends. */
void request_abandon(struct request *request);

/*
 * In REQUEST_SENDING: its response could not be sent, and another was written in its place. That
 * one is accounted for.
 */
void request_replace_ending(struct request *request, enum problem_id ending, int status);

/* Bytes of its header section, from the request line to the empty line; 0 while it is not whole. */
size_t request_header_size(const struct request *request);

/*
 * Request header fields (names in any case). The first value, without the white space around it,
 * which is no part of it (RFC 9110, section 5.5), or NULL; borrowed until the request is settled.
 * _count: how many such fields there are.
 */
const char *request_header(struct request *request, const char *name);
size_t request_header_count(const struct request *request, const char *name);
/* Whether `is` says so of any such field's value, which may have white space around it. */
bool request_header_any(const struct request *request, const char *name,
                        bool (*is)(const char *value));
/*
 * libmicrohttpd copies the Cookie field and keeps an entry for each cookie, of which no use is
 * made. After this, right behind the request line, it finds an empty Cookie field first: that is
 * one entry, and under 0.9 a second one for a cookie without a name. The functions below do not
 * show that field; request_is_placeholder tells it by its value to who looks at all fields.
 */
void request_hide_cookies(struct request *request);
bool request_is_placeholder(const char *value);

/*
 * A cookie from the Cookie field, by its name (case-sensitive): how many there are that are not
 * empty, and the first one's value (exchange/cookie.h), borrowed likewise.
 */
size_t request_cookie(struct request *request, const char *name, const char **value, size_t *len);

#endif
