/*
 * An emulator of Location APIs that others run, for the tests: it plays one folder of tests/apis,
 * and refuses every request that is not, byte for byte, what that API asks for.
 *
 * api.c reads the folder, judge.c compares a request with it, play.c chooses the reply and issues
 * tokens, control.c is what tests press and read, server.c has libmicrohttpd. One thread serves
 * everything, so nothing needs a lock.
 */
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

/* What a request asks for, and which requests a reply belongs to. */
enum kind {
    KIND_TOKEN,
    KIND_LOOKUP,
    KIND_COUNT,
};

/* One file of the folder, as it is sent. */
struct reply {
    const char *name; /* of the file; owned by the description */
    enum kind kind;
    unsigned status;
    json_t *headers; /* NULL: none besides Content-Type; owned by the description */
    char *text;
    size_t len;
};

#define REPLIES_MAX 32

/* The folder. Texts and JSON are owned by `description`. */
struct api {
    json_t *description;
    const char *name;
    const char *client_id, *client_secret;
    const char *known, *unknown; /* postcodes */

    json_t *token; /* what a token request must be */
    const char *token_method, *token_target, *token_client, *token_type;
    const char *token_member;
    json_t *token_times; /* NULL, or members that are moved to the present */

    const char *lookup_target; /* with {postcode} */
    const char *scheme;
    json_t *headers[KIND_COUNT]; /* NULL: none */

    struct reply replies[REPLIES_MAX];
    size_t reply_count;
};

/* False, with a line on stderr, when the folder has no sound description. */
bool api_load(struct api *api, const char *folder);
void api_free(struct api *api);
/* The reply of that file and kind; NULL when there is none. */
const struct reply *api_reply(const struct api *api, const char *name, enum kind kind);

/* What may be wrong with a request: id, name, status of the response (0: the API's own refusal). */
#define FAULT_TABLE(X)                                                                             \
    X(FAULT_NONE, "none", 0)                                                                       \
    X(FAULT_METHOD, "method", 405)                                                                 \
    X(FAULT_PATH, "path", 404)                                                                     \
    X(FAULT_QUERY, "query", 422)                                                                   \
    X(FAULT_HEADER, "header", 412)                                                                 \
    X(FAULT_CONTENT_TYPE, "content_type", 415)                                                     \
    X(FAULT_BODY, "body", 400)                                                                     \
    X(FAULT_CLIENT, "client", 0)                                                                   \
    X(FAULT_TOKEN, "token", 401)

enum fault {
#define FAULT_ENUM(id, name, status) id,
    FAULT_TABLE(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

#define COUNTER_TABLE(X)                                                                           \
    X(COUNTER_TOKEN_REQUESTS, "token_requests")                                                    \
    X(COUNTER_TOKENS_ISSUED, "tokens_issued")                                                      \
    X(COUNTER_LOOKUPS, "lookups")                                                                  \
    X(COUNTER_LOOKUPS_EXPIRED, "lookups_expired") /* their token was */                            \
    X(COUNTER_FAULTS, "faults")                   /* requests that were not as they should be */

enum counter {
#define COUNTER_ENUM(id, name) id,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

#define CALL_MAGIC 0xe1a7ca11u
#define CALL_BODY_MAX 16384

/* One request, as it came. */
struct call {
    unsigned magic;
    struct MHD_Connection *connection;
    const char *method;
    char *target; /* path and query, not decoded */
    char *body;   /* NUL-terminated */
    size_t body_len;
    enum kind kind;

    /* The verdict. */
    enum fault fault;
    char *postcode;      /* of a lookup, decoded */
    unsigned long token; /* of a lookup: its number */

    unsigned status;
    struct MHD_Response *response;
};

struct emulator {
    struct api api;
    long long counters[COUNTER_COUNT];
    unsigned long expired; /* tokens up to this number are */
    struct {
        const struct reply *reply; /* NULL: as the request deserves */
        long left;                 /* so many requests; below 0: all of them */
    } played[KIND_COUNT];
    json_t *last[KIND_COUNT]; /* the last request of each kind; NULL: none yet */
};

/* The call behind a void *, checked. */
struct call *call_cast(void *p);
/* Memory, or the end of the process. Text likewise. */
void *must_calloc(size_t count, size_t size);
char *must_copy(const char *text, size_t len);
/* Decides the response: `text` is copied. */
void call_answer(struct call *call, unsigned status, const char *text, size_t len);
/* The same with JSON, which is taken over. */
void call_answer_json(struct call *call, unsigned status, json_t *body);

/*
 * Sets kind, fault, postcode and token of a call. Whatever is not as the API asks for gives a line
 * on stderr, with what is right and what came.
 */
void judge(const struct emulator *emulator, struct call *call);

/* Answers a judged call. */
void play(struct emulator *emulator, struct call *call);
/* The text of the token of that number, in TOKEN_TEXT bytes. */
#define TOKEN_TEXT 41
void play_token_text(char text[TOKEN_TEXT], unsigned long number);

#define CONTROL_PREFIX "/emulator/"
/* Answers a request below CONTROL_PREFIX. */
void control(struct emulator *emulator, struct call *call, const char *path);
/* Keeps the call for GET /emulator/last. */
void control_remember(struct emulator *emulator, const struct call *call);

/* Listens on a port of loopback that the system chooses, says which, serves until SIGTERM. */
bool server_run(struct emulator *emulator);

#endif
